"""`tanzaku budgets`: how the budgets of a running gateway stand."""

from pathlib import Path

import click

from tanzaku.cli.admin import ask_admin, url_option
from tanzaku.cli.context import CliContext, echo_json, json_option, ledger_option
from tanzaku.core import format_rfc3339
from tanzaku.look import Messages

_COLUMNS = ("budget", "for", "most", "spent", "reserved", "free", "ends_at")


def build(messages: Messages) -> click.Command:
    """The command, its help in the run's language."""
    return click.Command(
        "budgets",
        callback=click.pass_obj(budgets),
        params=[url_option(messages), ledger_option(messages), json_option(messages)],
        help=messages.say("cli.budgets.help"),
    )


def budgets(context: CliContext, *, url: str, ledger: Path | str | None, as_json: bool) -> None:
    """Print every account that is in use."""
    found = ask_admin(context, url, ledger, "GET", "/_tanzaku/budgets")["budgets"]
    if as_json:
        echo_json(found)
        return
    say = context.say
    if not found:
        context.terminal.line(say("budgets.none"))
        return
    context.terminal.table(
        say("budgets.title"),
        [say(f"budgets.{column}") for column in _COLUMNS],
        [
            tuple(
                format_rfc3339(row[column])
                if column == "ends_at" and row[column]
                else str(row[column] or ("-" if column == "ends_at" else 0))
                for column in _COLUMNS
            )
            for row in found
        ],
        right=5,
    )
