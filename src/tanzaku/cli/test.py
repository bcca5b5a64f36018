"""`tanzaku test`: suites executed, told of and judged."""

import asyncio
from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, override

import click

from tanzaku.cli.context import CliContext
from tanzaku.cli.report import list_options, take_paths
from tanzaku.look import Messages


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
            yield "--resume="
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
            *list_options(messages),
        ],
        help=say("cli.test.help"),
    )


def test(context: CliContext, **words: Any) -> None:
    """Execute the suites and exit with what they came to."""
    from tanzaku.cli.testing import Options, Testing
    from tanzaku.transport import new_event_loop

    reports = take_paths(words)
    testing = Testing(context, Options(**words, reports=reports))
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        ended = runner.run(testing.run())
    click.get_current_context().exit(ended.exit_code)
