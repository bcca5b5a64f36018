"""How waiting and a broken connection look from either side of a gateway."""

from dataclasses import dataclass
from typing import Literal, Protocol

from tanzaku.core import Clock
from tanzaku.transport import (
    BrokenResponse,
    ConnectError,
    ConnectionBreak,
    ConnectionFault,
    Timeouts,
    UpstreamTimeout,
)


class Side(Protocol):
    """Who sees a fault."""

    async def wait_for_head(self, seconds: float) -> None:
        """Pass the time until the answer begins."""
        ...

    async def wait_in_body(self, seconds: float) -> None:
        """Pass the time between two pieces of the answer."""
        ...

    def fail(self, kind: ConnectionBreak, *, is_early: bool = False) -> Exception:
        """What to raise for a connection that breaks; `is_early` when it never was one."""
        ...


@dataclass(frozen=True, slots=True)
class EdgeSide:
    """The client sees the fault: its connection is broken, and it waits as long as it will."""

    clock: Clock

    async def wait_for_head(self, seconds: float) -> None:
        await self.clock.sleep(seconds)

    async def wait_in_body(self, seconds: float) -> None:
        await self.clock.sleep(seconds)

    def fail(self, kind: ConnectionBreak, *, is_early: bool = False) -> Exception:
        return ConnectionFault(kind)


@dataclass(frozen=True, slots=True)
class UpstreamSide:
    """A gateway sees the fault, as if an HTTP client carried its request of `sent_bytes`."""

    clock: Clock
    sent_bytes: int

    async def wait_for_head(self, seconds: float) -> None:
        await self._wait(seconds, "first_byte", Timeouts().first_byte_s)

    async def wait_in_body(self, seconds: float) -> None:
        await self._wait(seconds, "idle", Timeouts().idle_s)

    def fail(self, kind: ConnectionBreak, *, is_early: bool = False) -> Exception:
        if is_early:
            return ConnectError("the connection was refused")
        how = "reset" if kind == "reset" else "closed"
        return BrokenResponse(
            f"the upstream {how} the connection", request_bytes_sent=self.sent_bytes
        )

    async def _wait(
        self, seconds: float, phase: Literal["first_byte", "idle"], limit_s: float
    ) -> None:
        await self.clock.sleep(min(seconds, limit_s))
        if seconds > limit_s:
            raise UpstreamTimeout(phase, limit_s, request_bytes_sent=self.sent_bytes)
