"""Budgets on the served simulator: what was billed is never more than what was allowed."""

import asyncio
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.executions import Done, execute
from harness.projects import write_project
from tanzaku.server import Server
from tanzaku.workbench.flows import Budget
from tanzaku.workbench.runner import ReplyCame

ENVIRONMENT = """\
tanzaku: environment/v1
upstream: url
base_url: {url}
auth: {{type: api_key, in: header, name: x-api-key, value: local}}
headers: {{anthropic-version: 2023-06-01}}
"""
# What a case may ask for; the answers to these prompts are of very different lengths.
PROMPTS = ["你好", "Write an essay of 300 words about tea.", "Say one word."]


@pytest.fixture(scope="module")
def server() -> Any:
    with Server() as running:
        yield running


def write_cases(root: Path, url: str, cases: list[dict[str, Any]], **more: Any) -> Path:
    suite = {"tanzaku": "suite/v1", "defaults": {"use": "requests/ask.yaml"}, **more}
    files: dict[str, str | bytes] = {
        "environments/mock.yaml": ENVIRONMENT.format(url=url),
        "suites/s.suite.yaml": json.dumps({**suite, "cases": cases}),
    }
    return write_project(root, files)


def build_case(number: int, max_tokens: int, prompt: str = "你好", **more: Any) -> dict[str, Any]:
    body = {"max_tokens": max_tokens, "messages": [{"role": "user", "content": prompt}]}
    return {"id": f"c{number}", "with": {"body": body}, **more}


def add_up(done: Done) -> tuple[Decimal, int]:
    """Dollars and output tokens of the replies themselves."""
    replies = [one.reply for one in done.events if isinstance(one, ReplyCame)]
    usd = sum((one.cost_usd or Decimal(0) for one in replies), Decimal(0))
    return usd, sum(one.usage["output_tokens"] for one in replies if one.usage)


sizes = st.lists(st.tuples(st.integers(1, 600), st.sampled_from(PROMPTS)), min_size=1, max_size=6)
budgets = st.builds(
    Budget,
    usd=st.none() | st.integers(0, 300).map(lambda n: Decimal(n) / 10_000),
    output_tokens=st.none() | st.integers(0, 2000),
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sizes=sizes, whole=budgets, suite=budgets, parallel=st.integers(1, 4))
def test_nothing_is_overspent(
    sizes: list[tuple[int, str]],
    whole: Budget,
    suite: Budget,
    parallel: int,
    server: Server,
    tmp_path: Path,
) -> None:
    cases = [build_case(n, tokens, prompt) for n, (tokens, prompt) in enumerate(sizes)]
    limits = {
        name: float(value)
        for name, value in (("usd", suite.usd), ("output_tokens", suite.output_tokens))
        if value is not None
    }
    if "output_tokens" in limits:
        limits["output_tokens"] = int(limits["output_tokens"])
    root = write_cases(tmp_path, server.url, cases, budget=limits)
    done = asyncio.run(execute(root, budget=whole, parallel=parallel))
    usd, tokens = add_up(done)
    for budget in (whole, suite):
        assert budget.usd is None or usd <= budget.usd
        assert budget.output_tokens is None or tokens <= budget.output_tokens
    is_cut = "not_run" in done.verdicts.values()
    assert done.ended.exit_code == (4 if is_cut else 0)
    if whole == suite == Budget():
        assert not is_cut
    assert done.ended.spent.usd == usd


def test_a_case_waits_for_room_that_others_give_back(server: Server, tmp_path: Path) -> None:
    """Three cases at once, each of which may use up two thirds of the budget and uses little."""
    root = write_cases(tmp_path, server.url, [build_case(n, 600) for n in range(3)])
    done = asyncio.run(execute(root, budget=Budget(output_tokens=900), parallel=3))
    assert list(done.verdicts.values()) == ["passed"] * 3
    assert add_up(done)[1] <= 300


def test_a_budget_of_a_case_stops_that_case_alone(server: Server, tmp_path: Path) -> None:
    cases = [build_case(0, 500, budget={"output_tokens": 499}), build_case(1, 500)]
    done = asyncio.run(execute(write_cases(tmp_path, server.url, cases)))
    assert done.verdicts == {"c0": "not_run", "c1": "passed"}
    assert done.cases["s#c0"].reason == "the budget of the case s#c0 has no room"
    assert done.cases["s#c0"].spent.calls == 0
    assert (done.ended.stopped, done.ended.exit_code) == ("", 4)


def test_the_whole_budget_stops_all_that_follow(server: Server, tmp_path: Path) -> None:
    root = write_cases(tmp_path, server.url, [build_case(0, 500), build_case(1, 5)])
    done = asyncio.run(execute(root, budget=Budget(usd=Decimal("0.0001"))))
    assert done.verdicts == {"c0": "not_run", "c1": "not_run"}
    assert (done.ended.stopped, done.ended.exit_code) == ("budget", 4)


def test_what_was_spent_is_gone(server: Server, tmp_path: Path) -> None:
    """Answers cut at 100 tokens each: there is room for two of them in 250, one after another."""
    cases = [build_case(n, 100, PROMPTS[1]) for n in range(3)]
    root = write_cases(tmp_path, server.url, cases)
    done = asyncio.run(execute(root, budget=Budget(output_tokens=250)))
    assert list(done.verdicts.values()) == ["passed", "passed", "not_run"]
    assert add_up(done)[1] == 200
