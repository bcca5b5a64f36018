"""Probes on a virtual clock."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random

from tanzaku.core import VirtualClock
from tanzaku.gateway.upstreams import Prober, Upstream, UpstreamSettings
from tanzaku.transport import ConnectError, HttpRequest, HttpResponse, get_header

OK = HttpResponse(200, [], b"{}")


@dataclass
class Api:
    """Answers each probe as `answer` says and keeps when it came."""

    clock: VirtualClock
    answer: Callable[[], Awaitable[HttpResponse]]
    came_at: list[float] = field(default_factory=list)
    requests: list[HttpRequest] = field(default_factory=list)

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        self.came_at.append(self.clock.monotonic())
        self.requests.append(request)
        return await self.answer()


async def is_well() -> HttpResponse:
    return OK


async def is_down() -> HttpResponse:
    raise ConnectError("refused")


async def is_busy() -> HttpResponse:
    return HttpResponse(529, [], b"")


async def is_limited() -> HttpResponse:
    return HttpResponse(429, [], b"")


async def hangs() -> HttpResponse:
    await asyncio.Event().wait()
    raise AssertionError


async def advance(clock: VirtualClock, seconds: int) -> None:
    """Move second by second, letting whatever wakes run until it waits again."""
    for _ in range(seconds):
        clock.advance(1)
        for _ in range(10):
            await asyncio.sleep(0)


@asynccontextmanager
async def probing(api: Api, probe_s: float | None) -> AsyncIterator[tuple[Upstream, Prober]]:
    settings = UpstreamSettings("main", "anthropic", "https://api.test", ("k",), probe_s=probe_s)
    upstream = Upstream(settings, api, api.clock)
    prober = Prober(api.clock, Random(1))
    prober.follow({"main": upstream})
    for _ in range(10):
        await asyncio.sleep(0)
    try:
        yield upstream, prober
    finally:
        await prober.close()


def test_it_asks_for_the_models_with_the_upstreams_key_at_about_the_interval() -> None:
    async def scenario() -> None:
        api = Api(VirtualClock(), is_well)
        async with probing(api, 20):
            await advance(api.clock, 100)
        assert 5 <= len(api.came_at) <= 6
        pauses = [
            after - before for before, after in zip(api.came_at, api.came_at[1:], strict=False)
        ]
        # The clock of the test moves in whole seconds.
        assert all(17 <= pause <= 23 for pause in pauses)
        assert len(set(pauses)) > 1
        (request, *_) = api.requests
        assert (request.method, request.target) == ("GET", "/v1/models?limit=1")
        assert get_header(request.headers, b"x-api-key") == b"k"

    asyncio.run(scenario())


def test_two_failed_probes_take_it_out_and_one_good_one_brings_it_back() -> None:
    async def scenario() -> None:
        for failing in (is_down, is_busy):
            api = Api(VirtualClock(), failing)
            async with probing(api, 5) as (upstream, _):
                assert upstream.find_bar("") is None
                await advance(api.clock, 6)
                assert len(api.came_at) == 2
                assert upstream.find_bar("") == "probe"
                assert upstream.describe()["probe"] == "down"
                api.answer = is_well
                await advance(api.clock, 6)
                assert upstream.find_bar("") is None
                assert upstream.describe()["probe"] == "well"

    asyncio.run(scenario())


def test_an_upstream_that_refuses_the_probe_is_there_all_the_same() -> None:
    async def scenario() -> None:
        api = Api(VirtualClock(), is_limited)
        async with probing(api, 5) as (upstream, _):
            await advance(api.clock, 30)
            assert upstream.find_bar("") is None

    asyncio.run(scenario())


def test_a_probe_that_hangs_has_failed() -> None:
    async def scenario() -> None:
        api = Api(VirtualClock(), hangs)
        async with probing(api, 60) as (upstream, _):
            await advance(api.clock, 60)
            assert upstream.find_bar("") is None
            await advance(api.clock, 30)
            assert len(api.came_at) == 2
            assert upstream.find_bar("") == "probe"

    asyncio.run(scenario())


def test_what_asks_for_no_probes_gets_none_and_what_is_gone_gets_no_more() -> None:
    async def scenario() -> None:
        quiet = Api(VirtualClock(), is_well)
        async with probing(quiet, None):
            await advance(quiet.clock, 100)
        assert quiet.came_at == []
        api = Api(VirtualClock(), is_well)
        async with probing(api, 5) as (_, prober):
            await advance(api.clock, 1)
            prober.follow({})
            await advance(api.clock, 100)
        assert len(api.came_at) == 1

    asyncio.run(scenario())
