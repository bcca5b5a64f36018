"""How alike two texts are, from 0 to 1, without a model."""

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from typing import Final

from tanzaku.workbench.assertions._text import normalise, split_words

MAX_UNITS: Final = 20_000
"""Longer texts are not compared: the time grows with the square."""


def measure_levenshtein(left: str, right: str) -> Fraction:
    """1 less the edits (insert, delete, replace) from one to the other by the longer's length."""
    left, right = normalise(left), normalise(right)
    longest = max(len(left), len(right))
    return 1 - Fraction(_count_edits(left, right), longest) if longest else Fraction(1)


def measure_rouge_l(reference: str, answer: str) -> Fraction:
    """ROUGE-L's F1: the longest common subsequence of words (Chinese: characters), any case."""
    words = [split_words(text.casefold()) for text in (reference, answer)]
    total = sum(map(len, words))
    return Fraction(2 * _count_common(*words), total) if total else Fraction(0)


def measure_char_ngram(reference: str, answer: str, size: int) -> Fraction:
    """F1 over the multisets of character n-grams; white space does not count, nor does case.

    A text shorter than `size` is one gram.
    """
    left, right = (_list_grams(text, size) for text in (reference, answer))
    total = left.total() + right.total()
    return Fraction(2 * (left & right).total(), total) if total else Fraction(0)


def _list_grams(text: str, size: int) -> Counter[str]:
    squeezed = "".join(normalise(normalise(text).casefold()).split())
    count = max(len(squeezed) - size + 1, 1 if squeezed else 0)
    return Counter(squeezed[n : n + size] for n in range(count))


def _count_edits(left: str, right: str) -> int:
    """Myers' bit-parallel algorithm: the column of the table as two words of as many bits."""
    if not left:
        return len(right)
    where: dict[str, int] = {}
    for n, char in enumerate(left):
        where[char] = where.get(char, 0) | 1 << n
    mask, last = (1 << len(left)) - 1, 1 << (len(left) - 1)
    rises, falls, edits = mask, 0, len(left)
    for char in right:
        matches = where.get(char, 0)
        stays = matches | falls
        diagonal = (((matches & rises) + rises) ^ rises) | matches
        up = falls | (mask & ~(diagonal | rises))
        down = rises & diagonal
        edits += bool(up & last) - bool(down & last)
        up = (up << 1 | 1) & mask
        rises = (down << 1 & mask) | (mask & ~(stays | up))
        falls = up & stays
    return edits


def _count_common(left: Sequence[str], right: Sequence[str]) -> int:
    """The length of the longest common subsequence, by Hyyrö's bit-parallel algorithm."""
    where: dict[str, int] = {}
    for n, word in enumerate(left):
        where[word] = where.get(word, 0) | 1 << n
    mask = (1 << len(left)) - 1
    free = mask
    for word in right:
        taken = free & where.get(word, 0)
        free = ((free + taken) | (free - taken)) & mask
    return (mask & ~free).bit_count()
