"""Merge patches (RFC 7386), for plain values and for requests, whose parts know their places."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.projects import write_project
from tanzaku.core.plain_yaml import parse_yaml
from tanzaku.workbench.project import load_request, merge_patch

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


def _merge(target: Any, patch: Any) -> Any:
    """The algorithm of the RFC's section 2, word for word."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            if name in result:
                del result[name]
        else:
            result[name] = _merge(result.get(name), value)
    return result


@given(JSON, JSON)
def test_any_patch_does_what_the_rfc_says_and_changes_neither_side(target: Any, patch: Any) -> None:
    before = deepcopy((target, patch))
    assert merge_patch(target, patch) == _merge(target, patch)
    assert (target, patch) == before


def test_every_part_of_a_patched_request_keeps_its_own_place(tmp_path: Path) -> None:
    text = "tanzaku: request/v1\nmethod: POST\npath: /x\nbody:\n  a: 1\n  b:\n    c: 2\n    d: 3\n"
    write_project(tmp_path, {"requests/ask.yaml": text})
    suite = parse_yaml("with:\n  body: {b: {d: 4}}\n", "suites/y.suite.yaml")
    file = load_request("requests/ask.yaml", tmp_path).patched(suite.as_mapping()["with"])
    body = file.entry.as_mapping()["body"].as_mapping()
    b = body["b"].as_mapping()
    assert str(body["a"].place) == f"{tmp_path}/requests/ask.yaml:5:6"
    assert str(b["c"].place) == f"{tmp_path}/requests/ask.yaml:7:8"
    assert str(b["d"].place) == "suites/y.suite.yaml:2:17"
