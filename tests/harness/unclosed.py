"""Finds the HTTP clients that a test made and did not close.

The SDK's client lies in a reference cycle. When the garbage collector comes between its making and its
first request, the socket is younger than the client and is finalized before it: a ResourceWarning in
whichever test runs by then. So the test that forgot the client fails instead, always.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import httpx2
import pytest

type HttpClient = httpx2.Client | httpx2.AsyncClient


@contextmanager
def note_clients() -> Iterator[list[HttpClient]]:
    """While entered, every httpx2 client (each client of the SDK has one) is in the list."""
    made: list[HttpClient] = []

    def noting(build: Callable[..., None]) -> Callable[..., None]:
        @wraps(build)
        def init(client: HttpClient, *args: Any, **more: Any) -> None:
            build(client, *args, **more)
            made.append(client)

        return init

    with pytest.MonkeyPatch.context() as patch:
        for kind in (httpx2.Client, httpx2.AsyncClient):
            patch.setattr(kind, "__init__", noting(kind.__init__))
        yield made


def fail_for_unclosed(made: list[HttpClient]) -> None:
    """Fails when a client of the list is not closed; empties the list."""
    open_clients = [client for client in made if not client.is_closed]
    made.clear()
    if open_clients:
        pytest.fail(
            f"not closed: {len(open_clients)} × an Anthropic or httpx2 client", pytrace=False
        )
