"""What stands at the edge: answers of its own, altered answers, broken connections; the record
has what the client got, and what the upstream's answer cost."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from tanzaku.gateway import RetryPolicy
from tanzaku.transport import BrokenResponse, ConnectionFault, HttpResponse, read_all

MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-haiku-4-5-20251001",
    "content": [],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 1_000_000, "output_tokens": 0},
}
PRICE = Decimal(1)  # a million input tokens of Haiku 4.5, by the price list
RULE = (b"tanzaku-rule", b"fault:x#1")
START = (
    b'event: message_start\ndata: {"type":"message_start","message":{"model":'
    b'"claude-haiku-4-5-20251001","usage":{"input_tokens":1000000,"output_tokens":0}}}\n\n'
)
STOP = (
    b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},'
    b'"usage":{"output_tokens":0}}\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n'
)


def test_an_answer_at_the_edge_asks_no_upstream(bench: Any, kit: Any) -> None:
    upstream = kit.Upstream([kit.answer({})])
    headers = [(b"request-id", b"req_f"), (b"tanzaku-rule", b"fail-1")]
    body = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}

    async def refuse(ask: Any) -> HttpResponse:
        refusal: HttpResponse = kit.answer(body, 529, headers)
        return refusal

    answer = bench.send(upstream, kit.request(), edge=lambda _: kit.Interception(refuse))
    assert (answer.status, json.loads(answer.body)) == (529, body)
    assert upstream.requests == []
    settled = bench.exchange.settlement
    assert (settled.attempts, settled.rule, settled.request_id) == ([], "fail-1", "req_f")
    assert (settled.error.type, settled.cost) == ("overloaded_error", None)


def test_nothing_at_the_edge_lets_the_request_pass(bench: Any, kit: Any) -> None:
    answer = bench.send(kit.Upstream([kit.answer(MESSAGE)]), kit.request(), edge=lambda _: None)
    assert json.loads(answer.body) == MESSAGE


def test_an_altered_answer_is_kept_as_the_client_got_it_and_costs_what_was_sent(
    bench: Any, kit: Any
) -> None:
    async def spoil(ask: Any) -> HttpResponse:
        answer = await ask()
        return HttpResponse(200, [*answer.headers, RULE], answer.body[:20])

    upstream = kit.Upstream([kit.answer(MESSAGE)])
    answer = bench.send(upstream, kit.request(), edge=lambda _: kit.Interception(spoil))
    assert answer.body == json.dumps(MESSAGE).encode()[:20]
    settled = bench.exchange.settlement
    assert settled.response_body == answer.body
    assert (settled.rule, settled.stop_reason) == ("fault:x#1", None)
    assert (settled.usage["input_tokens"], settled.cost.total_usd) == (1_000_000, PRICE)


def test_a_compressed_stream_costs_what_was_sent(bench: Any, kit: Any) -> None:
    async def pack(ask: Any) -> HttpResponse:
        answer = await ask()
        headers = [*answer.headers, (b"content-encoding", b"gzip"), RULE]
        return HttpResponse(200, headers, gzip.compress(await read_all(answer), mtime=0))

    upstream = kit.Upstream([kit.stream(START, STOP)])
    answer = bench.send(upstream, kit.request(), edge=lambda _: kit.Interception(pack))
    assert gzip.decompress(answer.body) == START + STOP
    settled = bench.exchange.settlement
    assert (settled.error, settled.cost.total_usd) == (None, PRICE)


def test_a_connection_broken_before_an_answer_is_kept_as_444(bench: Any, kit: Any) -> None:
    async def break_it(ask: Any) -> HttpResponse:
        raise ConnectionFault("reset")

    with pytest.raises(ConnectionFault):
        bench.send(
            kit.Upstream([kit.answer(MESSAGE)]),
            kit.request(),
            edge=lambda _: kit.Interception(break_it),
        )
    settled = bench.exchange.settlement
    assert (settled.status, settled.error.type) == (444, "connection_broken")
    assert (settled.rule, settled.attempts, settled.cost) == ("fault:x#1", [], None)


def test_an_answer_that_never_went_out_costs_all_the_same(bench: Any, kit: Any) -> None:
    async def break_it(ask: Any) -> HttpResponse:
        await ask()
        raise ConnectionFault("reset")

    with pytest.raises(ConnectionFault):
        bench.send(
            kit.Upstream([kit.answer(MESSAGE)]),
            kit.request(),
            edge=lambda _: kit.Interception(break_it),
        )
    settled = bench.exchange.settlement
    assert (settled.status, settled.cost.total_usd) == (444, PRICE)


def test_a_connection_broken_in_a_stream_keeps_what_went_out(bench: Any, kit: Any) -> None:
    async def break_it(ask: Any) -> HttpResponse:
        answer = await ask()

        async def body() -> AsyncIterator[bytes]:
            yield await anext(answer.body)
            raise ConnectionFault("close")

        return HttpResponse(200, [*answer.headers, RULE], body())

    with pytest.raises(ConnectionFault):
        bench.send(
            kit.Upstream([kit.stream(START, STOP)]),
            kit.request(),
            retry=RetryPolicy(),
            edge=lambda _: kit.Interception(break_it),
        )
    settled = bench.exchange.settlement
    assert (settled.status, settled.response_body) == (200, START)
    assert (settled.rule, settled.cost) == ("fault:x#1", None)
    assert settled.usage["input_tokens"] == 1_000_000


def test_what_the_edge_left_alone_is_repaired_as_ever(bench: Any, kit: Any) -> None:
    async def pass_on(ask: Any) -> HttpResponse:
        answer: HttpResponse = await ask()
        return answer

    upstream = kit.Upstream([kit.stream(START, broken=BrokenResponse("gone"))])
    answer = bench.send(
        upstream,
        kit.request(),
        retry=RetryPolicy(),
        edge=lambda _: kit.Interception(pass_on, headers=[]),
    )
    assert answer.body.startswith(START + b"event: error\n")


def test_a_client_that_leaves_while_the_edge_waits_leaves_the_name_of_the_fault(
    bench: Any, kit: Any
) -> None:
    async def scenario() -> None:
        is_waiting = asyncio.Event()

        async def wait(ask: Any) -> HttpResponse:
            await ask()
            is_waiting.set()
            await asyncio.Event().wait()
            raise AssertionError

        gateway = bench.build(
            kit.Upstream([kit.answer(MESSAGE)]), edge=lambda _: kit.Interception(wait)
        )
        task = asyncio.ensure_future(gateway(kit.request()))
        await is_waiting.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scenario())
    settled = bench.exchange.settlement
    assert (settled.status, settled.error.type) == (499, "client_gone")
    assert (settled.rule, settled.cost.total_usd) == ("fault:x#1", PRICE)
