"""What clients sent, for assertions."""

from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json

from tanzaku.exchange import Exchange


@dataclass(frozen=True, slots=True)
class SeenRequest:
    """A request as it reached the server, for assertions.

    `headers` have lower-case names and no credential; `body` is the parsed JSON object, empty
    when there was none; `exchange` has the rest, the answer included.
    """

    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    exchange: Exchange


def build_seen(exchange: Exchange) -> SeenRequest:
    try:
        body = from_json(exchange.request_body)
    except ValueError:
        body = {}
    return SeenRequest(
        exchange.method,
        exchange.path,
        dict(exchange.request_headers),
        body if isinstance(body, dict) else {},
        exchange,
    )
