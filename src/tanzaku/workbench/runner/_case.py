"""One case executed: its runs, its retries, its verdict."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from tanzaku.workbench.assertions import Outcome
from tanzaku.workbench.flows import Account, FlowMachine, FlowResult
from tanzaku.workbench.runner._drive import Driver
from tanzaku.workbench.runner._events import CaseVerdict, Spent
from tanzaku.workbench.sending import Reply
from tanzaku.workbench.suites import Case

PASS_RATE: Final = "pass_rate"
_VERDICTS: Final[dict[str, CaseVerdict]] = {"pass": "passed", "fail": "failed", "error": "error"}


@dataclass(frozen=True, slots=True)
class Prepared:
    """A case, read to the last file. `begin` makes the flow anew for its nth execution (from 1).
    `skip` says why it is not executed, empty otherwise."""

    case: Case
    begin: Callable[[int], FlowMachine]
    skip: str
    reproduce: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a case ended. `full` is the budget that had no room for it; `is_broken`: nobody
    answered."""

    verdict: CaseVerdict
    outcomes: Sequence[Outcome] = ()
    reason: str = ""
    attempts: int = 1
    is_broken: bool = False
    full: Account | None = None


class CaseExecution:
    """Executes one prepared case. `on_reply` gets the step, the reply and the execution's number;
    `on_flow` a flow's name among all executions, and the machine that has ended."""

    def __init__(
        self,
        prepared: Prepared,
        driver: Driver,
        accounts: Sequence[Account],
        retries: int,
        on_reply: Callable[[str, Reply, int], None],
        on_flow: Callable[[str, FlowMachine], None],
    ) -> None:
        self._prepared = prepared
        self._driver = driver
        self._accounts = accounts
        self._retries = retries
        self._on_reply = on_reply
        self._on_flow = on_flow
        self._turn = 0
        self.spent = Spent()

    async def run(self) -> Verdict:
        """All runs, each again as often as it fails and may be retried."""
        case = self._prepared.case
        runs: list[Verdict] = []
        for _ in range(case.runs):
            one = await self._run_once()
            runs.append(one)
            if one.full is not None:
                return one
        return runs[0] if len(runs) == 1 else _sum_up(runs, case.pass_rate)

    async def _run_once(self) -> Verdict:
        attempts = 1
        found = await self._execute()
        while attempts <= self._retries and found.verdict != "passed" and found.full is None:
            attempts += 1
            found = await self._execute()
        return replace(found, attempts=attempts)

    async def _execute(self) -> Verdict:
        case = self._prepared.case
        self._turn += 1
        machine = self._prepared.begin(self._turn)
        label = f"{case.key}~{self._turn}"
        try:
            async with asyncio.timeout(case.timeout_s if case.flow else None):
                full = await self._driver.drive(machine, label, self._accounts, self._take)
        except TimeoutError:
            return Verdict("error", reason=f"it did not end within {case.timeout_s:g} s")
        finally:
            if case.flow is not None:
                self._on_flow(label, machine)
        if full is not None:
            return Verdict("not_run", reason=f"the budget of {full.name} has no room", full=full)
        assert machine.result is not None
        return _judge(machine.result)

    def _take(self, step: str, reply: Reply) -> None:
        self.spent += _read_spent(reply)
        self._on_reply(step, reply, self._turn)


def _judge(result: FlowResult) -> Verdict:
    steps = list(result.walk())
    problems = [one for one in (*(step.problem for step in steps), result.problem) if one]
    return Verdict(
        verdict=_VERDICTS[result.verdict],
        outcomes=[*(found for one in steps for found in one.outcomes), *result.outcomes],
        reason=problems[0].message if problems else "",
        is_broken=result.verdict == "error" and any(one.status is None for one in result.replies),
    )


def _sum_up(runs: Sequence[Verdict], pass_rate: float) -> Verdict:
    """The verdict on all runs. Where enough of them passed, what failed in the others is a
    warning."""
    passed = sum(one.verdict == "passed" for one in runs)
    is_enough = passed >= pass_rate * len(runs) - 1e-9
    rate = Outcome(
        assertion=PASS_RATE,
        verdict="pass" if is_enough else "fail",
        expected={"gte": pass_rate},
        actual=passed / len(runs),
        template="" if is_enough else "{passed} of {runs} runs passed",
        values={} if is_enough else {"passed": passed, "runs": len(runs)},
    )
    bad = [one for one in runs if one.verdict != "passed"]
    broken = bool(bad) and all(one.verdict == "error" for one in bad)
    verdict: CaseVerdict = "passed" if is_enough else "error" if broken else "failed"
    return Verdict(
        verdict=verdict,
        outcomes=[rate, *_list_outcomes(bad or runs[:1], is_enough=is_enough)],
        reason="" if is_enough else next((one.reason for one in bad if one.reason), ""),
        attempts=max(one.attempts for one in runs),
        is_broken=verdict == "error" and any(one.is_broken for one in bad),
    )


def _list_outcomes(runs: Sequence[Verdict], *, is_enough: bool) -> Iterator[Outcome]:
    for run in runs:
        for one in run.outcomes:
            is_forgiven = is_enough and one.verdict != "pass"
            yield replace(one, severity="warn") if is_forgiven else one


def _read_spent(reply: Reply) -> Spent:
    usage = reply.usage or {}
    tokens = {
        name: count
        for name, count in usage.items()
        if name.endswith("_tokens") and type(count) is int
    }
    unpriced = int(bool(usage) and reply.cost_usd is None)
    return Spent(1, tokens, reply.cost_usd or Spent().usd, unpriced)
