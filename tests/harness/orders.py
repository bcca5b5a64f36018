"""A small service that is no language model: orders are asked for, and told of over HTTP.

GET /orders/{id}      200 with the order, 404 for one that is not there
GET /flaky/{name}     503 the first time, 200 from then on
GET /alternating      503, 200, 503, 200, …
GET /hold             does not answer before `release` is set
"""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from tanzaku.transport import HttpRequest, HttpResponse

ORDERS: Mapping[str, Any] = {
    "1": {"id": "1", "customer": "张伟", "items": [{"sku": "TEA-001", "quantity": 2}]},
    "2": {"id": "2", "customer": "Ana Lima", "items": []},
}
ENVIRONMENT = """\
tanzaku: environment/v1
upstream: url
base_url: {url}
headers: {{x-client: tests}}
"""
REQUEST = """\
tanzaku: request/v1
method: GET
path: "/{place}/{id}"
path_params: {place: "{{place | default('orders')}}", id: "{{id | default('1')}}"}
"""


class Orders:
    """A `Handler`. `seen` counts what was asked for, by path."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self.release = asyncio.Event()
        self._waiters: list[tuple[int, asyncio.Event]] = []

    async def wait_for(self, count: int) -> None:
        """Return once so many requests have come; TimeoutError when they do not."""
        self._waiters.append((count, event := asyncio.Event()))
        async with asyncio.timeout(60):
            await event.wait()

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        self.seen[request.path] += 1
        for count, event in self._waiters:
            if self.seen.total() >= count:
                event.set()
        times = self.seen[request.path]
        match request.path.split("/")[1:]:
            case ["orders", number] if number in ORDERS:
                return _reply(200, ORDERS[number])
            case ["flaky", _]:
                return _reply(200 if times > 1 else 503, {"times": times})
            case ["alternating", *_]:
                return _reply(503 if times % 2 else 200, {"times": times})
            case ["hold", *_]:
                await self.release.wait()
                return _reply(200, {})
            case _:
                return _reply(404, {"error": f"no {request.path}"})


def _reply(status: int, value: Any) -> HttpResponse:
    body = json.dumps(value, ensure_ascii=False).encode()
    return HttpResponse(status, [(b"content-type", b"application/json")], body)
