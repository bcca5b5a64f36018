"""How much is kept, and what outlives the process."""

import asyncio
from collections import OrderedDict
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tanzaku.gateway.cache import CacheSettings, Keeper
from tanzaku.gateway.cache._store import Answer, AnswerStore, Entry, measure
from tanzaku.ledger import FileShelf, MemoryShelf

BOUND = 5 * measure(b"") + 1000


@pytest.mark.parametrize("seed", range(30))
def test_the_ones_used_longest_ago_leave_first(seed: int) -> None:
    """Against a reference that adds all sizes up again at every step."""
    chance = Random(seed)
    steps = [(chance.randrange(7), chance.choice([0, 300, 900, 5000]), n % 2) for n in range(100)]
    store = AnswerStore(BOUND)
    reference: OrderedDict[bytes, int] = OrderedDict()
    for number, length, is_put in steps:
        key = bytes([number])
        if is_put:
            body = bytes(length)
            store.keep(key, Entry(0.0, 1e9, measure(body), Answer([], body, False)))
            reference.pop(key, None)
            if measure(body) <= BOUND:
                reference[key] = measure(body)
            while sum(reference.values()) > BOUND:
                reference.popitem(last=False)
        else:
            found = store.find(key, 1e9, 0.0)
            assert (found is not None) == (key in reference)
            if found is not None:
                reference.move_to_end(key)
        assert store.used_bytes == sum(reference.values()) <= BOUND
        assert len(store) == len(reference)


def test_answers_outlive_the_process_on_disk(kit: Any, tmp_path: Path) -> None:
    path = tmp_path / "cache.db"

    async def go(clock: Any, states: list[str]) -> None:
        shelf = FileShelf.open(path)
        desk = kit.Desk(keeper=Keeper(shelf), clock=clock)
        await desk.cache.load()
        desk.say(kit.FRAMES)
        for state in states:
            asked = kit.ask({"stream": True})
            answer = await desk.fetch(asked)
            assert (kit.state(answer), answer.body) == (state, b"".join(kit.FRAMES))
        await desk.cache.close()
        shelf.close()

    clock = kit.Desk().clock
    kit.run(go(clock, ["miss", "hit"]))
    clock.advance(3599)
    kit.run(go(clock, ["hit"]))
    clock.advance(1)
    kit.run(go(clock, ["miss"]))


def test_what_leaves_memory_leaves_the_disk(kit: Any) -> None:
    shelf = MemoryShelf()

    async def go() -> int:
        size = measure(b"".join(kit.FRAMES))
        desk = kit.Desk(CacheSettings(most_bytes=2 * size), Keeper(shelf))
        desk.say(kit.FRAMES)
        for number in range(5):
            await desk.fetch(kit.ask({"stream": True, "stop_sequences": [str(number)]}))
        await desk.cache.close()
        return len(await shelf.read_all("answer"))

    assert kit.run(go()) == 2


def test_a_shelf_that_fails_costs_nobody_an_answer(kit: Any, tmp_path: Path) -> None:
    async def go() -> None:
        shelf = FileShelf.open(tmp_path / "cache.db")
        desk = kit.Desk(keeper=Keeper(shelf))
        desk.say()
        await desk.fetch(kit.ask())
        await desk.cache.close()
        again = kit.Desk(keeper=Keeper(shelf))
        again.say()
        await again.cache.load()
        shelf.close()
        states = [kit.state(await again.fetch(kit.ask())) for _ in range(2)]
        assert states == ["miss", "hit"]
        await asyncio.wait_for(again.cache.close(), 5)

    kit.run(go())
