"""A flow's budget is never exceeded: what could exceed it waits or is not sent."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.flows import (
    Driver,
    build_message,
    build_reply,
    build_silence,
    load_parts,
    write_project,
)
from tanzaku.workbench.flows import (
    FlowMachine,
    FlowResult,
    Send,
    Wait,
    bound_request,
    load_flow,
)
from tanzaku.workbench.project import load_project


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_project(tmp_path_factory.mktemp("project"))


def build(root: Path, budget: str, count: int = 10, expect: str = "true") -> FlowMachine:
    path = root / "flows" / "spend.flow.yaml"
    path.write_text(
        f"tanzaku: flow/v1\nbudget: {budget}\nsteps:\n"
        f"  - {{id: each, foreach: {list(range(count))}, parallel: 10, use: requests/ask.yaml, "
        "on_error: continue}\n"
        "  - {id: last, wait_s: 1}\n"
        f"expect: [{{flow.within_budget: {expect}}}]\n",
        "utf-8",
    )
    _, environment = load_parts(root)
    return FlowMachine(load_flow(path, load_project(root)), environment, environment.scope, 1)


def run(
    root: Path, budget: str, answer: Callable[[Send], Any], count: int = 10, chance: int = 0
) -> tuple[FlowResult, Driver]:
    driver = Driver(answer, chance=Random(chance))
    return driver.drive(build(root, budget, count)), driver


def test_what_has_no_room_beside_others_waits_for_them(root: Path) -> None:
    result, driver = run(root, "{output_tokens: 250}", lambda _: build_message("a", tokens=5))
    assert (result.verdict, result.stopped) == ("pass", "")
    assert (len(driver.sends), driver.most) == (10, 2)
    assert result.spending.output_tokens == 50


def test_what_could_exceed_the_budget_is_not_sent(root: Path) -> None:
    result, driver = run(root, "{output_tokens: 250}", lambda _: build_message("a", tokens=100))
    assert (result.verdict, result.stopped) == ("fail", "budget")
    assert (len(driver.sends), result.spending.output_tokens) == (2, 200)
    each, last = result.steps
    assert sorted(one.state for one in each.children) == ["not_run"] * 8 + ["ok"] * 2
    assert (each.state, last.state, driver.waits) == ("not_run", "not_run", [])
    assert [one.message for one in result.outcomes] == ["the flow was stopped by its budget"]
    told = {one.problem.message for one in each.children if one.problem}
    assert told == {"The next request could cost more than the budget has left."}


def test_a_request_that_nobody_answered_counts_as_its_worst_case(root: Path) -> None:
    result, driver = run(root, "{output_tokens: 250}", build_silence)
    assert (len(driver.sends), result.stopped) == (2, "budget")


@settings(max_examples=30)
@given(
    limit=st.integers(0, 60),
    used=st.lists(st.integers(0, 100), min_size=10, max_size=10),
    chance=st.integers(0, 99),
)
def test_no_dollar_more_is_spent_than_allowed(
    root: Path, limit: int, used: list[int], chance: int
) -> None:
    """The independent sum is of what the answers cost, none of which costs more than its bound."""
    budget = Decimal(limit) / 1000
    spent: list[Decimal] = []

    def answer(send: Send) -> Any:
        worst = bound_request(send.request, is_live=False).usd
        assert worst is not None
        usd = worst * used[len(spent)] / 100
        spent.append(usd)
        return build_reply(send, build_message("a"), usd=str(usd))

    result, _ = run(root, f"{{usd: {budget}}}", answer, chance=chance)
    assert sum(spent) <= budget
    assert result.spending.usd == sum(spent)
    assert (result.stopped == "budget") is (len(spent) < 10)


def test_who_drives_a_flow_may_refuse_an_action_and_so_end_it(root: Path) -> None:
    machine = build(root, "{}", 3)
    first, second, third = machine.start(0.0)
    assert machine.refuse(first.number, "interrupted", 1.0) == []
    assert isinstance(second, Send)
    assert machine.take(second.number, build_reply(second, build_message("a")), 2.0) == []
    assert machine.result is None
    assert machine.refuse(third.number, "interrupted", 3.0) == []
    assert machine.result is not None
    assert (machine.result.stopped, machine.result.verdict) == ("interrupted", "error")
    assert [one.state for one in machine.result.walk()] == [
        "not_run",
        "not_run",
        "ok",
        "not_run",
        "not_run",
    ]


def test_an_interrupted_wait_begins_nothing_more(root: Path) -> None:
    (root / "flows" / "two.flow.yaml").write_text(
        "tanzaku: flow/v1\nsteps:\n  - {id: a, wait_s: 5, use: requests/ask.yaml}\n"
        "  - {id: b, needs: [], wait_s: 9, use: requests/ask.yaml}\n",
        "utf-8",
    )
    _, environment = load_parts(root)
    flow = load_flow(root / "flows" / "two.flow.yaml", load_project(root))
    machine = FlowMachine(flow, environment, environment.scope, 1)
    a, b = machine.start(0.0)
    assert isinstance(a, Wait)
    assert machine.refuse(a.number, "interrupted", 1.0) == []
    assert machine.take(b.number, None, 9.0) == []
    assert machine.result is not None
    assert [one.state for one in machine.result.steps] == ["not_run", "not_run"]


def test_a_sub_flow_has_a_budget_of_its_own(root: Path) -> None:
    (root / "flows" / "inner.flow.yaml").write_text(
        "tanzaku: flow/v1\nbudget: {output_tokens: 150}\nsteps:\n"
        "  - {id: a, use: requests/ask.yaml}\n  - {id: b, use: requests/ask.yaml}\n",
        "utf-8",
    )
    (root / "flows" / "outer.flow.yaml").write_text(
        "tanzaku: flow/v1\nsteps:\n  - {id: each, foreach: [1, 2], flow: flows/inner.flow.yaml}\n",
        "utf-8",
    )
    _, environment = load_parts(root)
    flow = load_flow(root / "flows" / "outer.flow.yaml", load_project(root))

    def drive(tokens: int) -> tuple[FlowResult, int]:
        driver = Driver(lambda _: build_message("a", tokens=tokens))
        return driver.drive(FlowMachine(flow, environment, environment.scope, 1)), len(driver.sends)

    result, sent = drive(50)
    assert (result.verdict, sent) == ("pass", 4)
    result, sent = drive(51)
    assert (result.stopped, sent) == ("budget", 1)
