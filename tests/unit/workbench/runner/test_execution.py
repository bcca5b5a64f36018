"""Suites against a service that is no language model: verdicts, order, stops, repetition."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.executions import Done, execute, run_orders
from harness.orders import Orders
from tanzaku.workbench.runner import (
    Baseline,
    CaseEnded,
    CaseStarted,
    ExecutionEnded,
    ExecutionStarted,
    ReplyCame,
    format_baseline,
    load_baseline,
)


def write_suite(*cases: dict[str, Any], **more: Any) -> str:
    """JSON is YAML."""
    head = {"tanzaku": "suite/v1", "defaults": {"use": "requests/get.yaml"}}
    return json.dumps({**head, **more, "cases": cases}, ensure_ascii=False)


def case(case_id: str, place: str = "orders", number: str = "1", **more: Any) -> dict[str, Any]:
    return {"id": case_id, "vars": {"place": place, "id": number}, **more}


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., tuple[Done, Orders]]:
    def run_one(suite: str, **settings: Any) -> tuple[Done, Orders]:
        found: list[Done] = []

        async def test(orders: Orders) -> None:
            found.append(await execute(tmp_path, **settings))

        return (lambda orders: (found[0], orders))(run_orders(tmp_path, suite, test))

    return run_one


OK = {"expect": [{"status": 200}]}


def test_each_case_has_its_verdict_and_the_whole_its_figures(run: Any) -> None:
    suite = write_suite(
        case("there", expect=[{"status": 200}, {"jsonpath": "$.id", "equals": "1"}]),
        case("absent", number="9", expect=[{"status": 404}]),
        case("unexpected", number="9"),
        case("wrong", expect=[{"status": 201}, {"status": 200}]),
        case("unjudged", expect=[{"not": {"jsonpath": "$.id", "equals": "{{nobody}}"}}]),
        case("unfilled", "{{nobody}}"),
        case("left-out", skip="not now"),
    )
    done, orders = run(suite)
    assert done.verdicts == {
        "there": "passed",
        "absent": "passed",
        "unexpected": "failed",
        "wrong": "failed",
        "unjudged": "error",
        "unfilled": "error",
        "left-out": "skipped",
    }
    wrong = done.cases["orders#wrong"]
    assert [one.verdict for one in wrong.outcomes] == ["fail", "pass"]
    assert "404" in done.cases["orders#unexpected"].reason
    assert done.cases["orders#left-out"].reason == "not now"
    assert done.ended.counts == {"passed": 2, "failed": 2, "error": 2, "skipped": 1, "not_run": 0}
    assert (done.ended.stopped, done.ended.exit_code) == ("", 1)
    assert done.ended.spent.calls == orders.seen.total() == 5


def test_nobody_there_is_not_a_failed_assertion(run: Any, tmp_path: Path) -> None:
    done, _ = run(write_suite(case("a", **OK)))
    assert done.ended.exit_code == 0
    later = asyncio.run(execute(tmp_path))  # the service is gone
    assert later.verdicts == {"a": "error"}
    assert later.ended.exit_code == 3


def test_a_report_has_the_order_of_the_files_whatever_ends_first(run: Any, tmp_path: Path) -> None:
    keys = [f"c{number:02}" for number in range(30)]
    cases = [case(key, "orders" if int(key[1:]) % 7 else "hold", key, **OK) for key in keys]

    async def test(orders: Orders) -> None:
        executing = asyncio.create_task(execute(tmp_path, parallel=6))
        await orders.wait_for(30)
        orders.release.set()
        done = await executing
        happened = [one.case for one in done.events if isinstance(one, CaseEnded)]
        ordered = [getattr(one, "case", "") for one in done.ordered]
        assert happened != sorted(happened)
        assert ordered == ["", *(f"orders#{key}" for key in keys for _ in range(3)), ""]
        kinds = [type(one) for one in done.ordered[1:4]]
        assert kinds == [CaseStarted, ReplyCame, CaseEnded]

    run_orders(tmp_path, write_suite(*cases), test)


def test_the_first_bad_case_stops_those_that_have_not_begun(run: Any) -> None:
    cases = [case(f"c{number}", expect=[{"status": 200 + number // 2}]) for number in range(6)]
    done, orders = run(write_suite(*cases), bail=1)
    assert list(done.verdicts.values()) == ["passed", "passed", "failed", *["not_run"] * 3]
    assert (done.ended.stopped, done.ended.exit_code) == ("bail", 1)
    assert orders.seen.total() == 3
    done, orders = run(write_suite(*cases), bail=3)
    assert orders.seen.total() == 5


def test_a_retried_case_is_flaky_and_others_are_not(run: Any) -> None:
    suite = write_suite(
        case("shaky", "flaky", "a", **OK), case("firm", **OK), case("bad", number="9")
    )
    done, orders = run(suite, retries=2)
    assert done.verdicts == {"shaky": "passed", "firm": "passed", "bad": "failed"}
    assert [one.attempts for one in done.cases.values()] == [2, 1, 3]
    assert [one.is_flaky for one in done.cases.values()] == [True, False, False]
    assert orders.seen == {"/flaky/a": 2, "/orders/1": 1, "/orders/9": 3}
    turns = [one.turn for one in done.events if isinstance(one, ReplyCame) and "bad" in one.case]
    assert turns == [1, 2, 3]
    done, _ = run(suite)
    assert done.verdicts["shaky"] == "failed"


@pytest.mark.parametrize(
    ("least", "verdict"), [(0.5, "passed"), (0.51, "failed"), (None, "failed")]
)
def test_runs_are_judged_together(run: Any, least: float | None, verdict: str) -> None:
    rate = {} if least is None else {"pass_rate": {"gte": least}}
    done, orders = run(write_suite(case("half", "alternating", "x", runs=4, **rate, **OK)))
    assert orders.seen == {"/alternating/x": 4}
    ended = done.cases["orders#half"]
    assert (ended.verdict, ended.outcomes[0].actual) == (verdict, 0.5)
    assert ended.outcomes[0].assertion == "pass_rate"
    bad = [one for one in ended.outcomes[1:] if one.verdict == "fail"]
    assert [one.severity for one in bad] == [("warn" if verdict == "passed" else "error")] * 2
    assert done.ended.exit_code == (0 if verdict == "passed" else 1)


def test_what_a_baseline_knows_is_no_news(run: Any, tmp_path: Path) -> None:
    cases = [
        case("known", expect=[{"status": 500}]),
        case("worse", expect=[{"status": 500}]),
        case("mended", expect=[{"status": 500}]),
        case("fine", **OK),
    ]
    first, _ = run(write_suite(*cases))
    file = tmp_path / "baseline.json"
    file.write_text(format_baseline(first.cases.values()), encoding="utf-8")
    baseline = load_baseline(file)
    again, _ = run(write_suite(*cases), baseline=baseline)
    assert (again.ended.exit_code, again.ended.fixed) == (0, [])
    assert [one.is_accepted for one in again.cases.values()] == [True, True, True, False]
    cases[1]["expect"].append({"header": {"x-none": {"exists": True}}})
    cases[2]["expect"] = [{"status": 200}]
    later, _ = run(write_suite(*cases), baseline=baseline)
    assert [one.is_accepted for one in later.cases.values()] == [True, False, False, False]
    assert (later.ended.exit_code, later.ended.fixed) == (1, ["orders#mended"])
    assert Baseline().accepts("orders#known", ["status"]) is False


def test_a_shuffle_follows_from_the_seed(run: Any) -> None:
    suite = write_suite(*(case(f"c{number}", **OK) for number in range(12)))

    def begin(**settings: Any) -> list[str]:
        done, _ = run(suite, **settings)
        return [one.case for one in done.events if isinstance(one, CaseStarted)]

    once = begin(shuffle=True, seed=7)
    assert once == begin(shuffle=True, seed=7)
    assert once != begin(shuffle=True, seed=8)
    assert sorted(once) == sorted(begin())


def test_a_slow_answer_is_an_error_of_its_case_alone(run: Any) -> None:
    suite = write_suite(case("slow", "hold", "x", timeout_s=0.05, **OK), case("next", **OK))
    done, _ = run(suite)
    assert done.verdicts == {"slow": "error", "next": "passed"}
    assert "0.05 s" in done.cases["orders#slow"].reason


def test_an_interruption_leaves_a_whole_report(tmp_path: Path) -> None:
    cases = [case("done", **OK), case("held", "hold"), case("beside", "hold"), case("never", **OK)]

    async def test(orders: Orders) -> None:
        executing = asyncio.create_task(execute(tmp_path, parallel=2))
        await orders.wait_for(3)
        executing.cancel()
        done = await executing
        assert (done.ended.stopped, done.ended.exit_code) == ("interrupted", 130)
        assert done.verdicts == {
            "done": "passed",
            "held": "not_run",
            "beside": "not_run",
            "never": "not_run",
        }
        assert isinstance(done.ordered[0], ExecutionStarted)
        assert isinstance(done.ordered[-1], ExecutionEnded)

    run_orders(tmp_path, write_suite(*cases), test)


def test_what_ended_before_is_told_and_not_sent_again(tmp_path: Path) -> None:
    suite = write_suite(case("one", **OK), case("two", number="9"), case("three", **OK))

    async def test(orders: Orders) -> None:
        whole = await execute(tmp_path)
        earlier = {
            key: [one for one in whole.ordered if getattr(one, "case", "") == key]
            for key in list(whole.cases)[:2]
        }
        orders.seen.clear()
        again = await execute(tmp_path, earlier=earlier)
        assert orders.seen == {"/orders/1": 1}
        assert again.verdicts == whole.verdicts
        assert again.ended.spent == whole.ended.spent
        assert again.ended.exit_code == 1

    run_orders(tmp_path, suite, test)


def test_what_a_case_needs_is_made_before_it_and_its_failure_is_the_cases(
    run: Any, tmp_path: Path
) -> None:
    flow = """\
tanzaku: flow/v1
steps:
  - {{id: order, use: requests/get.yaml, with: {{path_params: {{id: "{id}"}}}},
     capture: {{sku: "$.items[0].sku"}}}}
"""
    (tmp_path / "flows").mkdir()
    for name, order in (("an-order", "1"), ("none", "9")):
        path = tmp_path / f"flows/{name}.flow.yaml"
        path.write_text(flow.format(id=order), encoding="utf-8")
    known = {"path": "/orders/{id}", "path_params": {"id": "{{before.order.sku}}", "place": None}}
    unknown = [{"status": 404}, {"contains": "/orders/TEA-001"}]
    suite = write_suite(
        {"id": "made", "before": "flows/an-order.flow.yaml", "with": known, "expect": unknown},
        {"id": "unmade", "before": "flows/none.flow.yaml", "with": known, "expect": unknown},
    )
    done, orders = run(suite)
    assert done.verdicts == {"made": "passed", "unmade": "failed"}
    assert orders.seen == {"/orders/1": 1, "/orders/TEA-001": 1, "/orders/9": 1}
