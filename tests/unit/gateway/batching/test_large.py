"""A batch of the largest size: neither its requests nor its answers are in memory."""

import asyncio
import gc
import json
import math
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from harness.deferred import Deferring, WatchedLedger, build_params
from tanzaku.core import VirtualClock
from tanzaku.gateway.batching import BatchingSettings
from tanzaku.ledger import FileShelf, Ledger
from tanzaku.transport import HttpRequest, HttpResponse

MB = 1_000_000


class Stub:
    """Takes a batch as it comes, keeping its ids, and answers each request with 2 KB."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.has_all = asyncio.Event()

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.upload is not None:
            held = b""
            size = 0
            async for chunk in request.upload:
                size += len(chunk)
                *items, held = (held + chunk).split(b'{"custom_id":"')
                self.ids += [held[:38].decode() for held in items if held.startswith(b"later_")]
            self.ids.append(held[:38].decode())
            assert size == request.upload.size
            self.has_all.set()
            return HttpResponse(200, [], b'{"id":"msgbatch_1"}')
        if request.path.endswith("/results"):
            return HttpResponse(200, [], self._iter_results())
        return HttpResponse(200, [], b'{"processing_status":"ended"}')

    async def _iter_results(self) -> AsyncIterator[bytes]:
        usage = {"input_tokens": 8, "output_tokens": 2, "service_tier": "batch"}
        message = {"model": "claude-haiku-4-5", "usage": usage, "content": "y" * 2000}
        for call_id in self.ids:
            result = {"type": "succeeded", "message": message}
            yield json.dumps({"custom_id": call_id, "result": result}).encode() + b"\n"


BODY = json.dumps(build_params("x" * 2000)).encode()


@asynccontextmanager
async def open_large(folder: Path) -> AsyncIterator[tuple[Deferring, Stub]]:
    clock = VirtualClock()
    shelf = FileShelf.open(folder / "shelf.db")
    stub = Stub()
    with Ledger.open(folder / "ledger.db", clock=clock) as ledger:
        it = Deferring(
            {"main": stub},
            clock,
            WatchedLedger(ledger),
            shelf=shelf,
            settings=BatchingSettings(collect_s=600.0),
        )
        async with it.batching.run():
            yield it, stub
    shelf.close()


@pytest.mark.full
def test_a_hundred_thousand_calls_pass_through_a_few_megabytes(tmp_path: Path) -> None:
    """Requests and answers together are 430 MB."""

    async def use() -> None:
        async with open_large(tmp_path) as (it, stub):
            for _ in range(100_000):
                await it.defer(BODY)
            calls = list(it.batching.endings.calls.values())
            tracemalloc.start()
            try:
                it.clock.advance(600.0)
                await stub.has_all.wait()
                await it.settle_down()
                it.clock.advance(30.0)
                for call in calls:
                    await it.batching.endings.wait(call, math.inf)
                peak = tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()
            assert len(set(stub.ids)) == len(calls) == 100_000
            assert peak < 60 * MB
            assert it.ledger.ledger.totals().exchanges == 100_000

    asyncio.run(use())


def test_a_waiting_call_takes_no_more_than_its_name(tmp_path: Path) -> None:
    async def use() -> None:
        async with open_large(tmp_path) as (it, _):
            await it.defer(BODY)
            tracemalloc.start()
            try:
                for _ in range(500):
                    await it.defer(BODY)
                gc.collect()
                assert tracemalloc.get_traced_memory()[0] < 500 * 1000
            finally:
                tracemalloc.stop()

    asyncio.run(use())
