"""One `tanzaku test`: what is asked is read, executed, told of and kept."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from tanzaku.cli.context import CliContext, parse_variable
from tanzaku.cli.progress import Progress
from tanzaku.cli.targets import SimulatorNeeds, Target, check_live, open_target
from tanzaku.core import SystemClock, UserError
from tanzaku.look import format_usd
from tanzaku.workbench.assertions import Need
from tanzaku.workbench.flows import Budget
from tanzaku.workbench.project import Environment, load_project
from tanzaku.workbench.reports import ConsoleReport, ReportKind, write_reports
from tanzaku.workbench.runner import (
    Baseline,
    CaseEnded,
    CaseStarted,
    Chosen,
    Event,
    EventLog,
    Execution,
    ExecutionEnded,
    ExecutionFolder,
    InOrder,
    Needs,
    Preparer,
    Settings,
    Wishes,
    estimate,
    find_folder,
    format_baseline,
    load_baseline,
    make_folder,
    read_events,
)
from tanzaku.workbench.suites import Choice, find_suites, load_suite, parse_shard

NOTHING_CHOSEN = 5

type Opener = Callable[[Environment, Needs], AbstractAsyncContextManager[Target]]


@dataclass(frozen=True, slots=True)
class Options:
    """The words of one `tanzaku test`, as click has them."""

    paths: tuple[Path, ...]
    environment: str | None
    variables: tuple[str, ...]
    tags: tuple[str, ...]
    not_tags: tuple[str, ...]
    patterns: tuple[str, ...]
    shard: str | None
    seed: int | None
    shuffle: bool
    parallel: int
    bail: int | None
    retries: int
    budget: Decimal | None
    baseline: Path | None
    write_baseline: Path | None
    resume: str | None
    live: bool
    judge: bool
    allow_code: bool
    update_snapshots: bool
    reports: Mapping[ReportKind, Path]

    @property
    def chosen(self) -> dict[str, Any]:
        """What decides which cases are executed and what they send, as JSON: what `--resume` goes
        on with."""
        return {
            "paths": [str(path.resolve()) for path in self.paths],
            "environment": self.environment,
            "variables": list(self.variables),
            "tags": list(self.tags),
            "not_tags": list(self.not_tags),
            "patterns": list(self.patterns),
            "shard": self.shard,
            "seed": self.seed,
            "shuffle": self.shuffle,
        }


class Testing:
    """What the words of one command come to."""

    def __init__(self, context: CliContext, options: Options) -> None:
        self._context = context
        self._options = options
        self._clock = SystemClock()
        self._project = load_project(options.paths[0] if options.paths else Path())
        self._resumed = self._find_resumed()
        self._asked = options.chosen if self._resumed is None else self._resumed.asked
        if self._asked["seed"] is None:
            self._asked["seed"] = self._project.seed
        self._events: list[Event] = []

    async def run(self) -> ExecutionEnded:
        """Execute what is chosen. UserError with exit code 5 when nothing is."""
        options = self._options
        baseline = Baseline() if options.baseline is None else load_baseline(options.baseline)
        chosen = self._choose()
        keys = [prepared.case.key for one in chosen for prepared in one.cases]
        if not keys:
            raise UserError(
                "No case was chosen.",
                hint="Look at --tag, --not-tag, --case and --shard.",
                exit_code=NOTHING_CHOSEN,
            )
        is_live = self._check_cost(chosen)
        folder = self._resumed or make_folder(self._project.root, self._clock.now(), self._asked)
        budget = self._project.budget_usd if options.budget is None else options.budget
        settings = Settings(
            execution=folder.execution,
            is_live=is_live,
            seed=self._asked["seed"],
            parallel=options.parallel,
            bail=options.bail,
            retries=options.retries,
            shuffle=self._asked["shuffle"],
            budget=Budget(usd=budget),
            baseline=baseline,
            keep_flow=folder.keep_flow,
        )
        earlier = {} if self._resumed is None else _find_ended(folder, keys)
        terminal, messages = self._context.terminal, self._context.messages
        with EventLog(folder.events) as log, Progress(terminal, messages, budget) as progress:
            in_order = [InOrder(ConsoleReport(terminal, messages)), InOrder(self._keep)]
            execution = Execution(
                chosen,
                self._open,
                self._clock,
                settings,
                [progress, *in_order],
                log=log,
                earlier=earlier,
            )
            ended = await execution.run()
        self._write()
        return ended

    def _keep(self, event: Event) -> None:
        """For what is written in the end: all of it only where a report is asked for."""
        if self._options.reports or isinstance(event, CaseEnded):
            self._events.append(event)

    def _write(self) -> None:
        options = self._options
        if options.reports:
            write_reports(self._events, options.reports, self._context.messages.language)
        if options.write_baseline is not None:
            ended = (event for event in self._events if isinstance(event, CaseEnded))
            options.write_baseline.write_text(format_baseline(ended), encoding="utf-8")

    def _find_resumed(self) -> ExecutionFolder | None:
        options = self._options
        if options.resume is None:
            return None
        if any(value for name, value in options.chosen.items() if name != "paths"):
            raise UserError(
                "--resume goes on with what was chosen then.",
                hint="Leave out what chooses cases, the environment and the seed.",
            )
        return find_folder(self._project.root, options.resume or None)

    def _choose(self) -> list[Chosen]:
        asked, options = self._asked, self._options
        allowed: dict[Need, bool] = {"judge": options.judge, "code": options.allow_code}
        wishes = Wishes(
            seed=asked["seed"],
            environment=asked["environment"],
            variables=dict(map(parse_variable, asked["variables"])),
            allowed=frozenset(name for name, is_allowed in allowed.items() if is_allowed),
            update_snapshots=options.update_snapshots,
        )
        choice = Choice(
            tags=asked["tags"],
            not_tags=asked["not_tags"],
            patterns=asked["patterns"],
            shard=None if asked["shard"] is None else parse_shard(asked["shard"]),
        )
        root = self._project.root
        preparer = Preparer(self._project, wishes)
        return [
            preparer.prepare(load_suite(path, root), choice)
            for path in find_suites(root, [Path(path) for path in asked["paths"]])
        ]

    def _open(self, environment: Environment, needs: Needs) -> AbstractAsyncContextManager[Target]:
        return open_target(
            self._context,
            environment,
            live=self._options.live,
            needs=SimulatorNeeds(needs.scenario, needs.mocks, self._asked["seed"]),
        )

    def _check_cost(self, chosen: Sequence[Chosen]) -> bool:
        """Whether anything is live; what it may cost is said before it does."""
        live = [
            one
            for one in chosen
            if one.cases and check_live(one.environment, live=self._options.live)
        ]
        if not live:
            return False
        found = estimate(live)
        say, notes = self._context.say, self._context.terminal_for_notes
        usd = format_usd(found.usd)
        notes.line(say("test.estimate", usd=usd, requests=found.requests), "warn")
        if found.flows:
            notes.line(say("test.estimate.flows", flows=found.flows), "warn")
        if found.unbounded:
            notes.line(say("test.estimate.unbounded", requests=found.unbounded), "warn")
        return True


def _find_ended(folder: ExecutionFolder, keys: Sequence[str]) -> Mapping[str, list[Event]]:
    """What is known of cases that ended, in the order of `keys`."""
    if not folder.events.exists():
        return {}
    found: dict[str, list[Event]] = {key: [] for key in keys}
    ended: set[str] = set()
    for event in read_events(folder.events):
        case = getattr(event, "case", None)
        if case not in found:
            continue
        if isinstance(event, CaseStarted):
            found[case] = []  # begun anew: what came of it before does not count
        found[case].append(event)
        if isinstance(event, CaseEnded):
            (ended.discard if event.verdict == "not_run" else ended.add)(case)
    return {key: found[key] for key in keys if key in ended}
