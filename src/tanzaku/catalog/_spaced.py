"""Token counts of texts whose words stand between single spaces, most of them known.

Where letters or marks stand on both sides of a single space, `ctok` writes an end-of-word mark
before it and, after it, a begin-of-word mark or (before a quote that opens a word) the space
itself. An end-of-word mark only ends a piece, so the text may be cut there, and what stands
between two spaces costs the same in every such text. That is a split and a sum, half the time of
cutting the text into pieces. `tests/unit/catalog/test_tokens_spaced.py` holds it against `ctok`.
"""

import re
from bisect import bisect_right
from collections.abc import Callable
from itertools import accumulate

from tanzaku.catalog._recent import Recent

_CHUNKS_PER_GENERATION = 16_384
_EDGES_PER_GENERATION = 2_048
_CUTS_PER_GENERATION = 2_048
_LONGEST_CHUNK = 64
_FIRST_CUT = 2
_WORD = "a"  # one token, wherever it stands


class SpacedCounter:
    """Remembers what chunks cost between two spaces, at the start and at the end of a text.

    `count_cut` counts any text, `take_cut` takes from one that is longer than the limit; `ends` and `inside` are the insides of regex classes: of what a
    chunk may begin and end with, and of what else may stand inside it.
    """

    def __init__(
        self,
        count_cut: Callable[[str], int],
        take_cut: Callable[[str, int], tuple[str, int]],
        *,
        ends: str,
        inside: str,
    ) -> None:
        self._count_cut = count_cut
        self._take_cut = take_cut
        self._is_chunk = re.compile(f"[{ends}](?:[{ends}{inside}]*[{ends}])?").fullmatch
        self._middle: Recent[str, int] = Recent(_CHUNKS_PER_GENERATION)
        self._first: Recent[str, int] = Recent(_EDGES_PER_GENERATION)
        self._last: Recent[str, int] = Recent(_EDGES_PER_GENERATION)
        self._cuts: Recent[tuple[str, str, int], tuple[str, int]] = Recent(_CUTS_PER_GENERATION)

    def count(self, text: str) -> int | None:
        """Tokens of the text; None if it has a chunk between two spaces that is not known."""
        chunks = text.split(" ")
        first, last = chunks[0], chunks.pop()
        if not chunks:
            return None
        del chunks[0]
        try:
            middle = sum(map(self._middle.young.__getitem__, chunks))
        except KeyError:
            return None
        before = self._edge(self._first, first, f"{first} {_WORD}")
        after = self._edge(self._last, last, f"{_WORD} {last}")
        return None if before is None or after is None else before + middle + after

    def take(self, text: str, limit: int) -> tuple[str, int] | None:
        """The longest beginning of the text with at most `limit` tokens, and its tokens.

        None if a chunk on the way there is not known, or it ends in the first chunks or the last.
        """
        # Hardly a chunk has no token: those behind need not be looked at.
        chunks = text.split(" ", limit + 1)
        last = chunks.pop()
        sums = self._add_up(chunks)
        at = bisect_right(sums, limit)
        if at < _FIRST_CUT:
            return None
        if at == len(sums):
            after = None if " " in last else self._edge(self._last, last, f"{_WORD} {last}")
            if after is None or sums[-1] + after > limit:
                return None
            return text, sums[-1] + after
        part, tokens = self._cut(chunks[at - 1], chunks[at], limit - sums[at - 2])
        return " ".join(chunks[: at - 1]) + part, sums[at - 2] + tokens

    def _add_up(self, chunks: list[str]) -> list[int]:
        """The tokens up to each chunk of a text's beginning; empty if one is not known."""
        before = self._edge(self._first, chunks[0], f"{chunks[0]} {_WORD}") if chunks else None
        if before is None:
            return []
        try:
            costs = list(map(self._middle.young.__getitem__, chunks[1:]))
        except KeyError:
            return []
        return list(accumulate(costs, initial=before))

    def _cut(self, before: str, chunk: str, room: int) -> tuple[str, int]:
        """What is taken of two chunks inside a text, the first of which fits into the room and the
        second does not; a space stands before it."""
        key = before, chunk, room
        cut = self._cuts.get(key)
        if cut is None:
            taken, tokens = self._take_cut(f"{_WORD} {before} {chunk} {_WORD}", 1 + room)
            cut = taken[len(_WORD) :], tokens - 1
            self._cuts.put(key, cut)
        return cut

    def learn(self, text: str) -> None:
        """Remember the chunks of a text that has just been counted."""
        for chunk in text.split(" ")[1:-1]:
            if self._middle.get(chunk) is None and self._may_stand_alone(chunk):
                self._middle.put(chunk, self._count_cut(f"{_WORD} {chunk} {_WORD}") - 2)

    def _edge(self, known: Recent[str, int], chunk: str, alone: str) -> int | None:
        tokens = known.get(chunk)
        if tokens is None and self._may_stand_alone(chunk):
            tokens = self._count_cut(alone) - 1
            known.put(chunk, tokens)
        return tokens

    def _may_stand_alone(self, chunk: str) -> bool:
        return len(chunk) <= _LONGEST_CHUNK and self._is_chunk(chunk) is not None
