"""Expressions: they find what Python's `re` finds, and nothing can make them slow."""

import re

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from tanzaku.simulator.scenario._groups import Groups, TooLargeError
from tanzaku.simulator.scenario._regex import MAX_READ, Regex, RegexError, shorten

CHARS = st.sampled_from(
    [
        "a",
        "b",
        ".",
        r"\d",
        r"\w",
        r"\s",
        r"\D",
        r"\W",
        r"\S",
        "[ab]",
        "[^a]",
        "[^ab]",
        r"[^\s1]",
        "[0-9_]",
        r"\.",
        "A",
    ]
)
QUANTIFIERS = st.sampled_from(["*", "+", "?", "*?", "+?", "??", "{2}", "{1,3}", "{1,}", "{0,2}?"])
# Where what is repeated may be empty, engines differ in which round a group remembers: so only
# what is not is repeated here.
REPEATED = st.builds(
    lambda form, chars, quantifier: form % "".join(chars) + quantifier,
    st.sampled_from(["(%s)", "(?:%s)", "(?:%s|b)", "((%s)x?)"]),
    st.lists(CHARS, min_size=1, max_size=2),
    QUANTIFIERS,
)
ATOMS = CHARS | st.just(r"\b") | st.builds("".join, st.tuples(CHARS, QUANTIFIERS)) | REPEATED


def join(children: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Sequences, choices and groups of `children`."""
    return (
        st.builds("{}{}".format, children, children)
        | st.builds("(?:{}|{})".format, children, children)
        | st.builds("({}|{})".format, children, children)
        | st.builds("({})".format, children)
    )


PATTERNS = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["", "(?i)", "(?s)", "(?m)"]),
    st.sampled_from(["", "^"]),
    st.recursive(ATOMS, join, max_leaves=6),
    st.sampled_from(["", "$"]),
)
TEXTS = st.text("abAx01_. \n", max_size=14)


def search(pattern: str, text: str) -> re.Match[str] | None:
    """What `re` finds, where `$` is the very end: by itself it lets a line break follow."""
    if not pattern.startswith("(?m)"):
        pattern = pattern.replace("$", r"\Z")
    return re.search(pattern, text)


@settings(max_examples=300)
@given(PATTERNS, TEXTS)
def test_groups_are_those_that_re_finds(pattern: str, text: str) -> None:
    try:
        groups = Groups(pattern)
    except TooLargeError:
        reject()
    found = search(pattern, text)
    expected: dict[str, str] = {}
    if found is not None:
        numbered = enumerate(found.groups(), 1)
        expected = {str(number): group for number, group in numbered if group is not None}
    assert groups.find(text) == expected


@settings(max_examples=300)
@given(PATTERNS, TEXTS)
def test_what_matches_is_what_re_finds(pattern: str, text: str) -> None:
    expected = search(pattern, text) is not None
    assert Regex(pattern).matches(text) == expected


def test_a_group_has_its_number_and_its_name() -> None:
    groups = Regex(r"order (?P<number>\w+)(?: for (\w+))?").need_groups()
    assert groups.names == {"1": 1, "2": 2, "number": 1}
    assert groups.find("order A1 for Bob") == {"1": "A1", "2": "Bob", "number": "A1"}
    assert groups.find("order A1") == {"1": "A1", "number": "A1"}


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"^(a+)+$", "a" * 7000 + "b"),
        (r"^(a|a)*$", "a" * 7000 + "b"),
        (r"a(.*)b(.*)c(.*)d", "abc" * 2600),
        (r"(?:.{0,20}){1,20}q", "ab" * 4000),
        (r"(\w{1,90})(\w{1,90})!", "a" * 7999),
    ],
)
def test_no_text_makes_an_expression_slow(pattern: str, text: str) -> None:
    # `re` would need minutes to years for most of these: that they end is the claim.
    assert not Regex(pattern).matches(text)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"^(a+)+$", "a" * 7000 + "b"),
        (r"^(a|a)*$", "a" * 7000 + "b"),
        (r"a(.*)b(.*)c(.*)d", "abc" * 2600),
    ],
)
def test_no_text_makes_groups_slow(pattern: str, text: str) -> None:
    assert Groups(pattern).find(text) == {}


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("a(b", "missing ), unterminated subpattern at position 1"),
        ("[[a]", "Possible nested set at position 1"),
        (r"(a)\1", "backreferences are not supported"),
        ("(?<!a)b", "look-around, including look-ahead and look-behind, is not supported"),
        ("a" * 501, "longer than 500 characters"),
        ("(.{20}){26}", "its counted repeats write out to more than 500 characters"),
        ("(a{9999999}){9999999}", "its counted repeats write out to more than 500 characters"),
        (r"\Z", "unrecognized escape sequence"),
    ],
)
def test_an_expression_that_is_not_run_is_refused(pattern: str, reason: str) -> None:
    with pytest.raises(RegexError) as caught:
        Regex(pattern)
    assert str(caught.value) == reason


def test_groups_are_not_taken_from_a_large_expression() -> None:
    regex = Regex(r"(\w{90})(\w{90})")
    assert regex.matches("a" * 180)
    with pytest.raises(RegexError, match="too large an expression to take groups from"):
        regex.need_groups()


def test_a_long_text_is_read_at_its_beginning_and_its_end() -> None:
    text = "b" * MAX_READ
    assert shorten(text) == text
    long = shorten(f"begin{text}end")
    assert (len(long), long[:5], long[-3:]) == (MAX_READ + 1, "begin", "end")
