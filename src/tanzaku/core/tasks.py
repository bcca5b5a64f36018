"""Tasks that run beside the rest, and their end."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio


async def end_tasks(*tasks: "asyncio.Task[Any] | None") -> None:
    """Cancel `tasks` and return when they have ended, however; None is none."""
    import asyncio  # it costs more to import than all of core

    running = [task for task in tasks if task is not None]
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
