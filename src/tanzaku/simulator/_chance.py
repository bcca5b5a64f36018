"""Choices that follow from a key: the same key gives the same sequence."""

import hashlib
from collections.abc import Sequence

_MASK = (1 << 64) - 1


class Chance:
    """A small stream of choices derived from its parts (seed, question, ...)."""

    __slots__ = ("_state",)

    def __init__(self, *parts: str | int) -> None:
        key = "\x1f".join(map(str, parts)).encode("utf-8", "surrogatepass")
        self._state = int.from_bytes(hashlib.blake2b(key, digest_size=8).digest())

    def below(self, limit: int) -> int:
        """An integer in [0, limit); limit is at least 1 and at most 2**31."""
        # Knuth's MMIX generator; its high bits are the good ones.
        self._state = (self._state * 6364136223846793005 + 1442695040888963407) & _MASK
        return (self._state >> 33) * limit >> 31

    def pick[T](self, choices: Sequence[T]) -> T:
        return choices[self.below(len(choices))]
