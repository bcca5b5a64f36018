"""Every fault as a bare socket sees it and as the official SDK takes it, over a running server."""

import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import anthropic
import httpx2
import pytest
from anthropic._error_classes import ERROR_CLASSES

from harness.faulty import (
    QUESTION,
    Faulty,
    is_silent,
    open_faulty,
    read_frames,
    read_to_the_end,
)
from tanzaku.core import SseDecoder
from tanzaku.simulator.faults import KINDS, Fault, When

ERRORS = "api/errors; SDK _error_classes.py"
SDK = "SDK 2.12.0, over a socket"


@pytest.fixture(scope="module")
def server() -> Iterator[Faulty]:
    with open_faulty() as opened:
        yield opened


@pytest.fixture
def faulty(server: Faulty) -> Iterator[Faulty]:
    yield server
    server.faults.reset()
    server.plan()


@dataclass
class Answer:
    """An HTTP answer taken off a socket by hand."""

    status: int
    headers: dict[str, str]
    body: bytes
    is_whole: bool
    ending: str


def parse(received: tuple[bytes, str]) -> Answer:
    """Read an answer as RFC 9112 says, with a body in chunks or of a length."""
    raw, ending = received
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)}
    if headers.get("transfer-encoding") == "chunked":
        body, is_whole = dechunk(body)
    else:
        is_whole = len(body) == int(headers["content-length"])
    return Answer(int(first.split(" ")[1]), headers, body, is_whole, ending)


def dechunk(raw: bytes) -> tuple[bytes, bool]:
    body = b""
    while raw:
        size, _, raw = raw.partition(b"\r\n")
        length = int(size, 16)
        if length == 0:
            return body, True
        body, raw = body + raw[:length], raw[length + 2 :]
    return body, False


def ask(faulty: Faulty, fault: Fault | None = None, *, stream: bool = False) -> Answer:
    faulty.plan(*([] if fault is None else [fault]))
    return parse(faulty.talk(stream=stream))


def read_names(body: bytes) -> list[str]:
    return [frame.event for frame in SseDecoder().feed(body)]


def send(faulty: Faulty, fault: Fault, *, stream: bool = False, **more: Any) -> Any:
    """What the SDK gives for QUESTION; the final message of a stream."""
    faulty.plan(fault)
    with faulty.client(**more) as client:
        if not stream:
            return client.messages.create(**QUESTION)
        with client.messages.stream(**QUESTION) as events:
            return events.get_final_message()


def fails(faulty: Faulty, fault: Fault, *, stream: bool = False, **more: Any) -> Exception:
    """What the SDK raises."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 - each test looks at what it is
        send(faulty, fault, stream=stream, **more)
    return caught.value


STATUSES = [
    ("invalid-request", 400, "invalid_request_error", None, "false", None),
    ("low-credit", 400, "invalid_request_error", None, "false", None),
    ("own-spend-limit", 400, "invalid_request_error", None, "false", None),
    ("authentication", 401, "authentication_error", None, "false", None),
    ("billing", 402, "billing_error", None, "false", None),
    ("permission", 403, "permission_error", None, "false", None),
    ("not-found", 404, "not_found_error", None, "false", None),
    ("conflict", 409, "conflict_error", None, "true", None),
    ("too-large", 413, "request_too_large", None, "false", None),
    ("rate-limit", 429, "rate_limit_error", None, "true", "1"),
    ("ramp-limit", 429, "rate_limit_error", "ramp_limit_exceeded", "true", "1"),
    ("spend-limit", 429, "rate_limit_error", "enforced_spend_limit_reached", "true", None),
    ("contract-spend-limit", 429, "rate_limit_error", "contract_spend_limit_reached", "true", None),
    ("internal", 500, "api_error", None, "true", None),
    ("gateway-timeout", 504, "timeout_error", None, "true", None),
    ("overloaded", 529, "overloaded_error", None, "true", None),
]
GUESSED_STATUSES = [
    ("request-timeout", 408, "invalid_request_error", None, "true", None),
    ("precondition-failed", 412, "invalid_request_error", None, "false", None),
    ("unprocessable", 422, "invalid_request_error", None, "false", None),
    ("headers-too-large", 431, "invalid_request_error", None, "false", None),
    ("client-closed", 499, "invalid_request_error", None, "false", None),
    ("status", 500, "api_error", None, "true", None),
    ("not-implemented", 501, "api_error", None, "true", None),
    ("bad-gateway", 502, "api_error", None, "true", None),
    ("unavailable", 503, "api_error", None, "true", None),
]


def check_status(
    faulty: Faulty,
    name: str,
    status: int,
    error_type: str,
    code: str | None,
    should_retry: str,
    retry_after: str | None,
) -> None:
    answer = ask(faulty, Fault(name), stream=True)
    assert (answer.status, answer.is_whole, answer.ending) == (status, True, "end")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-should-retry"] == should_retry
    assert answer.headers.get("retry-after") == retry_after
    body = json.loads(answer.body)
    assert (body["type"], body["error"]["type"]) == ("error", error_type)
    assert body["error"].get("details") == (None if code is None else {"error_code": code})
    assert body["request_id"] == answer.headers["request-id"]
    error = fails(faulty, Fault(name))
    expected = ERROR_CLASSES.get((status, code)) or anthropic.InternalServerError
    assert type(error) is expected
    assert isinstance(error, anthropic.APIStatusError)
    assert (error.status_code, error.request_id) == (
        status,
        faulty.exchanges[-1].settlement.request_id,
    )


@pytest.mark.fidelity(
    "faults",
    "every error status of the API with body, retry-after, x-should-retry and error_code",
    "documented",
    ERRORS,
)
@pytest.mark.parametrize("row", STATUSES, ids=[row[0] for row in STATUSES])
def test_a_status_comes_with_its_body_headers_and_class_of_the_sdk(
    faulty: Faulty, row: tuple[Any, ...]
) -> None:
    check_status(faulty, *row)


@pytest.mark.fidelity(
    "faults", "error.type of the statuses that the API's page does not list", "guess", "none"
)
@pytest.mark.parametrize("row", GUESSED_STATUSES, ids=[row[0] for row in GUESSED_STATUSES])
def test_a_status_outside_the_apis_table_has_a_guessed_type(
    faulty: Faulty, row: tuple[Any, ...]
) -> None:
    check_status(faulty, *row)


def test_every_kind_of_status_is_tested_here() -> None:
    named = {row[0] for row in STATUSES + GUESSED_STATUSES}
    assert named == {name for name, kind in KINDS.items() if kind.group == "status"}


def test_what_is_set_of_a_status_is_sent(faulty: Faulty) -> None:
    settings: dict[str, Any] = {
        "status": 503,
        "message": "later",
        "error_type": "overloaded_error",
        "error_code": "registration_pending",
        "retry_after": 9,
        "should_retry": False,
    }
    answer = ask(faulty, Fault("status", settings))
    assert answer.status == 503
    assert (answer.headers["retry-after"], answer.headers["x-should-retry"]) == ("9", "false")
    assert json.loads(answer.body)["error"] == {
        "type": "overloaded_error",
        "message": "later",
        "details": {"error_code": "registration_pending"},
    }


def test_a_429_may_come_without_retry_after(faulty: Faulty) -> None:
    answer = ask(faulty, Fault("rate-limit", {"retry_after": None}))
    assert "retry-after" not in answer.headers


BEFORE = [("refused", "reset"), ("reset", "reset"), ("closed", "end")]


@pytest.mark.fidelity("faults", "a connection that breaks before any answer", "exact", SDK)
@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
@pytest.mark.parametrize(("name", "ending"), BEFORE, ids=[name for name, _ in BEFORE])
def test_a_connection_breaks_before_any_answer(
    faulty: Faulty, name: str, ending: str, stream: bool
) -> None:
    faulty.plan(Fault(name))
    assert faulty.talk(stream=stream) == (b"", ending)
    error = fails(faulty, Fault(name), stream=stream)
    assert type(error) is anthropic.APIConnectionError
    assert isinstance(error.__cause__, httpx2.TransportError)


def test_a_refused_connection_leaves_no_exchange_and_the_next_is_taken(faulty: Faulty) -> None:
    before = len(faulty.exchanges)
    faulty.plan(Fault("refused", times=1))
    assert faulty.talk() == (b"", "reset")
    assert len(faulty.exchanges) == before
    assert parse(faulty.talk()).status == 200


MIDWAY = [("reset-midway", "reset"), ("cut", "end"), ("half-closed", "end")]


@pytest.mark.fidelity("faults", "a stream that breaks after some events", "exact", SDK)
@pytest.mark.parametrize(("name", "ending"), MIDWAY, ids=[name for name, _ in MIDWAY])
def test_a_stream_breaks_after_the_events_said(faulty: Faulty, name: str, ending: str) -> None:
    answer = ask(faulty, Fault(name, {"after": 2}), stream=True)
    assert read_names(answer.body) == ["message_start", "content_block_start"]
    assert (answer.is_whole, answer.ending) == (False, ending)
    error = fails(faulty, Fault(name), stream=True)
    assert type(error) is (httpx2.ReadError if ending == "reset" else httpx2.RemoteProtocolError)


@pytest.mark.parametrize(("name", "ending"), MIDWAY, ids=[name for name, _ in MIDWAY])
def test_a_whole_answer_breaks_in_its_middle(faulty: Faulty, name: str, ending: str) -> None:
    whole = ask(faulty)
    answer = ask(faulty, Fault(name))
    assert (answer.is_whole, answer.ending) == (False, ending)
    assert 0 < len(answer.body) < len(whole.body)
    assert type(fails(faulty, Fault(name))) is anthropic.APIConnectionError


def test_a_half_closed_connection_still_takes_what_the_client_sends(faulty: Faulty) -> None:
    faulty.plan(Fault("half-closed", {"after": 0}))
    with faulty.connect(stream=True, connection="keep-alive") as sock:
        while sock.recv(65536):
            pass
        for _ in range(3):
            sock.sendall(b"POST /v1/messages HTTP/1.1\r\n")


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
def test_a_cut_at_the_end_leaves_out_only_the_end_of_http(faulty: Faulty, stream: bool) -> None:
    answer = ask(faulty, Fault("cut-at-end"), stream=stream)
    assert (answer.is_whole, answer.ending) == (False, "end")
    if stream:
        assert read_names(answer.body)[-1] == "message_stop"
        error = fails(faulty, Fault("cut-at-end"), stream=True)
        assert type(error) is httpx2.RemoteProtocolError
    else:
        assert json.loads(answer.body)["type"] == "message"
        assert type(fails(faulty, Fault("cut-at-end"))) is anthropic.APIConnectionError


@pytest.mark.fidelity("faults", "an answer that begins late", "exact", SDK)
def test_slow_headers_keep_the_client_waiting(faulty: Faulty) -> None:
    faulty.plan(Fault("slow-headers", {"seconds": 600}))
    with faulty.connect() as sock:
        assert is_silent(sock, 0.2)
        faulty.advance(600)
        assert sock.recv(12) == b"HTTP/1.1 200"
    error = fails(faulty, Fault("slow-headers"), timeout=0.2)
    assert type(error) is anthropic.APITimeoutError


@pytest.mark.fidelity("faults", "a stream that stalls, and goes on", "exact", SDK)
def test_a_stalled_stream_goes_on_after_its_pause(faulty: Faulty) -> None:
    faulty.plan(Fault("stall", {"after": 1, "seconds": 600}))
    with faulty.connect(stream=True) as sock:
        received = read_frames(sock, 1)
        assert is_silent(sock, 0.3)
        assert received.count(b"\n\n") == 1
        assert b"message_start" in received
        faulty.advance(600)
        received += read_to_the_end(sock)[0]
    assert read_names(dechunk(received.partition(b"\r\n\r\n")[2])[0])[-1] == "message_stop"
    error = fails(faulty, Fault("stall"), stream=True, timeout=2)
    assert type(error) is httpx2.ReadTimeout


def test_a_stalled_whole_answer_times_out(faulty: Faulty) -> None:
    error = fails(faulty, Fault("stall"), timeout=0.2)
    assert type(error) is anthropic.APITimeoutError


@pytest.mark.fidelity(
    "faults", "an error event ends a stream that had begun; status 200", "documented", "api/errors"
)
def test_an_error_event_ends_a_stream_that_had_begun(faulty: Faulty) -> None:
    answer = ask(faulty, Fault("error-event"), stream=True)
    assert (answer.status, answer.is_whole) == (200, True)
    *_, last = SseDecoder().feed(answer.body)
    assert last.event == "error"
    assert json.loads(last.data) == {
        "type": "error",
        "error": {"details": None, "type": "overloaded_error", "message": "Overloaded"},
        "request_id": answer.headers["request-id"],
    }
    assert read_names(answer.body)[:2] == ["message_start", "content_block_start"]
    error = fails(faulty, Fault("error-event"), stream=True, max_retries=2)
    assert type(error) is anthropic.APIStatusError
    assert (error.status_code, error.type) == (200, "overloaded_error")


@pytest.mark.fidelity("faults", "a stream that ends without message_stop", "exact", SDK)
def test_a_stream_without_its_stop_raises_nothing_in_the_sdk(faulty: Faulty) -> None:
    answer = ask(faulty, Fault("missing-stop"), stream=True)
    assert answer.is_whole
    assert len(read_names(answer.body)) == 3
    message = send(faulty, Fault("missing-stop"), stream=True)
    assert message.stop_reason is None


def test_dropped_events_shorten_an_answer_that_looks_whole(faulty: Faulty) -> None:
    whole = read_names(ask(faulty, stream=True).body)
    fault = Fault("dropped-events", {"after": 3, "count": 5})
    names = read_names(ask(faulty, fault, stream=True).body)
    assert names == whole[:3] + whole[8:]
    kept = send(faulty, fault, stream=True).content[0].text
    assert kept != send(faulty, Fault("gzip"), stream=True).content[0].text
    assert kept.endswith("30")


def test_duplicated_events_are_taken_twice_by_the_sdk(faulty: Faulty) -> None:
    whole = read_names(ask(faulty, stream=True).body)
    fault = Fault("duplicated-events", {"after": 3, "count": 2})
    names = read_names(ask(faulty, fault, stream=True).body)
    assert names == [*whole[:3], whole[3], whole[3], whole[4], whole[4], *whole[5:]]
    text = send(faulty, fault, stream=True).content[0].text
    assert not text.startswith("1, 2, 3")


def test_reordered_events_mix_up_the_text(faulty: Faulty) -> None:
    fault = Fault("reordered-events", {"after": 1})
    names = read_names(ask(faulty, fault, stream=True).body)
    assert names[:3] == ["message_start", "ping", "content_block_start"]
    right = send(faulty, Fault("gzip"), stream=True).content[0].text
    mixed = send(faulty, Fault("reordered-events"), stream=True).content[0].text
    assert mixed != right
    assert sorted(mixed) == sorted(right)


def test_a_malformed_event_is_no_json(faulty: Faulty) -> None:
    answer = ask(faulty, Fault("malformed-sse", {"after": 1}), stream=True)
    frames = list(SseDecoder().feed(answer.body))
    assert json.loads(frames[0].data)["type"] == "message_start"
    with pytest.raises(json.JSONDecodeError):
        json.loads(frames[1].data)
    assert frames[-1].event == "message_stop"
    error = fails(faulty, Fault("malformed-sse"), stream=True)
    assert type(error) is json.JSONDecodeError


def test_a_truncated_event_ends_the_stream_inside_it(faulty: Faulty) -> None:
    answer = ask(faulty, Fault("truncated-sse", {"after": 1}), stream=True)
    assert answer.is_whole
    decoder = SseDecoder()
    assert [frame.event for frame in decoder.feed(answer.body)] == ["message_start"]
    assert decoder.has_partial
    assert send(faulty, Fault("truncated-sse"), stream=True).stop_reason is None


@pytest.mark.parametrize("name", ["truncated-json", "malformed-json"])
def test_a_whole_answer_is_no_json(faulty: Faulty, name: str) -> None:
    answer = ask(faulty, Fault(name))
    assert (answer.status, answer.is_whole) == (200, True)
    assert answer.headers["content-type"] == "application/json"
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.body)
    assert type(fails(faulty, Fault(name), max_retries=2)) is json.JSONDecodeError


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
def test_a_wrong_content_type_leaves_the_body_as_it_was(faulty: Faulty, stream: bool) -> None:
    answer = ask(faulty, Fault("wrong-content-type"), stream=stream)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    if stream:
        assert read_names(answer.body)[-1] == "message_stop"
    else:
        assert json.loads(answer.body)["type"] == "message"
    # SDK 2.12 parses it all the same.
    message = send(faulty, Fault("wrong-content-type"), stream=stream)
    assert message.stop_reason == "end_turn"


@pytest.mark.fidelity("faults", "answers in gzip", "exact", SDK)
@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
def test_a_compressed_answer_is_read_like_any(faulty: Faulty, stream: bool) -> None:
    answer = ask(faulty, Fault("gzip"), stream=stream)
    assert answer.headers["content-encoding"] == "gzip"
    body = gzip.decompress(answer.body)
    assert body.startswith(b"event: message_start" if stream else b'{"id":')
    assert send(faulty, Fault("gzip"), stream=stream).content[0].text.endswith("29, 30")


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
def test_a_truncated_compressed_answer_lacks_its_end(faulty: Faulty, stream: bool) -> None:
    answer = ask(faulty, Fault("truncated-gzip"), stream=stream)
    assert answer.is_whole
    inflater = zlib.decompressobj(16 + zlib.MAX_WBITS)
    part = inflater.decompress(answer.body)
    assert not inflater.eof
    assert b"message_stop" not in part
    error = fails(faulty, Fault("truncated-gzip"), stream=stream)
    # The SDK's stream helper finds no message at all.
    assert type(error) is (AssertionError if stream else json.JSONDecodeError)


@pytest.mark.parametrize("name", [n for n, kind in KINDS.items() if kind.scope == "stream"])
def test_a_fault_of_streams_leaves_whole_answers_alone(faulty: Faulty, name: str) -> None:
    answer = ask(faulty, Fault(name))
    assert json.loads(answer.body)["stop_reason"] == "end_turn"
    assert faulty.exchanges[-1].settlement.rule == "improviser/text"


@pytest.mark.parametrize("name", [n for n, kind in KINDS.items() if kind.scope == "json"])
def test_a_fault_of_whole_answers_leaves_streams_alone(faulty: Faulty, name: str) -> None:
    assert read_names(ask(faulty, Fault(name), stream=True).body)[-1] == "message_stop"


def test_the_exchange_names_the_fault_and_what_the_upstream_billed(faulty: Faulty) -> None:
    ask(faulty)
    clean = faulty.exchanges[-1].settlement
    ask(faulty, Fault("cut", name="scissors"), stream=True)
    settled = faulty.exchanges[-1].settlement
    assert clean is not None
    assert settled is not None
    assert settled.rule == "fault:scissors#1"
    assert settled.usage is not None
    assert clean.usage is not None
    assert settled.usage["output_tokens"] == clean.usage["output_tokens"]
    assert settled.cost == clean.cost


def test_a_header_names_the_fault_of_one_request(faulty: Faulty) -> None:
    with faulty.client() as client:
        with pytest.raises(anthropic.OverloadedError):
            client.messages.create(**QUESTION, extra_headers={"tanzaku-fault": "overloaded"})
        assert client.messages.create(**QUESTION).stop_reason == "end_turn"
        with pytest.raises(anthropic.BadRequestError, match="no fault `nonsense`"):
            client.messages.create(**QUESTION, extra_headers={"tanzaku-fault": "nonsense"})


def test_a_rule_of_the_upstream_picks_the_answers(faulty: Faulty) -> None:
    fault = Fault("internal", when=When(rule="improviser/*"))
    assert type(fails(faulty, fault)) is anthropic.InternalServerError
    assert send(faulty, Fault("internal", when=When(rule="say*"))).stop_reason == "end_turn"
