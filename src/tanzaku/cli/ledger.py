"""`tanzaku ledger`: copies, checks, exports, and what a crash left open."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tanzaku.cli.context import CliContext, echo_json, json_option, ledger_option
from tanzaku.cli.usage import SpokenGroup
from tanzaku.core import SystemClock, UserError
from tanzaku.look import Messages, format_count, format_usd

if TYPE_CHECKING:
    from tanzaku.ledger import Verdict


def build(messages: Messages) -> click.Command:
    """The group `ledger` with its commands."""
    say = messages.say
    group = SpokenGroup(messages, "ledger", help=say("cli.ledger.help"), no_args_is_help=True)
    file = click.Argument(["file"], type=click.Path(path_type=Path), metavar="FILE")
    commands: list[tuple[str, Any, list[click.Parameter]]] = [
        ("backup", backup, [file, json_option(messages)]),
        ("verify", verify, [json_option(messages)]),
        ("restore", restore, [file]),
        ("export", export, [file, *_list_export_options(messages)]),
        (
            "reconcile",
            reconcile,
            [click.Option(["--dry-run"], is_flag=True, help=say("cli.ledgers.dry_run.help"))],
        ),
        (
            "prune",
            prune,
            [
                click.Option(
                    ["--keep-days"],
                    type=click.FloatRange(0),
                    help=say("cli.ledgers.keep_days.help"),
                ),
                click.Option(
                    ["--keep-gb"],
                    type=click.FloatRange(0),
                    help=say("cli.ledgers.keep_gb.help"),
                ),
                click.Option(
                    ["--bodies-days"],
                    type=click.FloatRange(0),
                    help=say("cli.ledgers.bodies_days.help"),
                ),
            ],
        ),
    ]
    for name, callback, params in commands:
        group.add_command(
            click.Command(
                name,
                callback=click.pass_obj(callback),
                params=[*params, ledger_option(messages)],
                help=say(f"cli.ledgers.{name}.help"),
            )
        )
    return group


def _list_export_options(messages: Messages) -> list[click.Parameter]:
    say = messages.say
    return [
        click.Option(
            ["--format", "form"],
            type=click.Choice(["jsonl", "csv", "parquet"]),
            help=say("cli.ledgers.format.help"),
        ),
        click.Option(["--since"], help=say("cli.ledgers.since.help")),
        click.Option(["--until"], help=say("cli.ledgers.until.help")),
        *(
            click.Option([f"--{name}"], help=say(f"cli.log.{name}.help"))
            for name in ("model", "route", "key", "team", "tag")
        ),
        click.Option(["--bodies"], is_flag=True, help=say("cli.ledgers.bodies.help")),
    ]


def backup(context: CliContext, *, file: Path, ledger: Path | str | None, as_json: bool) -> None:
    """Copy the ledger, also while a server writes it."""
    from tanzaku.ledger import back_up

    _show_verdict(context, back_up(context.find_ledger(ledger), file), file, as_json=as_json)


def verify(context: CliContext, *, ledger: Path | str | None, as_json: bool) -> None:
    """Read every row; ends with 1 when something is wrong."""
    from tanzaku.ledger import verify as check

    path = context.find_ledger(ledger)
    _show_verdict(context, check(path), _name(path), as_json=as_json)


def _name(place: Path | str) -> str:
    """How messages call it: without a password."""
    from tanzaku.ledger import Ledger

    with Ledger.read(place) as reader:
        return reader.name


def _show_verdict(
    context: CliContext, verdict: "Verdict", path: Path | str, *, as_json: bool
) -> None:
    if as_json:
        echo_json(
            {
                "path": str(path),
                "exchanges": verdict.exchanges,
                "unsettled": verdict.unsettled,
                "lost": verdict.lost,
                "total_usd": f"{verdict.total_usd:f}",
                "digest": verdict.digest,
                "faults": list(verdict.faults),
            }
        )
    else:
        context.terminal.line(
            context.say(
                "ledgers.holds",
                path=path,
                exchanges=format_count(verdict.exchanges),
                unsettled=format_count(verdict.unsettled),
                total=format_usd(verdict.total_usd),
            ),
            "strong",
        )
        context.terminal.line(f"sha256 {verdict.digest}", "faint")
        for fault in verdict.faults:
            context.terminal.line(fault, "bad")
    if verdict.faults:
        raise click.exceptions.Exit(1)


def restore(context: CliContext, *, file: Path, ledger: Path | str | None) -> None:
    """Put a copy in the ledger's place."""
    from tanzaku.ledger import restore as put_back

    path = context.find_ledger(ledger)
    kept = put_back(file, path, SystemClock())
    context.terminal.line(context.say("ledgers.restored", path=_name(path)), "good")
    if kept is not None:
        context.terminal.line(context.say("ledgers.kept", path=kept), "faint")


def export(
    context: CliContext,
    *,
    file: Path,
    form: str | None,
    since: str | None,
    until: str | None,
    bodies: bool,
    ledger: Path | str | None,
    **conditions: str | None,
) -> None:
    """Write exchanges for other programs; the format follows from the file's ending."""
    from tanzaku.ledger import FORMATS, Filters, Ledger
    from tanzaku.ledger import export as write

    form = form or file.suffix.removeprefix(".")
    if form not in FORMATS:
        raise UserError(
            "What to write into {path} is not clear from its name.",
            hint="Say --format jsonl, csv or parquet.",
            path=file,
        )
    filters = Filters(**conditions, since=read_time(since), until=read_time(until))  # type: ignore[arg-type]
    with Ledger.read(context.find_ledger(ledger)) as reader:
        count = write(reader, filters, form, file, with_bodies=bodies)  # type: ignore[arg-type]
    context.terminal.line(context.say("ledgers.exported", count=format_count(count), path=file))


def reconcile(context: CliContext, *, dry_run: bool, ledger: Path | str | None) -> None:
    """Settle what a crash left open, as the next start of a server would."""
    from tanzaku.ledger import Filters, Ledger

    path = context.find_ledger(ledger)
    if dry_run:
        with Ledger.read(path) as reader:
            found = reader.list_after(0, Filters(unsettled=True))
        for _, exchange in found:
            context.terminal.line(
                f"{exchange.exchange_id}  {exchange.model or exchange.path}  "
                f"{format_usd(exchange.reserved_usd)}"
            )
        context.terminal.line(context.say("ledgers.open", count=format_count(len(found))))
        return
    with Ledger.read(path):
        pass  # a missing one is not made
    with Ledger.open(path, clock=SystemClock()) as writer:
        context.terminal.line(
            context.say("ledgers.reconciled", count=format_count(writer.reconciled)), "good"
        )


def prune(
    context: CliContext,
    *,
    keep_days: float | None,
    keep_gb: float | None,
    bodies_days: float | None,
    ledger: Path | str | None,
) -> None:
    """Let go of what is older or too much. No server may be writing the ledger."""
    from tanzaku.ledger import Ledger, Retention

    retention = Retention(keep_days, bodies_days, keep_gb)
    if retention == Retention():
        raise UserError(
            "Nothing to let go of was named.", hint="Say --keep-days, --keep-gb or --bodies-days."
        )
    path = context.find_ledger(ledger)
    with Ledger.read(path) as reader:
        before = reader.count_exchanges()
    with Ledger.open(path, clock=SystemClock()) as writer:
        writer.prune(retention)
        after = writer.count_exchanges()
    context.terminal.line(
        context.say("ledgers.pruned", gone=format_count(before - after), left=format_count(after)),
        "good",
    )


def read_time(text: str | None) -> float | None:
    """`2026-11-24` or `2026-11-24T08:00:00Z` as Unix seconds; without a zone it is UTC."""
    if text is None:
        return None
    try:
        when = datetime.fromisoformat(text)
    except ValueError as error:
        raise UserError(
            "`{text}` is no time.", hint="Write 2026-11-24 or 2026-11-24T08:00:00Z.", text=text
        ) from error
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
