"""A call that is posted again under its idempotency key is one call: one ticket, one bill."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any, override

import pytest

from harness.deferred import (
    Deferring,
    Upstream,
    WatchedLedger,
    build_params,
    open_deferring,
    read_json,
)
from tanzaku.core import VirtualClock
from tanzaku.gateway._stages import Asked, Caller, Used, Worst
from tanzaku.gateway.batching import BatchingSettings
from tanzaku.ledger import Ledger, LedgerError, MemoryShelf, ShelfRow
from tanzaku.transport import HeaderList
from tanzaku.wire import ApiError

HOUR_S = 3600.0


def under(key: str) -> HeaderList:
    return [(b"idempotency-key", key.encode())]


class Purse:
    """A treasury that takes `most` calls."""

    def __init__(self, most: int = 10) -> None:
        self.most = most
        self.reserved = 0

    def reserve(self, caller: Caller, asked: Asked, worst: Worst | None) -> "Purse":
        if self.reserved == self.most:
            raise ApiError.rate_limit("The budget is used up.")
        self.reserved += 1
        return self

    def settle(self, used: Used, now: float) -> None:
        pass


def use(work: Callable[[Deferring, Upstream], Awaitable[None]], **more: Any) -> None:
    async def run() -> None:
        async with open_deferring(**more) as (it, upstream):
            await work(it, upstream)

    asyncio.run(run())


def test_the_same_request_under_the_same_key_is_one_call() -> None:
    purse = Purse()

    async def work(it: Deferring, upstream: Upstream) -> None:
        first, again = [
            await it.defer(build_params("a"), headers=under("order-7")) for _ in range(2)
        ]
        assert (again.status, read_json(again)) == (202, read_json(first))
        await it.pass_time(2 * HOUR_S)
        assert upstream.asked == {read_json(first)["id"]: 1}
        after = read_json(await it.defer(build_params("a"), headers=under("order-7")))
        assert (after["id"], after["status"]) == (read_json(first)["id"], "ended")
        assert purse.reserved == 1
        assert it.ledger.ledger.totals().total_usd == Decimal("0.000009")

    use(work, treasury=purse)


def test_calls_under_other_keys_or_none_are_others() -> None:
    async def work(it: Deferring, upstream: Upstream) -> None:
        bob = Caller("key_bob")
        ids = {
            await it.defer_id(build_params()),
            await it.defer_id(build_params()),
            await it.defer_id(build_params(), headers=under("one")),
            await it.defer_id(build_params(), headers=under("two")),
            await it.defer_id(build_params(), headers=under("one"), caller=bob),
        }
        assert len(ids) == 5

    use(work)


@pytest.mark.parametrize(
    ("when", "text", "beta", "query"),
    [
        ("6h", "other", "a-2026-01-01", ""),
        ("5h", "same", "a-2026-01-01", ""),
        ("6h", "same", "b-2026-01-01", ""),
        ("6h", "same", "a-2026-01-01", "?beta=true"),
    ],
)
def test_another_request_under_the_same_key_is_refused(
    when: str, text: str, beta: str, query: str
) -> None:
    async def work(it: Deferring, upstream: Upstream) -> None:
        first = [*under("one"), (b"anthropic-beta", b"a-2026-01-01")]
        call_id = await it.defer_id(build_params("same"), "6h", headers=first)
        head = [*under("one"), (b"anthropic-beta", beta.encode())]
        with pytest.raises(ApiError, match=f"idempotency-key: {call_id}") as refused:
            await it.defer(build_params(text), when, headers=head, query=query)
        assert refused.value.status == 400
        assert await it.defer_id(build_params("same"), "6h", headers=first) == call_id

    use(work)


@pytest.mark.parametrize("key", [b"", b"x" * 256, b"a\tb", "短".encode()])
def test_a_key_that_is_none_is_refused(key: bytes) -> None:
    async def work(it: Deferring, upstream: Upstream) -> None:
        with pytest.raises(ApiError, match="idempotency-key: must be 1 to 255"):
            await it.defer(build_params(), headers=[(b"idempotency-key", key)])

    use(work)


def test_a_call_that_was_taken_is_found_whatever_budgets_and_queues_say_now() -> None:
    async def work(it: Deferring, upstream: Upstream) -> None:
        call_id = await it.defer_id(build_params(), headers=under("one"))
        assert await it.defer_id(build_params(), headers=under("one")) == call_id
        with pytest.raises(ApiError):
            await it.defer(build_params(), headers=under("two"))

    use(work, treasury=Purse(1))
    use(work, settings=BatchingSettings(max_waiting=1))


def test_a_key_is_free_again_when_the_answer_is_let_go_of() -> None:
    async def work(it: Deferring, upstream: Upstream) -> None:
        call_id = await it.defer_id(build_params("a"), headers=under("one"))
        await it.pass_time(2 * HOUR_S)
        await it.pass_time(25 * HOUR_S, step_s=300)
        assert await it.defer_id(build_params("b"), headers=under("one")) != call_id

    use(work, settings=BatchingSettings(keep_hours=24))


def test_a_call_taken_back_stays_the_call_of_its_key() -> None:
    async def work(it: Deferring, upstream: Upstream) -> None:
        call_id = await it.defer_id(build_params(), headers=under("one"))
        await it.ask("DELETE", f"/{call_id}")
        again = read_json(await it.defer(build_params(), headers=under("one")))
        assert (again["id"], again["status"]) == (call_id, "canceled")
        await it.pass_time(HOUR_S)
        assert upstream.requests == []

    use(work)


class SlowShelf(MemoryShelf):
    """Keeps a row some turns of the loop later, the first one never if it is told so."""

    def __init__(self, *, fails_once: bool = False) -> None:
        super().__init__()
        self._fails_once = fails_once

    @override
    async def put(self, *rows: ShelfRow) -> None:
        fails, self._fails_once = self._fails_once, False
        for _ in range(5):
            await asyncio.sleep(0)
        if fails:
            raise LedgerError("full")
        await super().put(*rows)


def test_posts_at_the_same_time_are_one_call() -> None:
    purse = Purse()

    async def work(it: Deferring, upstream: Upstream) -> None:
        ids = await asyncio.gather(
            *(it.defer_id(build_params(), headers=under("one")) for _ in range(20))
        )
        assert len(set(ids)) == 1
        assert purse.reserved == 1
        await it.pass_time(HOUR_S)
        assert upstream.asked == {ids[0]: 1}

    use(work, treasury=purse, shelf=SlowShelf())


def test_who_comes_second_is_taken_where_the_first_was_not() -> None:
    async def work(it: Deferring, upstream: Upstream) -> None:
        one, other = await asyncio.gather(
            *(it.defer(build_params(), headers=under("one")) for _ in range(2)),
            return_exceptions=True,
        )
        assert isinstance(one, ApiError)
        assert one.status == 503
        assert not isinstance(other, BaseException)
        await it.pass_time(HOUR_S)
        assert upstream.asked == {read_json(other)["id"]: 1}

    use(work, shelf=SlowShelf(fails_once=True))


def test_a_client_that_left_and_comes_again_has_asked_once() -> None:
    async def work(it: Deferring, upstream: Upstream) -> None:
        first = asyncio.create_task(it.defer(build_params(), headers=under("one")))
        await asyncio.sleep(0)
        second = asyncio.create_task(it.defer_id(build_params(), headers=under("one")))
        await asyncio.sleep(0)
        first.cancel()
        call_id = await second
        assert first.cancelled()
        await it.pass_time(HOUR_S)
        assert upstream.asked == {call_id: 1}

    use(work, shelf=SlowShelf())


def test_a_claim_outlives_the_process() -> None:
    shelf, purse = MemoryShelf(), Purse()

    async def work() -> None:
        clock = VirtualClock()
        upstream = Upstream(clock)
        seen = []
        with Ledger.open(None, clock=clock) as ledger:
            for seed, hours in enumerate([0.0, 2.0, 0.0]):
                it = Deferring(
                    {"main": upstream},
                    clock,
                    WatchedLedger(ledger),
                    shelf=shelf,
                    treasury=purse,
                    seed=seed,
                )
                async with it.batching.run():
                    seen.append(await it.defer_id(build_params("a"), headers=under("one")))
                    with pytest.raises(ApiError, match="another request"):
                        await it.defer(build_params("b"), headers=under("one"))
                    await it.pass_time(hours * HOUR_S)
        assert len(set(seen)) == 1
        assert upstream.asked == {seen[0]: 1}
        # Once by its client and once by the process that found it waiting.
        assert purse.reserved == 2
        await upstream.shelved.batches.close()

    asyncio.run(work())
