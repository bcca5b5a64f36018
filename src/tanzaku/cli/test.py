"""`tanzaku test`: suites executed, told of and judged."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any, override

import click

from tanzaku.cli.context import CliContext
from tanzaku.core import SystemClock, UserError
from tanzaku.look import Messages, format_usd

if TYPE_CHECKING:
    from tanzaku.cli.targets import Target
    from tanzaku.workbench.project import Environment, Project
    from tanzaku.workbench.runner import Chosen, ExecutionEnded, ExecutionFolder, Needs

_LAST = "last"


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


class _TestCommand(click.Command):
    """Its `--bail` and `--resume` may stand without a value before a path."""

    @override
    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, list(_add_values(args)))


def _add_values(words: Sequence[str]) -> Iterator[str]:
    from tanzaku.workbench.runner import is_execution

    for word, following in zip(words, [*words[1:], ""], strict=False):
        if word == "--bail" and not following.isdigit():
            yield "--bail=1"
        elif word == "--resume" and not is_execution(following):
            yield f"--resume={_LAST}"
        else:
            yield word


class _UsdType(click.ParamType[Decimal]):
    name = "usd"

    @override
    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Decimal:
        try:
            usd = Decimal(value)
        except InvalidOperation:
            usd = Decimal(-1)
        if not usd.is_finite() or usd < 0:
            self.fail(f"{value!r}", param, ctx)
        return usd


def build(messages: Messages) -> click.Command:
    """The command, its help in the run's language."""
    say = messages.say

    def option(*names: str, **more: Any) -> click.Option:
        key = names[0].removeprefix("--").replace("-", "_")
        return click.Option(list(names), help=say(f"cli.test.{key}.help"), **more)

    path = click.Path(path_type=Path, dir_okay=False)
    return _TestCommand(
        "test",
        callback=click.pass_obj(test),
        params=[
            click.Argument(
                ["paths"], nargs=-1, type=click.Path(path_type=Path), metavar="[PATH]..."
            ),
            option("--environment", "-e", metavar="NAME"),
            option("--var", "variables", multiple=True, metavar="NAME=VALUE"),
            option("--tag", "tags", multiple=True),
            option("--not-tag", "not_tags", multiple=True),
            option("--case", "patterns", multiple=True, metavar="PATTERN"),
            option("--shard", metavar="I/N"),
            option("--seed", type=click.IntRange(0)),
            option("--shuffle", is_flag=True),
            option("--parallel", "-j", type=click.IntRange(1, 1000), default=1, show_default=True),
            option("--bail", type=click.IntRange(1), metavar="[N]"),
            option("--retries", type=click.IntRange(0, 100), default=0, show_default=True),
            option("--budget", type=_UsdType(), metavar="USD"),
            option("--baseline", type=path),
            option("--write-baseline", type=path),
            option("--resume", metavar="[EXECUTION]"),
            option("--live", is_flag=True),
            option("--judge", is_flag=True),
            option("--allow-code", is_flag=True),
            option("--update-snapshots", is_flag=True),
        ],
        help=say("cli.test.help"),
    )


def test(context: CliContext, **words: Any) -> None:
    """Execute the suites and exit with what they came to."""
    from tanzaku.transport import new_event_loop

    options = Options(**words)
    testing = Testing(context, options)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        ended = runner.run(testing.run())
    click.get_current_context().exit(ended.exit_code)


class Testing:
    """One `tanzaku test`: what is asked is read, executed and reported."""

    def __init__(self, context: CliContext, options: Options) -> None:
        from tanzaku.workbench.project import load_project

        self._context = context
        self._options = options
        self._clock = SystemClock()
        start = options.paths[0] if options.paths else Path()
        self._project: Project = load_project(start)
        self._folder: ExecutionFolder | None = None

    async def run(self) -> "ExecutionEnded":
        from tanzaku.cli.progress import Progress
        from tanzaku.workbench.flows import Budget
        from tanzaku.workbench.runner import Baseline, Execution, InOrder, Settings, load_baseline

        options = self._options
        asked = self._find_asked()
        chosen = self._choose(asked)
        is_live = self._warn_of_cost(chosen)
        seed = int(asked["seed"])
        budget = self._project.budget_usd if options.budget is None else options.budget
        settings = Settings(
            execution="",
            is_live=is_live,
            seed=seed,
            parallel=options.parallel,
            bail=options.bail,
            retries=options.retries,
            shuffle=bool(asked["shuffle"]),
            budget=Budget(usd=budget),
            baseline=Baseline() if options.baseline is None else load_baseline(options.baseline),
        )
        keys = [prepared.case.key for one in chosen for prepared in one.cases]
        progress = Progress(self._context, len(keys))
        execution = Execution(
            chosen,
            self._open_target(seed),
            self._clock,
            settings,
            [progress, InOrder(progress.tell, keys)],
        )
        return await execution.run()

    def _find_asked(self) -> dict[str, Any]:
        options = self._options
        seed = self._project.seed if options.seed is None else options.seed
        return {
            "paths": [str(path) for path in options.paths],
            "environment": options.environment,
            "variables": list(options.variables),
            "tags": list(options.tags),
            "not_tags": list(options.not_tags),
            "patterns": list(options.patterns),
            "shard": options.shard,
            "seed": seed,
            "shuffle": options.shuffle,
        }

    def _choose(self, asked: dict[str, Any]) -> "list[Chosen]":
        from tanzaku.workbench.runner import Preparer, Wishes
        from tanzaku.workbench.suites import Choice, find_suites, load_suite, parse_shard

        options = self._options
        allowed = {"judge": options.judge, "code": options.allow_code}
        wishes = Wishes(
            seed=int(asked["seed"]),
            environment=asked["environment"],
            variables=dict(map(_parse_variable, asked["variables"])),
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

    def _open_target(self, seed: int) -> Any:
        from tanzaku.cli.targets import SimulatorNeeds, open_target

        def open_one(
            environment: "Environment", needs: "Needs"
        ) -> "AbstractAsyncContextManager[Target]":
            return open_target(
                self._context,
                environment,
                live=self._options.live,
                needs=SimulatorNeeds(needs.scenario, needs.mocks, seed),
            )

        return open_one

    def _warn_of_cost(self, chosen: "Sequence[Chosen]") -> bool:
        """Whether anything is live; what it may cost is said before it does."""
        from tanzaku.cli.targets import may_cost
        from tanzaku.workbench.runner import estimate

        live = [one for one in chosen if one.cases and may_cost(one.environment)]
        if live and self._options.live:
            found = estimate(live)
            say = self._context.say
            notes = self._context.terminal_for_notes
            notes.line(
                say("test.estimate", usd=format_usd(found.usd), requests=found.requests), "warn"
            )
            if found.flows:
                notes.line(say("test.estimate.flows", flows=found.flows), "warn")
            if found.unbounded:
                notes.line(say("test.estimate.unbounded", requests=found.unbounded), "warn")
        return bool(live)


def _parse_variable(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise UserError("A variable is written NAME=VALUE; found `{text}`.", text=text)
    return name, value
