"""`tanzaku cost what-if`: recorded traffic on another model, with caching, in batches."""

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from tanzaku.cli.context import CliContext, echo_json, json_option, ledger_option
from tanzaku.cli.ledger import read_time
from tanzaku.look import Messages, format_count, format_usd

if TYPE_CHECKING:
    from tanzaku.gateway.whatif import By, WhatIf

_SHOWN_IDS: Final = 3
_SHOWN_PLACES: Final = 3


def build(messages: Messages, groupings: tuple[str, ...]) -> click.Command:
    """The command; `groupings` are what its rows may stand for."""
    say = messages.say
    return click.Command(
        "what-if",
        callback=click.pass_obj(show_what_if),
        params=[
            click.Option(["--model"], help=say("cli.whatif.model.help")),
            click.Option(["--caching"], is_flag=True, help=say("cli.whatif.caching.help")),
            click.Option(["--batch"], is_flag=True, help=say("cli.whatif.batch.help")),
            click.Option(
                ["--by"],
                type=click.Choice(groupings),
                default="model",
                show_default=True,
                help=say("cli.cost.by.help"),
            ),
            click.Option(["--since"], help=say("cli.ledgers.since.help")),
            click.Option(["--until"], help=say("cli.ledgers.until.help")),
            click.Option(
                ["--from", "export"],
                type=click.Path(path_type=Path, dir_okay=False, exists=True),
                help=say("cli.whatif.from.help"),
            ),
            ledger_option(messages),
            json_option(messages),
        ],
        help=say("cli.whatif.help"),
    )


def show_what_if(
    context: CliContext,
    *,
    model: str | None,
    caching: bool,
    batch: bool,
    by: "By",
    since: str | None,
    until: str | None,
    export: Path | None,
    ledger: Path | str | None,
    as_json: bool,
) -> None:
    """Print what was spent, what it would have been, and what would be refused."""
    from tanzaku.gateway.whatif import Question, WhatIf, read_export, read_ledger
    from tanzaku.ledger import Filters, Ledger

    if model is None and not caching and not batch:
        raise click.UsageError(context.say("whatif.nothing"))
    if export is not None and (ledger is not None or since or until):
        raise click.UsageError(context.say("whatif.one_source"))
    what_if = WhatIf(Question(model, caching, batch), by)
    if export is not None:
        for past in read_export(export):
            what_if.take(past)
    else:
        filters = Filters(since=read_time(since), until=read_time(until))
        with Ledger.read(context.find_ledger(ledger)) as reader:
            for past in read_ledger(reader, filters):
                what_if.take(past)
    if as_json:
        echo_json(what_if.to_json())
        return
    _show_sums(context, what_if)
    _show_refusals(context, what_if)
    _show_caching(context, what_if)
    _show_limits(context, what_if)


def _show_sums(context: CliContext, what_if: "WhatIf") -> None:
    say = context.say
    columns = ("exchanges", "refused", "now", "then", "difference")
    context.terminal.table(
        say("whatif.title"),
        [say(f"cost.by_{what_if.by}"), *(say(f"whatif.{name}") for name in columns)],
        [
            (
                row.key,
                format_count(row.exchanges),
                format_count(row.refused),
                format_usd(row.usd_now),
                format_usd(row.usd_then),
                _format_change(row.usd_difference),
            )
            for _, row in sorted(what_if.rows.items())
        ],
        right=5,
    )
    total = what_if.total
    context.terminal.line(
        say(
            "whatif.sum",
            now=format_usd(total.usd_now),
            then=format_usd(total.usd_then),
            percent=f"{total.usd_difference / total.usd_now * 100:+.1f}" if total.usd_now else "-",
        ),
        "strong",
    )


def _format_change(usd: Decimal) -> str:
    return f"{'-' if usd < 0 else '+'}{format_usd(abs(usd))}"


def _show_refusals(context: CliContext, what_if: "WhatIf") -> None:
    refusals = what_if.refusals
    if refusals is None:
        return
    say, terminal = context.say, context.terminal
    if not refusals.requests:
        terminal.line(say("whatif.none_refused"), "good")
        return
    terminal.line(say("whatif.would_refuse", count=format_count(refusals.requests)), "warn")
    for reason in refusals.list_reasons():
        guess = say("whatif.guess") if reason.is_guess else ""
        terminal.line(f"  {format_count(reason.count)} × {reason.message}{guess}")
        more = " …" if reason.count > _SHOWN_IDS else ""
        terminal.line(f"      {' '.join(reason.ids[:_SHOWN_IDS])}{more}", "faint")


def _show_caching(context: CliContext, what_if: "WhatIf") -> None:
    replay = what_if.replay
    if replay is None:
        return
    places = [place for place, _ in replay.where.most_common(_SHOWN_PLACES)]
    context.terminal.line(
        context.say(
            "whatif.caching",
            placed=format_count(replay.placed),
            read=format_count(replay.read_tokens),
            written=format_count(replay.written_tokens),
            saved=format_usd(what_if.saved_by_caching),
        )
    )
    for place in places:
        mark = f'+ {place}.cache_control: {{"type": "ephemeral"}}'
        context.terminal.line(f"  {mark}  × {format_count(replay.where[place])}", "faint")


def _show_limits(context: CliContext, what_if: "WhatIf") -> None:
    """How the figures were come by, and what they leave out."""
    say, terminal = context.say, context.terminal
    if what_if.scale is not None:
        how = what_if.scale.how
        tokens = say(
            "whatif.tokens",
            same_tokenizer=format_count(how["same_tokenizer"]),
            counted=format_count(how["counted"]),
            by_ratio=format_count(how["by_ratio"]),
        )
        terminal.line(tokens, "faint")
        for one in what_if.scale.list_ratios():
            terminal.line(say(f"whatif.ratio_{one['kind']}", **one), "faint")
    for why, count in sorted(what_if.why.items()):
        terminal.line(say(f"whatif.{why}", count=format_count(count)), "faint")
    if what_if.unread:
        terminal.line(say("whatif.unread", count=format_count(what_if.unread)), "warn")
    terminal.line(say("whatif.note"), "faint")
