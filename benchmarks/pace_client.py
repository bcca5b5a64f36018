"""How exactly a paced stream keeps its pace: many streams at once, read in a process of their own.

`pace_client.py URL BODY STREAMS GAP_S`; prints JSON. Each stream's plan is a row of deadlines, one
every GAP_S, laid through the earliest of its chunks (a server never sends before its time). The error
of a chunk is how long after its deadline this process had it in hand, so network, kernel and this
process's own delays count against the server. Only chunks that came while all streams were under way
are counted.
"""

import asyncio
import json
import sys
import time
from typing import override
from urllib.parse import urlsplit

import uvloop

_DELTA = b"event: content_block_delta\n"
_RAMP_S = 2.0


class Stream(asyncio.Protocol):
    """One request; notes when each delta came."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self.times: list[float] = []
        self.is_ok = False
        self._tail = b""
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        transport.write(self._request)

    @override
    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        self.times += [now] * data.count(_DELTA)
        self._tail = (self._tail + data)[-64:]
        if self._tail.endswith(b"\r\n0\r\n\r\n"):
            self.is_ok = b"message_stop" in self._tail
            self._transport.close()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


async def run(url: str, body: bytes, count: int) -> list[Stream]:
    place = urlsplit(url)
    head = (
        f"POST /v1/messages HTTP/1.1\r\nhost: {place.netloc}\r\nx-api-key: bench\r\n"
        "anthropic-version: 2023-06-01\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    loop = asyncio.get_running_loop()
    streams: list[Stream] = []
    for _ in range(count):
        _, stream = await loop.create_connection(
            lambda: Stream(head.encode() + body), place.hostname, place.port
        )
        streams.append(stream)
        await asyncio.sleep(_RAMP_S / count)
    async with asyncio.timeout(90):
        await asyncio.gather(*(stream.ended for stream in streams))
    return streams


def measure(streams: list[Stream], gap_s: float) -> dict[str, float]:
    """The 99th and 50th percentile of the errors, in milliseconds, and what they are of."""
    whole = [stream.times for stream in streams if stream.is_ok]
    since, until = max(times[0] for times in whole), min(times[-1] for times in whole)
    late: list[float] = []
    gaps: list[float] = []
    for times in whole:
        begin = min(at - number * gap_s for number, at in enumerate(times))
        for number, at in enumerate(times):
            if since <= at <= until:
                late.append(at - begin - number * gap_s)
                if number:
                    gaps.append(abs(at - times[number - 1] - gap_s))
    late.sort()
    gaps.sort()
    return {
        "pace_error_p99_ms": late[int(len(late) * 0.99)] * 1000,
        "pace_error_p50_ms": late[len(late) // 2] * 1000,
        "pace_gap_error_p99_ms": gaps[int(len(gaps) * 0.99)] * 1000,
        "pace_streams": len(whole),
        "pace_chunks_per_s": len(late) / (until - since),
    }


def main() -> None:
    url, body, count, gap_s = sys.argv[1:]
    streams = uvloop.run(run(url, body.encode(), int(count)))
    print(json.dumps(measure(streams, float(gap_s))))


if __name__ == "__main__":
    main()
