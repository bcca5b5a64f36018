"""Waiting for an event, but not for ever."""

import asyncio
import math
from collections.abc import Coroutine
from typing import Any

from tanzaku.core import Clock


async def wait_at_most(seconds: float, event: asyncio.Event, clock: Clock) -> None:
    """Return when `event` is set, or after `seconds` of the clock's time (infinity: never)."""
    waits: list[Coroutine[Any, Any, Any]] = [event.wait()]
    if seconds < math.inf:
        waits.append(clock.sleep(seconds))
    tasks = [asyncio.create_task(one) for one in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
