"""MCP over HTTP (Streamable HTTP) as a `Handler`: the official package behind our own server."""

import asyncio
from collections.abc import MutableMapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from tanzaku.simulator.mocks._mocks import ToolMocks
from tanzaku.transport import HttpRequest, HttpResponse
from tanzaku.wire import ApiError

if TYPE_CHECKING:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

MCP_PATH = "/_tanzaku/mcp"


class McpRoute:
    """A `Handler` for `/_tanzaku/mcp`, without sessions: each POST is one message and its answer.

    The package (2 s of import) is loaded by the first request; where it is missing, that is a 404
    that says how to install it. `close` ends what the first request began.
    """

    def __init__(self, mocks: ToolMocks) -> None:
        self._mocks = mocks
        self._opening: asyncio.Task[StreamableHTTPSessionManager] | None = None
        self._serving: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method != "POST":
            # No stream of the server's own is offered, and no session can be deleted.
            return HttpResponse(405, [(b"allow", b"POST")], b"")
        if self._opening is None:
            self._opening = asyncio.create_task(self._open())
        try:
            manager = await asyncio.shield(self._opening)
        except ModuleNotFoundError:
            raise ApiError.not_found("MCP needs: pip install 'tanzaku[agents]'") from None
        return await _Exchange(request).run(manager)

    async def close(self) -> None:
        self._stop.set()
        if self._opening is not None:
            await asyncio.wait([self._opening])
        if self._serving is not None:
            await self._serving

    async def _open(self) -> "StreamableHTTPSessionManager":
        # Loaded beside the loop, which other calls are waiting for.
        module = await asyncio.to_thread(import_module, "tanzaku.simulator.mocks._mcp")
        from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

        manager = StreamableHTTPSessionManager(
            module.build_mcp_server(self._mocks), json_response=True, stateless=True
        )
        is_ready = asyncio.Event()
        # The manager's task group must be left by the task that entered it.
        self._serving = asyncio.create_task(self._hold(manager, is_ready))
        await is_ready.wait()
        return manager

    async def _hold(self, manager: "StreamableHTTPSessionManager", is_ready: asyncio.Event) -> None:
        async with manager.run():
            is_ready.set()
            await self._stop.wait()


class _Exchange:
    """One request as an ASGI application sees it; its answer is collected whole."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request
        self._is_read = False
        self._status = 500
        self._headers: list[tuple[bytes, bytes]] = []
        self._chunks: list[bytes] = []

    async def run(self, manager: "StreamableHTTPSessionManager") -> HttpResponse:
        path, _, query = self._request.target.partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": self._request.method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode("latin-1"),
            "query_string": query.encode("latin-1"),
            "root_path": "",
            "headers": self._request.headers,
            "client": None,
            "server": None,
        }
        await manager.handle_request(scope, self._receive, self._send)
        return HttpResponse(self._status, self._headers, b"".join(self._chunks))

    async def _receive(self) -> MutableMapping[str, Any]:
        if self._is_read:
            # A client that goes away cancels this task; there is nothing more to tell.
            await asyncio.get_running_loop().create_future()
        self._is_read = True
        return {"type": "http.request", "body": self._request.body, "more_body": False}

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._headers = [
                (name.lower(), value)
                for name, value in message["headers"]
                if name.lower() != b"content-length"
            ]
        else:
            self._chunks.append(message.get("body", b""))
