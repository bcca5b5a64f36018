"""Suites as pytest items: a file is collected, each of its cases is a test."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cached_property
from typing import Any, override

import pytest

from tanzaku.cli.context import CliContext
from tanzaku.cli.targets import SimulatorNeeds, Target, open_target
from tanzaku.core import SystemClock, TanzakuError, UserError
from tanzaku.look import Messages, pick_language, strip_controls
from tanzaku.transport import new_event_loop
from tanzaku.workbench.project import Environment, Project, load_project
from tanzaku.workbench.runner import (
    CaseEnded,
    Chosen,
    Event,
    Execution,
    Needs,
    Prepared,
    Preparer,
    Settings,
    Wishes,
)
from tanzaku.workbench.suites import Choice, load_suite


class Bench:
    """Who answers in one pytest session: opened when a case first needs it, closed at the end."""

    def __init__(self, environment: str | None) -> None:
        self.environment = environment
        self._context = CliContext(Messages(pick_language(None, os.environ)), os.environ)
        self._runner = asyncio.Runner(loop_factory=new_event_loop)
        self._stack = AsyncExitStack()
        self._targets: dict[tuple[str, Needs], Target] = {}

    def execute(self, project: Project, chosen: Chosen) -> CaseEnded:
        """Execute the one case that is chosen."""
        ended: list[CaseEnded] = []

        def listen(event: Event) -> None:
            if isinstance(event, CaseEnded):
                ended.append(event)

        @asynccontextmanager
        async def open_once(environment: Environment, needs: Needs) -> AsyncIterator[Target]:
            key = str(project.root), needs
            if key not in self._targets:
                self._targets[key] = await self._stack.enter_async_context(
                    open_target(
                        self._context,
                        environment,
                        live=False,
                        needs=SimulatorNeeds(needs.scenario, needs.mocks, project.seed),
                    )
                )
            yield self._targets[key]

        settings = Settings(execution="pytest", seed=project.seed)
        execution = Execution([chosen], open_once, SystemClock(), settings, [listen])
        self._runner.run(execution.run())
        return ended[0]

    def explain(self, error: UserError) -> str:
        """The error and the way out, in the session's language."""
        messages = self._context.messages
        text = messages.translate(error.template, error.values)
        if error.hint:
            text += f"\n→ {messages.translate(error.hint_template, error.values)}"
        return text

    def close(self) -> None:
        with self._runner:
            self._runner.run(self._stack.aclose())


class CaseFailed(TanzakuError):
    """A case is not as it had to be."""

    def __init__(self, ended: CaseEnded) -> None:
        self.ended = ended
        super().__init__(ended.case)


class SuiteFile(pytest.File):
    """A `*.suite.yaml`."""

    bench: Bench

    @override
    def collect(self) -> Iterator["CaseItem"]:
        try:
            project = load_project(self.path)
            wishes = Wishes(seed=project.seed, environment=self.bench.environment)
            suite = load_suite(self.path, project.root)
            chosen = Preparer(project, wishes).prepare(suite, Choice())
        except UserError as error:
            raise self.CollectError(self.bench.explain(error)) from None
        for prepared in chosen.cases:
            item = CaseItem.from_parent(self, name=prepared.case.key.rpartition("#")[2])
            item.take(project, Chosen(chosen.suite, chosen.environment, (prepared,)), self.bench)
            yield item


class CaseItem(pytest.Item):
    """One case. Its tags are words for `-k`."""

    _project: Project
    _chosen: Chosen
    _bench: Bench

    def take(self, project: Project, chosen: Chosen, bench: Bench) -> None:
        """What it executes, and who answers."""
        self._project, self._chosen, self._bench = project, chosen, bench
        self.extra_keyword_matches.update(self._prepared.case.tags)

    @cached_property
    def _prepared(self) -> Prepared:
        return self._chosen.cases[0]

    @override
    def runtest(self) -> None:
        ended = self._bench.execute(self._project, self._chosen)
        self.user_properties += [
            ("tanzaku_usd", str(ended.spent.usd)),
            ("tanzaku_calls", ended.spent.calls),
        ]
        if ended.verdict == "skipped":
            pytest.skip(ended.reason)
        if ended.verdict != "passed":
            raise CaseFailed(ended)

    @override
    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        error = excinfo.value
        if isinstance(error, UserError):
            return strip_controls(self._bench.explain(error))
        if not isinstance(error, CaseFailed):
            return super().repr_failure(excinfo, style)
        return strip_controls("\n".join(_describe(error.ended)))

    @override
    def reportinfo(self) -> tuple[os.PathLike[str] | str, int | None, str]:
        place = self._prepared.case.place
        return self.path, place.line - 1, self.name


def _describe(ended: CaseEnded) -> Iterator[str]:
    if ended.reason:
        yield ended.reason
    for one in ended.outcomes:
        if one.verdict != "pass":
            place = f"{one.place}: " if one.place else ""
            path = f" {one.path}" if one.path else ""
            yield f"{place}{one.assertion}{path}: {one.message}"
    yield ended.reproduce
