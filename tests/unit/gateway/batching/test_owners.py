"""Who sees which deferred call, and what is held of a budget meanwhile."""

import asyncio
import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, override

import pytest

from harness.deferred import Deferring, Upstream, WatchedLedger, build_params, read_json
from tanzaku.core import VirtualClock
from tanzaku.gateway._prices import PriceBook
from tanzaku.gateway._stages import Asked, Caller, Target, Used, Worst
from tanzaku.gateway.batching import BatchingSettings
from tanzaku.gateway.keys import Keyring
from tanzaku.ledger import Ledger, LedgerError, MemoryShelf, ShelfRow
from tanzaku.wire import ApiError

HALF_USD = Decimal("0.000009")


class Purse:
    """A treasury that notes what it is told."""

    def __init__(self, room: Decimal = Decimal(1)) -> None:
        self.room = room
        self.reserved: list[tuple[str, Decimal]] = []
        self.used: list[Decimal | None] = []

    def reserve(self, caller: Caller, asked: Asked, worst: Worst | None) -> "Purse":
        assert asked.is_message
        assert worst is not None
        assert worst.usd is not None
        if worst.usd > self.room:
            raise ApiError.rate_limit("The budget is used up.")
        self.reserved.append((caller.key_id, worst.usd))
        return self

    def settle(self, used: Used, now: float) -> None:
        self.used.append(used.usd)


def run_with(work: Any, **more: Any) -> None:
    async def use() -> None:
        clock = VirtualClock()
        upstream = Upstream(clock)
        with Ledger.open(None, clock=clock) as ledger:

            def start() -> Deferring:
                kept: dict[str, Any] = {"shelf": MemoryShelf()} | more
                return Deferring({"main": upstream}, clock, WatchedLedger(ledger), **kept)

            await work(start, upstream)
        await upstream.shelved.batches.close()

    asyncio.run(use())


def test_a_key_sees_its_own_calls_alone() -> None:
    async def work(start: Any, upstream: Upstream) -> None:
        it = start()
        ring = Keyring(MemoryShelf(), it.clock)
        (ann, ann_key), (_, bob_key) = [await ring.create({"name": name}) for name in "ab"]
        it = Deferring({"main": upstream}, it.clock, it.ledger, shelf=it.shelf, door=ring)
        async with it.batching.run():
            own = await it.defer_id(build_params(), caller=Caller(ann.id))
            ann_head = [(b"x-api-key", ann_key.encode())]
            bob_head = [(b"authorization", b"Bearer " + bob_key.encode())]
            assert (await it.ask("GET", f"/{own}", ann_head)).status == 202
            for method in ("GET", "DELETE"):
                with pytest.raises(ApiError) as refused:
                    await it.ask(method, f"/{own}", bob_head)
                assert refused.value.status == 404
            listed = [
                [one["id"] for one in read_json(await it.ask("GET", "", head))["data"]]
                for head in (ann_head, bob_head)
            ]
            assert listed == [[own], []]
            for head in ([], [(b"x-api-key", b"sk-tzk-nobody")]):
                with pytest.raises(ApiError) as refused:
                    await it.ask("GET", f"/{own}", head)
                assert refused.value.status == 401

    run_with(work)


def test_the_list_has_the_newest_first_and_says_whether_there_are_more() -> None:
    async def work(start: Any, upstream: Upstream) -> None:
        it = start()
        async with it.batching.run():
            ids = [await it.defer_id(build_params()) for _ in range(5)]
            page = read_json(await it.ask("GET", "?limit=3"))
            assert [one["id"] for one in page["data"]] == ids[:1:-1]
            assert page["has_more"] is True
            assert read_json(await it.ask("GET", ""))["has_more"] is False

    run_with(work)


@pytest.mark.parametrize("query", ["?wait=61", "?wait=-1", "?wait=x", "?limit=0", "?of=1"])
def test_a_query_that_is_wrong_is_refused(query: str) -> None:
    async def work(start: Any, upstream: Upstream) -> None:
        with pytest.raises(ApiError) as refused:
            await start().ask("GET", query)
        assert refused.value.status == 400

    run_with(work)


def test_half_the_worst_case_is_held_until_the_answer_is_there() -> None:
    purse = Purse()

    async def work(start: Any, upstream: Upstream) -> None:
        it = start()
        async with it.batching.run():
            await it.defer(build_params(), caller=Caller("key_1"))
            await it.pass_time(300)
            ((key, held),) = purse.reserved
            body = json.dumps(build_params()).encode()
            plain = PriceBook().bound(build_params(), body, it.clock.now()).usd
            assert (key, 2 * held) == ("key_1", plain)
            assert purse.used == []
            await it.pass_time(3600)
            assert purse.used == [HALF_USD]

    run_with(work, treasury=purse)


def test_searches_are_held_whole_for_they_have_no_price_in_a_batch() -> None:
    purse = Purse(Decimal(9))
    tool = {"type": "web_search_20250305", "name": "web_search", "max_uses": 4}

    async def work(start: Any, upstream: Upstream) -> None:
        it = start()
        async with it.batching.run():
            asked = build_params() | {
                "model": "claude-haiku-4-5",
                "tools": [tool],
                "max_tokens": 10,
            }
            await it.defer(asked)
            ((_, held),) = purse.reserved
            # Ten prompts of 200,000 tokens at $1 a million, 10 tokens at $5; halves of both.
            assert held == Decimal("1.000025") + 4 * Decimal("0.01")

    run_with(work, treasury=purse)


def test_what_may_be_sent_twice_is_held_for_both() -> None:
    purses = [Purse(), Purse()]

    async def work(start: Any, upstream: Upstream) -> None:
        it = start()
        async with it.batching.run():
            await it.defer(build_params())

    run_with(work, treasury=purses[0])
    run_with(work, treasury=purses[1], settings=BatchingSettings(on_late="send_now"))
    (once,), (both,) = (purse.reserved for purse in purses)
    assert both[1] == 3 * once[1]


def test_what_is_held_is_the_price_of_the_model_that_the_route_names() -> None:
    held = []
    for model in ("claude-haiku-4-5", "claude-opus-4-1"):
        purse = Purse()

        async def work(start: Any, upstream: Upstream, model: str = model) -> None:
            it = start()
            it.targets[:] = [Target("main", upstream, model=model)]
            async with it.batching.run():
                await it.defer(build_params())

        run_with(work, treasury=purse)
        held.append(purse.reserved[0][1])
    # 15 and 75 dollars a million tokens instead of 1 and 5.
    assert held[1] > 14 * held[0]


class FullShelf(MemoryShelf):
    @override
    async def put(self, *rows: ShelfRow) -> None:
        raise LedgerError("disk full")


def test_a_call_that_cannot_be_kept_is_refused_and_holds_nothing() -> None:
    purse = Purse()

    async def work(start: Any, upstream: Upstream) -> None:
        it = start()
        async with it.batching.run():
            with pytest.raises(ApiError, match="disk full") as refused:
                await it.defer(build_params())
            assert refused.value.status == 503
            assert purse.used == [0]

    run_with(work, treasury=purse, shelf=FullShelf())


def test_a_canceled_call_gives_its_hold_back() -> None:
    purse = Purse()

    async def work(start: Any, upstream: Upstream) -> None:
        it = start()
        async with it.batching.run():
            call_id = await it.defer_id(build_params())
            await it.ask("DELETE", f"/{call_id}")
            assert purse.used == [0]

    run_with(work, treasury=purse)


def test_a_budget_without_room_refuses_and_nothing_is_kept() -> None:
    async def work(start: Any, upstream: Upstream) -> None:
        it = start()
        async with it.batching.run():
            with pytest.raises(ApiError, match="used up"):
                await it.defer(build_params())
            assert await it.shelf.read_all("later") == []

    run_with(work, treasury=Purse(room=Decimal(0)))


def test_after_a_restart_the_worst_case_is_held_again() -> None:
    shelf = MemoryShelf()
    purses: Sequence[Purse] = [Purse(), Purse()]

    async def work(start: Any, upstream: Upstream) -> None:
        it = start()
        async with it.batching.run():
            if not await it.shelf.read_all("later"):
                await it.defer(build_params(), caller=Caller("key_1", "team"))
            else:
                await it.pass_time(3600)

    for purse in purses:
        run_with(work, treasury=purse, shelf=shelf)
    assert purses[0].reserved == purses[1].reserved
    assert purses[0].used == []
    assert purses[1].used == [HALF_USD]


class SlowShelf(MemoryShelf):
    """Puts a row, and says so later."""

    def __init__(self) -> None:
        super().__init__()
        self.has_put = asyncio.Event()

    @override
    async def put(self, *rows: ShelfRow) -> None:
        await super().put(*rows)
        self.has_put.set()
        await asyncio.sleep(0)


def test_a_client_that_leaves_before_its_ticket_has_asked_for_nothing() -> None:
    purse, shelf = Purse(), SlowShelf()

    async def work(start: Any, upstream: Upstream) -> None:
        it = start()
        async with it.batching.run():
            asking = asyncio.create_task(it.defer(build_params()))
            await shelf.has_put.wait()
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            await it.pass_time(300)
            assert upstream.requests == []
            assert await it.shelf.read_all("later") == []
            assert purse.used == [0]

    run_with(work, treasury=purse, shelf=shelf)
