"""The recorder: what passes is unchanged, what is kept is whole and holds no credential."""

import asyncio
import base64
import gzip
import json
import logging
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tanzaku.core import UserError, VirtualClock
from tanzaku.exchange import RecordedExchange, Recording, encode_exchange, load_recording
from tanzaku.gateway import Recorder, build_recorded_from_ledger
from tanzaku.transport import (
    BrokenResponse,
    Handler,
    HttpRequest,
    HttpResponse,
    close_body,
    read_all,
)

JSON = (b"content-type", b"application/json")
SSE = (b"content-type", b"text/event-stream; charset=utf-8")
KEY = "sk-ant-api03-c4n4ryC4N4RYc4n4ry"
START = (
    b'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_1","model":"m",'
    b'"content":[],"usage":{"input_tokens":10,"output_tokens":1}}}\n\n'
)
DELTA = (
    'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
    '"delta":{"type":"text_delta","text":"短冊"}}\n\n'
).encode()
END = (
    b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},'
    b'"usage":{"output_tokens":20}}\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n'
)


class Taped:
    """A recorder under test, its clock and what it wrote."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = VirtualClock()

    def hear(self, upstream: Handler, *requests: HttpRequest) -> list[bytes]:
        """Each answer's body, read to its end, one after the other."""

        async def go(recorder: Recorder) -> list[bytes]:
            return [await read_all(await recorder(request)) for request in requests]

        return self.run(upstream, go)

    def run[T](self, upstream: Handler, use: Callable[[Recorder], Any]) -> Any:
        async def go() -> Any:
            recorder = Recorder(upstream, self.path, name="test", clock=self.clock)
            try:
                return await use(recorder)
            finally:
                await recorder.close()

        return asyncio.run(go())

    @property
    def recording(self) -> Recording:
        return load_recording(self.path)

    @property
    def exchange(self) -> RecordedExchange:
        (exchange,) = self.recording.exchanges
        return exchange


@pytest.fixture
def taped(tmp_path: Path) -> Taped:
    return Taped(tmp_path / "talk.jsonl")


def build_stream(
    clock: VirtualClock,
    *chunks: bytes,
    gap_s: float = 0.25,
    headers: Any = (SSE,),
    broken: Exception | None = None,
) -> Handler:
    """An upstream that streams a chunk every `gap_s`, then ends, or breaks."""

    async def body() -> AsyncIterator[bytes]:
        for chunk in chunks:
            clock.advance(gap_s)
            yield chunk
        if broken is not None:
            raise broken

    async def upstream(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [*headers, (b"request-id", b"req_u")], body())

    return upstream


def build_answer(answer: HttpResponse) -> Handler:
    async def upstream(request: HttpRequest) -> HttpResponse:
        return HttpResponse(answer.status, list(answer.headers), answer.body)

    return upstream


def test_an_answer_passes_and_is_kept_with_its_request(taped: Taped, kit: Any) -> None:
    body = {"id": "msg_1", "usage": {"input_tokens": 3}, "content": [{"text": "短冊", "n": None}]}
    answer = kit.answer(body, 200, [(b"request-id", b"req_u"), (b"date", b"today")])

    async def upstream(request: HttpRequest) -> HttpResponse:
        taped.clock.advance(1.5)
        return HttpResponse(answer.status, answer.headers, answer.body)

    started_at = taped.clock.now()
    request = kit.request()
    assert taped.hear(upstream, request) == [answer.body]
    kept = taped.exchange
    assert (kept.at, kept.upstream, kept.cut, kept.total_ms) == (started_at, "test", None, 1500.0)
    assert (kept.request.method, kept.request.target) == ("POST", "/v1/messages")
    assert kept.request.body == json.loads(request.body)
    assert kept.request.headers == [
        ("content-type", "application/json"),
        ("anthropic-version", "2026-10-21"),
    ]
    assert (kept.response.kind, kept.response.content) == ("body", body)
    assert kept.response.headers == [("content-type", "application/json"), ("request-id", "req_u")]
    assert kept.usage == {"input_tokens": 3}


@pytest.mark.fidelity(
    "recordings", "a stream is kept event by event with its times", "exact", "docs/recordings.md"
)
def test_a_frame_has_the_time_of_the_chunk_that_ended_it(taped: Taped, kit: Any) -> None:
    chunks = (START, DELTA + DELTA[:20], DELTA[20:], END)
    upstream = build_stream(taped.clock, *chunks)
    assert taped.hear(upstream, kit.request()) == [b"".join(chunks)]
    kept = taped.exchange
    assert [frame.ms for frame in kept.response.frames] == [250.0, 500.0, 750.0, 1000.0, 1000.0]
    types = [frame.event["type"] for frame in kept.response.frames if isinstance(frame.event, dict)]
    assert types == ["message_start", *["content_block_delta"] * 2, "message_delta", "message_stop"]
    assert (kept.ttft_ms, kept.total_ms, kept.cut) == (250.0, 1000.0, None)
    assert kept.usage == {"input_tokens": 10, "output_tokens": 20}


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    cuts=st.lists(st.integers(0, len(START + DELTA + END)), max_size=6).map(sorted),
    ending=st.sampled_from([b"\n", b"\r\n", b"\r"]),
)
def test_however_a_stream_is_cut_the_same_events_are_kept(
    tmp_path_factory: pytest.TempPathFactory, kit: Any, cuts: list[int], ending: bytes
) -> None:
    taped = Taped(tmp_path_factory.mktemp("cuts") / "talk.jsonl")
    whole = (START + DELTA + END).replace(b"\n", ending)
    places = [0, *cuts, len(whole)]
    chunks = [whole[a:b] for a, b in pairwise(places)]
    assert b"".join(taped.hear(build_stream(taped.clock, *chunks), kit.request())) == whole
    events = [frame.event for frame in taped.exchange.response.frames]
    data = [line[6:] for line in (START + DELTA + END).splitlines() if line.startswith(b"data: ")]
    assert [event for event in events if event not in ("", "\n", "\r")] == list(
        map(json.loads, data)
    )


def test_what_is_no_event_stays_as_it_stood(taped: Taped, kit: Any) -> None:
    odd = [
        b": keep-alive\n\n",
        b"event: ping\ndata: {not json}\n\n",
        b'event: a\ndata: {"type":"b"}\n\n',
        b"data: [1]\n\n",
    ]
    taped.hear(build_stream(taped.clock, START, *odd, END), kit.request())
    texts = [f.event for f in taped.exchange.response.frames if isinstance(f.event, str)]
    assert [text.encode() for text in texts] == odd


@pytest.mark.parametrize(
    ("chunks", "broken", "cut"),
    [
        ((START, DELTA, END), None, None),
        ((START, DELTA), None, "upstream"),
        ((START, DELTA, DELTA[:9]), None, "upstream"),
        ((START, DELTA), BrokenResponse("closed"), "upstream"),
        ((START, b'event: error\ndata: {"type":"error","error":{"type":"x"}}\n\n'), None, None),
    ],
)
def test_a_stream_that_broke_off_is_marked(
    taped: Taped, kit: Any, chunks: Any, broken: Any, cut: str | None
) -> None:
    async def listen(recorder: Recorder) -> bytes:
        answer = await recorder(kit.request())
        assert not isinstance(answer.body, bytes)
        received = [await anext(answer.body) for _ in chunks]
        with pytest.raises(StopAsyncIteration if broken is None else BrokenResponse):
            await anext(answer.body)
        return b"".join(received)

    upstream = build_stream(taped.clock, *chunks, broken=broken)
    assert taped.run(upstream, listen) == b"".join(chunks)
    assert taped.exchange.cut == cut


@pytest.mark.parametrize(("taken", "cut"), [(0, "client"), (2, "client"), (3, None)])
def test_a_client_that_leaves_is_marked_unless_it_had_everything(
    taped: Taped, kit: Any, taken: int, cut: str | None
) -> None:
    async def leave(recorder: Recorder) -> None:
        answer = await recorder(kit.request())
        assert not isinstance(answer.body, bytes)
        for _ in range(taken):
            await anext(answer.body)
        await close_body(answer.body)

    taped.run(build_stream(taped.clock, START, DELTA, END), leave)
    assert taped.exchange.cut == cut


def test_a_whole_answer_that_is_left_half_way_is_marked(taped: Taped, kit: Any) -> None:
    async def leave(recorder: Recorder) -> None:
        answer = await recorder(kit.request())
        assert not isinstance(answer.body, bytes)
        await anext(answer.body)
        await close_body(answer.body)

    taped.run(build_stream(taped.clock, b'{"id":', b"1}", headers=[JSON]), leave)
    assert (taped.exchange.cut, taped.exchange.response.content) == ("client", '{"id":')


def test_a_request_without_an_answer_leaves_no_line(taped: Taped, kit: Any) -> None:
    async def fail(request: HttpRequest) -> HttpResponse:
        raise BrokenResponse("closed")

    async def ask(recorder: Recorder) -> None:
        with pytest.raises(BrokenResponse):
            await recorder(kit.request())

    taped.run(fail, ask)
    assert taped.recording.exchanges == []


def test_uploads_and_downloads_pass_and_are_not_kept(taped: Taped, kit: Any) -> None:
    upload = kit.request(
        b"--x\r\n", [(b"content-type", b"multipart/form-data; boundary=x")], target="/v1/files"
    )
    download = kit.request(b"", [], method="GET", target="/v1/files/file_1/content")
    binary = HttpResponse(200, [(b"content-type", b"application/octet-stream")], b"\x00\xff")
    assert taped.hear(build_answer(kit.answer({})), upload) == [b"{}"]
    assert taped.hear(build_answer(binary), download) == [b"\x00\xff"]
    assert taped.recording.exchanges == []


def test_a_refusal_is_kept_as_any_answer_and_a_page_as_text(taped: Taped, kit: Any) -> None:
    page = HttpResponse(502, [(b"content-type", b"text/html")], "<h1>短</h1>".encode())
    taped.hear(
        build_answer(kit.answer({"type": "error"}, 529, [(b"retry-after", b"3")])), kit.request()
    )
    taped.hear(build_answer(page), kit.request(b"{bad json"))
    overloaded, broken = taped.recording.exchanges
    assert (overloaded.response.status, overloaded.cut) == (529, None)
    assert ("retry-after", "3") in overloaded.response.headers
    assert (broken.response.kind, broken.response.content) == ("text", "<h1>短</h1>")
    assert broken.request.body == "{bad json"


def test_compressed_bodies_pass_compressed_and_are_kept_readable(taped: Taped, kit: Any) -> None:
    coding = (b"content-encoding", b"gzip")
    packed = gzip.compress(START + END, mtime=0)
    asked = gzip.compress(b'{"messages":[]}', mtime=0)
    upstream = build_stream(taped.clock, packed[:40], packed[40:], headers=[SSE, coding])
    assert taped.hear(upstream, kit.request(asked, [JSON, coding])) == [packed]
    kept = taped.exchange
    assert kept.request.body == {"messages": []}
    assert [frame.ms for frame in kept.response.frames] == [None, None, None]
    assert kept.cut is None
    assert all(name != "content-encoding" for name, _ in kept.response.headers)


SPELLINGS = {
    "plain": KEY,
    "base64": base64.b64encode(KEY.encode()).decode(),
    "base64 inside": base64.b64encode(b"user:" + KEY.encode()).decode(),
    "url": "".join(f"%{char:02x}" for char in KEY.encode()),
    "quoted": quote(KEY, safe=""),
    "bearer": f"Bearer {KEY}",
}


@pytest.mark.fidelity(
    "recordings",
    "no credential is written, in any header, text or piece",
    "exact",
    "docs/recordings.md",
)
@pytest.mark.parametrize("spelling", sorted(SPELLINGS))
def test_no_credential_reaches_the_file(taped: Taped, kit: Any, spelling: str) -> None:
    secret = SPELLINGS[spelling]
    headers = [
        JSON,
        (b"x-api-key", KEY.encode()),
        (b"authorization", f"Bearer {KEY}".encode()),
        (b"cookie", f"a={KEY}".encode()),
        (b"anthropic-beta", secret.encode()),
        (b"tanzaku-run", secret.encode()),
        (b"x-custom", secret.encode()),
    ]
    body = {
        "messages": [{"role": "user", "content": f"My key is {secret}, keep it."}],
        "tools": [{"name": "t", "input_schema": {"default": {"api_key": KEY[7:]}}}],
        secret: 1,
    }
    request = kit.request(body, headers, target=f"/v1/messages?key={quote(secret)}")
    answer = kit.answer(
        {"content": [{"text": f"So: {secret}"}]}, 200, [(b"anthropic-x", secret.encode())]
    )
    taped.hear(build_answer(answer), request)
    written = taped.path.read_text(encoding="utf-8")
    assert KEY not in written
    assert secret not in written
    assert KEY[13:] not in written
    assert written.count("[redacted]") >= 7


@pytest.mark.parametrize("kind", ["text", "thinking", "partial_json"])
@pytest.mark.parametrize("length", [1, 5, 1000])
def test_a_credential_that_comes_in_pieces_is_found_too(
    taped: Taped, kit: Any, kind: str, length: int
) -> None:
    whole = (
        f"Here you are: {KEY}. And on."
        if kind != "partial_json"
        else json.dumps({"a": KEY, "b": 1})
    )
    delta_type = "input_json_delta" if kind == "partial_json" else f"{kind}_delta"
    pieces = [whole[at : at + length] for at in range(0, len(whole), length)]
    frames = [
        b"event: content_block_delta\ndata: %b\n\n"
        % json.dumps(
            {"type": "content_block_delta", "index": 0, "delta": {"type": delta_type, kind: piece}}
        ).encode()
        for piece in pieces
    ]
    taped.hear(build_stream(taped.clock, START, *frames, END), kit.request())
    events = [f.event for f in taped.exchange.response.frames if isinstance(f.event, dict)]
    kept = "".join(event["delta"][kind] for event in events if "index" in event)
    assert kept == whole.replace(KEY, "[redacted]")
    assert len(events) == len(pieces) + 3


def test_a_recording_is_gone_on_with(taped: Taped, kit: Any) -> None:
    for _ in range(3):
        taped.hear(build_answer(kit.answer({})), kit.request())
    assert [exchange.line for exchange in taped.recording.exchanges] == [2, 3, 4]
    assert taped.path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("torn", [b"{", b'{"at": "2026', b"x" * 200_000])
def test_a_torn_last_line_is_taken_off_before_going_on(
    taped: Taped, kit: Any, torn: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    taped.hear(build_answer(kit.answer({})), kit.request())
    with taped.path.open("ab") as file:
        file.write(torn)
    with caplog.at_level(logging.WARNING):
        taped.hear(build_answer(kit.answer({})), kit.request())
    assert [exchange.line for exchange in taped.recording.exchanges] == [2, 3]
    assert f"torn and is taken off ({len(torn)} bytes)" in caplog.text


def test_a_whole_last_line_without_its_end_is_kept(taped: Taped, kit: Any) -> None:
    taped.hear(build_answer(kit.answer({})), kit.request())
    taped.path.write_bytes(taped.path.read_bytes().removesuffix(b"\n"))
    taped.hear(build_answer(kit.answer({})), kit.request())
    assert len(taped.recording.exchanges) == 2


@pytest.mark.parametrize("content", [b"my notes\n", b'{"tanzaku_recording": 9}\n', b"\x00"])
def test_a_file_that_is_something_else_is_left_alone(taped: Taped, content: bytes) -> None:
    taped.path.write_bytes(content)
    with pytest.raises(UserError, match=r"talk\.jsonl:1: "):
        Recorder(build_answer(HttpResponse(200, [], b"")), taped.path, name="t", clock=taped.clock)
    assert taped.path.read_bytes() == content


def test_a_file_that_cannot_be_written_is_named_before_anything_is_asked(tmp_path: Path) -> None:
    for path in (tmp_path / "no" / "talk.jsonl", tmp_path, Path("/dev/full")):
        with pytest.raises(UserError, match="cannot be opened"):
            Recorder(build_answer(HttpResponse(200, [], b"")), path, name="t", clock=VirtualClock())


def test_streams_at_once_are_kept_line_by_line(taped: Taped, kit: Any) -> None:
    texts = [f"number {at} " * 500 for at in range(40)]

    async def upstream(request: HttpRequest) -> HttpResponse:
        async def body() -> AsyncIterator[bytes]:
            for chunk in (START, DELTA, END):
                await asyncio.sleep(0)
                yield chunk

        return HttpResponse(200, [SSE], body())

    async def ask_all(recorder: Recorder) -> None:
        async def ask(text: str) -> None:
            body = {"messages": [{"role": "user", "content": text}]}
            await read_all(await recorder(kit.request(body)))

        await asyncio.gather(*map(ask, texts))

    taped.run(upstream, ask_all)
    kept = [
        exchange.request.body["messages"][0]["content"] for exchange in taped.recording.exchanges
    ]
    assert sorted(kept) == sorted(texts)


FULL_DISK = """
import asyncio, resource, sys
from pathlib import Path
from tanzaku.core import SystemClock
from tanzaku.gateway import Recorder
from tanzaku.transport import HttpRequest, HttpResponse

async def upstream(request):
    return HttpResponse(200, [(b"content-type", b"application/json")], b'{"a": "' + b"x" * 300 + b'"}')

async def main():
    recorder = Recorder(upstream, Path(sys.argv[1]), name="t", clock=SystemClock())
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
    for _ in range(6):
        answer = await recorder(HttpRequest("GET", "/v1/models", [], b""))
        assert answer.status == 200
    await recorder.close()

asyncio.run(main())
"""


def test_a_full_disk_tears_no_line_and_stops_no_call(taped: Taped) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(taped.path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr.count("the recording cannot be written") == 1
    recording = taped.recording
    assert recording.torn_line is None
    assert 1 <= len(recording.exchanges) < 6
    assert taped.path.stat().st_size <= 2000


ENDLESS = """
import asyncio, sys
from pathlib import Path
from tanzaku.core import SystemClock
from tanzaku.gateway import Recorder
from tanzaku.transport import HttpRequest, HttpResponse

async def upstream(request):
    return HttpResponse(200, [(b"content-type", b"application/json")], b'{"a": "' + b"x" * 50_000 + b'"}')

async def main():
    recorder = Recorder(upstream, Path(sys.argv[1]), name="t", clock=SystemClock())
    is_told = False
    while True:
        await recorder(HttpRequest("GET", "/v1/models", [], b""))
        if not is_told and Path(sys.argv[1]).stat().st_size > 1_000_000:
            is_told = True
            print("going", flush=True)
        await asyncio.sleep(0)

asyncio.run(main())
"""


def test_a_process_that_is_killed_leaves_whole_lines(taped: Taped, kit: Any) -> None:
    """Linux may stop a write of many pages between two of them, so the last may be torn; going on
    mends that."""
    with subprocess.Popen(
        [sys.executable, "-c", ENDLESS, str(taped.path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"going\n"
        process.kill()
    recording = taped.recording
    whole = len(recording.exchanges)
    assert whole >= 19
    assert recording.torn_line in (None, whole + 2)
    taped.hear(build_answer(kit.answer({})), kit.request())
    assert (len(taped.recording.exchanges), taped.recording.torn_line) == (whole + 1, None)


def test_more_than_can_be_written_is_left_out_and_said(
    taped: Taped, kit: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """64 MiB may wait: the first of three bodies of 30 MiB is still at work when the last comes."""
    big = HttpResponse(200, [JSON], b'"' + b"x" * (30 << 20) + b'"')

    async def ask(recorder: Recorder) -> None:
        for _ in range(3):
            assert (await recorder(kit.request())).body == big.body

    with caplog.at_level(logging.WARNING):
        taped.run(build_answer(big), ask)
    assert "too much waits" in caplog.text


@pytest.mark.parametrize("is_streamed", [True, False])
def test_a_body_larger_than_the_apis_own_limit_passes_and_is_not_kept(
    taped: Taped, kit: Any, is_streamed: bool, caplog: pytest.LogCaptureFixture
) -> None:
    half = b"x" * (17 << 20)
    upstream = build_stream(taped.clock, half, half, headers=[JSON])
    if not is_streamed:
        upstream = build_answer(HttpResponse(200, [JSON], half + half))
    with caplog.at_level(logging.WARNING):
        assert taped.hear(upstream, kit.request()) == [half + half]
    assert taped.recording.exchanges == []
    assert "too large" in caplog.text


def test_a_kept_exchange_becomes_a_recorded_one(bench: Any, kit: Any) -> None:
    body = {"id": "msg_1", "model": "claude-haiku-4-5-20251001", "stop_reason": "end_turn",
            "usage": {"input_tokens": 3, "output_tokens": 4}}  # fmt: skip
    bench.send(kit.Upstream([kit.answer(body, 200, [(b"request-id", b"req_u")])]), kit.request())
    recorded = build_recorded_from_ledger(bench.exchange)
    assert recorded is not None
    assert (recorded.upstream, recorded.at) == ("test", bench.exchange.started_at)
    assert recorded.request.body == json.loads(kit.request().body)
    assert (recorded.response.status, recorded.response.content) == (200, body)
    assert recorded.usage == body["usage"]
    assert recorded.cut is None


def test_a_kept_stream_has_its_events_without_times(bench: Any, kit: Any) -> None:
    bench.send(kit.Upstream([kit.stream(START, DELTA, END)]), kit.request())
    recorded = build_recorded_from_ledger(bench.exchange)
    assert recorded is not None
    assert [frame.ms for frame in recorded.response.frames] == [None] * 4
    assert recorded.ttft_ms == 0.0


def test_a_kept_text_that_the_ledger_may_hold_is_redacted_for_the_file(
    bench: Any, kit: Any
) -> None:
    body = {"messages": [{"role": "user", "content": "authorization: Basic c4n4ry"}]}
    bench.send(kit.Upstream([kit.answer({})]), kit.request(body))
    recorded = build_recorded_from_ledger(bench.exchange)
    assert recorded is not None
    assert "c4n4ry" not in json.dumps(recorded.request.body)


def test_a_number_that_no_json_can_say_is_recorded_as_text(bench: Any, kit: Any) -> None:
    bench.send(kit.Upstream([kit.answer({})]), kit.request(b'{"temperature": 1e999}'))
    recorded = build_recorded_from_ledger(bench.exchange)
    assert recorded is not None
    assert recorded.request.body == '{"temperature": 1e999}'
    assert b"1e999" in encode_exchange(recorded)


def test_an_exchange_without_an_answer_is_no_recorded_one(bench: Any, kit: Any) -> None:
    binary = HttpResponse(200, [(b"content-type", b"application/octet-stream")], b"\x00")
    bench.send(kit.Upstream([binary]), kit.request(b"", method="GET", target="/v1/files/f/content"))
    assert build_recorded_from_ledger(bench.exchange) is None
    open_exchange = bench.exchange
    open_exchange.settlement = None
    assert build_recorded_from_ledger(open_exchange) is None
