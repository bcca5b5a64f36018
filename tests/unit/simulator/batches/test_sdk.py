"""The official SDK, sync and async, works with batches as it does with the live API."""

import asyncio
import json
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anthropic
import pytest

from harness.shelved import DAY_S, Shelved, build_item, serve_shelved


def connect(url: str) -> anthropic.Anthropic:
    return anthropic.Anthropic(api_key="k", base_url=url, max_retries=0)


@pytest.mark.fidelity(
    "batches",
    "results_url names the server's own origin; the SDK fetches results from it",
    "exact",
    "SDK resources/messages/batches.py",
)
def test_the_sync_sdk_creates_retrieves_and_reads_results() -> None:
    items = [build_item("good"), build_item("bad", model="none"), build_item("long", "x" * 100_000)]
    with serve_shelved(Shelved()) as (url, _), connect(url) as client:
        created = client.messages.batches.create(requests=items)
        assert created.processing_status == "in_progress"
        ended = client.messages.batches.retrieve(created.id)
        assert ended.processing_status == "ended"
        assert ended.results_url == f"{url}/v1/messages/batches/{created.id}/results"
        results = {
            line.custom_id: line.result for line in client.messages.batches.results(ended.id)
        }
    good, bad, long = results["good"], results["bad"], results["long"]
    assert good.type == "succeeded"
    assert good.message.usage.service_tier == "batch"
    assert bad.type == "errored"
    assert (bad.error.type, bad.error.error.type) == ("error", "not_found_error")
    assert bad.error.error.message == "model: none"
    assert long.type == "succeeded"
    assert long.message.content[0].type == "text"
    assert len(long.message.content[0].text) == 100_000


def test_the_sync_sdk_pages_cancels_and_deletes() -> None:
    shelved = Shelved(speed=1.0)
    with serve_shelved(shelved) as (url, server), connect(url) as client:
        batches = client.messages.batches
        ids = [batches.create(requests=[build_item("a")]).id for _ in range(7)]
        assert [batch.id for batch in batches.list(limit=3)] == ids[::-1]
        before = batches.list(limit=3, before_id=ids[0])
        assert [batch.id for batch in before] == [*ids[1:4][::-1], *ids[4:7][::-1]]
        canceling = batches.cancel(ids[0])
        assert canceling.processing_status == "canceling"
        with pytest.raises(anthropic.BadRequestError, match="In progress batches cannot be"):
            batches.delete(ids[0])
        with pytest.raises(anthropic.AnthropicError, match="No `results_url`"):
            batches.results(ids[0])
        server.call(shelved.advance(30.0))
        [only] = batches.results(ids[0])
        assert only.result.type == "canceled"
        assert batches.delete(ids[0]).type == "message_batch_deleted"
        with pytest.raises(anthropic.NotFoundError, match=f"Message Batch {ids[0]} not found"):
            batches.retrieve(ids[0])


def test_the_sync_sdk_sees_what_expired() -> None:
    shelved = Shelved(speed=0.001)
    with serve_shelved(shelved) as (url, server), connect(url) as client:
        created = client.messages.batches.create(requests=[build_item(str(n)) for n in range(4)])
        server.call(shelved.advance(DAY_S))
        ended = client.messages.batches.retrieve(created.id)
        kinds = [line.result.type for line in client.messages.batches.results(ended.id)]
    assert ended.ended_at == ended.expires_at
    assert ended.request_counts.expired == kinds.count("expired") > 0
    assert ended.request_counts.succeeded == kinds.count("succeeded")


@asynccontextmanager
async def open_async(shelved: Shelved) -> AsyncIterator[anthropic.AsyncAnthropic]:
    async with (
        shelved.open() as running,
        anthropic.AsyncAnthropic(api_key="k", base_url=running.url, max_retries=0) as client,
    ):
        yield client


def test_the_async_sdk_does_the_same() -> None:
    async def use() -> None:
        async with open_async(Shelved()) as client:
            batches = client.messages.batches
            ids = [(await batches.create(requests=[build_item("a")])).id for _ in range(4)]
            assert [batch.id async for batch in batches.list(limit=2)] == ids[::-1]
            found = [line async for line in await batches.results(ids[3])]
            assert [(line.custom_id, line.result.type) for line in found] == [("a", "succeeded")]
            canceled = await batches.cancel((await batches.create(requests=[build_item("b")])).id)
            assert canceled.processing_status == "canceling"
            assert (await batches.delete(ids[0])).id == ids[0]

    asyncio.run(use())


def test_the_async_sdk_reads_results_of_many_parts_as_they_come() -> None:
    async def use() -> int:
        async with open_async(Shelved()) as client:
            items = [build_item(f"r{number}", "y" * 3000) for number in range(600)]
            created = await client.messages.batches.create(requests=items)
            seen = set()
            async for line in await client.messages.batches.results(created.id):
                assert line.result.type == "succeeded"
                seen.add(line.custom_id)
            return len(seen)

    assert asyncio.run(use()) == 600


def test_the_beta_namespace_and_older_queries_reach_the_same_batches() -> None:
    with serve_shelved(Shelved()) as (url, _), connect(url) as client:
        created = client.beta.messages.batches.create(
            requests=[build_item("a")], betas=["message-batches-2024-09-24"]
        )
        with urllib.request.urlopen(f"{url}/v1/messages/batches?beta=true") as answer:
            assert [batch["id"] for batch in json.load(answer)["data"]] == [created.id]
        path = f"{url}/v1/messages/batches/{created.id}?beta=true"
        with urllib.request.urlopen(path) as answer:
            assert json.load(answer)["processing_status"] == "ended"
