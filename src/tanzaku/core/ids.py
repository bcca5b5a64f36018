"""Ids that follow from what they name, so that the same seed gives the same bytes."""

import hashlib
from functools import lru_cache

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_PAIRS = [low + high for high in _ALPHABET for low in _ALPHABET]
_PAIR_COUNT = 11


def derive_id(prefix: str, *parts: bytes | str | int) -> str:
    """An id in the API's form, `prefix` + `_01` + 22 base-58 characters.

    It depends on `parts` alone (seed, canonical request, occurrence, position); their order and
    their borders count.
    """
    return f"{prefix}_01{_derive(parts)}"


@lru_cache(maxsize=64)  # the ids of one answer, of different prefixes, often have the same parts
def _derive(parts: tuple[bytes | str | int, ...]) -> str:
    framed: list[bytes] = []
    for part in parts:
        raw = part if isinstance(part, bytes) else str(part).encode()
        framed += (len(raw).to_bytes(4), raw)
    number = int.from_bytes(hashlib.blake2b(b"".join(framed), digest_size=16).digest())
    pairs = []
    for _ in range(_PAIR_COUNT):
        number, index = divmod(number, 3364)
        pairs.append(_PAIRS[index])
    return "".join(pairs)
