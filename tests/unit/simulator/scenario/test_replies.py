"""Every kind of reply, read back by the official SDK: as a message and as a stream."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from anthropic import Anthropic, APIStatusError, OverloadedError, RateLimitError
from anthropic.types import Message

from harness.scenarios import CITATIONS, REPLIES
from tanzaku.simulator.scenario import ScenarioRun, parse_scenario

type Connect = Callable[[str], Anthropic]

SEARCH = {"type": "web_search_20260318", "name": "web_search"}
FETCH = {"type": "web_fetch_20260318", "name": "web_fetch"}
CODE = {"type": "code_execution_20260521", "name": "code_execution"}
PAY: dict[str, Any] = {"name": "pay", "input_schema": {"type": "object"}}


def rule(reply: str) -> str:
    return f"rules:\n  - id: r\n    reply: {reply}\n"


def ask(client: Anthropic, prompt: Any = "hello", **fields: Any) -> Message:
    messages = prompt if isinstance(prompt, list) else [{"role": "user", "content": prompt}]
    return client.messages.create(
        model="claude-haiku-4-5", max_tokens=100, messages=messages, **fields
    )


def ask_stream(client: Anthropic, prompt: str = "hello", **fields: Any) -> Message:
    with client.messages.stream(
        model="claude-haiku-4-5",
        max_tokens=100,
        messages=[{"role": "user", "content": prompt}],
        **fields,
    ) as stream:
        return stream.get_final_message()


def dump(message: Message) -> dict[str, Any]:
    """The message without what the SDK's stream helper adds or a new id changes."""
    raw = message.model_dump(mode="json", exclude={"id"}, exclude_none=True)
    for block in raw["content"]:
        block.pop("parsed_output", None)
        if block["type"] == "tool_use":
            block.pop("id")
    return raw


@pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES.keys())
@pytest.mark.fidelity(
    "scenarios",
    "every reply is the same message as JSON and as a stream",
    "exact",
    "SDK 2.12 types and stream accumulator",
)
def test_a_reply_is_the_same_message_as_json_and_as_a_stream(connect: Connect, reply: str) -> None:
    client = connect(rule(reply))
    whole = ask(client)
    Message.model_validate(whole.model_dump(mode="json"), strict=False)
    # Each answer has server tool ids of its own; a second run starts like the first.
    streamed = ask_stream(connect(rule(reply)))
    assert dump(whole) == dump(streamed)
    assert {type(block).__name__ for block in whole.content} == {
        type(block).__name__.removeprefix("Parsed") for block in streamed.content
    }


def test_blocks_stand_in_the_order_of_the_api(connect: Connect) -> None:
    message = ask(
        connect(
            rule(
                "{tool_calls: [{name: pay}], text: t, thinking: h,"
                " web_search: {query: q, results: []}}"
            )
        )
    )
    kinds = ["thinking", "server_tool_use", "web_search_tool_result", "text", "tool_use"]
    assert [block.type for block in message.content] == kinds
    assert message.stop_reason == "tool_use"


def test_tool_calls_get_ids_of_their_own_or_the_one_they_are_given(connect: Connect) -> None:
    client = connect(rule("{tool_calls: [{name: pay, id: toolu_mine}, {name: pay}, {name: pay}]}"))
    ids = [block.id for block in ask(client).content if block.type == "tool_use"]
    assert ids[0] == "toolu_mine"
    assert ids[1].startswith("toolu_01")
    assert len(set(ids)) == 3


@pytest.mark.fidelity(
    "scenarios",
    "a refusal is a 200 with stop_details; category and explanation may be null",
    "documented",
    "page refusals-and-fallback; SDK types/refusal_stop_details.py",
)
def test_a_refusal_says_why(connect: Connect) -> None:
    message = ask(connect(rule("{refusal: {category: bio, explanation: 'Not {{last_user}}.'}}")))
    assert (message.stop_reason, message.content) == ("refusal", [])
    assert message.stop_details is not None
    assert message.stop_details.to_dict() == {
        "type": "refusal",
        "category": "bio",
        "explanation": "Not hello.",
    }
    bare = ask(connect(rule("{text: Well, refusal: {category: null}}")))
    assert bare.stop_details is not None
    assert (bare.stop_details.category, bare.stop_details.explanation) == (None, None)


@pytest.mark.fidelity(
    "scenarios", "all five kinds of citations", "exact", "SDK types/text_citation.py"
)
def test_all_kinds_of_citations_arrive(connect: Connect) -> None:
    reply = f"{{text: The grass., citations: [{', '.join(CITATIONS)}]}}"
    whole, streamed = ask(connect(rule(reply))), ask_stream(connect(rule(reply)))
    for message in (whole, streamed):
        block = message.content[0]
        assert block.type == "text"
        assert block.citations is not None
        assert [type(citation).__name__ for citation in block.citations] == [
            "CitationCharLocation",
            "CitationPageLocation",
            "CitationContentBlockLocation",
            "CitationsWebSearchResultLocation",
            "CitationsSearchResultLocation",
        ]
    assert dump(whole) == dump(streamed)


@pytest.mark.parametrize(
    ("reply", "searches", "fetches"),
    [
        ("{web_search: {query: q, results: []}}", 1, 0),
        ("{web_search: {query: q, error: unavailable}}", 0, 0),
        ("{web_fetch: {url: u, text: t}}", 0, 1),
        ("{web_fetch: {url: u, error: unavailable}}", 0, 0),
        ("{web_search: {query: q}, stop_reason: pause_turn}", 0, 0),
        (
            "{content: [{web_search: {query: q, results: []}}, {web_search: {query: r,"
            " results: []}}, {web_fetch: {url: u, text: t}}]}",
            2,
            1,
        ),
    ],
)
@pytest.mark.fidelity(
    "scenarios",
    "usage counts the searches and fetches that succeeded",
    "guess",
    "page web-search-tool says a failed search is not billed; the rest is believed",
)
def test_guess_usage_counts_the_server_tools_that_succeeded(
    connect: Connect, reply: str, searches: int, fetches: int
) -> None:
    for message in (ask(connect(rule(reply))), ask_stream(connect(rule(reply)))):
        counted = message.usage.server_tool_use
        assert counted is not None
        assert (counted.web_search_requests, counted.web_fetch_requests) == (searches, fetches)


def test_behind_each_search_a_marked_prompt_is_read_from_the_cache(connect: Connect) -> None:
    mark = {"type": "ephemeral"}
    letter = {"type": "text", "text": "A letter. " * 3000, "cache_control": mark}
    once = "{web_search: {query: q, results: []}}"
    plain = ask(connect(rule("hi")), system=[letter]).usage
    assert plain.cache_creation_input_tokens
    asked = connect(rule(f"{{content: [{once}, {{text: And}}, {once}]}}"))
    searched = ask(asked, system=[letter], tools=[SEARCH], cache_control=mark).usage
    assert searched.cache_read_input_tokens
    assert searched.cache_read_input_tokens >= 2 * plain.cache_creation_input_tokens


def test_an_answer_without_server_tools_counts_none(connect: Connect) -> None:
    assert ask(connect(rule("hi"))).usage.server_tool_use is None


@pytest.mark.fidelity(
    "scenarios",
    "code runs in a container of 30 days, the one that the request names if it names one",
    "guess",
    "page code-execution-tool gives the 30 days; that expires_at says them is believed",
)
def test_guess_code_runs_in_a_container_that_a_request_can_name(connect: Connect) -> None:
    client = connect(rule("{code_execution: {code: x, stdout: ''}}"))
    first = ask(client, tools=[CODE]).container
    assert first is not None
    assert first.id.startswith("container_")
    assert first.expires_at.timestamp() > 1_795_000_000
    again = ask(client, tools=[CODE], container=first.id).container
    assert again is not None
    assert again.id == first.id
    assert ask(connect(rule("{text: hi}"))).container is None


@pytest.mark.fidelity(
    "scenarios",
    "a server tool beside a call of the client has no result yet and ends in tool_use",
    "documented",
    "page server-tools",
)
def test_a_server_tool_beside_a_call_has_no_result_yet(connect: Connect) -> None:
    message = ask(connect(rule("{web_search: {query: q}, tool_calls: [{name: pay}]}")))
    assert [block.type for block in message.content] == ["server_tool_use", "tool_use"]
    assert message.stop_reason == "tool_use"


CONTINUED = {
    "search": "{thinking: hm, web_search: {query: q, results: [{url: u, title: t}]}, text: Yes,"
    " citations: [{type: web_search_result_location, cited_text: c, url: u}]}",
    "pause": "{web_search: {query: q}, stop_reason: pause_turn}",
    "fetch": "{web_fetch: {url: 'https://a.example', text: page}, text: Yes}",
    "code": "{code_execution: {code: x, stdout: '1'}, text: Done}",
    "command": "{code_execution: {command: ls, stdout: '1'}, text: Done}",
}


@pytest.mark.fidelity(
    "scenarios",
    "answers with server tools, paused ones too, can be sent back",
    "documented",
    "page server-tools",
)
@pytest.mark.parametrize("reply", CONTINUED.values(), ids=CONTINUED.keys())
def test_an_answer_can_be_sent_back_as_the_api_wants_it(connect: Connect, reply: str) -> None:
    client = connect(f"rules:\n  - {{when: {{turn: 1}}, reply: {reply}}}\n  - {{reply: and on}}\n")
    tools = [SEARCH, FETCH, CODE]
    question = {"role": "user", "content": "hello"}
    first = ask(client, [question], tools=tools)
    answer = {"role": "assistant", "content": first.content}
    messages = [question, answer]
    if first.stop_reason != "pause_turn":
        messages.append({"role": "user", "content": "go on"})
    second = ask(client, messages, tools=tools)
    assert second.content[0].type == "text"
    assert second.content[0].text == "and on"


@pytest.mark.fidelity(
    "scenarios",
    "a rule's error has the API's envelope, codes and headers",
    "exact",
    "SDK 2.12 error classes",
)
def test_an_error_is_the_error_the_sdk_knows(connect: Connect) -> None:
    client = connect(
        rule(
            "{error: {status: 429, message: 'Slow down, {{last_user}}.', retry_after: 1.5,"
            " error_code: ramp_limit_exceeded, headers: {Anthropic-RateLimit-Tokens-Limit: '5'}}}"
        )
    )
    with pytest.raises(RateLimitError) as caught:
        ask(client)
    headers = caught.value.response.headers
    assert headers["retry-after"] == "1.5"
    assert headers["anthropic-ratelimit-tokens-limit"] == "5"
    assert caught.value.body == {
        "type": "error",
        "error": {
            "type": "rate_limit_error",
            "message": "Slow down, hello.",
            "details": {"error_code": "ramp_limit_exceeded"},
        },
        "request_id": caught.value.request_id,
    }


@pytest.mark.fidelity(
    "scenarios",
    "a request that warms the cache is answered by no rule and has no content",
    "documented",
    "page prompt-caching",
)
def test_a_request_that_warms_the_cache_is_asked_of_no_rule(connect: Connect) -> None:
    client = connect(rule("{sequence: [first, second]}"))
    question: Any = [{"role": "user", "content": "hello"}]
    warmed = client.messages.create(model="claude-haiku-4-5", max_tokens=0, messages=question)
    assert (warmed.content, warmed.stop_reason) == ([], "max_tokens")
    assert ask(client).content[0].text == "first"  # type: ignore[union-attr]


def test_an_error_needs_only_its_status(connect: Connect) -> None:
    with pytest.raises(OverloadedError) as caught:
        ask_stream(connect(rule("{error: {status: 529}}")))
    assert caught.value.body["error"]["message"] == "Overloaded"  # type: ignore[index]
    with pytest.raises(APIStatusError) as other:
        ask(connect(rule("{error: {status: 418, type: teapot_error}}")))
    assert other.value.body["error"]["type"] == "teapot_error"  # type: ignore[index]


@pytest.mark.parametrize(
    ("then", "expected"),
    [
        ("", "a b b b"),
        (", then: stay", "a b b b"),
        (", then: cycle", "a b a b"),
        (", then: improvise", "a b ? ?"),
    ],
)
@pytest.mark.fidelity(
    "scenarios",
    "a sequence stays on its last reply, begins again, or leaves it to the improviser",
    "documented",
    "docs/scenarios.md",
)
def test_a_sequence_goes_on_as_it_says(connect: Connect, then: str, expected: str) -> None:
    client = connect(rule(f"{{sequence: [a, {{text: b}}]{then}}}"))
    texts = [ask(client, "count to 2").content[0].text for _ in range(4)]  # type: ignore[union-attr]
    assert " ".join("?" if text == "1, 2" else text for text in texts) == expected


def test_a_sequence_may_hold_errors_and_the_improviser(connect: Connect) -> None:
    client = connect(
        rule("{sequence: [{error: {status: 429, retry_after: 0}}, {improvise: true}, last]}")
    )
    patient = client.with_options(max_retries=1)
    assert ask(patient, "count to 2").content[0].text == "1, 2"  # type: ignore[union-attr]
    assert ask(client).content[0].text == "last"  # type: ignore[union-attr]


def test_a_rule_may_leave_the_answer_to_the_improviser_and_set_state(connect: Connect) -> None:
    run = ScenarioRun(parse_scenario(rule("{improvise: true}") + "    set_state: {a: 1}\n", "s"))
    choice = run.choose({"model": "m", "messages": [{"role": "user", "content": "x"}]}, [], now=0)
    assert (choice.rule, choice.answer, run.state) == ("s/r", None, {"a": 1})


def test_structured_output_is_json_in_one_text(connect: Connect) -> None:
    client = connect(rule("{json: {name: 'Zoë', nested: {n: 1.5, ok: true, none: null}}}"))
    schema = {"type": "object", "additionalProperties": False}
    fields = {"output_config": {"format": {"type": "json_schema", "schema": schema}}}
    [block] = ask(client, **fields).content
    assert block.type == "text"
    assert json.loads(block.text) == {"name": "Zoë", "nested": {"n": 1.5, "ok": True, "none": None}}
