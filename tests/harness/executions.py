"""Suites executed in the test's own process, against a service over a socket or the simulator."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.orders import ENVIRONMENT, REQUEST, Orders
from harness.projects import write_project
from tanzaku.cli.context import CliContext
from tanzaku.cli.targets import SimulatorNeeds, open_target
from tanzaku.core import SystemClock
from tanzaku.look import Messages
from tanzaku.transport import serve
from tanzaku.workbench.project import load_project
from tanzaku.workbench.runner import (
    CaseEnded,
    Event,
    Execution,
    ExecutionEnded,
    InOrder,
    Preparer,
    Settings,
    Wishes,
)
from tanzaku.workbench.suites import Choice, find_suites, load_suite

CONTEXT = CliContext(Messages("en"), {})


@dataclass
class Done:
    """`events` as they happened, `ordered` as a report has them."""

    ended: ExecutionEnded
    events: list[Event] = field(default_factory=list)
    ordered: list[Event] = field(default_factory=list)

    @property
    def cases(self) -> dict[str, CaseEnded]:
        """How each case ended, in the order of a report."""
        return {one.case: one for one in self.ordered if isinstance(one, CaseEnded)}

    @property
    def verdicts(self) -> dict[str, str]:
        return {case.partition("#")[2]: one.verdict for case, one in self.cases.items()}


async def execute(root: Path, *, choice: Choice | None = None, **settings: Any) -> Done:
    """Every suite of the project in `root`."""
    project = load_project(root, {})
    preparer = Preparer(project, Wishes(seed=project.seed))
    chosen = [
        preparer.prepare(load_suite(path, project.root), choice or Choice())
        for path in find_suites(project.root, [])
    ]
    events: list[Event] = []
    ordered: list[Event] = []
    earlier = settings.pop("earlier", {})
    execution = Execution(
        chosen,
        lambda environment, needs: open_target(
            CONTEXT,
            environment,
            live=False,
            needs=SimulatorNeeds(needs.scenario, needs.mocks, project.seed),
        ),
        SystemClock(),
        Settings(execution="test", **settings),
        [events.append, InOrder(ordered.append)],
        earlier=earlier,
    )
    return Done(await execution.run(), events, ordered)


def run_orders(
    root: Path, suite: str, test: Callable[[Orders], Coroutine[Any, Any, Any]]
) -> Orders:
    """A project with `suite` whose requests go to the orders' service, and `test` with it up."""

    async def main() -> Orders:
        orders = Orders()
        async with serve(orders, max_body_bytes=1 << 20, drain_s=0.2) as running:
            files = {
                "environments/mock.yaml": ENVIRONMENT.format(url=running.url),
                "requests/get.yaml": REQUEST,
                "suites/orders.suite.yaml": suite,
            }
            write_project(root, files)
            await test(orders)
        return orders

    return asyncio.run(main())
