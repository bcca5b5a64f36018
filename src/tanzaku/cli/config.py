"""`tanzaku config`: look at a gateway's configuration before it serves, or bring it to a server."""

from pathlib import Path

import click

from tanzaku.cli.admin import ask_admin, url_option
from tanzaku.cli.context import CliContext, ledger_option
from tanzaku.cli.usage import SpokenGroup
from tanzaku.look import Messages


def build(messages: Messages) -> click.Command:
    """The group `config` with its commands `check` and `reload`."""
    say = messages.say
    group = SpokenGroup(messages, "config", help=say("cli.config.help"), no_args_is_help=True)
    file = click.Argument(["file"], type=click.Path(path_type=Path), metavar="FILE")
    group.add_command(
        click.Command(
            "check",
            callback=click.pass_obj(check),
            params=[file],
            help=say("cli.config.check.help"),
        )
    )
    group.add_command(
        click.Command(
            "reload",
            callback=click.pass_obj(reload),
            params=[url_option(messages), ledger_option(messages)],
            help=say("cli.config.reload.help"),
        )
    )
    return group


def check(context: CliContext, *, file: Path) -> None:
    """Say what the file describes; a mistake in it ends with 2."""
    from tanzaku.gateway.config import load_config

    config = load_config(file, context.environment)
    terminal = context.terminal
    terminal.line(
        context.say(
            "config.good",
            upstreams=len(config.upstreams),
            routes=len(config.rules),
            budgets=len(config.budgets),
        ),
        "good",
    )
    if config.live:
        terminal.line(context.say("config.live", names=", ".join(config.live)), "bad")


def reload(context: CliContext, *, url: str, ledger: Path | str | None) -> None:
    """Have the server read its file anew; no answer under way is cut."""
    told = ask_admin(context, url, ledger, "POST", "/_tanzaku/config/reload", {})
    context.terminal.line(
        context.say("config.reloaded", upstreams=len(told["upstreams"]), routes=told["routes"]),
        "good",
    )
