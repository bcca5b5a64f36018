"""YAML that people write: plain values, each with its place, and what is refused."""

from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from tanzaku.core import InputFileError
from tanzaku.core.plain_yaml import MAX_BYTES, Entry, parse_yaml, read_yaml


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("2023-06-01", "2023-06-01"),
        ("2023-06-01T12:00:00Z", "2023-06-01T12:00:00Z"),
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("null", None),
        ("", None),
        ("007", "007"),
        ("-12", -12),
        ("0", 0),
        ("1_000", "1_000"),
        ("0x1F", "0x1F"),
        ("1.5", 1.5),
        ("-.5e3", -500.0),
        ("1.", 1.0),
        ("12:30", "12:30"),
        ("123456789012345678", 123456789012345678),
        ("4111111111111111111", "4111111111111111111"),
        ("'1'", "1"),
        ('"true"', "true"),
        ("claude-haiku-4-5", "claude-haiku-4-5"),
        ("|\n  a\n  b", "a\nb"),
        (">-\n  a\n  b", "a b"),
        ('"\\u0007"', "\a"),
        ("短冊", "短冊"),
    ],
)
def test_a_scalar_is_what_it_looks_like(source: str, value: object) -> None:
    found = parse_yaml(f"a: {source}", "f").plain["a"]
    assert (found, type(found)) == (value, type(value))


def test_keys_are_text_as_they_are_written() -> None:
    assert parse_yaml("{404: a, true: b, ~: c, 2026-01-01: d}", "f").plain == {
        "404": "a",
        "true": "b",
        "~": "c",
        "2026-01-01": "d",
    }


def test_every_value_knows_its_place_and_its_way_from_the_top() -> None:
    text = "a: 1\nb:\n  - x\n  - {c: 'y', d: [true]}\n"
    top = parse_yaml(text, "f.yaml").as_mapping()
    item = top["b"].as_list()[1].as_mapping()
    assert [(e.key, str(e.place), str(e.name_place)) for e in (top["a"], item["c"])] == [
        ("a", "f.yaml:1:4", "f.yaml:1:1"),
        ("b[1].c", "f.yaml:4:9", "f.yaml:4:6"),
    ]
    assert item["d"].as_list()[0].key == "b[1].d[0]"


BROKEN = {
    "an open list": ("a: [1", "f:1:6: is not YAML: expected ',' or ']', but got '<stream end>'."),
    "a tab": ("a:\n\tb: 1", "f:2:1: is not YAML: found character '\\t' that cannot start any token."),
    "an anchor": ("a: &x 1", "f:1:4: anchors and aliases (`&name`, `*name`) are not read."),
    "an alias": ("a: *x", "f:1:4: anchors and aliases (`&name`, `*name`) are not read."),
    "a merge": ("<<: *x", "f:1:5: anchors and aliases (`&name`, `*name`) are not read."),
    "a tag": ("a: !!str 1", "f:1:4: tags (`!name`) are not read."),
    "a tag on a list": ("a: !x [1]", "f:1:4: tags (`!name`) are not read."),
    "a key twice": (
        "a: 1\nb: 2\na: 3",
        "f:3:1: the key `a` stands here a second time; first in line 1.",
    ),
    "a key that is a list": ("[1]: 2", "f:1:1: a key must be text."),
    "a second document": ("a: 1\n---\nb: 2", "f:2:1: a second document begins here."),
    "a control character": ("ab: \x01", "f:1:5: the character U+0001 may not stand in YAML."),
    "half a character": ("a: b\n\ud800", "f:2:1: the character U+D800 may not stand in YAML."),
    "infinity": ("a: .inf", "f:1:4: .inf is no number JSON can hold."),
    "too large a number": ("a: 1e999", "f:1:4: 1e999 is no number JSON can hold."),
    "too deep": (f"a: {'[' * 40}{']' * 40}", "f:1:43: nested deeper than 40 levels."),
    "too large": ("a" * (MAX_BYTES + 1), "f: is larger than 1048576 bytes."),
}  # fmt: skip


@pytest.mark.requirement("L7")
@pytest.mark.parametrize(("text", "message"), BROKEN.values(), ids=BROKEN.keys())
def test_what_is_refused_is_named_with_its_place(text: str, message: str) -> None:
    with pytest.raises(InputFileError) as caught:
        parse_yaml(text, "f")
    assert caught.value.message == message


def test_forty_levels_are_read() -> None:
    value: Any = parse_yaml(f"{'[' * 40}{']' * 40}", "f").plain
    for _ in range(39):
        [value] = value
    assert value == []


READERS: dict[str, tuple[Callable[[Entry], object], str, object, str, str]] = {
    "text": (Entry.as_text, "hi", "hi", "[短冊]", 'must be text; found ["短冊"].'),
    "truth": (Entry.as_bool, "true", True, "yes", 'must be true or false; found "yes".'),
    "whole number": (
        lambda entry: entry.as_integer(1, 5),
        "5",
        5,
        "6",
        "must be a whole number from 1 to 5; found 6.",
    ),
    "whole number, not true": (
        lambda entry: entry.as_integer(0, 5),
        "0",
        0,
        "true",
        "must be a whole number from 0 to 5; found true.",
    ),
    "number": (
        lambda entry: entry.as_number(0, 1),
        "1",
        1.0,
        "1.01",
        "must be a number from 0 to 1; found 1.01.",
    ),
    "choice": (
        lambda entry: entry.as_choice(("a", "b")),
        "b",
        "b",
        "c",
        'must be one of a, b; found "c".',
    ),
    "list": (lambda entry: len(entry.as_list()), "[1]", 1, "{}", "must be a list; found {}."),
    "mapping": (
        lambda entry: list(entry.as_mapping()),
        "{x: 1}",
        ["x"],
        "[]",
        "must be keys with values; found [].",
    ),
}


@pytest.mark.parametrize(
    ("read", "right", "value", "wrong", "message"), READERS.values(), ids=READERS.keys()
)
def test_a_reader_takes_what_it_asks_for_and_says_what_it_found(
    read: Callable[[Entry], object], right: str, value: object, wrong: str, message: str
) -> None:
    assert read(parse_yaml(f"k: {right}", "f").as_mapping()["k"]) == value
    with pytest.raises(InputFileError) as caught:
        read(parse_yaml(f"k: {wrong}", "f").as_mapping()["k"])
    assert caught.value.message == f"f:1:4: `k` {message}"


def test_a_long_value_is_shown_shortened() -> None:
    entry = parse_yaml(f"k: [{'word, ' * 20}]", "f").as_mapping()["k"]
    with pytest.raises(InputFileError) as caught:
        entry.as_text()
    assert caught.value.message.endswith('found ["word", "word", "word", "word", "word"….')


def test_a_file_may_begin_with_a_byte_order_mark_and_must_be_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n")
    assert read_yaml(path).plain == {"a": 1, "b": 2}
    path.write_bytes(b"a: \xff")
    with pytest.raises(InputFileError, match="is not UTF-8 text: byte 3 cannot be read"):
        read_yaml(path)
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(InputFileError, match="is larger than 1048576 bytes"):
        read_yaml(path)


# The writer leaves the line breaks of YAML 1.1 unescaped, which a reader then folds.
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x85\u2028\u2029"), max_size=12)
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**17), 10**17)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=50)
@given(JSON_VALUES)
def test_what_a_writer_of_yaml_writes_is_read_back(value: object) -> None:
    buffer = StringIO()
    writer = YAML(typ="safe", pure=True)
    writer.dump(value, buffer)
    assert parse_yaml(buffer.getvalue(), "f").plain == value


def read_or_tell(text: str) -> str:
    """Empty where it is read; else what is wrong."""
    try:
        parse_yaml(text, "f.yaml")
    except InputFileError as error:
        return error.message
    return ""


@pytest.mark.requirement("L7")
@given(st.text(max_size=60) | st.text("{}[]:,-'\"&*!|>#%@\n ab", max_size=40))
def test_any_text_is_read_or_refused_with_its_file(text: str) -> None:
    told = read_or_tell(text)
    assert told == "" or told.startswith("f.yaml:")
