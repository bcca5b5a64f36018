"""Texts of known words between single spaces: their sums are `ctok`'s counts."""

import ctok
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tanzaku.catalog import TokenFamily, count_text, take_tokens

VERSIONS: dict[TokenFamily, str] = {"v3": "3.0", "v4.7": "4.7", "v4.8": "4.8"}

# What looks to the left or the right when it is written: quotes that open words, contractions,
# marks that take a space up, capitals, digits, ideographs, line breaks, characters of no class.
KINDS_OF_CHUNK = (
    "the a of order I NASA iPhone don't it's 's 't 'll ' '' '( ('a' 'First \" \"yes\" “no” ‘so’ ’s "
    ", . ! ? ; : ... - -- re-use (see) [1] [x] {} => == // /* # #x @ $ $5 5% % + & < > | \\ ` ~ ^ _ "
    "e.g. 1.5x 42 3 v2 2024, 中 中文 文, ，。 a。 €5 € ° é Ünder ñ ß жук Ω ア です 한국 x\ny x\n\ny a\tb "
    "x\u0301 \u0301 😀 a😀b ⚖️ x\u200dy ² ½ ①"
)
CHUNKS = KINDS_OF_CHUNK.split(" ")
SPACED = st.lists(st.sampled_from(CHUNKS), min_size=2, max_size=12)


def counted_by_ctok(text: str, family: TokenFamily) -> int:
    version = VERSIONS[family]
    return ctok.token_count(text, version) - (ctok.token_count("a", version) - 1)


@pytest.fixture(autouse=True, scope="module")
def _each_chunk_is_known() -> None:
    for family in VERSIONS:
        for chunk in CHUNKS:
            count_text(f"say {chunk} again", family)


@settings(max_examples=300, deadline=None)
@given(SPACED, st.sampled_from(sorted(VERSIONS)))
@example(["v2", "'First", "a"], "v3")
@example(["a", "'s", "'", "'First", "'"], "v4.8")
@example(['"', "NASA", "Ünder", "?"], "v4.7")
def test_known_words_in_any_order_count_as_ctok_counts_them(
    chunks: list[str], family: TokenFamily
) -> None:
    text = " ".join(chunks)
    assert count_text(text, family) == counted_by_ctok(text, family)


@settings(max_examples=100, deadline=None)
@given(SPACED, st.sampled_from(["", " ", "  ", "\n", " \n"]), st.sampled_from(sorted(VERSIONS)))
def test_spaces_and_line_breaks_around_the_text_count_too(
    chunks: list[str], around: str, family: TokenFamily
) -> None:
    for text in (around + " ".join(chunks), " ".join(chunks) + around):
        if text:
            assert count_text(text, family) == counted_by_ctok(text, family)


@settings(max_examples=100, deadline=None)
@given(
    SPACED, SPACED, st.sampled_from(["  ", " \n ", "\n", "\t "]), st.sampled_from(sorted(VERSIONS))
)
def test_wider_gaps_between_known_words_are_not_taken_for_single_spaces(
    left: list[str], right: list[str], gap: str, family: TokenFamily
) -> None:
    text = " ".join(left) + gap + " ".join(right)
    assert count_text(text, family) == counted_by_ctok(text, family)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from(CHUNKS), min_size=3, max_size=9),
    st.sampled_from(["", " ", "\n", "."]),
    st.integers(1, 14),
    st.sampled_from(sorted(VERSIONS)),
)
@example(["the", "order,", "a", "x\n\ny", "of", "I"], "", 7, "v3")
@example(["of", "NASA", "(see)", "re-use", "the", "a"], "", 8, "v4.7")
def test_the_longest_beginning_of_known_words_is_taken(
    chunks: list[str], end: str, limit: int, family: TokenFamily
) -> None:
    text = " ".join(chunks) + end
    counts = [
        (length, counted_by_ctok(text[:length], family)) for length in range(1, len(text) + 1)
    ]
    length, tokens = max([(0, 0), *((at, count) for at, count in counts if count <= limit)])
    assert take_tokens(text, limit, family) == (text[:length], tokens)
