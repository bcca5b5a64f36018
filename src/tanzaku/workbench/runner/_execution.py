"""An execution of suites: who answers, what is under way, what stops it, what it came to."""

import asyncio
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from tanzaku.core import VERSION, Clock, UserError
from tanzaku.workbench.flows import FREE, Account, Bound, Budget, FlowMachine
from tanzaku.workbench.project import Environment
from tanzaku.workbench.runner._baseline import Baseline, name_failures
from tanzaku.workbench.runner._case import CaseExecution, Prepared, Verdict
from tanzaku.workbench.runner._codec import redact_event
from tanzaku.workbench.runner._drive import Driver, Target
from tanzaku.workbench.runner._events import (
    VERDICTS,
    CaseEnded,
    CaseStarted,
    CaseVerdict,
    Event,
    ExecutionEnded,
    ExecutionStarted,
    ReplyCame,
    Spent,
    Stop,
)
from tanzaku.workbench.runner._order import Listener
from tanzaku.workbench.runner._prepare import Chosen
from tanzaku.workbench.sending import Reply

OK, FAILED, BROKE, OVER_BUDGET, NOTHING_CHOSEN, INTERRUPTED = 0, 1, 3, 4, 5, 130
MAX_PARALLEL: Final = 1000


@dataclass(frozen=True, slots=True)
class Needs:
    """Who must answer a suite: an environment, and of its simulator a scenario and the mock sets of
    tools. Suites with the same needs share who answers."""

    environment: str
    scenario: Path | None = None
    mocks: tuple[Path, ...] = ()


type OpenTarget = Callable[[Environment, Needs], AbstractAsyncContextManager[Target]]


type FlowKeeper = Callable[[str, FlowMachine], None]
"""Gets `CASE~N` (the case's nth execution) and the machine."""


def _keep_none(label: str, machine: FlowMachine) -> None:
    """Logs of flows are not wanted."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How suites are executed. `parallel` cases at a time; after `bail` cases that failed or broke
    no other begins; each is repeated up to `retries` times until it passes. With `shuffle` the
    order follows from the `seed`, otherwise it is that of the files. `keep_flow` gets every flow that
    has ended or was cut short."""

    execution: str
    is_live: bool = False
    seed: int = 0
    parallel: int = 1
    bail: int | None = None
    retries: int = 0
    shuffle: bool = False
    budget: Budget = Budget()  # noqa: RUF009 - frozen
    baseline: Baseline = Baseline()  # noqa: RUF009 - frozen
    keep_flow: FlowKeeper = _keep_none


class Execution:
    """Executes the chosen cases once. `open_target` makes who answers; suites that need the same
    share it. `listeners` get every event as it happens; `InOrder` puts them in the files' order.
    `earlier` are the events of cases that ended before an interruption, by case: `listeners` are
    told again, `log` is not, and they are not executed again.
    """

    def __init__(
        self,
        chosen: Sequence[Chosen],
        open_target: OpenTarget,
        clock: Clock,
        settings: Settings,
        listeners: Sequence[Listener],
        *,
        log: Listener | None = None,
        earlier: Mapping[str, Sequence[Event]] | None = None,
    ) -> None:
        self._chosen = chosen
        self._open_target = open_target
        self._clock = clock
        self._settings = settings
        self._listeners = listeners
        self._log = log
        self._earlier = earlier or {}
        self._whole = Account("the execution", settings.budget)
        self._suites = {
            one.suite.suite_id: Account(f"the suite {one.suite.suite_id}", one.suite.budget)
            for one in chosen
        }
        self._ended: dict[str, CaseEnded] = {}
        self._stopped: Stop = ""
        self._is_over_budget = False
        self._is_broken = False

    async def run(self) -> ExecutionEnded:
        """Execute, tell the listeners, and return what the last event says. Being cancelled ends
        the execution with a whole report, as `interrupted`. What `open_target` raises passes
        through, after the report."""
        started = self._clock.monotonic()
        self._tell_started()
        self._tell_earlier()
        try:
            await self._execute_all()
        except asyncio.CancelledError:
            self._stopped = "interrupted"
        except UserError:
            self._stopped = "broke"
            raise
        finally:
            ended = self._end(started)
        return ended

    async def _execute_all(self) -> None:
        by_needs: dict[Needs, list[Chosen]] = {}
        for one in self._chosen:
            needs = Needs(one.environment.id, one.suite.scenario, one.suite.mocks)
            by_needs.setdefault(needs, []).append(one)
        for needs, suites in by_needs.items():
            cases = [
                prepared
                for one in suites
                for prepared in one.cases
                if prepared.case.key not in self._earlier
            ]
            if self._settings.shuffle:
                random.Random(self._settings.seed).shuffle(cases)
            if all(prepared.skip for prepared in cases):
                for prepared in cases:
                    self._skip(prepared)
                continue
            async with self._open_target(suites[0].environment, needs) as target:
                await self._execute_cases(iter(cases), Driver(target, self._clock))
            if self._stopped:
                return

    async def _execute_cases(self, cases: Iterator[Prepared], driver: Driver) -> None:
        """Workers take the next case from one list, so cases begin in its order."""
        if self._settings.parallel == 1:
            await self._work(cases, driver)
            return
        async with asyncio.TaskGroup() as group:
            for _ in range(self._settings.parallel):
                group.create_task(self._work(cases, driver))

    async def _work(self, cases: Iterator[Prepared], driver: Driver) -> None:
        for prepared in cases:
            if self._stopped:
                return
            if prepared.skip:
                self._skip(prepared)
            else:
                await self._execute(prepared, driver)

    async def _execute(self, prepared: Prepared, driver: Driver) -> None:
        case = prepared.case
        accounts = [
            Account(f"the case {case.key}", case.budget),
            self._suites[case.suite],
            self._whole,
        ]
        self._start(prepared)
        began = self._clock.monotonic()

        def tell_reply(step: str, reply: Reply, turn: int) -> None:
            self._tell(ReplyCame(self._clock.now(), case.key, step, reply, turn))

        execution = CaseExecution(
            prepared, driver, accounts, self._settings.retries, tell_reply, self._settings.keep_flow
        )
        found = Verdict("not_run", reason="interrupted")
        try:
            found = await execution.run()
        finally:
            duration_ms = (self._clock.monotonic() - began) * 1000
            self._finish(prepared, found, duration_ms, execution.spent)

    def _skip(self, prepared: Prepared) -> None:
        self._start(prepared)
        self._finish(prepared, Verdict("skipped", reason=prepared.skip, attempts=0), 0.0, Spent())

    def _start(self, prepared: Prepared) -> None:
        case = prepared.case
        self._tell(
            CaseStarted(
                at=self._clock.now(),
                case=case.key,
                name=case.name,
                suite=case.suite,
                kind=case.kind,
                tags=case.tags,
                origin=None if case.origin is None else dict(case.origin),
            )
        )

    def _finish(self, prepared: Prepared, found: Verdict, duration_ms: float, spent: Spent) -> None:
        ended = CaseEnded(
            at=self._clock.now(),
            case=prepared.case.key,
            verdict=found.verdict,
            outcomes=found.outcomes,
            duration_ms=duration_ms,
            spent=spent,
            attempts=found.attempts,
            reproduce=prepared.reproduce,
            reason=found.reason,
        )
        ended = self._compare(ended)
        self._tell(ended)
        self._is_broken |= found.is_broken and not ended.is_accepted
        if found.full is not None:
            self._is_over_budget = True
            if found.full is self._whole:
                self._stopped = self._stopped or "budget"
        if self._settings.bail is not None and not self._stopped:
            bad = sum(_is_bad(one) for one in self._ended.values())
            self._stopped = "bail" if bad >= self._settings.bail else ""

    def _compare(self, ended: CaseEnded) -> CaseEnded:
        is_known = ended.verdict in {"failed", "error"} and self._settings.baseline.accepts(
            ended.case, name_failures(ended)
        )
        return replace(ended, is_accepted=True) if is_known else ended

    def _tell_started(self) -> None:
        settings = self._settings
        self._tell(
            ExecutionStarted(
                at=self._clock.now(),
                execution=settings.execution,
                environment=", ".join(dict.fromkeys(one.environment.id for one in self._chosen)),
                is_live=settings.is_live,
                seed=settings.seed,
                suites=[one.suite.suite_id for one in self._chosen],
                cases=[prepared.case.key for one in self._chosen for prepared in one.cases],
                version=VERSION,
            )
        )

    def _tell_earlier(self) -> None:
        suites = {p.case.key: p.case.suite for one in self._chosen for p in one.cases}
        for case, events in self._earlier.items():
            for event in events:
                for listener in self._listeners:
                    listener(event)
                if isinstance(event, CaseEnded):
                    self._ended[case] = event
                    spent = Bound(event.spent.usd, event.spent.tokens.get("output_tokens", 0))
                    for account in (self._suites[suites[case]], self._whole):
                        account.charge(FREE, spent)

    def _tell(self, event: Event) -> None:
        event = redact_event(event)
        if self._log is not None:
            self._log(event)
        for listener in self._listeners:
            listener(event)
        if isinstance(event, CaseEnded):
            self._ended[event.case] = event

    def _end(self, started: float) -> ExecutionEnded:
        """Tell of what was not executed, then of the end."""
        for one in self._chosen:
            for prepared in one.cases:
                if prepared.case.key not in self._ended:
                    self._start(prepared)
                    found = Verdict("not_run", reason=self._stopped, attempts=0)
                    self._finish(prepared, found, 0.0, Spent())
        counts: dict[CaseVerdict, int] = dict.fromkeys(VERDICTS, 0)
        spent = Spent()
        for ended in self._ended.values():
            counts[ended.verdict] += 1
            spent += ended.spent
        known = self._settings.baseline.failures
        event = ExecutionEnded(
            at=self._clock.now(),
            counts=counts,
            spent=spent,
            duration_ms=(self._clock.monotonic() - started) * 1000,
            stopped=self._stopped,
            exit_code=self._find_exit_code(),
            fixed=[
                case
                for case in known
                if case in self._ended and self._ended[case].verdict == "passed"
            ],
        )
        self._tell(event)
        return event

    def _find_exit_code(self) -> int:
        if self._stopped == "interrupted":
            return INTERRUPTED
        if self._stopped == "broke":
            return BROKE
        if self._is_over_budget:
            return OVER_BUDGET
        if not self._ended:
            return NOTHING_CHOSEN
        if self._is_broken:
            return BROKE
        return FAILED if any(map(_is_bad, self._ended.values())) else OK


def _is_bad(ended: CaseEnded) -> bool:
    return ended.verdict in {"failed", "error"} and not ended.is_accepted
