"""Asking an ASGI app without a socket."""

from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from benchmarks.planted._kernel import Service

type HeaderLines = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: list[tuple[bytes, bytes]]
    chunks: list[bytes]


async def ask(
    app: Service, method: str, target: str, headers: HeaderLines = (), body: bytes = b""
) -> Reply:
    """What `app` answers. `target` is percent-encoded path and query; header names in lower case."""
    path, _, query = target.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "http",
        "method": method,
        "path": unquote(path),
        "raw_path": path.encode("latin-1"),
        "query_string": query.encode("latin-1"),
        "headers": list(headers),
    }
    said: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        said.append(message)

    await app(scope, receive, send)
    start, *parts = said
    return Reply(start["status"], start["headers"], [part["body"] for part in parts])
