"""Faults between gateway and simulator: the gateway sees what an HTTP client would raise, and
does what it does about an upstream in trouble."""

import asyncio
import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest

from tanzaku.gateway import Gateway, OneTarget, RetryPolicy, Stages
from tanzaku.ledger import Ledger
from tanzaku.simulator import Simulator
from tanzaku.simulator.faults import Fault, When
from tanzaku.transport import (
    BrokenResponse,
    ConnectError,
    HttpRequest,
    HttpResponse,
    TransportError,
    UpstreamTimeout,
    read_all,
)


def ask_wrapped(bench: Any, upstream: Any) -> HttpResponse:
    async def handler(request: HttpRequest) -> HttpResponse:
        answer: HttpResponse = await upstream()
        return answer

    async def go() -> HttpResponse:
        answer = await bench.faults.wrap(handler)(bench.request())
        return HttpResponse(answer.status, answer.headers, await read_all(answer))

    return asyncio.run(go())


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("refused", ConnectError),
        ("reset", BrokenResponse),
        ("closed", BrokenResponse),
        ("cut", BrokenResponse),
        ("reset-midway", BrokenResponse),
        ("half-closed", BrokenResponse),
        ("cut-at-end", BrokenResponse),
    ],
)
def test_a_broken_connection_is_what_an_http_client_raises(
    bench: Any, name: str, error: type[TransportError]
) -> None:
    bench.plan(Fault(name, where="upstream"))
    with pytest.raises(TransportError) as caught:
        ask_wrapped(bench, bench.Upstream())
    assert type(caught.value) is error
    assert (caught.value.request_bytes_sent > 0) == (name != "refused")


@pytest.mark.parametrize(
    ("name", "seconds", "phase", "limit_s"),
    [("slow-headers", 601, "first_byte", 600), ("stall", 121, "idle", 120)],
)
def test_what_takes_longer_than_an_http_client_waits_times_out(
    bench: Any, name: str, seconds: float, phase: str, limit_s: float
) -> None:
    bench.plan(Fault(name, {"seconds": seconds}, where="upstream"))
    with pytest.raises(UpstreamTimeout) as caught:
        ask_wrapped(bench, bench.Upstream())
    assert (caught.value.phase, bench.clock.slept) == (phase, [limit_s])
    bench.plan(Fault(name, {"seconds": seconds - 1}, where="upstream"))
    assert ask_wrapped(bench, bench.Upstream()).status == 200


def test_without_a_fault_the_handlers_own_answer_comes_through(bench: Any) -> None:
    upstream = bench.Upstream()
    assert ask_wrapped(bench, upstream).body == upstream.body
    bench.plan(Fault("internal"))
    assert ask_wrapped(bench, upstream).status == 200


@pytest.fixture
def carry(bench: Any) -> Iterator[Callable[..., HttpResponse]]:
    """Send a question through a gateway with retries, over a simulator with these faults."""
    with Ledger.open(None, clock=bench.clock) as ledger:

        def send(*faults: Fault, stream: bool = False) -> HttpResponse:
            bench.plan(*faults)
            simulator = Simulator(clock=bench.clock)
            gateway = Gateway(
                OneTarget("simulator", bench.faults.wrap(simulator), RetryPolicy()),
                ledger=ledger,
                clock=bench.clock,
                stages=Stages(edge=bench.faults.intercept),
                chance=Random(1),
            )
            body = {
                "model": "claude-haiku-4-5",
                "max_tokens": 100,
                "stream": stream,
                "messages": [{"role": "user", "content": "Count to 5."}],
            }
            headers = [(b"x-api-key", b"k"), (b"anthropic-version", b"2026-10-21")]
            request = HttpRequest("POST", "/v1/messages", headers, json.dumps(body).encode())

            async def go() -> HttpResponse:
                answer = await gateway(request)
                whole = HttpResponse(answer.status, answer.headers, await read_all(answer))
                await simulator.close()
                return whole

            return asyncio.run(go())

        yield send


@pytest.mark.parametrize("name", ["overloaded", "internal", "reset", "refused", "closed"])
def test_a_gateway_with_retries_hides_one_failure(
    carry: Callable[..., HttpResponse], name: str
) -> None:
    answer = carry(Fault(name, where="upstream", times=1))
    assert answer.status == 200


def test_a_gateway_waits_as_long_as_the_upstream_asks(
    bench: Any, carry: Callable[..., HttpResponse]
) -> None:
    fault = Fault("rate-limit", {"retry_after": 9}, where="upstream", when=When(nth_call=(1, 2)))
    assert carry(fault).status == 200
    assert [pause for pause in bench.clock.slept if pause] == [9, 9]


def test_a_gateway_mends_a_stream_that_its_upstream_cut(carry: Callable[..., HttpResponse]) -> None:
    answer = carry(Fault("cut", where="upstream"), stream=True)
    assert isinstance(answer.body, bytes)
    assert answer.body.rpartition(b"event: ")[2].startswith(b"error\n")


def test_a_gateway_does_not_mend_what_is_broken_at_its_edge(
    carry: Callable[..., HttpResponse],
) -> None:
    answer = carry(Fault("missing-stop"), stream=True)
    assert isinstance(answer.body, bytes)
    assert b"event: error" not in answer.body
    assert b"message_stop" not in answer.body
