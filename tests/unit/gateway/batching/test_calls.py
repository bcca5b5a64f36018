"""What becomes of a deferred call: its ticket, its batch, its answer, its price."""

import asyncio
import json
from decimal import Decimal
from typing import Any

import pytest

from harness.deferred import (
    build_params,
    list_exchanges,
    open_deferring,
    read_header,
    read_json,
)
from tanzaku.gateway._stages import Caller, Target
from tanzaku.gateway.batching import BatchingSettings
from tanzaku.transport import HttpRequest, HttpResponse, TransportError
from tanzaku.wire import ApiError

HOUR_S = 3600.0
# 8 tokens in, 2 out, at half of 1 and 5 dollars a million.
HALF_USD = Decimal("0.000009")


def test_a_call_is_answered_with_the_message_of_the_batch() -> None:
    async def use() -> None:
        async with open_deferring() as (it, upstream):
            answer = await it.defer(build_params("first"))
            ticket = read_json(answer)
            assert answer.status == 202
            assert (ticket["type"], ticket["status"]) == ("tanzaku_later", "queued")
            assert ticket["url"] == f"http://gate.test/_tanzaku/later/{ticket['id']}"
            assert read_header(answer, "location") == f"/_tanzaku/later/{ticket['id']}"

            await it.pass_time(120)
            pending = await it.ask("GET", f"/{ticket['id']}")
            assert (pending.status, read_json(pending)["status"]) == (202, "in_progress")

            await it.pass_time(HOUR_S)
            fetched = await it.ask("GET", f"/{ticket['id']}")
            assert fetched.status == 200
            (result,) = (await upstream.shelved.results(_find_batch(upstream))).values()
            assert read_json(fetched) == result["message"]
            assert upstream.asked == {ticket["id"]: 1}

    asyncio.run(use())


def test_the_message_keeps_the_bytes_of_the_upstream() -> None:
    odd = b'{ "id":"msg_\\u0031", "usage":{"input_tokens":1.0e1},"x":1.50, "y":"\xe7\x9f\xad"}'

    def replace_results(request: HttpRequest, answer: HttpResponse) -> HttpResponse | None:
        if not request.path.endswith("/results"):
            return None
        line = b'{"custom_id":"%b", "result" : {"type":"succeeded","message":%b }}\n'
        return HttpResponse(200, [], line % (ids[0].encode(), odd))

    ids: list[str] = []

    async def use() -> None:
        async with open_deferring() as (it, upstream):
            upstream.after = replace_results
            ids.append(await it.defer_id(build_params()))
            await it.pass_time(HOUR_S)
            assert (await it.ask("GET", f"/{ids[0]}")).body == odd

    asyncio.run(use())


def test_the_request_stands_in_the_batch_byte_for_byte() -> None:
    body = (
        b'{"model" : "claude-haiku-4-5","max_tokens":5e1,\n'
        b'"messages":[{"role":"user","content":"\\u77ed \xe5\x86\x8a"}]}'
    )

    async def use() -> None:
        async with open_deferring() as (it, upstream):
            ids = [await it.defer_id(body), await it.defer_id(body)]
            await it.pass_time(120)
            (created,) = upstream.created
            one, other = (
                b'{"custom_id":"%b","params":%b}' % (call_id.encode(), body) for call_id in ids
            )
            assert created.body == b'{"requests":[%b,%b]}' % (one, other)

    asyncio.run(use())


def test_each_call_is_an_exchange_of_its_own_at_half_the_price() -> None:
    caller = Caller("key_1", "search", "ann", ("night", "index"))

    async def use() -> None:
        async with open_deferring() as (it, upstream):
            call_id = await it.defer_id(
                build_params("priced"), caller=caller, headers=[(b"tanzaku-run", b"r7")]
            )
            await it.pass_time(HOUR_S)
            (exchange,) = list_exchanges(it.ledger.ledger)
            settled = exchange.settlement
            assert settled is not None
            assert (exchange.path, exchange.model) == ("/v1/messages", "claude-haiku-4-5")
            assert json.loads(exchange.request_body) == build_params("priced")
            assert exchange.labels == {
                "when": "6h",
                "run": "r7",
                "later": call_id,
                "batch": _find_batch(upstream),
                "key": "key_1",
                "team": "search",
                "owner": "ann",
                "tags": "night,index",
            }
            assert (settled.status, settled.route) == (200, "main")
            assert settled.cost is not None
            assert settled.cost.total_usd == HALF_USD
            assert settled.timings.total_ms > 180_000

    asyncio.run(use())


def test_a_call_that_fails_in_the_batch_gets_its_own_error_and_costs_nothing() -> None:
    async def use() -> None:
        async with open_deferring() as (it, _):
            bad = await it.defer_id(build_params(model="none"))
            good = await it.defer_id(build_params())
            await it.pass_time(HOUR_S)
            refused = await it.ask("GET", f"/{bad}")
            assert refused.status == 404
            assert read_json(refused)["error"]["type"] == "not_found_error"
            assert read_header(refused, "x-should-retry") == "false"
            assert (await it.ask("GET", f"/{good}")).status == 200
            costs = {
                one.labels["later"]: one.settlement and one.settlement.cost
                for one in list_exchanges(it.ledger.ledger)
            }
            assert costs[bad] is None
            assert costs[good] is not None

    asyncio.run(use())


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"stream": True}, "`stream=True` is not supported in the Message Batches API"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"speed": "fast"}, "speed"),
    ],
)
def test_what_no_batch_takes_is_refused_at_once(more: dict[str, Any], text: str) -> None:
    async def use() -> None:
        async with open_deferring() as (it, upstream):
            headers = [(b"anthropic-beta", b"fast-mode-2026-02-01")]
            with pytest.raises(ApiError, match=text) as refused:
                await it.defer(build_params(**more), headers=headers)
            assert refused.value.status == 400
            await it.pass_time(HOUR_S)
            assert upstream.requests == []

    asyncio.run(use())


@pytest.mark.parametrize("when", ["59s", "25h", "6", "6d", "", "soon", "-1h", "0h", "６h"])
def test_a_time_that_is_none_is_refused(when: str) -> None:
    async def use() -> None:
        async with open_deferring() as (it, _):
            with pytest.raises(ApiError, match="tanzaku-when"):
                await it.defer(build_params(), when)

    asyncio.run(use())


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"a":NaN}', b'{"a":1,"a":2}', b"\xff"])
def test_a_body_that_would_spoil_the_batch_is_refused(body: bytes) -> None:
    async def use() -> None:
        async with open_deferring() as (it, _):
            with pytest.raises(ApiError, match="not valid JSON"):
                await it.defer(body)

    asyncio.run(use())


def test_calls_of_other_betas_go_in_a_batch_of_their_own() -> None:
    async def use() -> None:
        async with open_deferring() as (it, upstream):
            one = [(b"anthropic-beta", b"a-2026-01-01,b-2026-01-01")]
            other = [(b"anthropic-beta", b"b-2026-01-01"), (b"anthropic-beta", b"a-2026-01-01")]
            await it.defer(build_params(), headers=one)
            await it.defer(build_params(), headers=other)
            await it.defer(build_params())
            await it.defer(build_params(), query="?beta=true")
            await it.pass_time(120)
            sent = sorted(
                (
                    dict(one.headers).get(b"anthropic-beta", b"").decode(),
                    one.target.partition("?")[2],
                    one.body.count(b"custom_id"),
                )
                for one in upstream.created
            )
            betas = "a-2026-01-01,b-2026-01-01"
            assert sent == [("", "", 1), ("", "beta=true", 1), (betas, "", 2)]

    asyncio.run(use())


def test_no_credential_of_a_client_is_kept_or_sent() -> None:
    async def use() -> None:
        async with open_deferring() as (it, upstream):
            secret = [(b"x-api-key", b"sk-tzk-secret"), (b"authorization", b"Bearer secret")]
            await it.defer(build_params(), headers=secret)
            await it.pass_time(120)
            assert upstream.created
            kept = [
                await it.shelf.get(row.kind, row.id) for row in await it.shelf.read_all("later")
            ]
            lines = [line for request in upstream.requests for line in request.headers]
            assert "secret" not in f"{kept} {lines}"

    asyncio.run(use())


def test_the_model_that_the_route_names_is_asked_for() -> None:
    async def use() -> None:
        async with open_deferring() as (it, upstream):
            it.targets[:] = [
                Target("elsewhere", upstream),
                Target("main", upstream, model="claude-haiku-5-5"),
            ]
            await it.defer(build_params("x"))
            await it.pass_time(120)
            (item,) = json.loads(upstream.created[0].body)["requests"]
            assert item["params"] == build_params("x", model="claude-haiku-5-5")

    asyncio.run(use())


def test_a_route_without_batches_is_refused() -> None:
    async def use() -> None:
        async with open_deferring() as (it, upstream):
            it.targets[:] = [Target("elsewhere", upstream)]
            with pytest.raises(ApiError, match="no upstream on the route"):
                await it.defer(build_params())

    asyncio.run(use())


def test_a_full_desk_sends_what_it_has_at_once() -> None:
    settings = BatchingSettings(collect_s=1000.0, max_requests=3)

    async def use() -> None:
        async with open_deferring(settings=settings) as (it, upstream):
            for _ in range(7):
                await it.defer(build_params(), "batch")
            await it.pass_time(30)
            assert [one.body.count(b"custom_id") for one in upstream.created] == [3, 3]
            await it.pass_time(1000)
            assert [one.body.count(b"custom_id") for one in upstream.created] == [3, 3, 1]

    asyncio.run(use())


def test_a_near_deadline_sends_at_once() -> None:
    settings = BatchingSettings(collect_s=1000.0, margin_s=600.0)

    async def use() -> None:
        async with open_deferring(settings=settings) as (it, upstream):
            await it.pass_time(5)
            await it.defer(build_params(), "24h")
            await it.defer(build_params(), "15m")
            await it.pass_time(295)
            assert not upstream.created
            await it.pass_time(10)
            (created,) = upstream.created
            assert created.body.count(b"custom_id") == 2

    asyncio.run(use())


def test_a_refusal_that_passes_is_waited_out() -> None:
    refusals = [
        HttpResponse(429, [(b"retry-after", b"100")], b"{}"),
        HttpResponse(529, [], b"{}"),
        HttpResponse(401, [], b"{}"),
    ]
    at: list[float] = []

    async def use() -> None:
        async with open_deferring() as (it, upstream):

            def refuse(request: HttpRequest) -> HttpResponse | None:
                if request.method != "POST":
                    return None
                at.append(it.clock.now())
                return refusals.pop(0) if refusals else None

            upstream.before = refuse
            call_id = await it.defer_id(build_params())
            await it.pass_time(HOUR_S)
            assert (await it.ask("GET", f"/{call_id}")).status == 200
            assert len(at) == 4
            assert at[1] - at[0] >= 100
            assert upstream.asked == {call_id: 1}

    asyncio.run(use())


def test_a_refusal_that_stays_is_the_answer() -> None:
    body = b'{"type":"error","error":{"type":"invalid_request_error","message":"no"}}'

    async def use() -> None:
        async with open_deferring() as (it, upstream):
            upstream.before = lambda request: HttpResponse(400, [], body)
            call_id = await it.defer_id(build_params())
            await it.pass_time(120)
            refused = await it.ask("GET", f"/{call_id}")
            assert (refused.status, refused.body) == (400, body)
            (exchange,) = list_exchanges(it.ledger.ledger)
            assert exchange.settlement is not None
            assert (exchange.settlement.cost, exchange.settlement.unpriced) == (None, None)

    asyncio.run(use())


def test_a_cancel_takes_back_what_has_not_been_sent() -> None:
    async def use() -> None:
        async with open_deferring() as (it, upstream):
            gone = await it.defer_id(build_params())
            kept = await it.defer_id(build_params())
            canceled = await it.ask("DELETE", f"/{gone}")
            assert read_json(canceled)["status"] == "canceled"
            assert (await it.ask("GET", f"/{gone}")).status == 409
            await it.pass_time(120)
            with pytest.raises(ApiError) as refused:
                await it.ask("DELETE", f"/{kept}")
            assert refused.value.status == 409
            await it.pass_time(HOUR_S)
            assert upstream.asked == {kept: 1}

    asyncio.run(use())


def test_a_cancel_reaches_what_waits_for_the_upstream_to_recover() -> None:
    async def use() -> None:
        async with open_deferring() as (it, upstream):
            upstream.before = lambda request: HttpResponse(529, [], b"{}")
            gone, kept = [await it.defer_id(build_params()) for _ in range(2)]
            await it.pass_time(120)
            assert upstream.created
            await it.ask("DELETE", f"/{gone}")
            upstream.before = lambda request: None
            await it.pass_time(HOUR_S)
            assert upstream.asked == {kept: 1}

    asyncio.run(use())


def test_who_waits_is_told_as_soon_as_the_answer_is_there() -> None:
    async def use() -> None:
        async with open_deferring() as (it, _):
            call_id = await it.defer_id(build_params())
            asking = asyncio.create_task(it.ask("GET", f"/{call_id}?wait=60"))
            await it.pass_time(59)
            assert not asking.done()
            await it.pass_time(5)
            assert (await asking).status == 202

            took_s = 60.0
            while (answer := await asking).status == 202:
                asking = asyncio.create_task(it.ask("GET", f"/{call_id}?wait=60"))
                took_s = 0.0
                while not asking.done():
                    await it.pass_time(1, step_s=1.0)
                    took_s += 1.0
            # A batch's time is 180 to 660 s and the polls are not every minute.
            assert took_s < 58
            assert read_json(answer)["type"] == "message"

    asyncio.run(use())


def test_a_late_call_says_so_and_is_answered_all_the_same() -> None:
    async def use() -> None:
        async with open_deferring() as (it, _):
            call_id = await it.defer_id(build_params(), "1m")
            await it.pass_time(70)
            late = await it.ask("GET", f"/{call_id}")
            assert (late.status, read_json(late)["error"]["type"]) == (504, "timeout_error")
            assert read_header(late, "x-should-retry") == "false"
            await it.pass_time(HOUR_S)
            assert (await it.ask("GET", f"/{call_id}")).status == 200

    asyncio.run(use())


def test_a_call_that_could_not_be_sent_by_its_deadline_ends_with_an_error() -> None:
    async def use() -> None:
        async with open_deferring() as (it, upstream):
            upstream.before = lambda request: HttpResponse(529, [], b"{}")
            call_id = await it.defer_id(build_params(), "5m")
            await it.pass_time(310)
            upstream.before = lambda request: None
            await it.pass_time(HOUR_S)
            assert (await it.ask("GET", f"/{call_id}")).status == 504
            assert upstream.asked == {}
            (exchange,) = list_exchanges(it.ledger.ledger)
            assert exchange.settlement is not None
            assert exchange.settlement.cost is None

    asyncio.run(use())


@pytest.mark.parametrize("is_sent", [False, True])
def test_a_late_call_is_sent_by_itself_where_that_is_wanted(is_sent: bool) -> None:
    settings = BatchingSettings(on_late="send_now")

    async def use() -> None:
        async with open_deferring(settings=settings) as (it, upstream):
            if not is_sent:
                upstream.before = lambda request: (
                    HttpResponse(529, [], b"{}") if "batches" in request.path else None
                )
            call_id = await it.defer_id(build_params("now"), "1m")
            await it.pass_time(70)
            answer = await it.ask("GET", f"/{call_id}")
            assert read_json(answer)["id"] == "msg_plain"
            assert [json.loads(body) for body in upstream.plain] == [build_params("now")]
            upstream.before = lambda request: None
            await it.pass_time(HOUR_S)
            assert (await it.ask("GET", f"/{call_id}")).body == answer.body
            costs = sorted(
                one.settlement.cost.total_usd
                for one in list_exchanges(it.ledger.ledger)
                if one.settlement and one.settlement.cost
            )
            # What the batch answers later is billed by the upstream as well.
            assert costs == ([HALF_USD, 2 * HALF_USD] if is_sent else [2 * HALF_USD])

    asyncio.run(use())


def test_a_batch_that_the_upstream_lets_expire_is_an_error_and_costs_nothing() -> None:
    async def use() -> None:
        async with open_deferring(speed=0.001) as (it, _):
            call_id = await it.defer_id(build_params(), "batch")
            await it.pass_time(25 * HOUR_S, step_s=300)
            answer = await it.ask("GET", f"/{call_id}")
            assert (answer.status, read_json(answer)["error"]["type"]) == (504, "timeout_error")
            (exchange,) = list_exchanges(it.ledger.ledger)
            assert exchange.settlement is not None
            assert exchange.settlement.cost is None

    asyncio.run(use())


def test_a_batch_that_was_deleted_at_the_upstream_is_given_up() -> None:
    async def use() -> None:
        async with open_deferring() as (it, upstream):
            call_id = await it.defer_id(build_params(), "batch")
            await it.pass_time(120)
            upstream.before = lambda request: HttpResponse(404, [], b"{}")
            await it.pass_time(27 * HOUR_S, step_s=300)
            assert (await it.ask("GET", f"/{call_id}")).status == 502
            (exchange,) = list_exchanges(it.ledger.ledger)
            assert exchange.settlement is not None
            assert exchange.settlement.unpriced is not None

    asyncio.run(use())


def test_results_that_break_off_are_fetched_again() -> None:
    async def use() -> None:
        async with open_deferring() as (it, upstream):
            ids = [await it.defer_id(build_params(f"t{n}")) for n in range(5)]
            broken = [True]

            def cut(request: HttpRequest, answer: HttpResponse) -> HttpResponse | None:
                if not request.path.endswith("/results") or not broken:
                    return None
                broken.pop()
                source = answer.body
                assert not isinstance(source, bytes)

                async def half() -> Any:
                    async for chunk in source:
                        yield chunk[: len(chunk) // 2]
                    raise TransportError("cut")

                return HttpResponse(200, answer.headers, half())

            upstream.after = cut
            await it.pass_time(HOUR_S)
            for call_id in ids:
                assert (await it.ask("GET", f"/{call_id}")).status == 200
            assert not broken
            assert len(list_exchanges(it.ledger.ledger)) == 5

    asyncio.run(use())


def test_answers_go_when_they_were_kept_long_enough() -> None:
    async def use() -> None:
        async with open_deferring(settings=BatchingSettings(keep_hours=2.0)) as (it, _):
            call_id = await it.defer_id(build_params())
            await it.pass_time(HOUR_S)
            assert (await it.ask("GET", f"/{call_id}")).status == 200
            await it.pass_time(2.5 * HOUR_S)
            with pytest.raises(ApiError) as refused:
                await it.ask("GET", f"/{call_id}")
            assert refused.value.status == 404
            assert await it.shelf.read_all("later") == []
            assert await it.shelf.read_all("later_batch") == []

    asyncio.run(use())


def test_too_many_waiting_calls_are_refused() -> None:
    async def use() -> None:
        async with open_deferring(settings=BatchingSettings(max_waiting=2)) as (it, _):
            for _ in range(2):
                await it.defer(build_params())
            with pytest.raises(ApiError) as refused:
                await it.defer(build_params())
            assert refused.value.status == 429
            await it.pass_time(HOUR_S)
            await it.defer(build_params())

    asyncio.run(use())


def _find_batch(upstream: Any) -> str:
    (batch_id,) = upstream.shelved.batches._batches
    return str(batch_id)
