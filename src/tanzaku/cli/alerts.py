"""`tanzaku alerts check`: what the rules of a configuration say of the calls that are kept."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from tanzaku.cli.context import CliContext, echo_json, json_option, ledger_option
from tanzaku.cli.usage import SpokenGroup
from tanzaku.core import SystemClock, UserError
from tanzaku.exchange import Exchange
from tanzaku.look import Messages, format_time

if TYPE_CHECKING:
    from tanzaku.gateway.alerts import Notice
    from tanzaku.ledger import LedgerReader

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_SPAN: Final = re.compile("([0-9]{1,6})([smhd])")


def build(messages: Messages) -> click.Command:
    """The group `alerts` with its command `check`."""
    say = messages.say
    group = SpokenGroup(messages, "alerts", help=say("cli.alerts.help"), no_args_is_help=True)
    group.add_command(
        click.Command(
            "check",
            callback=click.pass_obj(check_alerts),
            params=[
                click.Option(
                    ["--config"],
                    type=click.Path(path_type=Path, dir_okay=False),
                    required=True,
                    help=say("cli.alerts.config.help"),
                ),
                click.Option(
                    ["--since"], default="1h", show_default=True, help=say("cli.alerts.since.help")
                ),
                ledger_option(messages),
                json_option(messages),
            ],
            help=say("cli.alerts.check.help"),
        )
    )
    return group


def check_alerts(
    context: CliContext, *, config: Path, since: str, ledger: Path | str | None, as_json: bool
) -> int:
    """Print what fired and what was over again; 1 where anything fired."""
    from tanzaku.gateway.alerts import find_warm_up_s, replay_alerts
    from tanzaku.gateway.config import load_config
    from tanzaku.ledger import Ledger

    settings = load_config(config, None).alerts
    if settings is None:
        raise UserError(
            "{file}: there are no alerts to check.", hint="Add `alerts:` with `rules`.", file=config
        )
    until = SystemClock().now()
    start = until - _parse_span(since)
    with Ledger.read(context.find_ledger(ledger)) as reader:
        calls = _iter_calls(reader, start - find_warm_up_s(settings))
        notices = replay_alerts(calls, settings, since=start, until=until)
    if as_json:
        echo_json([notice.to_json() for notice in notices])
    elif notices:
        say = context.say
        context.terminal.table(
            say("alerts.title", count=len(notices)),
            [say("alerts.time"), say("alerts.what")],
            [(format_time(notice.at), _describe(context, notice)) for notice in notices],
        )
    else:
        context.terminal.line(context.say("alerts.none", since=since))
    return int(any(notice.state == "fired" for notice in notices))


def _describe(context: CliContext, notice: "Notice") -> str:
    if notice.rule.measure == "new_address":
        return context.say("alerts.address", key=notice.key, addresses=", ".join(notice.addresses))
    value = f"{notice.value:.6g}"
    return context.say(f"alerts.{notice.state}", rule=notice.rule.title, value=value)


def _parse_span(text: str) -> float:
    span = _SPAN.fullmatch(text)
    if span is None:
        raise UserError("`{text}` is no span of time.", hint="Write 90s, 30m, 6h or 7d.", text=text)
    return float(int(span[1]) * _UNITS[span[2]])


def _iter_calls(reader: "LedgerReader", since: float) -> Iterator[Exchange]:
    from tanzaku.ledger import Filters

    seq, filters = 0, Filters(since=since)
    while rows := reader.list_after(seq, filters):
        seq = rows[-1][0]
        for _, exchange in rows:
            yield exchange
