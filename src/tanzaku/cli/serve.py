"""`tanzaku serve`: the local Claude API on one port, every exchange recorded."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import click

from tanzaku.cli.context import CliContext, ledger_option
from tanzaku.core import UserError
from tanzaku.look import Messages

KEY_VARIABLE = "ANTHROPIC_API_KEY"


def build(messages: Messages) -> click.Command:
    """The command, its help in the run's language."""
    say = messages.say
    return click.Command(
        "serve",
        callback=click.pass_obj(serve),
        params=[
            click.Option(
                ["--host"], default="127.0.0.1", show_default=True, help=say("cli.serve.host.help")
            ),
            click.Option(
                ["--port"],
                type=click.IntRange(0, 65535),
                default=4141,
                show_default=True,
                help=say("cli.serve.port.help"),
            ),
            click.Option(["--live"], is_flag=True, help=say("cli.serve.live.help")),
            click.Option(
                ["--seed"],
                type=int,
                default=0,
                show_default=True,
                help=say("cli.serve.seed.help"),
            ),
            click.Option(
                ["--pace"],
                default="instant",
                show_default=True,
                help=say("cli.serve.pace.help"),
            ),
            click.Option(
                ["--scenario", "scenarios"],
                type=click.Path(path_type=Path),
                multiple=True,
                help=say("cli.serve.scenario.help"),
            ),
            click.Option(
                ["--validate", "strictness"],
                type=click.Choice(["full", "schema", "warn"]),
                default="full",
                show_default=True,
                help=say("cli.serve.validate.help"),
            ),
            ledger_option(messages),
        ],
        help=say("cli.serve.help"),
    )


def serve(
    context: CliContext,
    *,
    host: str,
    port: int,
    live: bool,
    seed: int,
    pace: str,
    scenarios: tuple[Path, ...],
    strictness: Literal["full", "schema", "warn"],
    ledger: Path | None,
) -> None:
    """Serve until SIGINT or SIGTERM; open streams get 30 s to end."""
    from tanzaku.server import Server
    from tanzaku.simulator import SimulatorSettings, parse_pace

    key = None
    if live:
        key = context.environment.get(KEY_VARIABLE)
        if not key:
            raise UserError(
                context.say("serve.no_key", variable=KEY_VARIABLE),
                hint=context.say("serve.no_key.hint", variable=KEY_VARIABLE),
            )
    path = context.find_ledger(ledger)
    settings = SimulatorSettings(scenarios=scenarios, pace=parse_pace(pace), strictness=strictness)
    server = Server(host, port, live_api_key=key, seed=seed, simulator=settings, ledger=path)

    def announce(url: str) -> None:
        terminal = context.terminal
        terminal.line(context.say("serve.ready", url=url), "strong")
        terminal.line(context.say("serve.ledger", path=path), "faint")
        if live:
            terminal.line(context.say("serve.live"), "bad")
        else:
            terminal.line(context.say("serve.offline"), "good")
        terminal.line(context.say("serve.point", url=url))
        if _has_proxy(context.environment):
            terminal.line(context.say("serve.proxy", host=host), "warn")

    server.run(on_ready=announce)


def _has_proxy(environment: Mapping[str, str]) -> bool:
    """Whether clients started from this environment would ask a proxy for the server."""
    values = {name.lower(): value for name, value in environment.items() if value}
    return bool({"http_proxy", "all_proxy"} & set(values)) and "no_proxy" not in values
