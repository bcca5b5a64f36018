"""A message and the events that stream it say the same, in the order the API keeps."""

from collections.abc import Callable
from itertools import cycle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tanzaku.core import canonical_json
from tanzaku.wire import MessageAssembler, StreamError, cut_words, merge_usage, split_message

type Json = dict[str, Any]


def a_message(*blocks: Json, **fields: Any) -> Json:
    return {
        "id": "msg_01",
        "type": "message",
        "role": "assistant",
        "model": "claude-haiku-4-5-20251001",
        "content": list(blocks),
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 12, "output_tokens": 34},
    } | fields


def assemble(events: list[Json]) -> MessageAssembler:
    assembler = MessageAssembler()
    for event in events:
        assembler.feed(event)
    return assembler


def cut_by(sizes: list[int]) -> Callable[[str], list[str]]:
    def cut(text: str) -> list[str]:
        pieces, turns = [], cycle(sizes)
        while text:
            size = next(turns)
            pieces.append(text[:size])
            text = text[size:]
        return pieces

    return cut


def deltas(events: list[Json]) -> list[Json]:
    return [event["delta"] for event in events if event["type"] == "content_block_delta"]


cuts = st.just(cut_words) | st.lists(st.integers(1, 9), min_size=1, max_size=4).map(cut_by)


@given(data=st.data(), pieces=cuts, input_pieces=st.none() | cuts)
def test_assembling_the_events_of_a_message_gives_the_message(
    data: st.DataObject,
    messages: SearchStrategy[Json],
    pieces: Callable[[str], list[str]],
    input_pieces: Callable[[str], list[str]] | None,
) -> None:
    message = data.draw(messages)
    before = canonical_json(message)
    events = split_message(message, pieces=pieces, input_pieces=input_pieces)
    # Bytes, because 1 == 1.0 == True in Python and not on the wire.
    assert canonical_json(assemble(events).message) == before
    assert canonical_json(message) == before


@given(data=st.data())
def test_a_message_sent_again_from_its_assembly_gives_the_same_events(
    data: st.DataObject, messages: SearchStrategy[Json]
) -> None:
    events = split_message(data.draw(messages))
    assert split_message(assemble(events).message) == events


def test_events_come_in_the_order_of_the_api() -> None:
    message = a_message(
        {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
        {"type": "text", "text": "Hello"},
        {"type": "tool_use", "id": "toolu_1", "name": "add", "input": {"a": 1, "b": [2.0]}},
        {"type": "redacted_thinking", "data": "zzz"},
    )
    shown = [
        (event["type"], event.get("delta", {}).get("type"), event.get("index"))
        for event in split_message(message)
    ]
    start, delta, stop = "content_block_start", "content_block_delta", "content_block_stop"
    assert shown == [
        ("message_start", None, None),
        (start, None, 0),
        ("ping", None, None),
        (delta, "thinking_delta", 0),
        (delta, "signature_delta", 0),
        (stop, None, 0),
        (start, None, 1),
        (delta, "text_delta", 1),
        (stop, None, 1),
        (start, None, 2),
        *[(delta, "input_json_delta", 2)] * 4,
        (stop, None, 2),
        (start, None, 3),
        (stop, None, 3),
        ("message_delta", None, None),
        ("message_stop", None, None),
    ]


def test_the_start_holds_no_content_and_no_outcome() -> None:
    message = a_message(
        {"type": "text", "text": "Hello"},
        stop_reason="stop_sequence",
        stop_sequence="END",
        container={"id": "container_1"},
    )
    started = split_message(message)[0]["message"]
    assert [started[key] for key in ("content", "stop_reason", "stop_sequence", "container")] == [
        [],
        None,
        None,
        None,
    ]
    assert started["model"] == "claude-haiku-4-5-20251001"


@pytest.mark.parametrize(
    ("block", "opened"),
    [
        (
            {"type": "text", "text": "Hi", "citations": [{"cited_text": "c"}]},
            {"type": "text", "text": "", "citations": []},
        ),
        (
            {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
            {"type": "thinking", "thinking": "", "signature": ""},
        ),
        *[
            (
                {"type": kind, "id": "t", "name": "n", "input": {"a": 1}},
                {"type": kind, "id": "t", "name": "n", "input": {}},
            )
            for kind in ("tool_use", "server_tool_use", "mcp_tool_use")
        ],
        *[
            (block, block)
            for block in (
                {"type": "redacted_thinking", "data": "zzz"},
                {"type": "web_search_tool_result", "tool_use_id": "t", "content": [{"a": 1}]},
                {"type": "container_upload", "file_id": "file_1"},
            )
        ],
    ],
)
def test_a_block_starts_empty_or_whole_by_its_type(block: Json, opened: Json) -> None:
    assert split_message(a_message(block))[1]["content_block"] == opened


USAGE = {
    "input_tokens": 5,
    "cache_creation_input_tokens": 6,
    "cache_read_input_tokens": 7,
    "cache_creation": {"ephemeral_5m_input_tokens": 6, "ephemeral_1h_input_tokens": 0},
    "output_tokens": 80,
    "output_tokens_details": {"thinking_tokens": 9},
    "server_tool_use": {"web_search_requests": 1},
    "service_tier": "standard",
    "inference_geo": "global",
    "speed": "fast",
}


def test_each_part_of_usage_travels_in_the_event_the_api_puts_it_in() -> None:
    start, *_, delta, _stop = split_message(a_message(usage=USAGE))
    both = {"input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"}
    assert start["message"]["usage"].keys() == both | {
        "output_tokens",
        "cache_creation",
        "service_tier",
        "inference_geo",
        "speed",
    }
    assert start["message"]["usage"]["output_tokens"] == 1
    assert delta["usage"].keys() == both | {
        "output_tokens",
        "output_tokens_details",
        "server_tool_use",
    }
    assert delta["usage"]["output_tokens"] == 80
    assert merge_usage(start["message"]["usage"], delta["usage"]) == USAGE


@pytest.mark.parametrize(
    ("start", "delta", "merged"),
    [
        ({"input_tokens": 5}, {"output_tokens": 2}, {"input_tokens": 5, "output_tokens": 2}),
        ({"input_tokens": 5}, {"input_tokens": 9}, {"input_tokens": 9}),
        ({"input_tokens": 5}, {"input_tokens": None}, {"input_tokens": 5}),
        ({}, {"server_tool_use": None}, {"server_tool_use": None}),
        ({"service_tier": "batch"}, {}, {"service_tier": "batch"}),
    ],
)
def test_totals_of_the_delta_replace_those_of_the_start(
    start: Json, delta: Json, merged: Json
) -> None:
    assert merge_usage(start, delta) == merged


def test_omitted_thinking_streams_its_signature_alone() -> None:
    block = {"type": "thinking", "thinking": "", "signature": "c2ln"}
    events = split_message(a_message(block), pieces=lambda text: [text])
    assert deltas(events) == [{"type": "signature_delta", "signature": "c2ln"}]


def test_a_tools_input_comes_key_by_key_behind_an_empty_piece() -> None:
    block = {
        "type": "tool_use",
        "id": "t",
        "name": "n",
        "input": {"city": "北京", "days": [1, 2.0]},
    }
    pieces = [delta["partial_json"] for delta in deltas(split_message(a_message(block)))]
    assert pieces == ["", '{"city": "北京"', ', "days": [1, 2.0]', "}"]


def test_an_empty_input_is_one_empty_piece() -> None:
    block = {"type": "tool_use", "id": "t", "name": "n", "input": {}}
    events = split_message(a_message(block))
    assert deltas(events) == [{"type": "input_json_delta", "partial_json": ""}]
    assert assemble(events).message["content"] == [block]


def test_a_tools_input_can_be_cut_anywhere() -> None:
    block = {"type": "tool_use", "id": "t", "name": "n", "input": {"a": "xyz"}}
    events = split_message(a_message(block), input_pieces=list)
    assert [d["partial_json"] for d in deltas(events)] == ["", *'{"a": "xyz"}']


def test_citations_come_one_a_delta_before_their_text() -> None:
    citation = {"type": "char_location", "cited_text": "c", "document_index": 0}
    block = {"type": "text", "text": "so it is", "citations": [citation, citation]}
    kinds = [delta["type"] for delta in deltas(split_message(a_message(block)))]
    assert kinds == ["citations_delta", "citations_delta", "text_delta"]


def test_without_a_block_there_is_no_ping() -> None:
    kinds = [event["type"] for event in split_message(a_message())]
    assert kinds == ["message_start", "message_delta", "message_stop"]


@given(text=st.text())
def test_pieces_of_words_join_to_the_text(text: str) -> None:
    assert "".join(cut_words(text)) == text


def test_a_text_without_spaces_is_cut_all_the_same() -> None:
    assert max(map(len, cut_words("春" * 1000))) <= 72


START: Json = {"type": "message_start", "message": a_message() | {"stop_reason": None}}
OPEN: Json = {
    "type": "content_block_start",
    "index": 0,
    "content_block": {"type": "text", "text": ""},
}
WORD: Json = {
    "type": "content_block_delta",
    "index": 0,
    "delta": {"type": "text_delta", "text": "Hi"},
}
CLOSE: Json = {"type": "content_block_stop", "index": 0}
END: Json = {
    "type": "message_delta",
    "delta": {"stop_reason": "end_turn", "stop_sequence": None},
    "usage": {"output_tokens": 3},
}
STOP: Json = {"type": "message_stop"}
BROKEN: Json = {
    "type": "error",
    "error": {"details": None, "type": "overloaded_error", "message": "Overloaded"},
    "request_id": "req_1",
}


@pytest.mark.parametrize(
    ("events", "complaint"),
    [
        ([OPEN], "content_block_start came before message_start"),
        ([STOP], "message_stop came before message_start"),
        ([START, START], "a second message_start came"),
        ([START, WORD], "content_block_delta came for content block 0, which is not open"),
        ([START, CLOSE], "content_block_stop came for content block 0, which is not open"),
        ([START, OPEN, CLOSE, WORD], "content_block_delta came for content block 0"),
        ([START, OPEN, OPEN], "content_block_start 0 came where 1 was due"),
        ([START, OPEN | {"index": 1}], "content_block_start 1 came where 0 was due"),
        ([START, OPEN, END], "message_delta came while content block 0 was open"),
        ([START, OPEN, STOP], "message_stop came while content block 0 was open"),
        ([START, END, STOP, OPEN], "content_block_start came after the end of the stream"),
        ([START, BROKEN, STOP], "message_stop came after the end of the stream"),
        ([START, {"type": "content_block_start", "index": 0}], "content_block_start is malformed"),
        ([START, OPEN | {"content_block": "ab"}], "content_block_start is malformed"),
        (
            [START, OPEN, WORD | {"delta": {"type": "text_delta", "text": 5}}, CLOSE],
            "a piece of text is no text",
        ),
        ([{"type": "message_start"}], "message_start is malformed"),
        ([{"type": "error", "error": "no"}], "error is malformed"),
        (
            [START, OPEN, WORD | {"delta": {"type": "input_json_delta", "partial_json": "{"}}],
            "input_json_delta came for a block of type text",
        ),
    ],
)
def test_an_order_the_api_cannot_produce_is_refused(events: list[Json], complaint: str) -> None:
    assembler = assemble(events[:-1])
    with pytest.raises(StreamError, match=complaint):
        assembler.feed(events[-1])


def test_pings_and_unknown_events_and_deltas_are_passed_over() -> None:
    odd_delta = WORD | {"delta": {"type": "smell_delta", "smell": "rose"}}
    odd_event = {"type": "weather", "sky": "blue"}
    ping = {"type": "ping"}
    quiet = assemble([START, OPEN, WORD, CLOSE, END, STOP])
    noisy = assemble(
        [ping, START, odd_event, OPEN, ping, odd_delta, WORD, CLOSE, END, ping, STOP, ping]
    )
    assert noisy.message == quiet.message
    assert noisy.is_complete


def test_a_stream_that_was_cut_shows_what_came() -> None:
    assembler = assemble([START, OPEN, WORD, WORD])
    assert assembler.message["content"] == [{"type": "text", "text": "HiHi"}]
    assembler.feed(WORD)
    assert assembler.message["content"] == [{"type": "text", "text": "HiHiHi"}]
    assert not assembler.is_complete


def test_a_tools_input_that_was_cut_shows_what_came() -> None:
    block = {"type": "tool_use", "id": "t", "name": "n", "input": {"a": [1, 2], "b": "long"}}
    events = split_message(a_message(block), input_pieces=lambda text: [text[:12]])
    assert assemble(events[:5]).message["content"][0]["input"] == {"a": [1, 2]}


@pytest.mark.parametrize("text", ["nonsense", '{"a": NaN}', '{"a": "\\ud800"}'])
def test_a_tools_input_that_is_no_json_is_refused(text: str) -> None:
    block = {"type": "tool_use", "id": "t", "name": "n", "input": {"a": 1}}
    events = split_message(a_message(block), input_pieces=lambda _: [text])
    with pytest.raises(StreamError, match="the input of a tool call is not JSON"):
        assemble(events)


def test_null_in_the_message_delta_leaves_what_the_start_said() -> None:
    started = START | {"message": a_message(container={"id": "container_1"})}
    ended = END | {"delta": END["delta"] | {"container": None}, "context_management": None}
    message = assemble([started, ended, STOP]).message
    assert message["container"] == {"id": "container_1"}
    assert message["context_management"] is None


def test_no_message_is_shown_before_its_start() -> None:
    with pytest.raises(StreamError, match="no message_start came"):
        assert assemble([{"type": "ping"}]).message


def test_an_error_event_is_kept_and_does_not_complete_the_message() -> None:
    assembler = assemble([START, OPEN, WORD, BROKEN])
    assert assembler.error is not None
    assert (assembler.error.error_type, assembler.error.message, assembler.error.request_id) == (
        "overloaded_error",
        "Overloaded",
        "req_1",
    )
    assert not assembler.is_complete


def test_the_beta_summary_of_a_compaction_arrives_in_one_delta() -> None:
    events = [
        START,
        OPEN | {"content_block": {"type": "compaction", "content": None}},
        WORD | {"delta": {"type": "compaction_delta", "content": "so far"}},
        CLOSE,
    ]
    assert assemble(events).message["content"] == [{"type": "compaction", "content": "so far"}]


def test_the_start_of_a_block_may_already_hold_text() -> None:
    events = [START, OPEN | {"content_block": {"type": "text", "text": "Oh: "}}, WORD, CLOSE]
    assert assemble(events).message["content"] == [{"type": "text", "text": "Oh: Hi"}]


def test_the_assembler_leaves_the_events_as_they_were() -> None:
    events = split_message(a_message({"type": "text", "text": "a b", "citations": [{"n": 1}]}))
    before = canonical_json(events)
    assemble(events)
    assert canonical_json(events) == before
