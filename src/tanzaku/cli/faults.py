"""`tanzaku faults`: the verdict on a client after a fault run, and the kinds there are."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tanzaku.cli.context import CliContext, echo_json, json_option, ledger_option
from tanzaku.cli.usage import SpokenGroup
from tanzaku.core import SystemClock, UserError
from tanzaku.look import Messages, format_count, format_usd

if TYPE_CHECKING:
    from tanzaku.simulator.faults import ClientVerdict, Kind

_COLUMNS = (
    "fault", "verdict", "met", "calls", "retries", "waited", "recovered", "surfaced", "kept",
    "paid_twice", "hung",
)  # fmt: skip


def build(messages: Messages) -> click.Command:
    """The group `faults` with its commands `report` and `list`."""
    say = messages.say
    group = SpokenGroup(messages, "faults", help=say("cli.faults.help"), no_args_is_help=True)
    group.add_command(
        click.Command(
            "report",
            callback=click.pass_obj(report),
            params=[
                click.Option(
                    ["--limit"],
                    type=click.IntRange(1, 1000),
                    default=1000,
                    show_default=True,
                    help=say("cli.faults.limit.help"),
                ),
                click.Option(
                    ["--hang"],
                    metavar="SECONDS",
                    type=click.FloatRange(0, min_open=True),
                    default=60.0,
                    show_default=True,
                    help=say("cli.faults.hang.help"),
                ),
                ledger_option(messages),
                json_option(messages),
            ],
            help=say("cli.faults.report.help"),
        )
    )
    group.add_command(
        click.Command(
            "list",
            callback=click.pass_obj(list_kinds),
            params=[json_option(messages)],
            help=say("cli.faults.list.help"),
        )
    )
    return group


def report(
    context: CliContext, *, limit: int, hang: float, ledger: Path | str | None, as_json: bool
) -> None:
    """Print the verdict on each fault; ends with 1 when one is a fail."""
    verdicts = _judge(context.find_ledger(ledger), limit, hang)
    if not verdicts:
        raise UserError(
            "No exchange in the ledger met a fault.",
            hint="Run the client against a server with faults first, or name its ledger with "
            "--ledger.",
        )
    if as_json:
        echo_json([verdict.to_json() for verdict in verdicts])
    else:
        _print_verdicts(context, verdicts)
    if not all(verdict.passed for verdict in verdicts):
        raise click.exceptions.Exit(1)


def _judge(place: Path | str, limit: int, hang_s: float) -> "list[ClientVerdict]":
    from tanzaku.ledger import Ledger
    from tanzaku.simulator.faults import Bounds, judge_client

    with Ledger.read(place) as reader:
        listed = reader.list_exchanges(limit=limit)
        exchanges = [reader.get_exchange(exchange.exchange_id) for exchange in listed]
    return judge_client(exchanges, now=SystemClock().now(), bounds=Bounds(hang_s=hang_s))


def _print_verdicts(context: CliContext, verdicts: "list[ClientVerdict]") -> None:
    say, terminal = context.say, context.terminal
    terminal.table(
        say("faults.title"),
        [say(f"faults.{column}") for column in _COLUMNS],
        [_format_row(context, verdict) for verdict in verdicts],
        right=len(_COLUMNS) - 2,
    )
    for verdict in verdicts:
        for text in _describe_failures(context, verdict):
            terminal.line(f"{verdict.fault}: {text}", "bad")
    if wasted := sum(verdict.extra_usd for verdict in verdicts):
        terminal.line(say("faults.wasted", usd=format_usd(wasted)), "warn")
    terminal.line(say("faults.note"), "faint")


def _format_row(context: CliContext, verdict: "ClientVerdict") -> tuple[str, ...]:
    figures = (
        verdict.recovered, verdict.surfaced, verdict.kept, verdict.double_billed, verdict.hung,
    )  # fmt: skip
    return (
        verdict.fault,
        context.say("faults.pass") if verdict.passed else context.say("faults.fail"),
        format_count(verdict.happened),
        format_count(verdict.calls),
        format_count(verdict.retries),
        _format_wait(verdict),
        *map(format_count, figures),
    )


def _format_wait(verdict: "ClientVerdict") -> str:
    """The shortest pause before a retry and the longest one asked for: `2.0 / 2 s`."""
    if verdict.shortest_wait_s is None:
        return "-"
    asked = "-" if verdict.asked_wait_s is None else f"{verdict.asked_wait_s:g}"
    return f"{verdict.shortest_wait_s:.2f} / {asked} s"


def _describe_failures(context: CliContext, verdict: "ClientVerdict") -> Iterable[str]:
    """One sentence for each kind of mistake: its first occurrence and how many there were."""
    for code in dict.fromkeys(failure.code for failure in verdict.failures):
        same = [failure for failure in verdict.failures if failure.code == code]
        first = same[0]
        text = context.say(f"faults.failure.{code}", **first.values)
        yield context.say("faults.failed", text=text, id=first.exchange_id, count=len(same))


def list_kinds(context: CliContext, *, as_json: bool) -> None:
    """Print every kind of fault with what it does and what can be set."""
    from tanzaku.simulator.faults import KINDS

    if as_json:
        echo_json([_kind_to_json(kind) for kind in KINDS.values()])
        return
    say = context.say
    context.terminal.table(
        say("faults.kinds"),
        [say("faults.fault"), say("faults.what"), say("faults.settings")],
        [
            (kind.name, _describe(context, kind), ", ".join(kind.parameters) or "-")
            for kind in KINDS.values()
        ],
    )


def _describe(context: CliContext, kind: "Kind") -> str:
    status = kind.status
    if status is None:
        return context.say(f"faults.kind.{kind.name}")
    return f"{status} {kind.parameters['error_type'].default}: {kind.parameters['message'].default}"


def _kind_to_json(kind: "Kind") -> dict[str, Any]:
    return {
        "name": kind.name,
        "group": kind.group,
        "scope": kind.scope,
        "status": kind.status,
        "settings": {name: parameter.default for name, parameter in kind.parameters.items()},
    }
