"""How a recorded answer comes: its form, its ids, its pace, its headers."""

import asyncio
import json
from typing import Any

import pytest

from tanzaku.core import UserError
from tanzaku.transport import HttpRequest, get_header
from tanzaku.wire import EventDecoder, MessageAssembler, encode_event, split_message

SOURCE = "docs/recordings.md"


def stream(message: dict[str, Any], step_ms: float = 100.0) -> list[tuple[float | None, Any]]:
    return [(at * step_ms, event) for at, event in enumerate(split_message(message))]


def assemble(body: bytes) -> dict[str, Any]:
    assembler = MessageAssembler()
    for event in EventDecoder().feed(body):
        assembler.feed(event)
    assert assembler.is_complete
    return assembler.message


@pytest.mark.fidelity(
    "replay",
    "a recorded answer comes as it was, byte for byte where it was compact JSON",
    "exact",
    SOURCE,
)
def test_an_answer_comes_in_the_form_it_was_recorded_in(kit: Any) -> None:
    whole = kit.message("Hello there, 短冊.", kit.call("toolu_1", n=[1, None]))
    one = kit.Player([kit.record(kit.ask("a"), whole)]).send(kit.ask("a"))
    assert one.body == json.dumps(whole, separators=(",", ":"), ensure_ascii=False).encode()
    events = stream(whole)
    two = kit.Player([kit.record(kit.ask("a"), events)]).send(kit.ask("a", stream=True))
    assert two.body == b"".join(encode_event(event) for _, event in events)


@pytest.mark.fidelity(
    "replay", "a recorded stream answers a request without one, and the reverse", "exact", SOURCE
)
def test_an_answer_takes_the_form_that_is_asked_for(kit: Any) -> None:
    whole = kit.message("Hello there.", kit.call("toolu_1", n=1), stop_reason="tool_use")
    from_stream = kit.Player([kit.record(kit.ask("a"), stream(whole))]).send(kit.ask("a"))
    assert json.loads(from_stream.body) == whole
    assert get_header(from_stream.headers, b"content-type") == b"application/json"
    from_json = kit.Player([kit.record(kit.ask("a"), whole)]).send(kit.ask("a", stream=True))
    assert assemble(from_json.body) == whole
    content_type = get_header(from_json.headers, b"content-type")
    assert content_type == b"text/event-stream; charset=utf-8"


def test_headers_are_those_recorded_and_the_line_that_answered(kit: Any) -> None:
    exchange = kit.record(kit.ask("a"), kit.message("x"))
    exchange.response.headers.extend(
        [("tanzaku-rule", "improviser"), ("Content-Length", "5"), ("retry-after", "3"),
         ("transfer-encoding", "chunked"), ("content-encoding", "gzip")]
    )  # fmt: skip
    answer = kit.Player([exchange]).send(kit.ask("a"))
    assert answer.headers == [
        (b"content-type", b"application/json"),
        (b"request-id", b"req_rec"),
        (b"retry-after", b"3"),
        (b"tanzaku-rule", b"replay/2"),
    ]


def test_an_error_is_an_error_whatever_form_is_asked_for(kit: Any) -> None:
    refusal = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    answer = kit.Player([kit.record(kit.ask("a"), refusal, status=529)]).send(
        kit.ask("a", stream=True)
    )
    assert (answer.status, json.loads(answer.body)) == (529, refusal)
    broken = [*stream(kit.message("x"))[:3], (500.0, refusal)]
    player = kit.Player([kit.record(kit.ask("a"), broken)])
    whole = player.send(kit.ask("a"))
    assert whole.status == 529
    assert json.loads(whole.body)["error"]["type"] == "overloaded_error"
    assert b"event: error" in player.send(kit.ask("a", stream=True)).body


def test_a_frame_that_was_no_event_is_played_as_it_stood(kit: Any) -> None:
    events = stream(kit.message("x"))
    odd = ": keep-alive\n\n"
    answer = kit.Player([kit.record(kit.ask("a"), [events[0], (0.0, odd), *events[1:]])])
    assert odd.encode() in answer.send(kit.ask("a", stream=True)).body
    assert json.loads(answer.send(kit.ask("a")).body)["content"][0]["text"] == "x"


@pytest.mark.parametrize("form", ["json", "stream"])
def test_ids_of_calls_are_as_recorded(kit: Any, form: str) -> None:
    whole = kit.message(kit.call("toolu_rec"))
    answer = stream(whole) if form == "stream" else whole
    sent = kit.Player([kit.record(kit.ask("a"), answer)]).send(
        kit.ask("a", stream=form == "stream")
    )
    assert b'"id":"toolu_rec"' in sent.body


@pytest.mark.parametrize("form", ["json", "stream"])
def test_an_answer_speaks_of_the_ids_that_the_asking_conversation_has(kit: Any, form: str) -> None:
    """A paused turn goes on with the result of a call that stands in the conversation."""

    def paused(call_id: str) -> dict[str, Any]:
        search = {"type": "server_tool_use", "id": call_id, "name": "web_search", "input": {}}
        return kit.ask("a", {"role": "assistant", "content": [search]})

    found = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_rec", "content": []}
    whole = kit.message(found, kit.call("toolu_new"))
    recorded = kit.record(paused("srvtoolu_rec"), stream(whole) if form == "stream" else whole)
    body = paused("srvtoolu_mine") | {"stream": form == "stream"}
    sent = kit.Player([recorded], "strict").send(body).body
    assert b"srvtoolu_rec" not in sent
    assert b'"tool_use_id":"srvtoolu_mine"' in sent
    assert b'"id":"toolu_new"' in sent


@pytest.mark.fidelity("replay", "no tool id comes twice in one conversation", "exact", SOURCE)
def test_an_id_that_the_conversation_already_has_is_replaced(kit: Any) -> None:
    """Lenient replay may play a call again; the API would refuse its id the second time."""
    question = kit.ask("Where is it?")
    player = kit.Player([kit.record(question, kit.message(kit.call("toolu_rec")))])
    again = kit.ask(
        "Where is it?",
        {"role": "assistant", "content": [kit.call("toolu_rec")]},
        {"role": "user", "content": [kit.result("toolu_rec", "?")]},
        "I do not know.",
        "Where is it?",
    )
    again["messages"][-1]["role"], again["messages"][-2]["role"] = "user", "assistant"
    first = json.loads(player.send(again).body)["content"][0]["id"]
    assert first != "toolu_rec"
    assert first.startswith("toolu_01")
    assert json.loads(player.send(again).body)["content"][0]["id"] == first


@pytest.mark.fidelity(
    "replay", "frames come at their recorded times, scaled, or all at once", "exact", SOURCE
)
@pytest.mark.parametrize("speed", [1.0, 4.0, 0.5])
def test_frames_come_at_their_times(kit: Any, speed: float) -> None:
    whole = kit.message("One two three four five six seven eight nine ten.")
    events = split_message(whole)
    times = [200.0, 200.0, 200.0, *(200.0 + 50 * at for at in range(1, len(events) - 2))]
    player = kit.Player(
        [kit.record(kit.ask("a"), list(zip(times, events, strict=True)))], "lenient", speed
    )
    clock = player.clock

    async def listen() -> list[tuple[float, bytes]]:
        body = json.dumps(kit.ask("a", stream=True)).encode()
        answer = await player.replay(HttpRequest("POST", "/v1/messages", [], body))
        assert not isinstance(answer.body, bytes)
        return [(round(clock.monotonic() * 1000, 6), chunk) async for chunk in answer.body]

    heard = asyncio.run(listen())
    assert [ms for ms, _ in heard] == [ms / speed for ms in sorted(set(times))]
    assert heard[0][1] == b"".join(map(encode_event, events[:3]))
    assert b"".join(chunk for _, chunk in heard) == b"".join(map(encode_event, events))


@pytest.mark.parametrize(
    ("is_stream", "answer_is_stream", "expected_s"),
    [(False, False, 3.0), (True, False, 3.0), (False, True, 0.6)],
)
def test_a_whole_answer_comes_when_it_was_whole(
    kit: Any, is_stream: bool, answer_is_stream: bool, expected_s: float
) -> None:
    whole = kit.message("One.")
    answer: Any = whole
    if answer_is_stream:
        events = split_message(whole)
        answer = [(100.0 * at, event) for at, event in enumerate(events)]
        assert len(events) == 7
    player = kit.Player([kit.record(kit.ask("a"), answer, total_ms=3000.0)], "lenient", 1.0)
    player.send(kit.ask("a", stream=is_stream))
    assert player.clock.monotonic() == pytest.approx(expected_s)


def test_events_without_times_come_with_the_first_byte(kit: Any) -> None:
    """As in a recording that was made of a ledger."""
    events = [(None, event) for event in split_message(kit.message("One."))]
    player = kit.Player(
        [kit.record(kit.ask("a"), events, ttft_ms=400.0, total_ms=900.0)], "lenient", 1.0
    )
    clock = player.clock

    async def listen() -> list[tuple[float, bytes]]:
        body = json.dumps(kit.ask("a", stream=True)).encode()
        answer = await player.replay(HttpRequest("POST", "/v1/messages", [], body))
        assert not isinstance(answer.body, bytes)
        return [(clock.monotonic(), chunk) async for chunk in answer.body]

    ((at, chunk),) = asyncio.run(listen())
    assert at == pytest.approx(0.4)
    assert assemble(chunk) == kit.message("One.")


@pytest.mark.parametrize("speed", [0.0, -1.0, float("inf"), float("nan")])
def test_a_speed_that_is_none_is_refused(kit: Any, speed: float) -> None:
    with pytest.raises(UserError, match="replay speed"):
        kit.Player([], "lenient", speed)


@pytest.mark.parametrize(
    "content",
    [
        [{"type": "text"}],
        [{"type": "thinking", "thinking": "x"}],
        [{"type": "tool_use", "id": "t"}],
    ],
)
def test_an_edited_answer_that_makes_no_stream_says_its_line(kit: Any, content: Any) -> None:
    exchange = kit.record(kit.ask("a"), kit.message(*content))
    answer = kit.Player([exchange]).send(kit.ask("a", stream=True))
    assert answer.status == 500
    assert b"line 2 of the recording is no message" in answer.body


def test_an_edited_stream_that_makes_no_message_says_its_line(kit: Any) -> None:
    events = stream(kit.message("x"))
    for broken in (events[1:], [events[0], events[4]], [(0.0, "nothing\n\n")]):
        answer = kit.Player([kit.record(kit.ask("a"), broken)]).send(kit.ask("a"))
        assert answer.status == 500
        assert b"line 2 of the recording is no message" in answer.body


@pytest.mark.parametrize("body", [{"id": "msg_1"}, [1], "text", None, {"type": "message"}])
def test_an_answer_that_is_no_message_is_sent_as_it_is(kit: Any, body: Any) -> None:
    answer = kit.Player([kit.record(kit.ask("a"), {"x": body})]).send(kit.ask("a", stream=True))
    assert json.loads(answer.body) == {"x": body}
    assert get_header(answer.headers, b"content-type") == b"application/json"


@pytest.mark.parametrize("body", [b"", b"{bad", b"\xff\xfe", b"[1]", b'"text"'])
def test_a_body_that_is_no_conversation_is_a_miss_and_no_crash(kit: Any, body: bytes) -> None:
    assert kit.Player([kit.record(kit.ask("a"), kit.message("x"))]).send(body).status == 404


def test_a_bad_content_coding_is_refused(kit: Any) -> None:
    async def go() -> Any:
        player = kit.Player([])
        headers = [(b"content-encoding", b"gzip")]
        return await player.replay(HttpRequest("POST", "/v1/messages", headers, b"no gzip"))

    assert asyncio.run(go()).status == 400
