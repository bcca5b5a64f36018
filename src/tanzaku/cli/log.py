"""`tanzaku log`: recorded exchanges, newest first, and one in full."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import click

from tanzaku.cli.context import CliContext, echo_json, json_option, ledger_option
from tanzaku.cli.follow import follow_log
from tanzaku.cli.replayed import SHAPES, write_as
from tanzaku.cli.usage import SpokenGroup
from tanzaku.exchange import TRACE_HEADER, VIOLATIONS_HEADER, Exchange, exchange_to_json
from tanzaku.look import Messages, Terminal, format_count, format_ms, format_time, format_usd

_SHOWN_ID = 20  # milliseconds and a random rest: two rows seldom share it


def build(messages: Messages) -> click.Command:
    """The group `log` with its command `show`; without a command it lists."""
    say = messages.say
    group = SpokenGroup(
        messages,
        "log",
        callback=click.pass_context(list_log),
        invoke_without_command=True,
        params=[
            click.Option(
                ["--limit"],
                type=click.IntRange(1, 1000),
                default=20,
                show_default=True,
                help=say("cli.log.limit.help"),
            ),
            click.Option(["--model"], help=say("cli.log.model.help")),
            click.Option(["--route"], help=say("cli.log.route.help")),
            click.Option(["--status"], type=int, help=say("cli.log.status.help")),
            click.Option(["--key"], help=say("cli.log.key.help")),
            click.Option(["--team"], help=say("cli.log.team.help")),
            click.Option(["--tag"], help=say("cli.log.tag.help")),
            click.Option(["--failed"], is_flag=True, help=say("cli.log.failed.help")),
            click.Option(["--error"], metavar="TYPE", help=say("cli.log.error.help")),
            click.Option(
                ["--min-cost"],
                metavar="USD",
                type=click.FloatRange(0),
                help=say("cli.log.cost.help"),
            ),
            click.Option(
                ["--slow"], metavar="MS", type=click.FloatRange(0), help=say("cli.log.slow.help")
            ),
            click.Option(["--follow", "-f"], is_flag=True, help=say("cli.log.follow.help")),
            ledger_option(messages),
            json_option(messages),
        ],
        help=say("cli.log.help"),
    )
    shape = click.Option(["--as", "shape"], type=click.Choice(SHAPES), help=say("cli.log.as.help"))
    for name, callback, more in (
        ("show", show_exchange, [shape]),
        ("explain", explain_exchange, []),
    ):
        group.add_command(
            click.Command(
                name,
                callback=click.pass_obj(callback),
                params=[
                    click.Argument(["exchange_id"], metavar="ID"),
                    *more,
                    ledger_option(messages),
                    json_option(messages),
                ],
                help=say(f"cli.log.{name}.help"),
            )
        )
    return group


def list_log(
    ctx: click.Context,
    *,
    limit: int,
    follow: bool,
    min_cost: float | None,
    slow: float | None,
    ledger: Path | str | None,
    as_json: bool,
    **conditions: Any,
) -> None:
    """Print the newest exchanges as a table, or each as it ends."""
    if ctx.invoked_subcommand is not None:
        return
    from tanzaku.ledger import Filters, Ledger

    context: CliContext = ctx.obj
    conditions["min_usd"] = None if min_cost is None else Decimal(str(min_cost))
    conditions["least_ms"] = slow
    with Ledger.read(context.find_ledger(ledger)) as reader:
        if follow:
            follow_log(context, reader, Filters(**conditions), as_json=as_json)
            return
        exchanges = reader.list_exchanges(limit=limit, **conditions)
    if as_json:
        echo_json([exchange_to_json(exchange) for exchange in exchanges])
        return
    print_exchanges(context, exchanges)


def print_exchanges(context: CliContext, exchanges: list[Exchange]) -> None:
    """The table of exchanges that `log` and `demo` share."""
    columns = ("id", "time", "model", "status", "route", "in", "out", "ttft", "total", "cost")
    context.terminal.table(
        context.say("log.title", count=len(exchanges)),
        [context.say(f"log.{column}") for column in columns],
        [_format_row(exchange) for exchange in exchanges],
        right=5,
    )


def _format_row(exchange: Exchange) -> tuple[str, ...]:
    settled = exchange.settlement
    usage = (settled and settled.usage) or {}
    return (
        exchange.exchange_id[:_SHOWN_ID],
        format_time(exchange.started_at),
        (settled and settled.response_model) or exchange.model or "-",
        "…" if settled is None else str(settled.status),
        "-" if settled is None else settled.route,
        format_count(usage.get("input_tokens")),
        format_count(usage.get("output_tokens")),
        format_ms(settled.timings.ttft_ms if settled else None),
        format_ms(settled.timings.total_ms if settled else None),
        format_usd(settled.cost.total_usd if settled and settled.cost else None),
    )


def show_exchange(
    context: CliContext,
    *,
    exchange_id: str,
    shape: str | None,
    ledger: Path | str | None,
    as_json: bool,
) -> None:
    """Print one exchange: request, answer, usage, cost by part, attempts; or as code that sends
    the same request."""
    from tanzaku.ledger import Ledger

    with Ledger.read(context.find_ledger(ledger)) as reader:
        exchange = reader.get_exchange(exchange_id)
    if shape is not None:
        click.echo(write_as(shape, exchange))
        return
    if as_json:
        echo_json(exchange_to_json(exchange, with_bodies=True))
        return
    terminal = context.terminal
    print_exchanges(context, [exchange])
    _print_body(terminal, context.say("log.request"), exchange.request_body)
    settled = exchange.settlement
    if settled is None:
        terminal.line(context.say("log.unsettled"), "warn")
        return
    _print_body(terminal, context.say("log.response"), settled.response_body)
    if settled.cost:
        parts = ", ".join(f"{k} {format_usd(v)}" for k, v in settled.cost.parts_usd.items())
        terminal.line(context.say("log.cost_parts", parts=parts))
    if settled.unpriced:
        terminal.line(context.say("log.unpriced", reason=settled.unpriced), "warn")
    for attempt in settled.attempts:
        terminal.line(
            context.say(
                "log.attempt",
                upstream=attempt.upstream,
                outcome=attempt.error or attempt.status,
                duration=format_ms(attempt.duration_ms),
            ),
            "faint",
        )


def explain_exchange(
    context: CliContext, *, exchange_id: str, ledger: Path | str | None, as_json: bool
) -> None:
    """Print which rule answered, why each rule before it did not, and what live would refuse."""
    from tanzaku.ledger import Ledger
    from tanzaku.simulator.scenario import decode_trace

    with Ledger.read(context.find_ledger(ledger)) as reader:
        exchange = reader.get_exchange(exchange_id)
    settled = exchange.settlement
    headers = dict(settled.response_headers) if settled else {}
    rule = settled.rule if settled else None
    trace = decode_trace(headers.get(TRACE_HEADER, ""))
    violations = unquote(headers.get(VIOLATIONS_HEADER, ""))
    if as_json:
        misses = [{"rule": miss.rule, "why": miss.why} for miss in trace.misses]
        echo_json(
            {
                "exchange_id": exchange.exchange_id,
                "rule": rule,
                "misses": misses,
                "left_out": trace.left_out,
                "violations": violations or None,
            }
        )
        return
    terminal = context.terminal
    if rule is None:
        terminal.line(context.say("log.explain.no_rule"), "warn")
    else:
        terminal.line(context.say("log.explain.rule", rule=rule), "strong")
    if trace.misses:
        terminal.table(
            context.say("log.explain.title"),
            [context.say("log.explain.earlier"), context.say("log.explain.why")],
            [(miss.rule, miss.why) for miss in trace.misses],
        )
    if trace.left_out:
        terminal.line(context.say("log.explain.left_out", count=trace.left_out), "faint")
    if violations:
        terminal.line(context.say("log.explain.violations", violations=violations), "warn")


def _print_body(terminal: Terminal, title: str, body: bytes) -> None:
    from pydantic_core import from_json

    from tanzaku.wire import assemble_message

    terminal.line(title, "strong")
    try:
        document = from_json(body)
    except ValueError:
        document = assemble_message(body)
    if document is None:
        terminal.line(body.decode("utf-8", "replace"))
    else:
        terminal.line(json.dumps(document, ensure_ascii=False, indent=2))
    terminal.line()
