"""Ids that follow from what they name, so that the same seed gives the same bytes."""

import hashlib

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_LENGTH = 22


def derive_id(prefix: str, *parts: bytes | str | int) -> str:
    """An id in the API's form, `prefix` + `_01` + 22 base-58 characters.

    It depends on `parts` alone (seed, canonical request, occurrence, position); their order and
    their borders count.
    """
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        raw = part if isinstance(part, bytes) else str(part).encode()
        digest.update(len(raw).to_bytes(4))
        digest.update(raw)
    number = int.from_bytes(digest.digest())
    letters = []
    for _ in range(_LENGTH):
        number, index = divmod(number, 58)
        letters.append(_ALPHABET[index])
    return f"{prefix}_01{''.join(letters)}"
