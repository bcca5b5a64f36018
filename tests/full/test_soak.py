"""Ten minutes (`TANZAKU_SOAK_S`: other seconds) at about half of what a small machine can do: memory
stays flat, the loop holds nobody up, and at the end the ledger has every answer once. It starts first
(conftest.py), and the other long tests run beside it.

And a crowd of clients that say nothing, or say it slowly, beside one that works.
"""

import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tanzaku.ledger import Ledger

pytestmark = pytest.mark.full

SOAK_S = float(os.environ.get("TANZAKU_SOAK_S", "600"))
WARM_UP_S = SOAK_S / 5
CLIENTS = 8
PAUSE_S = 0.025
CROWD = 1000
CONFIG = """
upstreams:
  sim: {kind: simulator}
budgets:
  - {scope: all, per: day, usd: 1000000}
  - {scope: all, per: minute, requests: 1000000}
"""
WORDS = [
    "moon",
    "river",
    "stone",
    "light",
    "paper",
    "window",
    "train",
    "bread",
    "market",
    "garden",
    "winter",
    "letter",
    "city",
]


def start(folder: Path) -> tuple[subprocess.Popen[str], int]:
    """The server's process and port."""
    config = folder / "gateway.yaml"
    config.write_text(CONFIG)
    process = subprocess.Popen(
        [sys.executable, "-m", "harness.soaked", str(folder / "ledger.db"), str(config)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
    )
    assert process.stdout
    return process, int(process.stdout.readline().rpartition(":")[2])


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    assert process.stdout
    process.stdout.close()


def build_request(chance: random.Random) -> bytes:
    prompt = " ".join(chance.choices(WORDS, k=30))
    request: dict[str, Any] = {
        "model": "claude-haiku-4-5",
        "max_tokens": 60,
        "stream": chance.random() < 0.2,
        "messages": [{"role": "user", "content": prompt}],
    }
    body = json.dumps(request).encode()
    head = (
        "POST /v1/messages HTTP/1.1\r\nhost: 127.0.0.1\r\nx-api-key: k\r\n"
        "anthropic-version: 2023-06-01\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def read_answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head.split(b" ", 2)[1])
    if b"transfer-encoding: chunked" in head:
        body = b""
        while size := int(await reader.readuntil(b"\r\n"), 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readexactly(2)
        return status, body
    size = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
    return status, await reader.readexactly(size)


async def work(port: int, seed: int, until: float) -> int:
    """How many calls one client made; each must have been answered whole. It makes no pause while
    the server warms up: so many different calls fill what remembers the last 65,536 of them."""
    chance, made = random.Random(seed), 0
    warm_at = until - SOAK_S + WARM_UP_S
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        while (now := time.monotonic()) < until:
            writer.write(build_request(chance))
            status, body = await read_answer(reader)
            assert status == 200
            assert body.endswith((b"}", b'{"type":"message_stop"}\n\n'))
            made += 1
            await asyncio.sleep(PAUSE_S if now > warm_at else 0)
    finally:
        writer.close()
    return made


def test_minutes_of_work_leave_memory_flat_and_the_loop_free(tmp_path: Path) -> None:
    process, port = start(tmp_path)
    reports: list[dict[str, float]] = []

    def read_reports() -> None:
        assert process.stdout
        reports.extend(json.loads(line) for line in process.stdout)

    async def go() -> int:
        reading = asyncio.create_task(asyncio.to_thread(read_reports))
        until = time.monotonic() + SOAK_S
        made = await asyncio.gather(*(work(port, seed, until) for seed in range(CLIENTS)))
        process.terminate()
        await reading
        return sum(made)

    try:
        made = asyncio.run(go())
    finally:
        end(process)
    warm = reports[int(WARM_UP_S) :]
    window = max(5, len(warm) // 10)
    before, after = (
        statistics.median(report["rss_kb"] for report in part)
        for part in (warm[:window], warm[-window:])
    )
    assert after <= before * 1.05, (before, after)
    blocked = [report["longest_ms"] for report in warm]
    assert max(blocked) <= 50, sorted(blocked)[-10:]
    with Ledger.read(tmp_path / "ledger.db") as reader:
        totals = reader.totals()
    assert (totals.exchanges, totals.unsettled, totals.errors) == (made, 0, 0)


async def measure(port: int, calls: int) -> float:
    """The 99th percentile of one client's waits, in seconds."""
    chance = random.Random(1)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    waits = []
    for _ in range(calls):
        began = time.perf_counter()
        writer.write(build_request(chance))
        status, _ = await read_answer(reader)
        assert status == 200
        waits.append(time.perf_counter() - began)
    writer.close()
    return sorted(waits)[int(len(waits) * 0.99) - 1]


async def stand_around(port: int, seed: int, is_over: asyncio.Event) -> None:
    """Connect and say nothing, half a head, or a body a byte at a time; until thrown out."""
    kind = seed % 3
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return
    try:
        if kind == 1:
            writer.write(b"POST /v1/messages HTTP/1.1\r\nhost: 127.0.0.1\r\nx-a: ")
        elif kind == 2:
            writer.write(
                b"POST /v1/messages HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 100000\r\n\r\n"
            )
        while not is_over.is_set():
            if kind:
                writer.write(b" ")
            await asyncio.sleep(0.5)
            if reader.at_eof():
                return
    except OSError:
        pass
    finally:
        writer.close()


def test_a_thousand_silent_and_slow_clients_do_not_hurt_one_that_works(tmp_path: Path) -> None:
    process, port = start(tmp_path)

    async def go() -> tuple[float, float]:
        await measure(port, 50)
        alone = min([await measure(port, 300) for _ in range(3)])
        is_over = asyncio.Event()
        crowd = [asyncio.create_task(stand_around(port, seed, is_over)) for seed in range(CROWD)]
        await asyncio.sleep(2)
        beside = min([await measure(port, 300) for _ in range(3)])
        is_over.set()
        await asyncio.gather(*crowd)
        return alone, beside

    try:
        alone, beside = asyncio.run(go())
    finally:
        end(process)
    # The crowd's own two thousand ticks a second run beside the client on the same machine, and so
    # may other tests.
    assert beside < max(2 * alone, 0.25), (alone, beside)
