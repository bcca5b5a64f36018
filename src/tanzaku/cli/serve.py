"""`tanzaku serve`: the local Claude API on one port, every exchange recorded."""

import gc
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import click

from tanzaku.cli.context import CliContext, ledger_option
from tanzaku.core import UserError
from tanzaku.look import Messages

KEY_VARIABLE = "ANTHROPIC_API_KEY"
_START_S = 1.0


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
            click.Option(["--allow-remote"], is_flag=True, help=say("cli.serve.allow_remote.help")),
            click.Option(
                ["--allow-host", "hosts"],
                metavar="NAME",
                multiple=True,
                help=say("cli.serve.allow_host.help"),
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
            _file_option(
                ["--scenario", "scenarios"], say("cli.serve.scenario.help"), multiple=True
            ),
            click.Option(
                ["--validate", "strictness"],
                type=click.Choice(["full", "schema", "warn"]),
                default="full",
                show_default=True,
                help=say("cli.serve.validate.help"),
            ),
            click.Option(["--limits"], help=say("cli.serve.limits.help")),
            _file_option(["--faults"], say("cli.serve.faults.help")),
            click.Option(["--fault-header"], is_flag=True, help=say("cli.serve.fault_header.help")),
            _file_option(["--mocks"], say("cli.serve.mocks.help"), multiple=True),
            _file_option(["--record"], say("cli.serve.record.help")),
            _file_option(["--replay"], say("cli.serve.replay.help")),
            click.Option(
                ["--replay-mode"],
                type=click.Choice(["lenient", "strict"]),
                default="lenient",
                show_default=True,
                help=say("cli.serve.replay_mode.help"),
            ),
            click.Option(
                ["--replay-speed"],
                type=click.FloatRange(0, min_open=True),
                help=say("cli.serve.replay_speed.help"),
            ),
            _file_option(["--config"], say("cli.serve.config.help")),
            _file_option(["--shelf"], say("cli.serve.shelf.help")),
            click.Option(
                ["--batch-speed"],
                type=click.FloatRange(0, min_open=True),
                default=math.inf,
                help=say("cli.serve.batch_speed.help"),
            ),
            ledger_option(messages),
        ],
        help=say("cli.serve.help"),
    )


def _file_option(names: list[str], text: str, *, multiple: bool = False) -> click.Option:
    return click.Option(names, type=click.Path(path_type=Path), multiple=multiple, help=text)


@contextmanager
def _postpone_collection() -> Iterator[None]:
    # Nearly all that is made at the start stays: to look through it for garbage takes 50 ms.
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _resume_collection() -> None:
    gc.freeze()
    gc.enable()


@_postpone_collection()
def serve(
    context: CliContext,
    *,
    host: str,
    port: int,
    allow_remote: bool,
    hosts: tuple[str, ...],
    live: bool,
    seed: int,
    pace: str,
    scenarios: tuple[Path, ...],
    strictness: Literal["full", "schema", "warn"],
    limits: str | None,
    faults: Path | None,
    fault_header: bool,
    mocks: tuple[Path, ...],
    record: Path | None,
    replay: Path | None,
    replay_mode: Literal["lenient", "strict"],
    replay_speed: float | None,
    config: Path | None,
    shelf: Path | None,
    batch_speed: float,
    ledger: Path | str | None,
) -> None:
    """Serve until SIGINT or SIGTERM; open streams get 30 s to end."""
    from asyncio import get_running_loop

    from tanzaku.server import Server, ServerOptions
    from tanzaku.simulator import SimulatorSettings, parse_pace
    from tanzaku.simulator.faults import FaultPlan, load_faults

    key = None
    if live:
        key = context.environment.get(KEY_VARIABLE)
        if not key:
            raise UserError(
                context.say("serve.no_key", variable=KEY_VARIABLE),
                hint=context.say("serve.no_key.hint", variable=KEY_VARIABLE),
            )
    quota = None
    if limits is not None:
        from tanzaku.simulator.quota import parse_limits

        quota = parse_limits(limits)
    path = context.find_ledger_file(ledger)
    options = ServerOptions(
        simulator=SimulatorSettings(
            scenarios=scenarios,
            pace=parse_pace(pace),
            limits=quota,
            strictness=strictness,
            batch_speed=batch_speed,
        ),
        faults=FaultPlan() if faults is None else load_faults(faults),
        faults_by_header=fault_header,
        mocks=mocks,
        record=record,
        replay=replay,
        replay_mode=replay_mode,
        replay_speed=replay_speed,
        shelf=shelf,
        config=config,
        environment=context.environment,
        ledger_url=_find_url(context, ledger),
        allow_remote=allow_remote,
        hosts=hosts,
    )
    server = Server(host, port, live_api_key=key, seed=seed, ledger=path, options=options)

    def announce(url: str) -> None:
        get_running_loop().call_later(_START_S, _resume_collection)
        terminal = context.terminal
        terminal.line(context.say("serve.ready", url=url), "strong")
        terminal.line(context.say("serve.ledger", path=server.ledger.name), "faint")
        if live:
            terminal.line(context.say("serve.live"), "bad")
        elif server.live_upstreams:
            names = ", ".join(server.live_upstreams)
            terminal.line(context.say("serve.live_upstreams", names=names), "bad")
        elif server.upstreams:
            names = ", ".join(server.upstreams)
            terminal.line(context.say("serve.upstreams", names=names), "good")
        else:
            terminal.line(context.say("serve.offline"), "good")
        terminal.line(context.say("serve.point", url=url))
        if server.remote_urls:
            terminal.line(context.say("serve.remote", urls=", ".join(server.remote_urls)), "warn")
            if server.is_open_to_all:
                terminal.line(context.say("serve.no_keys"), "bad")
        if _has_proxy(context.environment):
            terminal.line(context.say("serve.proxy", host=host), "warn")

    server.run(on_ready=announce)


def _find_url(context: CliContext, ledger: Path | str | None) -> str | None:
    place = context.find_ledger(ledger)
    return place if isinstance(place, str) else None


def _has_proxy(environment: Mapping[str, str]) -> bool:
    """Whether clients started from this environment would ask a proxy for the server."""
    values = {name.lower(): value for name, value in environment.items() if value}
    return bool({"http_proxy", "all_proxy"} & set(values)) and "no_proxy" not in values
