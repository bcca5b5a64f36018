"""Merge patches (RFC 7386), for plain values and for values that know their places."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tanzaku.core.plain_yaml import Place, parse_yaml
from tanzaku.workbench.project import build_entry, merge_entries, merge_patch

# RFC 7386, appendix A, all fifteen.
RFC_CASES: list[tuple[Any, Any, Any]] = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]
HERE = Place("x.yaml", 1, 1)
JSON = st.recursive(
    st.none() | st.integers(0, 3) | st.text("ab", max_size=2),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=10,
)


@pytest.mark.parametrize(("target", "patch", "merged"), RFC_CASES)
def test_the_cases_of_the_rfc(target: Any, patch: Any, merged: Any) -> None:
    assert merge_patch(target, patch) == merged
    entries = merge_entries(build_entry(target, HERE), build_entry(patch, HERE))
    assert entries.plain == merged


@given(JSON, JSON)
def test_both_forms_agree_and_a_patch_merged_twice_is_merged_once(target: Any, patch: Any) -> None:
    once = merge_patch(target, patch)
    assert merge_patch(once, patch) == once
    entries = merge_entries(build_entry(target, HERE), build_entry(patch, HERE))
    assert entries.plain == once


def test_every_part_keeps_its_own_place() -> None:
    target = parse_yaml("a: 1\nb:\n  c: 2\n  d: 3\n", "requests/x.yaml")
    patch = parse_yaml("with:\n  b: {d: 4}\n", "suites/y.suite.yaml").as_mapping()["with"]
    merged = merge_entries(target, patch).as_mapping()
    b = merged["b"].as_mapping()
    assert str(merged["a"].place) == "requests/x.yaml:1:4"
    assert str(b["c"].place) == "requests/x.yaml:3:6"
    assert str(b["d"].place) == "suites/y.suite.yaml:2:10"
