"""The upstream of the gateway benchmark: static answers on a raw asyncio protocol, a few µs each.

It shares no code with the product. `stub.py` prints its URL and answers every POST with a message,
or with a stream of 26 events when the body asks for one.
"""

import asyncio
import json
import signal

import uvloop

USAGE = {
    "input_tokens": 24,
    "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": 0,
    "output_tokens": 64,
    "service_tier": "standard",
}
MESSAGE = {
    "id": "msg_01StubStubStubStubStubStub",
    "type": "message",
    "role": "assistant",
    "model": "claude-haiku-4-5-20251001",
    "content": [{"type": "text", "text": "word " * 60}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": USAGE,
}
HEADERS = (
    "request-id: req_01StubStubStubStubStubStub\r\n"
    "anthropic-ratelimit-requests-limit: 100000\r\n"
    "anthropic-ratelimit-requests-remaining: 99999\r\n"
)


def build_whole() -> bytes:
    body = json.dumps(MESSAGE).encode()
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{HEADERS}"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


def build_events() -> bytes:
    """26 events, each in a chunk of its own."""
    start = MESSAGE | {"content": [], "stop_reason": None, "usage": USAGE | {"output_tokens": 1}}
    events: list[dict[str, object]] = [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    ]
    delta = {"type": "text_delta", "text": "word word word "}
    events += [{"type": "content_block_delta", "index": 0, "delta": delta}] * 21
    events.append({"type": "content_block_stop", "index": 0})
    end = {"stop_reason": "end_turn", "stop_sequence": None}
    events.append({"type": "message_delta", "delta": end, "usage": {"output_tokens": 64}})
    events.append({"type": "message_stop"})
    head = f"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n{HEADERS}"
    parts = [f"{head}transfer-encoding: chunked\r\n\r\n".encode()]
    for event in events:
        frame = f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
        parts.append(b"%x\r\n%b\r\n" % (len(frame), frame))
    return b"".join([*parts, b"0\r\n\r\n"])


WHOLE, EVENTS = build_whole(), build_events()


class Stub(asyncio.Protocol):
    """Reads requests with a content-length, one after the other."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._held = b""

    def data_received(self, data: bytes) -> None:
        self._held += data
        while True:
            end = self._held.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self._held[:end].lower()
            _, found, rest = head.partition(b"content-length:")
            size = int(rest.partition(b"\r\n")[0]) if found else 0
            if len(self._held) < end + 4 + size:
                return
            body = self._held[end + 4 : end + 4 + size]
            self._held = self._held[end + 4 + size :]
            is_stream = b'"stream":true' in body.replace(b" ", b"")
            self._transport.write(EVENTS if is_stream else WHOLE)


async def main() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Stub, "127.0.0.1", 0, backlog=4096)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    stopped = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    await stopped.wait()


if __name__ == "__main__":
    uvloop.run(main())
