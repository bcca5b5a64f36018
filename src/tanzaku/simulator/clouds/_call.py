"""What every cloud shape shares: reading a body, and the way to the Messages API."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tanzaku.catalog import Model, UnknownModelError, get_model
from tanzaku.transport import HttpRequest, HttpResponse
from tanzaku.wire import ApiError, parse_body

type Messages = Callable[[HttpRequest], Awaitable[HttpResponse]]
"""Answers as the Claude API itself."""

_KEPT_HEADERS = frozenset({b"anthropic-workspace-id", b"content-type"})


@dataclass(frozen=True, slots=True)
class FirstParty:
    """A cloud's request in the terms of the Claude API."""

    path: str
    body: Mapping[str, Any]
    version: str
    betas: tuple[str, ...] = ()

    def build(self, original: HttpRequest) -> HttpRequest:
        """The request to send on; any credential of the cloud has been looked at by then."""
        headers = [line for line in original.headers if line[0] in _KEPT_HEADERS]
        headers += [(b"x-api-key", b"cloud"), (b"anthropic-version", self.version.encode())]
        if self.betas:
            headers.append((b"anthropic-beta", ",".join(self.betas).encode()))
        return HttpRequest("POST", self.path, headers, json.dumps(self.body).encode())


def read_object(body: bytes) -> dict[str, Any]:
    """The JSON object of a body. Raises ApiError 400."""
    return parse_body(body)


def take_betas(body: dict[str, Any]) -> tuple[str, ...]:
    """Take `anthropic_beta`, a list of names, out of a body. Raises ApiError 400."""
    betas = body.pop("anthropic_beta", [])
    if not isinstance(betas, list) or not all(isinstance(beta, str) for beta in betas):
        raise ApiError.invalid_request("anthropic_beta: Input should be a valid list")
    return tuple(betas)


def find_model(name: str) -> Model | None:
    """The model of any platform's id; None where there is none."""
    try:
        return get_model(name)
    except UnknownModelError:
        return None
