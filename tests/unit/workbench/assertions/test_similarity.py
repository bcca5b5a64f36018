"""Measures of likeness against references written from their definitions, slow and obvious."""

from collections import Counter
from fractions import Fraction
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.replied import a_message, a_reply, judge
from tanzaku.workbench.assertions._similarity import (
    measure_char_ngram,
    measure_levenshtein,
    measure_rouge_l,
)

texts = st.text("ab北京 c", max_size=9)


def count_edits(left: str, right: str) -> int:
    @cache
    def edits(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        replace = edits(i - 1, j - 1) + (left[i - 1] != right[j - 1])
        return min(edits(i - 1, j) + 1, edits(i, j - 1) + 1, replace)

    return edits(len(left), len(right))


def count_common(left: list[str], right: list[str]) -> int:
    @cache
    def common(i: int, j: int) -> int:
        if not i or not j:
            return 0
        if left[i - 1] == right[j - 1]:
            return common(i - 1, j - 1) + 1
        return max(common(i - 1, j), common(i, j - 1))

    return common(len(left), len(right))


def list_words(text: str) -> list[str]:
    """Of the alphabet above: runs of letters, Chinese characters one by one."""
    return text.replace("北", " 北 ").replace("京", " 京 ").split()


@given(texts, texts)
def test_levenshtein_is_one_less_edits_by_the_longer(left: str, right: str) -> None:
    longest = max(len(left), len(right))
    expected = 1 - Fraction(count_edits(left, right), longest) if longest else 1
    assert measure_levenshtein(left, right) == expected


@given(texts, texts)
def test_rouge_l_is_the_f1_of_the_longest_common_subsequence(left: str, right: str) -> None:
    words = list_words(left), list_words(right)
    common = count_common(*words)
    if not common:
        assert measure_rouge_l(left, right) == 0
        return
    recall, precision = Fraction(common, len(words[0])), Fraction(common, len(words[1]))
    assert measure_rouge_l(left, right) == 2 * precision * recall / (precision + recall)


@given(texts, texts, st.integers(1, 4))
def test_char_ngrams_are_compared_as_multisets(left: str, right: str, size: int) -> None:
    grams: list[Counter[str]] = []
    for text in (left.replace(" ", ""), right.replace(" ", "")):
        cut = [text[n : n + size] for n in range(len(text)) if n + size <= len(text)]
        grams.append(Counter(cut or [text] * bool(text)))
    shared = sum(min(grams[0][gram], grams[1][gram]) for gram in grams[0])
    total = sum(grams[0].values()) + sum(grams[1].values())
    expected = Fraction(2 * shared, total) if total else 0
    assert measure_char_ngram(left, right, size) == expected


@given(st.text(max_size=300), st.text(max_size=300))
def test_measures_are_shares_and_symmetric(left: str, right: str) -> None:
    for measure in (measure_levenshtein, measure_rouge_l):
        assert 0 <= measure(left, right) == measure(right, left) <= 1
    assert 0 <= measure_char_ngram(left, right, 2) == measure_char_ngram(right, left, 2) <= 1


@pytest.mark.parametrize(
    ("item", "verdict"),
    [
        ("levenshtein: {to: sitting, lt: 0.5715, gt: 0.571}", "pass"),
        ("levenshtein: {to: Kitten, lt: 1}", "pass"),
        ("rouge_l: {to: a KITTEN, gte: 0.66}", "pass"),
        ("char_ngram: {to: KITTEN, n: 3, equals: 1}", "pass"),
        ("char_ngram: {to: mitten, n: 3, equals: 0.75}", "pass"),
        ("char_ngram: {to: mitten, n: 6, equals: 0}", "pass"),
        ("char_ngram: {to: '{{city}}', gte: 0.5}", "fail"),
    ],
)
def test_an_answer_is_held_against_a_reference(item: str, verdict: str) -> None:
    assert judge(item, a_reply(a_message("kitten")), variables={"city": "北京"}).verdict == verdict
