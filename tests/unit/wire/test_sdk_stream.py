"""The official SDK as the independent reader of our streams: it must end with our message."""

import itertools
from collections.abc import Iterator
from typing import Any, override

import anthropic
import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tanzaku.core import canonical_json
from tanzaku.wire import ApiError, encode_event, split_message

type Json = dict[str, Any]


class Chunks(httpx2.SyncByteStream):
    def __init__(self, chunks: list[bytes]) -> None:
        self.chunks = chunks

    @override
    def __iter__(self) -> Iterator[bytes]:
        return iter(self.chunks)


def ask_sdk(chunks: list[bytes]) -> tuple[list[Json], Json]:
    """The raw events and the final message that `messages.stream` makes of `chunks`."""

    def answer(_: httpx2.Request) -> httpx2.Response:
        headers = {"content-type": "text/event-stream"}
        return httpx2.Response(200, headers=headers, stream=Chunks(chunks))

    with (
        httpx2.Client(transport=httpx2.MockTransport(answer)) as http,
        anthropic.Anthropic(api_key="k", max_retries=0, http_client=http) as client,
        client.messages.stream(
            model="m", max_tokens=9, messages=[{"role": "user", "content": "Hi"}]
        ) as stream,
    ):
        events = [event.to_dict() for event in stream]
        return events, stream.get_final_message().to_dict()


def drop_nulls(value: Any) -> Any:
    """Without the fields that are null: the SDK sets some that a message may leave out."""
    if isinstance(value, dict):
        return {key: drop_nulls(item) for key, item in value.items() if item is not None}
    return [drop_nulls(item) for item in value] if isinstance(value, list) else value


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    borders = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[start:end] for start, end in itertools.pairwise(borders)]


MESSAGE = {
    "id": "msg_01",
    "type": "message",
    "role": "assistant",
    "model": "claude-haiku-4-5-20251001",
    "content": [
        {"type": "thinking", "thinking": "15 × 23 …", "signature": "c2lnbmF0dXJl"},
        {"type": "redacted_thinking", "data": "EmwKAhgB"},
        {
            "type": "server_tool_use",
            "id": "srvtoolu_1",
            "name": "web_search",
            "input": {"query": "短冊"},
            "caller": {"type": "direct"},
        },
        {
            "type": "web_search_tool_result",
            "tool_use_id": "srvtoolu_1",
            "caller": {"type": "direct"},
            "content": [
                {
                    "type": "web_search_result",
                    "title": "Tanzaku",
                    "url": "https://example.org/",
                    "encrypted_content": "x",
                    "page_age": "2 days",
                }
            ],
        },
        {
            "type": "text",
            "text": "A strip of paper.\nSo it is said 😀, event: error",
            "citations": [
                {
                    "type": "char_location",
                    "cited_text": "paper",
                    "document_index": 0,
                    "document_title": "Papers",
                    "start_char_index": 1,
                    "end_char_index": 6,
                }
            ],
        },
        {
            "type": "tool_use",
            "id": "toolu_1",
            "name": "calculator",
            "input": {"expression": "15*23", "digits": 2, "scale": 1.5, "deep": {"a": [[], {}]}},
        },
        {"type": "tool_use", "id": "toolu_2", "name": "now", "input": {}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 100,
        "cache_creation_input_tokens": 30,
        "cache_read_input_tokens": 20,
        "cache_creation": {"ephemeral_5m_input_tokens": 30, "ephemeral_1h_input_tokens": 0},
        "output_tokens": 250,
        "output_tokens_details": {"thinking_tokens": 40},
        "server_tool_use": {"web_search_requests": 1, "web_fetch_requests": 0},
        "service_tier": "standard",
        "inference_geo": "global",
    },
}


@pytest.mark.parametrize("size", [1, 7, 100_000])
@pytest.mark.parametrize("input_pieces", [None, list])
def test_the_sdk_ends_with_the_message_we_split(
    size: int, input_pieces: type[list[str]] | None
) -> None:
    stream = b"".join(map(encode_event, split_message(MESSAGE, input_pieces=input_pieces)))
    _, message = ask_sdk([stream[at : at + size] for at in range(0, len(stream), size)])
    assert canonical_json(drop_nulls(message)) == canonical_json(drop_nulls(MESSAGE))


KNOWN_BLOCKS = ("text", "thinking", "redacted_thinking", "tool_use")


@settings(max_examples=25)
@given(data=st.data(), places=st.lists(st.integers(0, 10**6), max_size=5))
def test_the_sdk_ends_with_any_message_of_the_blocks_it_knows(
    data: st.DataObject, messages: SearchStrategy[Json], places: list[int]
) -> None:
    message = data.draw(messages)
    message["content"] = [block for block in message["content"] if block["type"] in KNOWN_BLOCKS]
    _, read = ask_sdk(cut(b"".join(map(encode_event, split_message(message))), places))
    for part in ("content", "usage", "stop_reason", "stop_sequence"):
        assert drop_nulls(read[part]) == drop_nulls(message[part])


def test_the_sdk_raises_our_error_event_with_its_type() -> None:
    events = split_message(MESSAGE)[:4]
    error = ApiError.overloaded().event("req_9")
    with pytest.raises(anthropic.APIStatusError) as raised:
        ask_sdk([*map(encode_event, events), encode_event(error)])
    assert (raised.value.status_code, raised.value.type) == (200, "overloaded_error")


def test_the_sdk_hands_our_text_on_piece_by_piece() -> None:
    message = MESSAGE | {"content": [{"type": "text", "text": "One by one"}]}
    events, _ = ask_sdk([*map(encode_event, split_message(message, pieces=list))])
    assert [event["text"] for event in events if event["type"] == "text"] == list("One by one")
