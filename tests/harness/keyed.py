"""A keyring on a shelf and a clock of its own, asked in process as clients and admins would."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from tanzaku.core import VirtualClock
from tanzaku.gateway._asked import read_asked
from tanzaku.gateway._headers import read_request_head
from tanzaku.gateway._stages import Caller
from tanzaku.gateway.keys import Keyring, KeyRoutes
from tanzaku.ledger import MemoryShelf, Shelf
from tanzaku.transport import HttpRequest, read_all
from tanzaku.wire import ApiError

TOKEN = "admin-token-0123456789"
JSON = (b"content-type", b"application/json")
MESSAGE = {
    "model": "claude-haiku-4-5",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "Hello"}],
}
type Refused = tuple[int, str, str]


class Keyed:
    """The ring, its routes, and ways to ask both. Where a call is refused the answer is its status,
    error type and message."""

    def __init__(self, shelf: Shelf | None = None, *, needs_key: bool = True) -> None:
        self.clock = VirtualClock()
        self.shelf = shelf or MemoryShelf()
        self.ring = Keyring(self.shelf, self.clock, needs_key=needs_key)
        self.routes = KeyRoutes(self.ring, TOKEN, self.clock)

    async def enter(
        self,
        key: str | None,
        target: str = "/v1/messages",
        body: Any = MESSAGE,
        *,
        method: str = "POST",
        peer: str = "127.0.0.1",
        content_type: bytes = b"application/json",
    ) -> Caller | Refused:
        """Come to the door with `key` in x-api-key."""
        lines = [(b"content-type", content_type)]
        if key is not None:
            lines.append((b"x-api-key", key.encode()))
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.enter_with(HttpRequest(method, target, lines, raw, peer))

    async def enter_with(self, request: HttpRequest) -> Caller | Refused:
        """Come to the door with a request of one's own."""
        asked = await read_asked(request, read_request_head(request.headers), self.clock.now())
        try:
            caller = self.ring.identify(asked)
            self.ring.check(asked, caller)
        except ApiError as error:
            return error.status, error.error_type, error.message
        return caller

    async def manage(
        self,
        method: str,
        path: str = "",
        body: Any = None,
        *,
        headers: list[tuple[bytes, bytes]] | None = None,
        peer: str = "192.0.2.1",
    ) -> tuple[int, Any]:
        """Status and JSON of an admin path below /_tanzaku/keys; of a refusal its message."""
        given = [JSON, (b"tanzaku-admin-token", TOKEN.encode())] if headers is None else headers
        is_raw = isinstance(body, bytes)
        raw = b"" if body is None else body if is_raw else json.dumps(body).encode()
        try:
            answer = await self.routes(
                HttpRequest(method, f"/_tanzaku/keys{path}", given, raw, peer)
            )
        except ApiError as error:
            return error.status, error.message
        return answer.status, json.loads(await read_all(answer))


def play(scene: Callable[[Keyed], Awaitable[None]], **more: Any) -> None:
    """Run a scene with a keyring of its own."""

    async def run() -> None:
        await scene(Keyed(**more))

    asyncio.run(run())


async def let_others_run() -> None:
    """Let tasks go on until they wait for the clock again."""
    for _ in range(10):
        await asyncio.sleep(0)
