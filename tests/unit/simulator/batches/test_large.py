"""A batch of the largest size: streamed through, not held."""

import asyncio
import json
import tracemalloc
from typing import Any

import pytest

from harness.shelved import BATCHES, FakeBrain, build_item
from tanzaku.core import VirtualClock
from tanzaku.ledger import FileShelf
from tanzaku.simulator._replies import Head
from tanzaku.simulator.batches import BatchesApi
from tanzaku.transport import HttpRequest
from tanzaku.wire import ApiError

MB = 1_000_000


def build_body(requests: int, characters: int) -> bytes:
    pad = "x" * characters
    items = (json.dumps(build_item(f"r{number}", pad)) for number in range(requests))
    return b'{"requests":[' + ",".join(items).encode() + b"]}"


@pytest.mark.full
@pytest.mark.fidelity(
    "batches",
    "100,000 requests in a batch, and no more",
    "documented",
    "build-with-claude/batch-processing",
)
def test_a_hundred_thousand_requests_pass_through_a_few_megabytes() -> None:
    """Beside the body itself, which whoever serves the request holds."""
    body = build_body(100_000, 200)

    async def use() -> None:
        shelf = FileShelf.open(None)
        brain = FakeBrain()
        api = BatchesApi(brain, shelf=shelf, clock=VirtualClock())

        async def ask(method: str, target: str, body: bytes = b"") -> Any:
            request = HttpRequest(method, target, [], body)
            return (await api(request, body, Head("req_1", ""))).body

        tracemalloc.start()
        try:
            created = json.loads(await ask("POST", BATCHES, body))
            assert tracemalloc.get_traced_memory()[1] < 25 * MB
            assert created["request_counts"]["processing"] == 100_000
            brain.asked.clear()
            tracemalloc.reset_peak()
            ended = json.loads(await ask("GET", f"{BATCHES}/{created['id']}"))
            assert ended["request_counts"]["succeeded"] == 100_000
            assert len(set(brain.asked)) == 100_000
            brain.asked.clear()
            tracemalloc.reset_peak()
            lines = 0
            async for chunk in await ask("GET", f"{BATCHES}/{created['id']}/results"):
                lines += chunk.count(b"\n")
            assert lines == 100_000
            assert tracemalloc.get_traced_memory()[1] < 10 * MB
        finally:
            tracemalloc.stop()
            shelf.close()

    asyncio.run(use())


@pytest.mark.full
def test_one_request_more_is_refused() -> None:
    body = build_body(100_001, 1)

    async def use() -> None:
        shelf = FileShelf.open(None)
        api = BatchesApi(FakeBrain(), shelf=shelf, clock=VirtualClock())
        with pytest.raises(ApiError) as refused:
            await api(HttpRequest("POST", BATCHES, [], body), body, Head("req_1", ""))
        assert refused.value.message == (
            "requests: List should have at most 100000 items after validation, not 100001"
        )
        assert await shelf.read_all("batch_requests") == []
        shelf.close()

    asyncio.run(use())
