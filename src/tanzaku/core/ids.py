"""Ids that follow from what they name, so that the same seed gives the same bytes."""

import hashlib
from functools import lru_cache

_ALPHABET = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_CHARACTERS = 22
# A byte for each of a digest's; 24 characters stand for five values, the others for four.
_TO_ALPHABET = bytes(_ALPHABET[value % len(_ALPHABET)] for value in range(256))


def derive_id(prefix: str, *parts: bytes | str | int) -> str:
    """An id in the API's form, `prefix` + `_01` + 22 base-58 characters (128 bits).

    It depends on `parts` alone (seed, canonical request, occurrence, position); their order and
    their borders count.
    """
    return f"{prefix}_01{_derive(parts)}"


@lru_cache(maxsize=64)  # the ids of one answer, of different prefixes, often have the same parts
def _derive(parts: tuple[bytes | str | int, ...]) -> str:
    framed: list[bytes] = []
    for part in parts:
        raw = part if isinstance(part, bytes) else str(part).encode()
        framed.append(b"%d:%b" % (len(raw), raw))
    digest = hashlib.blake2b(b"".join(framed), digest_size=_CHARACTERS).digest()
    return digest.translate(_TO_ALPHABET).decode()
