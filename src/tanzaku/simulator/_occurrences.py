"""How often each request came, so that equal requests get different ids."""

import hashlib

_MAX_KEYS = 65_536


def digest_request(*parts: bytes) -> bytes:
    """The key of a request: 16 bytes over its parts and their borders."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(b"%d:" % len(part))
        digest.update(part)
    return digest.digest()


class Occurrences:
    """Counts per key; of more than 65,536 keys the one not seen for longest is forgotten."""

    def __init__(self) -> None:
        self._counts: dict[bytes, int] = {}

    def next(self, key: bytes) -> int:
        """0 for the first time, then 1, 2, ..."""
        counts = self._counts
        count = counts.pop(key, 0)
        counts[key] = count + 1
        if len(counts) > _MAX_KEYS:
            del counts[next(iter(counts))]
        return count
