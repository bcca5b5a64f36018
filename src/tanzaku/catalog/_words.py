"""Exact token counts of a text, summed from pieces that have been counted before.

`ctok` rewrites a text into a marked stream and covers it with the fewest vocabulary pieces. Two
facts of its vocabularies make the count a sum. An end-of-word mark only ends a piece, a
begin-of-word mark (with its case mark) only starts one, and no piece holds an ASCII digit, an
ideograph or whitespace together with anything else. And every run of letters is written with an
end-of-word mark, whatever stands around it. So a text may be cut behind each word, digit group and
ideograph, and what a piece costs depends on the piece alone, once it holds the marks and spaces
in front of its word. `tests/unit/catalog/test_tokens_words.py` holds these facts against the
vocabularies and the sums against `ctok`.

Four kinds of characters: *letters* that form words, *standing* characters that form none and take
no marks (ideographs, Hangul syllables, emoji), *marks* (punctuation, symbols), whitespace. What is
none of them (combining marks, controls, joiners, other scripts' digits) may change its neighbours;
a text that holds any is cut only between a letter and a mark or whitespace, or between two
ideographs, and the piece with the odd character goes to `ctok` whole.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from hashlib import blake2b
from itertools import accumulate
from threading import Lock
from typing import NamedTuple

from tanzaku.catalog._recent import Recent
from tanzaku.catalog._spaced import SpacedCounter
from tanzaku.catalog._vocabulary import TokenFamily, load_tile

_LONGEST_KEPT_PIECE = 64
_LONGEST_KEPT_TEXT = 1_024
_PIECES_PER_GENERATION = 32_768
_TEXTS_PER_GENERATION = 4_096
_EDGES_PER_GENERATION = 2_048
_PIECES_AT_ONCE = 4_096
# To cut texts takes patterns that take 70 ms to compile. The first few short texts do without.
_TEXTS_COUNTED_WHOLE = 200
_LONGEST_COUNTED_WHOLE = 1_000

# A one-token word, and a one-token character that neither takes nor gives a mark.
_WORD = "a"
_STANDING = "中"

_JAMO = ((0x1100, 0x11FF), (0xA960, 0xA97F), (0xD7B0, 0xD7FF))
_CIRCLED_LETTERS = range(0x24B6, 0x24EA)
_IDEOGRAPHIC_PUNCTUATION = range(0x3001, 0x3040)
# Ideographs with the iteration marks, Hangul syllables, styled letters, emoji.
_STANDING_BLOCKS = (
    "\\u3005\\u3006\\u3031-\\u3035\\u303b\\u303c\\u3400-\\u4dbf\\u4e00-\\u9fff\\uac00-\\ud7a3"
    "\\U0001d400-\\U0001d7ff\\U0001f000-\\U0001faff\\U00020000-\\U0002f7ff"
)
_IDEOGRAPHS = "\\u3400-\\u4dbf\\u4e00-\\u9fff"
# The basic plane without the big blocks above, compatibility ideographs, surrogates, private use.
_CLASSED_POINTS = (
    *range(0x21, 0x3400),
    *range(0x4DC0, 0x4E00),
    *range(0xA000, 0xD800),
    *range(0xFB00, 0xFFFE),
)
_WHITESPACE = " \\t\\n\\u3000"


def _character_class(code_points: Iterable[int]) -> str:
    """The code points as the inside of a regex class."""
    spans: list[tuple[int, int]] = []
    for point in code_points:
        if spans and spans[-1][1] == point - 1:
            spans[-1] = (spans[-1][0], point)
        else:
            spans.append((point, point))
    return "".join(f"\\u{first:04x}-\\u{last:04x}" for first, last in spans)


@dataclass(frozen=True, slots=True)
class CharacterClasses:
    """Insides of regex classes, drawn from this interpreter's Unicode data as `ctok`'s own are."""

    letters: str
    standing: str
    marks: str


@cache
def character_classes() -> CharacterClasses:
    """Sort the characters that keep their kind whatever stands beside them."""
    letters: list[int] = []
    marks: list[int] = []
    ideographic: list[int] = []
    standing = re.compile(f"[{_STANDING_BLOCKS}]")
    for point in _CLASSED_POINTS:
        character = chr(point)
        kind = unicodedata.category(character)[0]
        if (
            kind not in "LPS"
            or standing.match(character)
            or not unicodedata.is_normalized("NFC", character)
            or any(first <= point <= last for first, last in _JAMO)
            or point in _CIRCLED_LETTERS
        ):
            continue
        if kind == "L":
            letters.append(point)
        elif point not in _IDEOGRAPHIC_PUNCTUATION:
            marks.append(point)
        elif kind == "P":
            ideographic.append(point)
    return CharacterClasses(
        letters=_character_class(letters),
        standing=_STANDING_BLOCKS + _character_class(ideographic),
        marks=_character_class(marks),
    )


@dataclass(frozen=True, slots=True)
class _Patterns:
    plain: re.Pattern[str]
    sure_cut: re.Pattern[str]
    odd: re.Pattern[str]
    letter: re.Pattern[str]
    row: re.Pattern[str]


@cache
def _patterns() -> _Patterns:
    known = character_classes()
    letter, mark, gap = f"[{known.letters}]", f"[{known.marks}]", f"[{known.marks}{_WHITESPACE}]"
    return _Patterns(
        # Behind a digit or an ideograph no mark swallows the space before a word: it is kept with
        # the digit, and where marks follow the space, they and their word are too.
        plain=re.compile(
            f"{gap}*+{letter}++"
            f"|(?:[0-9]{{1,3}}|[{known.standing}]++)(?: (?:(?={letter})|{mark}{gap}*+{letter}*+))?"
            f"|{gap}++"
            "|.",
            re.DOTALL,
        ),
        sure_cut=re.compile(f"(?<={letter})(?={gap})|(?<=[{_IDEOGRAPHS}])(?=[{_IDEOGRAPHS}])"),
        odd=re.compile(f"[^{known.letters}{known.standing}{known.marks}{_WHITESPACE}0-9]"),
        letter=re.compile(letter),
        row=re.compile(
            f"([{known.standing}]+)([{known.standing}](?: (?:{mark}{gap}*{letter}*)?)?)"
        ),
    )


class PricedText(NamedTuple):
    """A cut text: the pieces are the text, and its tokens are the sum of the pieces' tokens."""

    pieces: Sequence[str]
    tokens: Sequence[int]


class WordCounter:
    """Counts texts of one tokenizer family; threads may share it (at worst one counts twice)."""

    def __init__(self, family: TokenFamily) -> None:
        self._tile = load_tile(family)
        self._whole_left = _TEXTS_COUNTED_WHOLE
        self._pieces: Recent[str, int] = Recent(_PIECES_PER_GENERATION)
        self._first: Recent[str, int] = Recent(_EDGES_PER_GENERATION)
        self._last: Recent[str, int] = Recent(_EDGES_PER_GENERATION)
        self._texts: Recent[str | bytes, int] = Recent(_TEXTS_PER_GENERATION)
        self._cost_behind = self._ctok_count(_WORD + _STANDING) - self._ctok_count(_WORD)

    def prepare(self) -> None:
        """Get ready to cut texts now (70 ms) and not when the first must be cut."""
        _ = self._patterns, self._spaced
        self._whole_left = 0

    @cached_property
    def _patterns(self) -> _Patterns:
        return _patterns()

    @cached_property
    def _spaced(self) -> SpacedCounter:
        known = character_classes()
        return SpacedCounter(
            self._count_cut,
            self._take_cut,
            ends=known.letters + known.marks,
            inside=known.standing + "0-9\\t\\n",
        )

    def count(self, text: str) -> int:
        """Tokens of the text as `ctok` has them, less the frame; an empty text has none."""
        if not text:
            return 0
        key = _text_key(text)
        tokens = self._texts.get(key)
        if tokens is None:
            tokens = self._count_new(text)
            self._texts.put(key, tokens)
        return tokens

    def _count_new(self, text: str) -> int:
        if self._whole_left and len(text) <= _LONGEST_COUNTED_WHOLE:
            self._whole_left -= 1
            return self._ctok_count(text)
        tokens = self._spaced.count(text)
        if tokens is None:
            tokens = self._count_cut(text)
            self._spaced.learn(text)
        return tokens

    def unseen_characters(self, text: str) -> int:
        """Characters of the text that `ctok` has yet to go through."""
        if self._texts.get(_text_key(text)) is not None:
            return 0
        known = self._pieces.young
        return sum(len(piece) for piece in self._patterns.plain.findall(text) if piece not in known)

    def take(self, text: str, limit: int) -> tuple[str, int]:
        """The longest beginning with at most `limit` tokens, and its tokens."""
        if limit <= 0 or not text:
            return "", 0
        tokens = self._texts.get(_text_key(text))
        if tokens is None:
            taken = None if self._whole_left else self._spaced.take(text, limit)
            if taken is not None:
                return taken
            tokens = self.count(text)
        if tokens <= limit:
            return text, tokens
        return self._take_cut(text, limit)

    def _take_cut(self, text: str, limit: int) -> tuple[str, int]:
        """The same for a text that has more than `limit` tokens."""
        priced = self.price(text)
        sums = list(accumulate(priced.tokens))
        whole = bisect_right(sums, limit)
        taken = sums[whole - 1] if whole else 0
        part, cost = self._take_part(priced.pieces[whole], limit - taken, is_first=whole == 0)
        beginning = "".join(priced.pieces[:whole]) + part
        return beginning, self.count(beginning) if beginning[-1:] == "\n" else taken + cost

    def _take_part(self, piece: str, room: int, *, is_first: bool) -> tuple[str, int]:
        """The longest beginning of a piece that fits into the room."""
        if room == 0 and piece[0] != "\n" and not self._patterns.odd.search(piece):
            return "", 0
        before = "" if is_first else _STANDING if self._patterns.letter.match(piece) else _WORD
        base = self.count(before)

        def cost(length: int) -> int:
            return sum(self.price(before + piece[:length]).tokens) - base

        if len(piece) <= _LONGEST_KEPT_PIECE:
            longest = next((n for n in range(len(piece), 0, -1) if cost(n) <= room), 0)
        else:
            longest = bisect_right(range(1, len(piece) + 1), room, key=cost)
        return piece[:longest], cost(longest) if longest else 0

    def price(self, text: str) -> PricedText:
        """Cut a non-empty text and count each piece where it stands."""
        pieces = self._patterns.plain.findall(text)
        if len(pieces) == 1:
            return PricedText([text], [self._ctok_count(text)])
        try:
            tokens = list(map(self._pieces.young.__getitem__, pieces))
        except KeyError:
            if self._patterns.odd.search(text):
                pieces = self._patterns.sure_cut.split(text)
                if len(pieces) == 1:
                    return PricedText(pieces, [self._ctok_count(text)])
            tokens = self._learn(pieces)
        if not self._patterns.letter.match(text):
            tokens[0] += self._surcharge_first(pieces[0])
        if text[-1] == "\n":
            tokens[-1] = self._price_last(pieces[-1])
        return PricedText(pieces, tokens)

    def _count_cut(self, text: str) -> int:
        return sum(self.price(text).tokens)

    def _ctok_count(self, text: str) -> int:
        return len(self._tile(text))

    def _surcharge_first(self, piece: str) -> int:
        """What a text's first piece costs more: the frame takes up a space or adds a mark."""
        row = self._patterns.row.fullmatch(piece)
        head = row[1][0] if row else piece
        surcharge = self._first.get(head)
        if surcharge is None:
            inside = self._measure({head})[head]
            surcharge = self._ctok_count(head + _STANDING) - self._cost_behind - inside
            if len(head) <= _LONGEST_KEPT_PIECE:
                self._first.put(head, surcharge)
        return surcharge

    def _price_last(self, piece: str) -> int:
        """A text's last piece, where newlines run into the frame behind."""
        tokens = self._last.get(piece)
        if tokens is None:
            tokens = self._count_behind_word(piece)
            if len(piece) <= _LONGEST_KEPT_PIECE:
                self._last.put(piece, tokens)
        return tokens

    def _count_behind_word(self, piece: str) -> int:
        before = _STANDING if self._patterns.letter.match(piece) else _WORD
        return self._ctok_count(before + piece) - self._ctok_count(before)

    def _learn(self, pieces: Sequence[str]) -> list[int]:
        """Tokens of pieces inside a text, some of them not seen before."""
        tokens: list[int] = []
        for start in range(0, len(pieces), _PIECES_AT_ONCE):
            part = pieces[start : start + _PIECES_AT_ONCE]
            known: dict[str, int] = {}
            fresh: set[str] = set()
            rows: dict[str, list[str]] = {}
            for piece in set(part):
                if (cost := self._pieces.get(piece)) is not None:
                    known[piece] = cost
                elif row := self._patterns.row.fullmatch(piece):
                    rows[piece] = [*row[1], row[2]]
                else:
                    fresh.add(piece)
            known |= self._measure(fresh)
            for piece, members in rows.items():
                try:
                    cost = sum(map(self._pieces.young.__getitem__, members))
                except KeyError:
                    singles = self._measure(set(members))
                    cost = sum([singles[single] for single in members])
                known[piece] = self._keep(piece, cost)
            tokens += [known[piece] for piece in part]
        return tokens

    def _keep(self, piece: str, cost: int) -> int:
        if len(piece) <= _LONGEST_KEPT_PIECE:
            self._pieces.put(piece, cost)
        return cost

    def _measure(self, pieces: set[str]) -> dict[str, int]:
        """Tokens of pieces as they cost inside a text; plain new ones go to `ctok` in one row."""
        costs: dict[str, int] = {}
        together: list[str] = []
        for piece in pieces:
            if (cost := self._pieces.get(piece)) is not None:
                costs[piece] = cost
            elif self._patterns.odd.search(piece):
                costs[piece] = self._keep(piece, self._count_behind_word(piece))
            elif _STANDING in piece:
                whole = self._count_behind_word(piece + _STANDING)
                costs[piece] = self._keep(piece, whole - self._cost_behind)
            else:
                together.append(piece)
        if together:
            for piece, cost in self._measure_row(together):
                costs[piece] = self._keep(piece, cost)
        return costs

    def _measure_row(self, pieces: Sequence[str]) -> Iterator[tuple[str, int]]:
        """Count plain pieces with one ideograph behind each, which tells them apart.

        A piece that begins its word costs the same behind the ideograph, and so does a word whose
        one space its mark swallows, once the space is gone. Any other stands behind a word.
        """
        letter = self._patterns.letter.match
        starts = [
            "" if letter(piece) else None if piece[0] == " " and letter(piece, 1) else _WORD
            for piece in pieces
        ]
        row = _STANDING.join(
            piece[1:] if start is None else start + piece
            for piece, start in zip(pieces, starts, strict=True)
        )
        stream = self._tile(_WORD + _STANDING + row + _STANDING)
        ends = [at for at, token in enumerate(stream) if token == _STANDING]
        for piece, start, first, end in zip(pieces, starts, ends[:-1], ends[1:], strict=True):
            yield piece, end - first - 1 - (1 if start else 0)


def _text_key(text: str) -> str | bytes:
    if len(text) <= _LONGEST_KEPT_TEXT:
        return text
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


_COUNTERS: dict[TokenFamily, WordCounter] = {}
_LOADING = Lock()


def find_word_counter(family: TokenFamily) -> WordCounter | None:
    """The process's one counter of a family, if it is loaded."""
    return _COUNTERS.get(family)


def word_counter(family: TokenFamily) -> WordCounter:
    """The process's one counter of a family; the first call loads `ctok` (0.1 s, 10 MB)."""
    counter = _COUNTERS.get(family)
    if counter is None:
        with _LOADING:
            counter = _COUNTERS.get(family)
            if counter is None:
                counter = _COUNTERS[family] = WordCounter(family)
    return counter
