"""No request, however broken, gets another answer than violations."""

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tanzaku.catalog import get_model
from tanzaku.wire import validate

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 99_999) | st.floats(-9, 9) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "text", "name", "content", "$ref"]), inner)
    ),
    max_leaves=6,
)
MARK = {"cache_control": {"type": "ephemeral"}}
FULL: dict[str, Any] = {
    "model": "claude-haiku-4-5",
    "max_tokens": 9000,
    "system": [{"type": "text", "text": "Be brief.", **MARK}],
    "thinking": {"type": "enabled", "budget_tokens": 1024},
    "output_config": {
        "format": {
            "type": "json_schema",
            "schema": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "a": {"type": "array", "items": {"$ref": "#/$defs/n"}},
                    "b": {"anyOf": [{"type": ["string", "null"]}, {"enum": [1]}]},
                },
                "$defs": {"n": {"type": "string", "format": "date"}},
            },
        }
    },
    "tools": [{"name": "look_up", "strict": True, "input_schema": {"type": "object"}}],
    "tool_choice": {"type": "auto"},
    "stop_sequences": ["END"],
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "document", "source": {"type": "url", "url": "u"}, "citations": None},
                {
                    "type": "search_result",
                    "source": "s",
                    "title": "t",
                    "content": [{"type": "text", "text": "x", "citations": []}],
                },
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "", "signature": "s"},
                {"type": "tool_use", "id": "toolu_1", "name": "look_up", "input": {}, **MARK},
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "toolu_1",
                    "content": [{"type": "text", "text": "42", **MARK}],
                },
                {"type": "text", "text": "So?"},
            ],
        },
    ],
}


def list_places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = enumerate(node) if isinstance(node, list) else node.items()
    places: list[tuple[Any, ...]] = []
    for key, child in children:
        places.append((*path, key))
        if isinstance(child, dict | list):
            places += list_places(child, (*path, key))
    return places


def put(request: dict[str, Any], place: tuple[Any, ...], value: Any) -> None:
    node: Any = request
    for key in place[:-1]:
        node = node[key]
    node[place[-1]] = value


@settings(max_examples=400)
@given(st.sampled_from(list_places(FULL)), JSON, st.sampled_from(["2023-06-01", "2026-10-21"]))
def test_any_value_anywhere_gives_violations_of_the_request_and_no_exception(
    place: tuple[Any, ...], value: Any, version: str
) -> None:
    request = copy.deepcopy(FULL)
    put(request, place, value)
    for model in ("claude-haiku-4-5", "claude-haiku-5-5"):
        violations = validate(request, get_model(model), version)
        assert {violation.status for violation in violations} <= {400}
        assert all(str(violation) for violation in violations)


def test_the_full_request_itself_is_refused_for_its_open_strict_tool_alone() -> None:
    [violation] = validate(FULL, get_model("claude-haiku-4-5"))
    assert violation.path == "tools.0.custom"
