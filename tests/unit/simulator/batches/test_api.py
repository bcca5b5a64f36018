"""The calls of the Message Batches API, in process and on a clock that stands still."""

import asyncio
import json
import math
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest

from harness.shelved import BATCHES, DAY_S, Shelved, Told, build_item
from tanzaku.catalog import price
from tanzaku.wire import ApiError

NOT_FOUND = "not_found_error"
INVALID = "invalid_request_error"


def run[T](use: Callable[[Shelved], Awaitable[T]], **settings: Any) -> T:
    async def whole() -> T:
        shelved = Shelved(**settings)
        try:
            return await use(shelved)
        finally:
            await shelved.batches.close()

    return asyncio.run(whole())


@pytest.mark.fidelity(
    "batches",
    "a new batch is in progress; the next look at it finds it ended, on the default speed",
    "documented",
    "build-with-claude/batch-processing (that it is at once is a setting)",
)
def test_a_batch_from_creation_to_results() -> None:
    async def use(it: Shelved) -> None:
        created = await it.ask("POST", BATCHES, {"requests": [build_item("a"), build_item("b")]})
        assert created.status == 200
        assert created.json["processing_status"] == "in_progress"
        assert created.json["request_counts"]["processing"] == 2
        assert it.brain.asked == []
        url = f"{BATCHES}/{created.json['id']}"
        ended = (await it.ask("GET", url)).json
        assert ended["processing_status"] == "ended"
        assert ended["request_counts"]["succeeded"] == 2
        assert ended["results_url"] == f"http://claude.test:8080{url}/results"
        results = await it.ask("GET", f"{url}/results")
        assert results.headers[b"content-type"] == b"application/x-jsonl"
        lines = [json.loads(line) for line in results.body.splitlines()]
        assert sorted(line["custom_id"] for line in lines) == ["a", "b"]
        assert {line["result"]["message"]["content"][0]["text"] for line in lines} == {"hello"}

    run(use)


@pytest.mark.fidelity(
    "batches",
    "a request that is refused is an errored result with the whole error envelope",
    "exact",
    "captures of the live API in public notes, 2026-09",
)
def test_each_request_fails_alone_and_with_the_whole_envelope() -> None:
    async def use(it: Shelved) -> dict[str, dict[str, Any]]:
        batch_id = await it.create(
            build_item("good"),
            build_item("unknown", model="none"),
            build_item("raised", "refuse"),
            build_item("broken", "crash"),
        )
        counts = (await it.ask("GET", f"{BATCHES}/{batch_id}")).json["request_counts"]
        assert counts == {
            "processing": 0,
            "succeeded": 1,
            "errored": 3,
            "canceled": 0,
            "expired": 0,
        }
        return await it.results(batch_id)

    results = run(use)
    assert results["good"]["type"] == "succeeded"
    assert results["unknown"] == {
        "type": "errored",
        "error": {
            "type": "error",
            "error": {
                "details": {"error_visibility": "user_facing"},
                "type": NOT_FOUND,
                "message": "model: none",
            },
            "request_id": None,
        },
    }
    errors = {name: results[name]["error"]["error"] for name in ("raised", "broken")}
    assert errors["raised"]["type"] == INVALID
    assert errors["raised"]["message"] == "messages: refused"
    assert (errors["broken"]["type"], errors["broken"]["message"]) == (
        "api_error",
        "Internal server error",
    )


@pytest.mark.fidelity(
    "batches",
    "what is wrong with the envelope is refused at creation, a repeated custom_id too",
    "exact",
    "captures of the live API in public notes, 2026-09",
)
@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "requests: Field required"),
        ({"requests": []}, "requests: List should have at least 1 item after validation, not 0"),
        ({"requests": [build_item("a")], "model": "x"}, "model: Extra inputs are not permitted"),
        ({"requests": [{"custom_id": "a"}]}, "requests.0.params: Field required"),
        (
            {"requests": [build_item("a"), build_item("b c")]},
            "requests.1.custom_id: String should match pattern '^[a-zA-Z0-9_-]{1,64}$'",
        ),
        (
            {"requests": [build_item("dup"), build_item("b"), build_item("dup")]},
            "requests: custom_id's must be unique within a batch. Duplicate custom_id found: dup",
        ),
    ],
)
def test_what_is_wrong_with_the_envelope_is_refused_at_once(body: Any, message: str) -> None:
    async def use(it: Shelved) -> Told:
        refused = await it.ask("POST", BATCHES, body)
        assert (await it.ask("GET", BATCHES)).json["data"] == []
        return refused

    assert run(use).error == (400, INVALID, message)


def long_batch(*last: dict[str, Any]) -> bytes:
    """More than one part of requests: 300 with a kilobyte each, then `last`."""
    items = [build_item(f"r{number}", "x" * 1000) for number in range(300)]
    return json.dumps({"requests": [*items, *last]}).encode()


@pytest.mark.parametrize(
    ("last", "message"),
    [
        ({"custom_id": "a"}, "requests.300.params: Field required"),
        (
            build_item("r7"),
            "requests: custom_id's must be unique within a batch. Duplicate custom_id found: r7",
        ),
    ],
    ids=["a field", "a repetition"],
)
def test_a_long_batch_is_refused_as_a_short_one_is(last: dict[str, Any], message: str) -> None:
    async def use(it: Shelved) -> Told:
        refused = await it.ask("POST", BATCHES, long_batch(last))
        assert await it.shelf.read_all("batch_requests") == []
        return refused

    assert run(use).error == (400, INVALID, message)


def test_a_long_batch_loses_and_repeats_no_request() -> None:
    async def use(it: Shelved) -> None:
        created = await it.ask("POST", BATCHES, long_batch())
        assert len(await it.shelf.read_all("batch_requests")) > 1
        results = await it.results(created.json["id"])
        assert set(results) == {f"r{number}" for number in range(300)}
        assert len(it.brain.asked) == 300
        assert await it.shelf.read_all("batch_requests") == []

    run(use)


@pytest.mark.fidelity(
    "batches", "results come in any order", "documented", "build-with-claude/batch-processing"
)
def test_results_come_in_an_order_of_the_batch_s_own() -> None:
    async def use(it: Shelved) -> list[str]:
        created = await it.ask(
            "POST", BATCHES, {"requests": [build_item(f"r{n}") for n in range(9)]}
        )
        told = await it.ask("GET", f"{BATCHES}/{created.json['id']}/results")
        return [json.loads(line)["custom_id"] for line in told.body.splitlines()]

    order = run(use)
    assert sorted(order) == [f"r{number}" for number in range(9)]
    assert order != sorted(order)
    assert run(use) == order


@pytest.mark.fidelity(
    "batches",
    "unknown batches, and results that are not there yet, are 404",
    "exact",
    "captures of the live API in public notes, 2026-09",
)
def test_what_is_not_there_is_a_404_in_the_api_s_words() -> None:
    async def use(it: Shelved) -> None:
        gone = f"{BATCHES}/msgbatch_gone"
        for method, target in (
            ("GET", gone),
            ("DELETE", gone),
            ("GET", f"{gone}/results"),
            ("POST", f"{gone}/cancel"),
        ):
            told = await it.ask(method, target)
            assert told.error == (404, NOT_FOUND, "Message Batch msgbatch_gone not found.")
        batch_id = await it.create(build_item("a"))
        early = await it.ask("GET", f"{BATCHES}/{batch_id}/results")
        assert early.error == (
            404,
            NOT_FOUND,
            f"Message Batch {batch_id} has no available results.",
        )

    run(use, speed=1.0)


@pytest.mark.fidelity(
    "batches",
    "a batch is deleted only when it has ended; its results go with it",
    "exact",
    "captures of the live API in public notes, 2026-09",
)
def test_only_an_ended_batch_is_deleted() -> None:
    async def use(it: Shelved) -> None:
        batch_id = await it.create(build_item("a"))
        url = f"{BATCHES}/{batch_id}"
        assert (await it.ask("DELETE", url)).error == (
            400,
            INVALID,
            "In progress batches cannot be deleted. Consider canceling the batch instead.",
        )
        await it.advance(DAY_S)
        deleted = await it.ask("DELETE", url)
        assert deleted.json == {"id": batch_id, "type": "message_batch_deleted"}
        assert (await it.ask("GET", url)).status == 404
        assert (await it.ask("GET", f"{url}/results")).status == 404
        assert await it.shelf.read_all("batch") == await it.shelf.read_all("batch_results") == []

    run(use, speed=1.0)


@pytest.mark.fidelity(
    "batches",
    "a poll of a batch at work is answered with retry-after 10",
    "exact",
    "captures of the live API in public notes, 2026-09",
)
def test_time_passes_for_a_batch_at_the_speed_of_the_real_service() -> None:
    async def use(it: Shelved) -> None:
        batch_id = await it.create(*(build_item(f"r{number}") for number in range(20)))
        url = f"{BATCHES}/{batch_id}"
        polled = await it.ask("GET", url)
        assert polled.headers[b"retry-after"] == b"10"
        assert polled.json["processing_status"] == "in_progress"
        assert it.brain.asked == []
        # In the background: nobody looks.
        await it.advance(180.0)
        assert 0 < len(it.brain.asked) <= 20
        await it.advance(482.0)
        assert len(it.brain.asked) == 20
        ended = await it.ask("GET", url)
        assert b"retry-after" not in ended.headers
        assert ended.json["processing_status"] == "ended"
        assert ended.json["ended_at"] < "2026-01-01T00:11:02Z"
        assert len(await it.results(batch_id)) == 20

    run(use, speed=1.0)


@pytest.mark.parametrize("speed", [1.0, 60.0])
def test_a_look_finds_done_what_is_due_even_before_the_background_got_to_it(speed: float) -> None:
    async def use(it: Shelved) -> None:
        batch_id = await it.create(*(build_item(f"r{number}") for number in range(5)))
        it.clock.advance(DAY_S)
        ended = (await it.ask("GET", f"{BATCHES}/{batch_id}")).json
        assert ended["request_counts"]["succeeded"] == 5
        assert ended["ended_at"] < ended["expires_at"]

    run(use, speed=speed)


@pytest.mark.fidelity(
    "batches",
    "a cancel is answered with canceling; partial results stay",
    "documented",
    "build-with-claude/batch-processing",
)
def test_a_canceled_batch_keeps_what_was_answered() -> None:
    async def use(it: Shelved) -> None:
        batch_id = await it.create(*(build_item(f"r{number}") for number in range(40)))
        url = f"{BATCHES}/{batch_id}"
        await it.advance(100.0)
        canceled = (await it.ask("POST", f"{url}/cancel")).json
        assert canceled["processing_status"] == "canceling"
        assert canceled["cancel_initiated_at"] == "2026-01-01T00:01:40Z"
        assert canceled["request_counts"]["processing"] == 40
        await it.advance(24.0)
        assert (await it.ask("GET", url)).json["processing_status"] == "canceling"
        await it.advance(2.0)
        counts = (await it.ask("GET", url)).json["request_counts"]
        kinds = [result["type"] for result in (await it.results(batch_id)).values()]
        assert kinds.count("succeeded") == counts["succeeded"] == len(it.brain.asked) > 0
        assert kinds.count("canceled") == counts["canceled"] == 40 - counts["succeeded"] > 0

    run(use, speed=1.0)


def test_a_batch_canceled_before_anybody_looked_was_never_run() -> None:
    async def use(it: Shelved) -> None:
        batch_id = await it.create(build_item("a"), build_item("b"))
        canceled = (await it.ask("POST", f"{BATCHES}/{batch_id}/cancel")).json
        assert canceled["processing_status"] == "canceling"
        assert await it.results(batch_id) == {"a": {"type": "canceled"}, "b": {"type": "canceled"}}
        assert it.brain.asked == []
        late = await it.ask("POST", f"{BATCHES}/{batch_id}/cancel")
        assert late.error[:2] == (400, INVALID)

    run(use)


def test_requests_that_a_day_was_too_short_for_expire() -> None:
    async def use(it: Shelved) -> None:
        batch_id = await it.create(*(build_item(f"r{number}") for number in range(10)))
        await it.advance(DAY_S)
        ended = (await it.ask("GET", f"{BATCHES}/{batch_id}")).json
        assert ended["processing_status"] == "ended"
        assert ended["ended_at"] == ended["expires_at"] == "2026-01-02T00:00:00Z"
        kinds = [result["type"] for result in (await it.results(batch_id)).values()]
        assert ended["request_counts"]["expired"] == kinds.count("expired") > 0
        assert ended["request_counts"]["succeeded"] == kinds.count("succeeded") > 0

    run(use, speed=0.003)


def test_after_29_days_a_batch_is_shown_without_its_results() -> None:
    async def use(it: Shelved) -> None:
        batch_id = await it.create(build_item("a"))
        url = f"{BATCHES}/{batch_id}"
        assert len(await it.results(batch_id)) == 1
        await it.advance(29 * DAY_S)
        assert (await it.ask("GET", f"{url}/results")).status == 404
        archived = (await it.ask("GET", url)).json
        assert archived["archived_at"] == "2026-01-30T00:00:00Z"
        assert archived["results_url"] is None
        await it.create(build_item("b"))
        assert await it.shelf.read_all("batch_results") == []

    run(use)


@pytest.mark.fidelity(
    "batches", "lists are newest first, paged by id", "documented", "SDK pagination.py"
)
def test_batches_are_listed_newest_first_and_by_pages() -> None:
    async def use(it: Shelved) -> None:
        ids = [await it.create(build_item("a")) for _ in range(5)][::-1]

        async def page(query: str) -> tuple[list[str], bool]:
            listed = (await it.ask("GET", f"{BATCHES}?{query}")).json
            found = [batch["id"] for batch in listed["data"]]
            assert listed["first_id"] == (found[0] if found else None)
            assert listed["last_id"] == (found[-1] if found else None)
            return found, listed["has_more"]

        assert await page("beta=true") == (ids, False)
        assert await page("limit=2") == (ids[:2], True)
        assert await page(f"limit=2&after_id={ids[1]}") == (ids[2:4], True)
        assert await page(f"limit=2&after_id={ids[3]}") == (ids[4:], False)
        assert await page(f"limit=2&before_id={ids[4]}") == (ids[2:4], True)
        assert await page(f"limit=2&before_id={ids[2]}") == (ids[:2], False)
        assert await page(f"before_id={ids[0]}") == ([], False)
        await it.ask("DELETE", f"{BATCHES}/{ids[1]}")
        assert await page(f"limit=2&after_id={ids[1]}") == (ids[2:4], True)
        refused = await it.ask("GET", f"{BATCHES}?after_id=msgbatch_never")
        assert refused.error[:2] == (400, INVALID)

    run(use)


@pytest.mark.fidelity(
    "batches",
    "batches are isolated by workspace",
    "documented",
    "build-with-claude/batch-processing",
)
def test_a_workspace_does_not_see_another_s_batches() -> None:
    async def use(it: Shelved) -> None:
        other = [(b"anthropic-workspace-id", b"wrkspc_other")]
        batch_id = await it.create(build_item("a"), headers=other)
        assert (await it.ask("GET", BATCHES)).json["data"] == []
        assert (await it.ask("GET", f"{BATCHES}/{batch_id}")).status == 404
        assert (await it.ask("GET", f"{BATCHES}/{batch_id}", headers=other)).status == 200

    run(use)


def test_the_brain_gets_the_api_s_headers_and_no_credential() -> None:
    async def use(it: Shelved) -> None:
        version, beta = (b"anthropic-version", b"2026-10-21"), (b"anthropic-beta", b"x")
        key = (b"x-api-key", b"sk-ant-canary")
        batch_id = await it.create(build_item("a"), headers=[version, key, beta])
        await it.results(batch_id)
        assert it.brain.headers == [version, beta]
        rows = [*await it.shelf.read_all("batch"), *await it.shelf.read_all("batch_results")]
        assert rows
        assert all(b"canary" not in row.facts for row in rows)

    run(use)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("PUT", BATCHES, 405),
        ("DELETE", BATCHES, 405),
        ("POST", f"{BATCHES}/msgbatch_1", 405),
        ("GET", f"{BATCHES}/msgbatch_1/cancel", 405),
        ("POST", f"{BATCHES}/msgbatch_1/results", 405),
        ("GET", f"{BATCHES}/msgbatch_1/other", 404),
        ("GET", f"{BATCHES}/", 404),
    ],
)
def test_other_paths_and_methods_are_refused(method: str, path: str, status: int) -> None:
    told = run(lambda it: it.ask(method, path))
    assert (told.status, told.json["type"]) == (status, "error")


def test_whoever_keeps_the_queue_may_refuse_a_batch_and_hears_of_each_request() -> None:
    queued: list[tuple[int, str]] = []
    left: list[tuple[bool, str]] = []

    def enqueue(requests: int, workspace: str) -> None:
        if requests > 3:
            raise ApiError.rate_limit("too many in the queue")
        queued.append((requests, workspace))

    def dequeue(message: dict[str, Any] | None, workspace: str) -> None:
        left.append((message is not None, workspace))

    async def use(it: Shelved) -> None:
        batch_id = await it.create(build_item("a"), build_item("b", "refuse"))
        await it.results(batch_id)
        refused = await it.ask(
            "POST", BATCHES, {"requests": [build_item(str(n)) for n in range(4)]}
        )
        assert refused.error == (429, "rate_limit_error", "too many in the queue")
        assert await it.shelf.read_all("batch_requests") == []

    run(use, enqueue=enqueue, dequeue=dequeue)
    assert queued == [(2, "wrkspc_default")]
    assert sorted(left) == [(False, "wrkspc_default"), (True, "wrkspc_default")]


def test_a_look_that_is_broken_off_does_not_break_the_work_off() -> None:
    async def use(it: Shelved) -> None:
        batch_id = await it.create(*(build_item(f"r{number}") for number in range(50)))
        look = asyncio.create_task(it.ask("GET", f"{BATCHES}/{batch_id}"))
        await it.brain.third.wait()
        look.cancel()
        await asyncio.gather(look, return_exceptions=True)
        assert len(it.brain.asked) < 50
        await it.advance(0.0)
        assert len(it.brain.asked) == 50
        assert len(await it.results(batch_id)) == 50
        assert len(it.brain.asked) == 50

    run(use)


def test_many_who_look_at_once_have_each_request_answered_once() -> None:
    async def use(it: Shelved) -> None:
        batch_id = await it.create(*(build_item(f"r{number}") for number in range(30)))
        told = await asyncio.gather(*(it.ask("GET", f"{BATCHES}/{batch_id}") for _ in range(9)))
        assert {one.json["processing_status"] for one in told} == {"ended"}
        assert len(it.brain.asked) == 30

    run(use)


def test_the_same_requests_give_the_same_bytes() -> None:
    async def use(it: Shelved) -> list[bytes]:
        batch_id = await it.create(*(build_item(f"r{number}") for number in range(12)))
        url = f"{BATCHES}/{batch_id}"
        return [(await it.ask("GET", target)).body for target in (url, f"{url}/results", BATCHES)]

    assert run(use) == run(use)


@pytest.mark.fidelity(
    "batches", "tokens of a batch cost half", "documented", "about-claude/pricing"
)
def test_what_a_batch_answers_costs_half() -> None:
    async def use(it: Shelved) -> dict[str, Any]:
        return (await it.results(await it.create(build_item("a"))))["a"]["message"]

    message = run(use)
    full = {**message["usage"], "service_tier": "standard"}
    half = price(message["model"], message["usage"]).total_usd
    assert half * 2 == price(message["model"], full).total_usd == Decimal("0.000018")


@pytest.mark.parametrize("speed", [0.0, -1.0, math.nan])
def test_a_batch_cannot_stand_still_or_go_back(speed: float) -> None:
    with pytest.raises(ValueError, match="speed"):
        Shelved(speed=speed)
