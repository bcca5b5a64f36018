"""Marks go into a body without touching another byte of it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tanzaku.gateway.placement import Mark, insert_marks

TEXTS = st.text(min_size=1, max_size=12) | st.sampled_from(
    ['"', "\\", 'cache_control"', "短冊", "\u2028"]
)
BLOCKS = st.fixed_dictionaries(
    {"type": st.just("text"), "text": TEXTS},
    optional={"extra": st.lists(st.floats(0, 1)), "": TEXTS},
)
CONTENTS = TEXTS | st.lists(BLOCKS, min_size=1, max_size=4)
REQUESTS = st.fixed_dictionaries(
    {
        "model": TEXTS,
        "messages": st.lists(
            st.fixed_dictionaries({"role": TEXTS, "content": CONTENTS}), min_size=1, max_size=4
        ),
    },
    optional={"system": CONTENTS, "tools": st.lists(BLOCKS, min_size=1, max_size=3)},
)


def list_paths(params: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Every block, by an own way through the request."""
    paths: list[tuple[Any, ...]] = [("tools", n) for n in range(len(params.get("tools", [])))]
    contents = [
        (("messages", n, "content"), m["content"]) for n, m in enumerate(params["messages"])
    ]
    if "system" in params:
        contents.insert(0, (("system",), params["system"]))
    for path, content in contents:
        paths += [path] if isinstance(content, str) else [(*path, n) for n in range(len(content))]
    return paths


def mark_by_hand(params: dict[str, Any], marks: list[Mark]) -> Any:
    """The same on the parsed request."""
    whole = json.loads(json.dumps(params))
    for mark in marks:
        holder = whole
        for step in mark.path[:-1]:
            holder = holder[step]
        if isinstance(holder[mark.path[-1]], str):
            holder[mark.path[-1]] = [{"type": "text", "text": holder[mark.path[-1]]}]
            block = holder[mark.path[-1]][0]
        else:
            block = holder[mark.path[-1]]
        block["cache_control"] = {"type": "ephemeral"} | ({"ttl": "1h"} if mark.ttl == "1h" else {})
    return whole


@given(REQUESTS, st.data())
def test_only_the_marks_are_new(params: dict[str, Any], data: st.DataObject) -> None:
    paths = list_paths(params)
    chosen = data.draw(st.lists(st.sampled_from(paths), unique=True, max_size=4))
    marks = [Mark(path, data.draw(st.sampled_from(["5m", "1h"]))) for path in chosen]
    layout: dict[str, Any] = data.draw(
        st.sampled_from(
            [{"indent": 2}, {"separators": (",", ":")}, {"separators": (" ,\n", "\t: ")}]
        )
    )
    body = json.dumps(params, ensure_ascii=data.draw(st.booleans()), **layout).encode()
    marked = insert_marks(body, marks)
    assert json.loads(marked) == mark_by_hand(params, marks)
    rest = iter(marked)
    assert all(byte in rest for byte in body), "the old bytes are there, in their order"
    if not marks:
        assert marked == body


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b'{"messages": []}', "does not stand"),
        (b'{"system": 7}', "not a block"),
        (b'{"system": "a", "system": "b"}', "twice"),
        (b'{"system": "a"', "cut off"),
        (b'["system"]', "does not stand"),
        (b"7", "neither object"),
        (b"\xff", "decode"),
    ],
    ids=["not there", "no block", "twice", "cut off", "a list", "no object", "no text"],
)
def test_a_body_without_the_block_is_refused(body: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        insert_marks(body, [Mark(("system",), "5m")])
