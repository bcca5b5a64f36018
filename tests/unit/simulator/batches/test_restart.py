"""What a shelf in a file keeps of batches, and how they go on from it."""

import asyncio
from pathlib import Path

import pytest

from harness.shelved import BATCHES, Shelved, build_item
from tanzaku.core import VirtualClock
from tanzaku.ledger import FileShelf, MemoryShelf

ITEMS = [build_item(f"r{number}", "z" * 10_000) for number in range(400)]


def test_an_ended_batch_is_there_after_a_restart(tmp_path: Path) -> None:
    async def first() -> tuple[str, dict[str, object]]:
        it = Shelved(FileShelf.open(tmp_path / "shelf.db"))
        batch_id = await it.create(*ITEMS[:3])
        results = await it.results(batch_id)
        it.shelf.close()
        return batch_id, dict(results)

    async def second(batch_id: str) -> dict[str, object]:
        it = Shelved(FileShelf.open(tmp_path / "shelf.db"))
        ended = (await it.ask("GET", f"{BATCHES}/{batch_id}")).json
        assert ended["request_counts"]["succeeded"] == 3
        results = await it.results(batch_id)
        assert it.brain.asked == []
        it.shelf.close()
        return dict(results)

    batch_id, results = asyncio.run(first())
    assert asyncio.run(second(batch_id)) == results


# What is under way when it ends is asked again; without a close, what was not written yet too (256
# KiB at most).
@pytest.mark.parametrize(("is_closed", "most_repeated"), [(True, 1), (False, 26)])
def test_a_batch_that_was_broken_off_goes_on_from_what_was_written(
    is_closed: bool, most_repeated: int
) -> None:
    shelf, clock = MemoryShelf(), VirtualClock()

    async def first() -> tuple[str, list[str]]:
        it = Shelved(shelf, clock=clock, speed=1.0)
        batch_id = await it.create(*ITEMS)
        await it.advance(150.0)
        if is_closed:
            await it.batches.close()
        return batch_id, it.brain.asked

    async def second(batch_id: str, asked: list[str]) -> None:
        it = Shelved(shelf, clock=clock, speed=1.0)
        await it.ask("GET", BATCHES)
        await it.advance(900.0)
        ended = (await it.ask("GET", f"{BATCHES}/{batch_id}")).json
        assert ended["processing_status"] == "ended"
        assert ended["request_counts"]["succeeded"] == 400
        assert len(await it.results(batch_id)) == 400
        assert 0 < len(asked) < 400
        assert set(asked) | set(it.brain.asked) == {f"r{number}" for number in range(400)}
        repeated = set(asked) & set(it.brain.asked)
        assert len(it.brain.asked) == 400 - len(asked) + len(repeated) < 400
        assert len(repeated) <= most_repeated
        await it.batches.close()

    asyncio.run(second(*asyncio.run(first())))


def test_a_cancel_is_remembered() -> None:
    shelf, clock = MemoryShelf(), VirtualClock()

    async def first() -> str:
        it = Shelved(shelf, clock=clock, speed=1.0)
        batch_id = await it.create(*ITEMS[:50])
        await it.advance(100.0)
        await it.ask("POST", f"{BATCHES}/{batch_id}/cancel")
        return batch_id

    async def second(batch_id: str) -> None:
        it = Shelved(shelf, clock=clock, speed=1.0)
        shown = (await it.ask("GET", f"{BATCHES}/{batch_id}")).json
        assert shown["processing_status"] == "canceling"
        await it.advance(25.0)
        ended = (await it.ask("GET", f"{BATCHES}/{batch_id}")).json
        assert ended["request_counts"]["canceled"] > 0
        assert sum(ended["request_counts"].values()) == 50
        assert len(await it.results(batch_id)) == 50
        await it.batches.close()

    asyncio.run(second(asyncio.run(first())))


def test_new_batches_get_new_ids_after_a_restart() -> None:
    shelf = MemoryShelf()

    async def create() -> str:
        return await Shelved(shelf).create(ITEMS[0])

    ids = [asyncio.run(create()) for _ in range(3)]
    assert len(set(ids)) == 3


def test_requests_of_a_creation_that_was_cut_off_are_cleared_away() -> None:
    shelf = MemoryShelf()

    async def use() -> None:
        await Shelved(shelf).create(ITEMS[0])
        for row in await shelf.read_all("batch"):
            await shelf.drop("batch", row.id)
        assert await shelf.read_all("batch_requests")
        await Shelved(shelf).ask("GET", BATCHES)
        assert await shelf.read_all("batch_requests") == []

    asyncio.run(use())
