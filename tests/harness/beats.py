"""Times that a busy machine does not stretch."""

import asyncio

BEAT_S = 0.05


async def comes_within(event: asyncio.Event, seconds: float) -> bool:
    """Whether `event` is set within so many seconds of the running loop, counted in beats in each of
    which it runs: while the whole process stands still, no time is counted."""
    waiting = asyncio.ensure_future(event.wait())
    for _ in range(round(seconds / BEAT_S)):
        await asyncio.wait([waiting], timeout=BEAT_S)
        if waiting.done():
            return True
    waiting.cancel()
    return False
