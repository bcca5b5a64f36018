"""What finds a request again: the same question has the same key, another question another."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tanzaku.exchange import NormalRequest

MESSAGES = "/v1/messages"
TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)
INPUTS = st.dictionaries(TEXTS, st.none() | st.integers() | TEXTS | st.lists(TEXTS, max_size=2))
MARK = {"type": "ephemeral", "ttl": "5m"}


def normal(body: Any, target: str = MESSAGES, method: str = "POST") -> NormalRequest:
    return NormalRequest(method, target, body)


@st.composite
def conversations(draw: st.DrawFn) -> dict[str, Any]:
    """A loop of an agent: questions, calls, results, in blocks."""
    messages: list[Any] = []
    calls = 0
    for _ in range(draw(st.integers(1, 3))):
        said = [{"type": "text", "text": draw(TEXTS)}]
        for _ in range(draw(st.integers(0, 2))):
            ids = [f"toolu_{calls + at}" for at in range(draw(st.integers(1, 2)))]
            calls += len(ids)
            uses = [
                {"type": "tool_use", "id": one, "name": draw(TEXTS), "input": draw(INPUTS)}
                for one in ids
            ]
            results = [
                {"type": "tool_result", "tool_use_id": one, "content": [text_block(draw(TEXTS))]}
                for one in draw(st.permutations(ids))
            ]
            messages += [{"role": "user", "content": said}, {"role": "assistant", "content": uses}]
            said = [*results, *(said if draw(st.booleans()) else [])]
        messages.append({"role": "user", "content": said})
        messages.append({"role": "assistant", "content": [text_block(draw(TEXTS))]})
    schema = {"type": "object", "properties": draw(INPUTS)}
    tools = [{"name": draw(TEXTS), "description": draw(TEXTS), "input_schema": schema}]
    return {
        "model": "claude-haiku-4-5",
        "max_tokens": 10,
        "system": [text_block(draw(TEXTS))],
        "tools": tools,
        "messages": messages[: draw(st.integers(1, len(messages)))],
    }


def text_block(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def iter_blocks(value: Any) -> Iterator[dict[str, Any]]:
    """System blocks, tools, and the blocks of messages and of tool results."""
    for holder in value:
        yield from [holder] if "role" not in holder else []
        content = holder.get("content")
        if isinstance(content, list):
            yield from iter_blocks(content)


def list_blocks(body: dict[str, Any]) -> list[dict[str, Any]]:
    return [block for name in ("system", "tools", "messages") for block in iter_blocks(body[name])]


def list_texts(body: dict[str, Any]) -> list[tuple[dict[str, Any], str]]:
    """Every place of a text that a model reads."""
    names = ("text", "name", "description")
    return [(block, name) for block in list_blocks(body) for name in names if name in block]


def reverse_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: reverse_keys(value[key]) for key in reversed(value)}
    return [reverse_keys(item) for item in value] if isinstance(value, list) else value


def give_other_ids(body: dict[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps(body).replace('"toolu_', '"toolu_01Other'))


def mark_for_caching(body: dict[str, Any]) -> dict[str, Any]:
    for block in list_blocks(body):
        block["cache_control"] = MARK
    return body | {"cache_control": MARK}


def shorten_texts(body: dict[str, Any]) -> dict[str, Any]:
    for holder in [*list_blocks(body), *body["messages"], body]:
        for name in ("content", "system"):
            match holder.get(name):
                case [{"type": "text", "text": text}] if len(holder[name]) == 1:
                    holder[name] = text
    return body


def add_settings(body: dict[str, Any]) -> dict[str, Any]:
    for block in list_blocks(body):
        block["citations"] = None
    return body | {
        "max_tokens": 4096,
        "stream": True,
        "metadata": {"user_id": "u"},
        "tool_choice": None,
    }


@pytest.mark.fidelity(
    "replay",
    "a request is found by model, system, tools and messages, whatever ids and marks it has",
    "exact",
    "docs/recordings.md",
)
@pytest.mark.parametrize(
    "change", [reverse_keys, give_other_ids, mark_for_caching, shorten_texts, add_settings]
)
@given(body=conversations())
def test_what_is_no_part_of_the_question_does_not_change_its_keys(change: Any, body: Any) -> None:
    changed = change(copy.deepcopy(body))
    assert normal(changed).exact == normal(body).exact
    assert normal(changed).anchor == normal(body).anchor


@given(body=conversations(), data=st.data())
def test_any_other_text_is_another_question(body: Any, data: st.DataObject) -> None:
    before = normal(copy.deepcopy(body)).exact
    places = list_texts(body)
    block, name = places[data.draw(st.integers(0, len(places) - 1))]
    text = data.draw(TEXTS)
    assume(text != block[name])
    block[name] = text
    assert normal(body).exact != before


@given(body=conversations(), data=st.data())
def test_any_other_input_of_a_tool_is_another_question(body: Any, data: st.DataObject) -> None:
    calls = [block for block in list_blocks(body) if block.get("type") == "tool_use"]
    assume(calls)
    before = normal(copy.deepcopy(body)).exact
    call = calls[data.draw(st.integers(0, len(calls) - 1))]
    value = data.draw(INPUTS)
    assume(json.dumps(value, sort_keys=True) != json.dumps(call["input"], sort_keys=True))
    call["input"] = value
    assert normal(body).exact != before


@pytest.mark.parametrize(
    "other",
    [
        {"model": "claude-haiku-5-5"},
        {"messages": [{"role": "assistant", "content": "q"}]},
        {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]},
        {"tools": [{"name": "t", "input_schema": {"type": "object", "properties": {"x": {}}}}]},
        {"tools": []},
        {"system": "Be brief."},
        {"thread": {"type": "continue", "previous_message_id": "msg_1"}},
    ],
)
def test_each_part_of_the_conversation_counts(other: dict[str, Any]) -> None:
    tools = [{"name": "t", "input_schema": {"type": "object"}}]
    body = {
        "model": "claude-haiku-4-5",
        "messages": [{"role": "user", "content": "q"}],
        "tools": tools,
    }
    assert normal(body | other).exact != normal(body).exact


def test_which_call_a_result_is_for_counts_although_its_id_does_not() -> None:
    def ask(first: str, second: str) -> str:
        calls = [{"type": "tool_use", "id": i, "name": "t", "input": {}} for i in ("a", "b")]
        results = [
            {"type": "tool_result", "tool_use_id": first, "content": "one"},
            {"type": "tool_result", "tool_use_id": second, "content": "two"},
        ]
        messages = [{"role": "assistant", "content": calls}, {"role": "user", "content": results}]
        return normal({"model": "m", "messages": messages}).exact

    assert ask("a", "b") != ask("b", "a")


def test_an_input_named_like_a_mark_or_an_id_counts() -> None:
    def ask(value: Any) -> str:
        call = {"type": "tool_use", "id": "a", "name": "t", "input": value}
        return normal({"messages": [{"role": "assistant", "content": [call]}]}).exact

    keys = [ask(v) for v in ({}, {"cache_control": 1}, {"id": "x"}, {"id": "y"}, {"null": None})]
    assert len(set(keys)) == len(keys)


def test_a_new_thread_is_the_conversation_it_carries() -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "q"}]}
    assert normal(body | {"thread": {"type": "create"}}).exact == normal(body).exact


def test_messages_and_count_tokens_are_asked_apart_and_beta_is_not() -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "q"}]}
    assert normal(body, "/v1/messages?beta=true").exact == normal(body).exact
    assert normal(body, "/v1/messages/count_tokens").exact != normal(body).exact


def test_a_list_is_found_by_its_query_in_any_order() -> None:
    def ask(target: str) -> str:
        return normal(None, target, "GET").exact

    assert ask("/v1/models?limit=2&after_id=a") == ask("/v1/models?after_id=a&limit=2&beta=true")
    assert ask("/v1/models?limit=2") != ask("/v1/models?limit=3") != ask("/v1/models")


def test_the_anchor_is_what_was_said_last_and_what_came_in_since() -> None:
    question = {"role": "user", "content": "Where is it?"}
    call = {
        "role": "assistant",
        "content": [{"type": "tool_use", "id": "a", "name": "t", "input": {}}],
    }
    result = {
        "role": "user",
        "content": [{"type": "tool_result", "tool_use_id": "a", "content": "R"}],
    }
    before = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    both = {
        "role": "user",
        "content": [*result["content"], {"type": "text", "text": "Where is it?"}],
    }

    def anchor(*messages: Any, **more: Any) -> str | None:
        return normal({"model": "m", "messages": list(messages)} | more).anchor

    assert anchor(*before, question) == anchor(question)
    assert anchor(*before, question, call, result) == anchor(question, call, result)
    different = [
        anchor(question),
        anchor(question, call, result),
        anchor(question, call, result, call, result),
        anchor(question, call, both),
        anchor(question, {"role": "assistant", "content": "It is"}),
        anchor(question, {"role": "assistant", "content": "It was"}),
        anchor(question, system="Be brief."),
        anchor(question, tools=[{"name": "t"}]),
    ]
    assert len(set(different)) == len(different)
    assert anchor(question, model="another") == anchor(question)
    assert anchor(question, thread={"type": "continue", "previous_message_id": "msg_1"}) is None


@pytest.mark.parametrize(
    "body", [None, [], "text", 5, {}, {"messages": 5}, {"messages": [5, None]}]
)
def test_a_body_that_is_no_conversation_has_a_key_all_the_same(body: Any) -> None:
    assert len(normal(body).exact) == 32
    assert normal(body).exact == normal(copy.deepcopy(body)).exact
