"""What is read off an answer that is already here: Claude's, cut, out of order, or somebody else's."""

import json
from typing import Any

import pytest

from tanzaku.core import SseDecoder, SseFrame
from tanzaku.exchange import Exchange, Settlement, Timings
from tanzaku.wire import encode_event, split_message
from tanzaku.workbench.sending import Reply, TimedFrame

MESSAGE: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-haiku-4-5-20251001",
    "content": [
        {"type": "thinking", "thinking": "Let me look.", "signature": "c2ln"},
        {"type": "text", "text": "一", "citations": None},
        {"type": "text", "text": "二", "citations": None},
        {
            "type": "tool_use",
            "id": "toolu_1",
            "name": "weather",
            "input": {"city": "北京", "days": 3},
        },
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {"input_tokens": 5, "output_tokens": 90},
}
EVENTS = [encode_event(event) for event in split_message(MESSAGE)]
STREAM = "text/event-stream; charset=utf-8"


def a_reply(
    body: bytes,
    content_type: str = STREAM,
    *,
    path: str = "/v1/messages",
    status: int = 200,
    gap_ms: float = 0.0,
) -> Reply:
    frames = list(SseDecoder().feed(body)) if content_type.startswith("text/event-stream") else []
    exchange = Exchange(
        exchange_id="wb_1",
        started_at=0.0,
        method="POST",
        path=path,
        request_headers=[],
        request_body=b"",
        settlement=Settlement(
            settled_at=1.0,
            status=status,
            route="x",
            response_headers=[("content-type", content_type), ("x-two", "a"), ("x-two", "b")],
            response_body=body,
            timings=Timings(1.0, 2.0),
            attempts=[],
            usage=MESSAGE["usage"],
        ),
    )
    return Reply(
        exchange, tuple(TimedFrame(100 + gap_ms * n, frame) for n, frame in enumerate(frames))
    )


def without(kind: str) -> bytes:
    return b"".join(one for one in EVENTS if not one.startswith(b"event: %b\n" % kind.encode()))


def test_a_message_is_read_the_same_whole_and_streamed() -> None:
    for reply in (
        a_reply(b"".join(EVENTS)),
        a_reply(json.dumps(MESSAGE).encode(), "application/json"),
    ):
        assert reply.message == reply.json == MESSAGE
        assert (reply.text, reply.thinking) == ("一二", "Let me look.")
        assert [call["input"] for call in reply.tool_calls] == [{"city": "北京", "days": 3}]
        assert reply.stream_problem is None
        assert reply.headers["x-two"] == "a, b"


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"".join(EVENTS[:-1]), "message_stop never came"),
        (without("message_start"), "content_block_start came before message_start"),
        (without("content_block_start"), "content_block_delta came for content block 0"),
        (b"".join(EVENTS) + EVENTS[-1], "message_stop came after the end"),
        (b"".join(EVENTS[:3] + EVENTS), "a second message_start came"),
        (
            b"".join(EVENTS).replace(b"event: message_start\n", b""),
            "message_start has no event line",
        ),
        (
            b"".join(EVENTS).replace(b"event: message_delta", b"event: message_stop"),
            "the event message_stop carries the data of message_delta",
        ),
        (
            b"event: message_start\ndata: {not json\n\n",
            "the data of message_start is no JSON object",
        ),
        (b"", "no message_start came"),
        (b"event: ping\ndata: {}\n\n", "no message_start came"),
    ],
)
def test_an_order_that_claude_has_not_is_named(body: bytes, problem: str) -> None:
    assert problem in (a_reply(body).stream_problem or "")


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b"data: hello\n\n", "/chat"),
        (b"", "/chat"),
        (b'event: error\ndata: {"type": "error", "error": "out of stock"}\n\n', "/chat"),
        (b'event: message\ndata: {"type": "message", "content": []}\n\n', "/v1/messages/batches"),
        (b'event: ping\ndata: {"type": "ping"}\n\n', "/chat"),
    ],
)
def test_a_strangers_stream_has_no_order(body: bytes, path: str) -> None:
    reply = a_reply(body, path=path)
    assert (reply.stream_problem, reply.message, reply.blocks) == (None, None, [])
    assert reply.text == body.decode()


def test_an_error_without_events_is_no_stream_out_of_order() -> None:
    assert a_reply(b"", status=529).stream_problem is None
    assert a_reply(b"", status=200).stream_problem == "no message_start came"


def test_claudes_stream_is_known_by_its_events_on_any_path() -> None:
    reply = a_reply(b"".join(EVENTS[:-1]), path="/relay")
    assert reply.message == MESSAGE
    assert reply.stream_problem == "message_stop never came"


@pytest.mark.parametrize("written", ['{"city": "北', '{"city": nope', ""])
def test_arguments_that_are_cut_off_or_no_json_are_kept_as_they_were_written(written: str) -> None:
    number = len(MESSAGE["content"]) - 1
    events = [json.loads(one.partition(b"data: ")[2]) for one in EVENTS]
    first, *others = (
        event for event in events if event.get("delta", {}).get("type") == "input_json_delta"
    )
    first["delta"]["partial_json"] = written
    kept = [encode_event(event) for event in events if event not in others]
    reply = a_reply(b"".join(kept))
    assert reply.streamed_inputs == {number: written}
    assert [call["name"] for call in reply.tool_calls] == ["weather"]
    assert (reply.text, reply.thinking) == ("一二", "Let me look.")
    is_json_so_far = written != '{"city": nope'
    assert (reply.stream_problem is None) == is_json_so_far


def test_an_error_event_ends_a_stream_and_is_no_fault_of_its_order() -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    reply = a_reply(b"".join(EVENTS[:6]) + encode_event(error))
    assert reply.stream_problem is None
    assert reply.read.error is not None
    assert (reply.read.error.error_type, reply.read.error.status) == ("overloaded_error", 529)
    assert reply.thinking == "Let me look."


def test_figures_of_a_stream_are_of_its_events() -> None:
    reply = a_reply(b"".join(EVENTS), gap_ms=100.0)
    seconds = (len(EVENTS) - 1) * 0.1
    assert reply.max_gap_ms == pytest.approx(100.0)
    assert reply.tokens_per_s == pytest.approx(90 / seconds)
    at_once = a_reply(b"".join(EVENTS))
    assert (at_once.max_gap_ms, at_once.tokens_per_s) == (0.0, None)
    one = a_reply(EVENTS[0])
    assert (one.max_gap_ms, one.tokens_per_s) == (None, None)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/plain; charset=GBK", "订单".encode("gbk")),
        ('text/plain; x=1; Charset="gb18030"', "订单".encode("gb18030")),
        ("text/plain; charset=nobody-knows", "订单".encode()),
        ("text/plain; charset=base64", "订单".encode()),
        ("text/plain", "订单".encode()),
        ("", "订单".encode()),
    ],
)
def test_a_text_is_read_in_its_charset(content_type: str, body: bytes) -> None:
    reply = a_reply(body, content_type)
    assert (reply.text, reply.body_text) == ("订单", "订单")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"NaN", b'{"a": Infinity}', b"[" * 100_000, b"\xff", b"1" * 5000]
)
def test_what_is_no_json_raises_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - json's own, whatever they say
        _ = a_reply(body, "application/json").json


@pytest.mark.parametrize(
    "odd",
    [
        {"type": "message"},
        {"type": "message", "content": "hi"},
        {"type": "message", "content": [None, {"text": "x"}, {"type": "text"}]},
        [],
        "message",
    ],
)
def test_what_looks_like_a_message_and_is_none_harms_nobody(odd: Any) -> None:
    reply = a_reply(json.dumps(odd).encode(), "application/json", path="/mail")
    assert (reply.tool_calls, reply.thinking, reply.json) == ([], "", odd)
    assert reply.text in ("", reply.body_text)


def test_events_are_told_with_names_and_data() -> None:
    reply = a_reply(b'event: a\ndata: {"x": 1}\n\ndata: plain\n\n', path="/chat", gap_ms=5.0)
    assert reply.events == [(100.0, "a", {"x": 1}), (105.0, "", "plain")]
    assert reply.frames[0].frame == SseFrame("a", b'{"x": 1}')
