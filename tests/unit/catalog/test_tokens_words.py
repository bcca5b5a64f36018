"""Token counts of texts: equal to `ctok`, and the facts of its vocabularies that make them sums."""

import re
import unicodedata
from itertools import product

import ctok
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tanzaku.catalog import TokenFamily, count_text, take_tokens

VERSIONS: dict[TokenFamily, str] = {"v3": "3.0", "v4.7": "4.7", "v4.8": "4.8"}
FAMILIES = st.sampled_from(sorted(VERSIONS))

# Every kind of neighbour the rewriting looks at: words, capitals, contractions, quotes that open
# words, digits of several scripts, spaces of several widths, ideographs, marks with and without a
# base, joiners, controls, lone surrogates, and the characters `ctok` uses for its own marks.
VISIBLE_ATOMS = (
    "a the Hello WORLD camelCase iOS x I GPT v2 don't it's 's ' \" 't 'll . , ! ? ( ) [] {} => == "
    "// /* # @ $5 % _ - + * & < > | \\ ` ~ ^ ; : 1 42 1234 3.14 中 文 字 ， 。 、 「 」 （ ） ！ “ ” "
    "’ ‘ — – … · € ° é ü ß İ ẞ Σ ς Ω Я жук ア カタカナ ー です 한국 어 ⚖️ 😀 👩‍💻 ١٢ ٣ १ २ ² ① ½ Ⅳ ⓐ ا "
    "लَ हि न्दी ไทย ำ 々 〆 〇 ﬁ Å ᱀ 𠀀 🇦"
)
ATOMS = [
    *VISIBLE_ATOMS.split(" "),
    *("  ", " ", " ", " ", "\n", "\n\n", "\n" * 30, "\t", "\r\n", "\u00a0", "\u3000", "\u2003"),
    *("\x00", "\x01", "\x7f", "\u0301", "\u0308", "\u0338", "\u0345", "\u200d", "\ufe0f"),
    *("\u0e4d\u0e32", "\ud800", "\ue000", "\ufdd0", "\ufdd1", "\u1100", "\u1161", "\u212b"),
    *("\u0730", "\u0711", "\ua7cb", "\u1c89", "\u064e"),
]
ATOM_TEXTS = st.lists(st.sampled_from(ATOMS), min_size=1, max_size=25).map("".join)
PROSE_WORDS = "the of Claude model answers quickly NASA don't re-use 北京 e.g. naïve"
WORDS = st.sampled_from(PROSE_WORDS.split(" "))
PROSE = st.lists(st.tuples(WORDS, st.sampled_from([" ", ", ", ". ", "\n\n", " (", ") ", ": "])))
PROSE_TEXTS = PROSE.filter(bool).map(lambda pairs: "".join(word + gap for word, gap in pairs))
CODE = """{"name": "get_weather", "input_schema": {"type": "object", "required": ["city"]}}
def f(x: int = 0) -> list[str]:\n\treturn [f"{i:>3}" for i in range(x)]  # don't\n\n\n
<p class='a b'>1 &lt; 2</p>\n| a | 1,000.50 | 'b' |\n+ -- 50% \\n ``` $x = "a 'b c"; ```\n"""
CHINESE = "人工智能正在改变我们的生活方式，许多公司使用 Claude 4.5 来提高效率（约 30%）。“你好！”他说：『好的』…\n"


def counted_by_ctok(text: str, family: str) -> int:
    version = VERSIONS[family]  # type: ignore[index]
    return ctok.token_count(text, version) - (ctok.token_count("a", version) - 1)


@settings(max_examples=200, deadline=None)
@given(st.one_of(ATOM_TEXTS, PROSE_TEXTS, st.text(min_size=1, max_size=30)), FAMILIES)
def test_a_count_is_ctoks_count_less_the_frame(text: str, family: TokenFamily) -> None:
    expected = counted_by_ctok(text, family)
    assert count_text(text, family) == expected
    assert count_text(text, family) == expected, "the second time, from memory"


@settings(max_examples=40, deadline=None)
@given(st.sampled_from([CODE, CHINESE, CODE + CHINESE]), st.data(), FAMILIES)
def test_any_stretch_of_code_and_chinese_counts_as_ctok_counts_it(
    source: str, data: st.DataObject, family: TokenFamily
) -> None:
    start = data.draw(st.integers(0, len(source) - 1))
    stretch = source[start : data.draw(st.integers(start + 1, len(source)))]
    assert count_text(stretch, family) == counted_by_ctok(stretch, family)


@pytest.mark.parametrize("family", VERSIONS)
@pytest.mark.parametrize("start", range(0, 0x3000, 0x400))
def test_characters_count_right_among_words_digits_and_ideographs(
    start: int, family: TokenFamily
) -> None:
    for point in range(start + sorted(VERSIONS).index(family), start + 0x400, 37):
        c = chr(point)
        text = f"{c}b {c} 5 {c}(x {c} 中{c} z {c}d '{c}s 5{c} (q\n{c}\n"
        assert count_text(text, family) == counted_by_ctok(text, family), f"U+{point:04X}"


@pytest.mark.full
@pytest.mark.parametrize("family", VERSIONS)
def test_every_character_of_the_basic_plane_counts_right(family: TokenFamily) -> None:
    # The families share the rewriting: together they see every character of the basic plane.
    first = sorted(VERSIONS).index(family)
    basic, astral = range(first, 0x10000, 3), range(0x10000 + first, 0x30000, 15)
    for point in (*basic, *astral, *range(0xE0000, 0xE0200)):
        c = chr(point)
        text = f"{c}b {c} 5 {c}(x {c} 中{c} z {c}d '{c}s 5{c} (q\n{c}\n"
        assert count_text(text, family) == counted_by_ctok(text, family), f"U+{point:04X}"


@pytest.mark.full
def test_counts_stay_right_when_more_words_pass_than_are_remembered() -> None:
    words = ["".join(letters) for letters in product("abcdefghi", repeat=5)]
    texts = [" ".join(words[at : at + 500]) for at in range(0, len(words), 500)]
    for text in texts:
        count_text(text, "v3")
    for text in (texts[0], texts[60], texts[-1]):
        assert count_text(f"x {text}", "v3") == counted_by_ctok(f"x {text}", "v3")


@pytest.mark.parametrize("family", VERSIONS)
@pytest.mark.parametrize("unit", ["a", "aB", "中", "😀", "1", " ", "\n", "a\u0301", "ไทย", "!"])
def test_a_long_run_of_anything_counts_as_ctok_counts_it(unit: str, family: TokenFamily) -> None:
    text = "x " + unit * 1_000 + " y"
    assert count_text(text, family) == counted_by_ctok(text, family)


@pytest.mark.parametrize("family", VERSIONS)
def test_an_empty_text_has_no_tokens(family: TokenFamily) -> None:
    assert count_text("", family) == 0


@settings(max_examples=80, deadline=None)
@given(ATOM_TEXTS, st.integers(0, 30), FAMILIES)
@example("\n「", 2, "v3")
@example("over\n\n\n中文", 1, "v4.8")
def test_taken_is_the_longest_beginning_within_the_limit(
    text: str, limit: int, family: TokenFamily
) -> None:
    text = text[:40]
    fitting = [
        end for end in range(1, len(text) + 1) if counted_by_ctok(text[:end], family) <= limit
    ]
    longest = text[: max(fitting, default=0)] if limit else ""
    tokens = counted_by_ctok(longest, family) if longest else 0
    assert take_tokens(text, limit, family) == (longest, tokens)


@pytest.mark.parametrize("unit", ["a", "中", "!?", " "])
def test_a_beginning_of_a_long_unbroken_run_keeps_the_limit(unit: str) -> None:
    text = unit * 3_000
    taken, tokens = take_tokens(text, 100, "v3")
    assert text.startswith(taken)
    assert 90 <= tokens <= 100
    assert tokens == counted_by_ctok(taken, "v3")


ATOM = re.compile("⟨(?:bow|eow|shift|caps|pad)⟩")


def vocabulary(version: str) -> list[str]:
    return [
        piece
        for piece, seen in ctok.pieces(version).items()
        if seen["kind"] not in {"prefix", "special"}
    ]


@pytest.mark.parametrize("version", ["3.0", "4.8"])
def test_marks_open_and_close_pieces_and_stand_nowhere_else(version: str) -> None:
    shape = re.compile("(?:⟨shift⟩|⟨caps⟩)*(?:⟨bow⟩)?(.*?)(?:⟨eow⟩)?", re.DOTALL)
    for piece in vocabulary(version):
        match = shape.fullmatch(piece)
        assert match
        assert not ATOM.search(match[1]), piece


@pytest.mark.parametrize("version", ["3.0", "4.8"])
def test_digits_spaces_and_ideographs_share_no_piece_with_anything_else(version: str) -> None:
    plain = {ATOM.sub("", piece) for piece in vocabulary(version)}
    for piece in plain:
        alone = [
            c for c in piece if unicodedata.category(c) == "Lo" and c >= "\u2e80" and len(piece) > 1
        ]
        assert not any("一" <= c <= "鿿" or "가" <= c <= "힣" or c > "\uffff" for c in alone), piece
        if re.search("[0-9]", piece):
            assert re.fullmatch("[0-9]{1,3}", piece), piece
        if re.search(r"[ \t\n\u3000]", piece):
            assert re.fullmatch(r"[ \t\n\u3000]+", piece), piece
    digits = {"".join(group) for n in (1, 2, 3) for group in product("0123456789", repeat=n)}
    assert digits <= plain


@pytest.mark.parametrize("version", ["3.0", "4.8"])
def test_the_probes_cost_one_token_each_and_stay_apart(version: str) -> None:
    assert ctok.tokenize("a中", version)[-2:] == ["⟨bow⟩a⟨eow⟩", "中"]
