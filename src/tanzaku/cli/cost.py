"""`tanzaku cost`: what was spent; `estimate`: what will be; `what-if`: what would have been."""

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from tanzaku.cli.context import CliContext, echo_json, json_option, ledger_option
from tanzaku.cli.usage import SpokenGroup
from tanzaku.cli.whatif import build as build_what_if
from tanzaku.look import Messages, format_count, format_usd

if TYPE_CHECKING:
    from tanzaku.ledger import Grouping

GROUPINGS: Final = ("model", "day", "route", "key", "team", "tag")
DEFAULT_MODELS = (
    "claude-haiku-4-5",
    "claude-haiku-5-5",
    "claude-sonnet-4-5",
    "claude-sonnet-5-5",
    "claude-opus-5-5",
)


def build(messages: Messages) -> click.Command:
    """The group `cost` with its command `estimate`; without a command it adds up the ledger."""
    say = messages.say
    group = SpokenGroup(
        messages,
        "cost",
        callback=click.pass_context(show_costs),
        invoke_without_command=True,
        params=[
            click.Option(
                ["--by"],
                type=click.Choice(GROUPINGS),
                default="model",
                show_default=True,
                help=say("cli.cost.by.help"),
            ),
            ledger_option(messages),
            json_option(messages),
        ],
        help=say("cli.cost.help"),
    )
    share = click.FloatRange(0, 1)
    group.add_command(
        click.Command(
            "estimate",
            callback=click.pass_obj(show_estimate),
            params=[
                click.Option(
                    ["--requests-per-day"],
                    type=click.IntRange(1),
                    required=True,
                    help=say("cli.cost.requests.help"),
                ),
                click.Option(
                    ["--tokens-in"],
                    type=click.IntRange(0),
                    required=True,
                    help=say("cli.cost.tokens_in.help"),
                ),
                click.Option(
                    ["--tokens-out"],
                    type=click.IntRange(0),
                    required=True,
                    help=say("cli.cost.tokens_out.help"),
                ),
                click.Option(
                    ["--model", "models"],
                    multiple=True,
                    default=DEFAULT_MODELS,
                    show_default=True,
                    help=say("cli.cost.models.help"),
                ),
                click.Option(
                    ["--cache-share"], type=share, default=0.0, help=say("cli.cost.cache.help")
                ),
                click.Option(
                    ["--batch-share"], type=share, default=0.0, help=say("cli.cost.batch.help")
                ),
                json_option(messages),
            ],
            help=say("cli.cost.estimate.help"),
        )
    )
    group.add_command(build_what_if(messages, GROUPINGS))
    return group


def show_costs(
    ctx: click.Context, *, by: "Grouping", ledger: Path | str | None, as_json: bool
) -> None:
    """Print the ledger's sums."""
    if ctx.invoked_subcommand is not None:
        return
    from tanzaku.ledger import Ledger

    context: CliContext = ctx.obj
    with Ledger.read(context.find_ledger(ledger)) as reader:
        rows = reader.sum_costs(by=by)
        # What has several tags is in several rows.
        whole = reader.totals()
    total = whole.total_usd
    if as_json:
        echo_json({"by": by, "rows": [row.to_json() for row in rows], "total_usd": total})
        return
    say = context.say
    context.terminal.table(
        say("cost.title"),
        [say(f"cost.by_{by}"), *(say(f"cost.{name}") for name in ("exchanges", "errors"))]
        + [say(f"cost.{name}") for name in ("tokens_in", "tokens_out", "total")],
        [
            (
                row.key,
                format_count(row.exchanges),
                format_count(row.errors),
                format_count(row.input_tokens),
                format_count(row.output_tokens),
                format_usd(row.total_usd),
            )
            for row in rows
        ],
        right=5,
    )
    context.terminal.line(say("cost.sum", total=format_usd(total)), "strong")
    if whole.unpriced:
        context.terminal.line(say("cost.unpriced", count=whole.unpriced), "warn")


def show_estimate(
    context: CliContext,
    *,
    requests_per_day: int,
    tokens_in: int,
    tokens_out: int,
    models: tuple[str, ...],
    cache_share: float,
    batch_share: float,
    as_json: bool,
) -> None:
    """Print what a day and a month would cost on each model, cheapest first."""
    from tanzaku.catalog import estimate_costs

    rows = estimate_costs(
        models,
        requests_per_day=requests_per_day,
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        cache_share=Decimal(str(cache_share)),
        batch_share=Decimal(str(batch_share)),
    )
    if as_json:
        echo_json([row.to_json() for row in rows])
        return
    say = context.say
    cheapest = rows[0].usd_per_month
    context.terminal.table(
        say("estimate.title", requests=format_count(requests_per_day)),
        [say(f"estimate.{name}") for name in ("model", "request", "day", "month", "ratio")],
        [
            (
                row.model,
                format_usd(row.usd_per_request),
                format_usd(row.usd_per_day),
                format_usd(row.usd_per_month),
                f"x{row.usd_per_month / cheapest:.1f}" if cheapest else "-",
            )
            for row in rows
        ],
        right=4,
    )
    context.terminal.line(say("estimate.note"), "faint")
