"""Scripted upstreams and raw clients over real sockets on loopback."""

import asyncio
import ssl
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from harness.upstream import HANG_S, HandLoop, OpenUpstream, open_upstream, run_scenario

TLS_FILES = Path(__file__).parents[2] / "fixtures" / "tls"


@pytest.fixture
def upstream() -> OpenUpstream:
    """`async with upstream(script) as it: it.url`."""
    return open_upstream


def _loop_factories() -> list[Any]:
    if sys.platform == "win32":
        return [pytest.param(asyncio.new_event_loop, id="asyncio")]
    import uvloop

    return [
        pytest.param(asyncio.new_event_loop, id="asyncio"),
        pytest.param(uvloop.new_event_loop, id="uvloop"),
    ]


@pytest.fixture
def run_by_hand() -> Callable[[Callable[[HandLoop], Coroutine[Any, Any, Any]]], Any]:
    """Run a coroutine function on a loop whose time it moves itself."""

    return run_scenario


@pytest.fixture(params=_loop_factories())
def run(request: pytest.FixtureRequest) -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Run a coroutine to its end on a fresh loop, with a limit against hanging."""

    def run_coroutine(coroutine: Coroutine[Any, Any, Any]) -> Any:
        async def bounded() -> Any:
            async with asyncio.timeout(HANG_S):
                return await coroutine

        with asyncio.Runner(loop_factory=request.param) as runner:
            return runner.run(bounded())

    return run_coroutine


@pytest.fixture
def server_tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS_FILES / "localhost.pem", TLS_FILES / "localhost.key")
    return context


@pytest.fixture
def client_tls() -> ssl.SSLContext:
    """Trusts the test certificate and nothing else."""
    return ssl.create_default_context(cafile=str(TLS_FILES / "localhost.pem"))
