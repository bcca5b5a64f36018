"""`tanzaku models`: limits and prices of every model in the catalog."""

from decimal import Decimal
from typing import Any

import click

from tanzaku.cli.context import CliContext, echo_json, json_option
from tanzaku.look import Messages, format_count, format_usd


def build(messages: Messages) -> click.Command:
    """The command, its help in the run's language."""
    return click.Command(
        "models",
        callback=click.pass_obj(show_models),
        params=[
            click.Option(
                ["--all", "show_all"], is_flag=True, help=messages.say("cli.models.all.help")
            ),
            json_option(messages),
        ],
        help=messages.say("cli.models.help"),
    )


def show_models(context: CliContext, *, show_all: bool, as_json: bool) -> None:
    """Print a table of models, newest first; retired ones only with `--all`."""
    rows = [row for row in build_rows() if show_all or row["lifecycle"] != "retired"]
    if as_json:
        echo_json(rows)
        return
    say = context.say
    columns = ("id", "lifecycle", "window", "max_output", "input", "output", "cache_read")
    context.terminal.table(
        say("models.title"),
        [say(f"models.{column}") for column in columns],
        [
            (
                row["id"],
                row["lifecycle"],
                format_count(row["context_window"]),
                format_count(row["max_output_tokens"]),
                format_usd(row["usd_per_mtok"]["input"]),
                format_usd(row["usd_per_mtok"]["output"]),
                format_usd(row["usd_per_mtok"]["cache_read"]),
            )
            for row in rows
        ],
        right=5,
    )
    context.terminal.line(say("models.note"), "faint")


def build_rows() -> list[dict[str, Any]]:
    """One JSON object a model: id, aliases, limits, lifecycle, list prices in dollars per million
    tokens (None where none is published)."""
    from tanzaku.catalog import list_models

    return [
        {
            "id": model.id,
            "aliases": list(model.aliases),
            "lifecycle": model.state,
            "context_window": model.context_window,
            "max_output_tokens": model.max_output_tokens,
            "usd_per_mtok": _find_prices(model.id),
        }
        for model in list_models()
    ]


def _find_prices(model_id: str) -> dict[str, Decimal | None]:
    from tanzaku.catalog import UnpricedUsageError, resolve_rates

    parts = ("input", "output", "cache_write_5m", "cache_write_1h", "cache_read")
    try:
        rates = resolve_rates(model_id).base
    except UnpricedUsageError:
        return dict.fromkeys(parts)
    per_token = {part: getattr(rates, part) for part in parts}
    return {
        part: None if rate is None else (rate * 1_000_000).normalize() + 0
        for part, rate in per_token.items()
    }
