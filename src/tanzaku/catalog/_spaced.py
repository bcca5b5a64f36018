"""Token counts of texts whose words stand between single spaces, most of them known.

Where letters or marks stand on both sides of a single space, `ctok` writes an end-of-word mark
before it and, after it, a begin-of-word mark or (before a quote that opens a word) the space
itself. An end-of-word mark only ends a piece, so the text may be cut there, and what stands
between two spaces costs the same in every such text. That is a split and a sum, half the time of
cutting the text into pieces. `tests/unit/catalog/test_tokens_spaced.py` holds it against `ctok`.
"""

import re
from collections.abc import Callable

from tanzaku.catalog._recent import Recent

_CHUNKS_PER_GENERATION = 16_384
_EDGES_PER_GENERATION = 2_048
_LONGEST_CHUNK = 64
_WORD = "a"  # one token, wherever it stands


class SpacedCounter:
    """Remembers what chunks cost between two spaces, at the start and at the end of a text.

    `count_cut` counts any text; `ends` and `inside` are the insides of regex classes: of what a
    chunk may begin and end with, and of what else may stand inside it.
    """

    def __init__(self, count_cut: Callable[[str], int], *, ends: str, inside: str) -> None:
        self._count_cut = count_cut
        self._is_chunk = re.compile(f"[{ends}](?:[{ends}{inside}]*[{ends}])?").fullmatch
        self._middle: Recent[str] = Recent(_CHUNKS_PER_GENERATION)
        self._first: Recent[str] = Recent(_EDGES_PER_GENERATION)
        self._last: Recent[str] = Recent(_EDGES_PER_GENERATION)

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

    def learn(self, text: str) -> None:
        """Remember the chunks of a text that has just been counted."""
        for chunk in text.split(" ")[1:-1]:
            if self._middle.get(chunk) is None and self._may_stand_alone(chunk):
                self._middle.put(chunk, self._count_cut(f"{_WORD} {chunk} {_WORD}") - 2)

    def _edge(self, known: Recent[str], chunk: str, alone: str) -> int | None:
        tokens = known.get(chunk)
        if tokens is None and self._may_stand_alone(chunk):
            tokens = self._count_cut(alone) - 1
            known.put(chunk, tokens)
        return tokens

    def _may_stand_alone(self, chunk: str) -> bool:
        return len(chunk) <= _LONGEST_CHUNK and self._is_chunk(chunk) is not None
