"""Where a document stops being JSON: every fault at its place, however it is laid out."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tanzaku.workbench.sending import find_json_problem

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("document", "fault", "line", "column"),
    [
        ("", "empty", 1, 1),
        (" \n ", "empty", 1, 1),
        ('{"a": 1', "cut_off", 1, 8),
        ('{\n  "a": 1,\n', "cut_off", 2, 10),
        ("[1, 2", "cut_off", 1, 6),
        ('{"a":', "cut_off", 1, 6),
        ('{"a": 1 "b": 2}', "comma", 1, 9),
        ('[\n  "一二三" "四"\n]', "comma", 2, 9),
        ('{"a" 1}', "colon", 1, 6),
        ("{a: 1}", "name", 1, 2),
        ("{'a': 1}", "name", 1, 2),
        ('{"a": nope}', "value", 1, 7),
        ('{"a": }', "value", 1, 7),
        ('{"a": tru}', "value", 1, 7),
        ('{"a": 1,}', "trailing", 1, 8),
        ("[1,\n2 ,\n]", "trailing", 2, 3),
        ("[,]", "value", 1, 2),
        ('{"a": "b', "unended", 1, 7),
        ('{"城市": "北', "unended", 1, 8),
        ('{"a": "b\n"}', "control", 1, 9),
        ('{"a": "\\x"}', "escape", 1, 8),
        ('{"a": "\\u12"}', "escape", 1, 9),
        ("{} {}", "extra", 1, 4),
        ('{"NaN": NaN}', "constant", 1, 9),
        ('["Infinity", -Infinity]', "constant", 1, 14),
        ("[1, " + "9" * 5000 + "]", "number", 1, 5),
        (b'{"a": "\xff"}', "encoding", 1, 8),
        ('{"城": "'.encode() + b"\xe5\x8c", "encoding", 1, 8),
        ("[" * 200_000, "depth", 1, 1),
    ],
    ids=range(29),
)
def test_a_fault_is_found_at_its_place(
    document: str | bytes, fault: str, line: int, column: int
) -> None:
    found = find_json_problem(document)
    assert found is not None
    assert (found.fault, found.line, found.column) == (fault, line, column)
    if isinstance(document, str) and document.strip():
        assert found.text == document.split("\n")[line - 1]


@given(VALUES, st.sampled_from([None, 2]), st.booleans())
def test_what_json_writes_has_no_problem(value: Any, indent: int | None, is_ascii: bool) -> None:
    document = json.dumps(value, indent=indent, ensure_ascii=is_ascii)
    assert find_json_problem(document) is None
    assert find_json_problem(document.encode()) is None


@given(st.dictionaries(st.text(max_size=4), VALUES, min_size=1), st.data())
def test_a_document_cut_anywhere_is_faulted_inside_it(value: Any, data: st.DataObject) -> None:
    document = json.dumps(value, indent=2, ensure_ascii=False)
    cut = document[: data.draw(st.integers(0, len(document) - 1))]
    found = find_json_problem(cut)
    assert found is not None
    assert found.fault in {"cut_off", "unended", "empty", "escape", "value"}
    lines = cut.split("\n")
    assert 1 <= found.line <= len(lines)
    assert 1 <= found.column <= len(lines[found.line - 1]) + 1
