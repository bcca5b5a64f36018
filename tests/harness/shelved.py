"""Batches and files with a brain that says what it was asked: called in process, or on a socket."""

import asyncio
import json
import math
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from tanzaku.core import VirtualClock
from tanzaku.ledger import MemoryShelf, Shelf
from tanzaku.simulator._replies import Head, reply_error
from tanzaku.simulator.batches import BatchesApi
from tanzaku.simulator.files import FileLibrary, FilesApi
from tanzaku.transport import (
    HeaderList,
    HttpRequest,
    HttpResponse,
    RunningServer,
    ThreadedServer,
    read_all,
    serve,
)
from tanzaku.wire import ApiError

BATCHES = "/v1/messages/batches"
FILES = "/v1/files"
DAY_S = 86_400.0


def build_item(custom_id: str, text: str = "hello", **params: Any) -> dict[str, Any]:
    """One request of a batch."""
    messages = [{"role": "user", "content": text}]
    body = {"model": "claude-haiku-4-5", "max_tokens": 50, "messages": messages}
    return {"custom_id": custom_id, "params": body | params}


class FakeBrain:
    """Says the text it was given. The model `none` does not exist, the text `crash` breaks it.
    `third` is set with the third question."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.headers: HeaderList = []
        self.third = asyncio.Event()

    async def __call__(
        self, params: dict[str, Any], headers: HeaderList, custom_id: str
    ) -> dict[str, Any] | ApiError:
        self.asked.append(custom_id)
        if len(self.asked) == 3:
            self.third.set()
        self.headers = headers
        await asyncio.sleep(0)
        text = params["messages"][0]["content"]
        if params["model"] == "none":
            return ApiError.unknown_model("none")
        if text == "refuse":
            raise ApiError.invalid_request("messages: refused")
        if text == "crash":
            raise RuntimeError("the brain broke")
        return {
            "id": f"msg_{custom_id}",
            "type": "message",
            "role": "assistant",
            "model": params["model"],
            "content": [{"type": "text", "text": text, "citations": None}],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": 8, "output_tokens": 2, "service_tier": "batch"},
        }


class Shelved:
    """Both APIs over one shelf, on a clock that stands still until `advance`."""

    def __init__(
        self,
        shelf: Shelf | None = None,
        *,
        clock: VirtualClock | None = None,
        speed: float = math.inf,
        **hooks: Any,
    ) -> None:
        self.clock = clock or VirtualClock()
        self.shelf = shelf or MemoryShelf()
        self.brain = FakeBrain()
        self.batches = BatchesApi(
            self.brain, shelf=self.shelf, clock=self.clock, speed=speed, **hooks
        )
        self.library = FileLibrary(shelf=self.shelf, clock=self.clock)
        self.files = FilesApi(self.library, clock=self.clock)
        self._number = 0

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        self._number += 1
        workspace = dict(request.headers).get(b"anthropic-workspace-id", b"wrkspc_default")
        head = Head(f"req_{self._number}", "", workspace=workspace)
        api = self.batches if request.path.startswith(BATCHES) else self.files
        try:
            return await api(request, request.body, head)
        except ApiError as error:
            return reply_error(error, head)

    async def ask(
        self, method: str, target: str, body: Any = b"", headers: HeaderList | None = None
    ) -> "Told":
        """One request, its answer read whole. A body that is no bytes is sent as JSON."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        lines = [(b"host", b"claude.test:8080"), *(headers or [])]
        response = await self(HttpRequest(method, target, lines, raw))
        return Told(response.status, dict(response.headers), await read_all(response))

    async def create(self, *items: dict[str, Any], headers: HeaderList | None = None) -> str:
        """The id of a new batch of `items`."""
        told = await self.ask("POST", BATCHES, {"requests": list(items)}, headers)
        assert told.status == 200, told.body
        batch_id: str = told.json["id"]
        return batch_id

    async def results(self, batch_id: str) -> dict[str, dict[str, Any]]:
        """The results of an ended batch by custom id."""
        told = await self.ask("GET", f"{BATCHES}/{batch_id}/results")
        assert told.status == 200, told.body
        lines = [json.loads(line) for line in told.body.splitlines()]
        results = {line["custom_id"]: line["result"] for line in lines}
        assert len(results) == len(lines)
        return results

    async def advance(self, seconds: float) -> None:
        """Let time pass, and what was waiting for it run until it waits again."""
        self.clock.advance(seconds)
        for _ in range(200):
            await asyncio.sleep(0)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[RunningServer]:
        async with serve(self, max_body_bytes=64 << 20) as running:
            yield running
        await self.batches.close()


class Told:
    """An answer as it was received."""

    def __init__(self, status: int, headers: dict[bytes, bytes], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> tuple[int, str, str]:
        """Status, type and message of a refusal."""
        error = self.json["error"]
        return self.status, error["type"], error["message"]


@contextmanager
def serve_shelved(shelved: Shelved) -> Iterator[tuple[str, ThreadedServer[RunningServer]]]:
    """Its URL, and the server to run coroutines on."""
    server = ThreadedServer(shelved.open)
    with server as running:
        yield running.url, server
