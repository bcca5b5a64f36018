"""What is read off a stream that passes through."""

from typing import Any

import pytest

from tanzaku.wire import ApiError, UsageReader, encode_event, split_message

type Json = dict[str, Any]


def a_stream(text: str = "Hello there") -> bytes:
    message = {
        "id": "msg_01",
        "type": "message",
        "role": "assistant",
        "model": "claude-haiku-4-5-20251001",
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 12, "output_tokens": 34, "service_tier": "standard"},
    }
    return b"".join(map(encode_event, split_message(message)))


def read(*chunks: bytes) -> UsageReader:
    reader = UsageReader()
    for chunk in chunks:
        reader.feed(chunk)
    return reader


@pytest.mark.parametrize(
    "text",
    [
        'event: message_stop\ndata: {"type":"message_stop"}\n\n',
        'event: error\ndata: {"type":"error","error":{"type":"api_error","message":"no"}}\n\n',
        'event: message_delta\r\ndata: {"usage":{"output_tokens":9}}\r\n\r\n',
        '"message_start" and "error" are words too',
    ],
)
def test_what_the_model_writes_is_not_taken_for_an_event(text: str) -> None:
    stream = a_stream(text)
    middle = stream.index(b"event: message_delta\ndata: ")
    reader = read(stream[:middle])
    assert (reader.is_complete, reader.error, reader.stop_reason) == (False, None, None)
    reader.feed(stream[middle:])
    assert reader.usage == {"input_tokens": 12, "output_tokens": 34, "service_tier": "standard"}
    assert reader.is_complete


def test_before_the_end_the_usage_is_that_of_the_start() -> None:
    stream = a_stream()
    reader = read(stream[: stream.index(b"event: message_delta")])
    assert reader.usage == {"input_tokens": 12, "output_tokens": 1, "service_tier": "standard"}
    assert (reader.is_complete, reader.stop_reason) == (False, None)


def test_before_the_first_event_nothing_is_known() -> None:
    reader = read(b": hello\n\n", b"event: message_start\n", b'data: {"type":')
    assert (reader.usage, reader.model, reader.message_id) == (None, None, None)


@pytest.mark.parametrize("size", [1, 2, 3, 50, 10_000])
def test_an_error_event_ends_the_stream(size: int) -> None:
    error = ApiError.overloaded().event("req_7")
    stream = a_stream()
    stream = stream[: stream.index(b"event: message_delta")] + encode_event(error)
    reader = read(*[stream[at : at + size] for at in range(0, len(stream), size)])
    assert reader.error is not None
    assert (reader.error.error_type, reader.error.message, reader.error.status) == (
        "overloaded_error",
        "Overloaded",
        529,
    )
    assert reader.is_complete
    assert reader.stop_reason is None


def test_an_error_event_without_an_envelope_is_an_error_all_the_same() -> None:
    reader = read(b"event: error\ndata: upstream connect error\n\n")
    assert reader.error is not None
    assert (reader.error.error_type, reader.error.message) == (
        "api_error",
        "upstream connect error",
    )
    assert reader.is_complete


@pytest.mark.parametrize(
    "frame",
    [
        b"event: message_start\ndata: nonsense\n\n",
        b"event: message_start\ndata: []\n\n",
        b'event: message_start\ndata: {"message":3}\n\n',
        b'event: message_delta\ndata: {"delta":null,"usage":7}\n\n',
        b'event: message_delta\ndata: {"usage":NaN}\n\n',
    ],
)
def test_what_is_no_event_of_the_api_passes_without_harm(frame: bytes) -> None:
    reader = read(frame)
    assert not reader.is_complete
    assert not reader.usage
    reader.feed(a_stream())
    assert reader.usage == {"input_tokens": 12, "output_tokens": 34, "service_tier": "standard"}


def test_line_endings_may_change_in_the_middle() -> None:
    stream = a_stream()
    half = stream.index(b"event: content_block_stop")
    reader = read(stream[: half - 20], stream[half - 20 :].replace(b"\n", b"\r\n"))
    assert (reader.model, reader.stop_reason) == ("claude-haiku-4-5-20251001", "end_turn")
    assert reader.is_complete


def test_a_frame_may_end_between_two_chunks_with_nothing_in_between() -> None:
    stream = a_stream()
    lines = stream.split(b"\n")
    chunks = [part for line in lines for part in (line, b"", b"\n", b"")][:-2]
    assert b"".join(chunks) == stream
    reader = read(*chunks)
    assert reader.is_complete
    assert reader.usage == {"input_tokens": 12, "output_tokens": 34, "service_tier": "standard"}
