"""Asks upstreams at intervals whether they are well."""

import asyncio
from collections.abc import Mapping
from random import Random
from typing import Final

from tanzaku.core import Clock, end_tasks
from tanzaku.gateway.upstreams._upstream import Upstream

_LONGEST_S: Final = 10.0
_JITTER: Final = 0.1


class Prober:
    """Probes every followed upstream that has a `probe_s`: at once, then every `probe_s` give or
    take a tenth. A probe without an answer after ten seconds, or after `probe_s` where that is
    less, has failed. Belongs to one event loop."""

    def __init__(self, clock: Clock, chance: Random) -> None:
        self._clock = clock
        self._chance = chance
        self._followed: dict[Upstream, asyncio.Task[None]] = {}

    def follow(self, upstreams: Mapping[str, Upstream]) -> None:
        """Probe these from now on, and no others."""
        wanted = {one for one in upstreams.values() if one.settings.probe_s is not None}
        for gone in self._followed.keys() - wanted:
            self._followed.pop(gone).cancel()
        for new in wanted - self._followed.keys():
            self._followed[new] = asyncio.create_task(self._probe_often(new))

    async def close(self) -> None:
        """Stop all probes."""
        tasks = list(self._followed.values())
        self._followed.clear()
        await end_tasks(*tasks)

    async def _probe_often(self, upstream: Upstream) -> None:
        interval_s = upstream.settings.probe_s
        assert interval_s is not None
        while True:
            upstream.health.note(is_well=await self._probe(upstream, min(interval_s, _LONGEST_S)))
            await self._clock.sleep(interval_s * self._chance.uniform(1 - _JITTER, 1 + _JITTER))

    async def _probe(self, upstream: Upstream, longest_s: float) -> bool:
        async with asyncio.TaskGroup() as group:
            limit = group.create_task(self._clock.sleep(longest_s))
            asking = group.create_task(upstream.probe())
            try:
                await asyncio.wait({asking, limit}, return_when=asyncio.FIRST_COMPLETED)
                return asking.done() and asking.result()
            finally:
                limit.cancel()
                asking.cancel()
