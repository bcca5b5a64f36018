"""`tanzaku route explain`: what a gateway would do with a call."""

import json
from pathlib import Path
from typing import Any, BinaryIO

import click

from tanzaku.cli.admin import ask_admin, url_option
from tanzaku.cli.context import CliContext, echo_json, json_option, ledger_option
from tanzaku.cli.usage import SpokenGroup
from tanzaku.core import SystemClock, UserError
from tanzaku.look import Messages


def build(messages: Messages) -> click.Command:
    """The group `route` with its command `explain`."""
    say = messages.say
    group = SpokenGroup(messages, "route", help=say("cli.route.help"), no_args_is_help=True)
    group.add_command(
        click.Command(
            "explain",
            callback=click.pass_obj(explain),
            params=[
                click.Option(["--model"], help=say("cli.route.model.help")),
                click.Option(["--path"], default="/v1/messages", help=say("cli.route.path.help")),
                click.Option(["--key"], default="", help=say("cli.route.key.help")),
                click.Option(["--team"], default="", help=say("cli.route.team.help")),
                click.Option(["--tag", "tags"], multiple=True, help=say("cli.route.tag.help")),
                click.Option(
                    ["--header", "headers"], multiple=True, help=say("cli.route.header.help")
                ),
                click.Option(
                    ["--body"],
                    type=click.File("rb"),
                    metavar="FILE",
                    help=say("cli.route.body.help"),
                ),
                click.Option(
                    ["--config"],
                    type=click.Path(path_type=Path),
                    help=say("cli.route.config.help"),
                ),
                url_option(messages),
                ledger_option(messages),
                json_option(messages),
            ],
            help=say("cli.route.explain.help"),
        )
    )
    return group


def explain(
    context: CliContext,
    *,
    config: Path | None,
    url: str,
    ledger: Path | str | None,
    as_json: bool,
    tags: tuple[str, ...],
    headers: tuple[str, ...],
    body: BinaryIO | None,
    **told: Any,
) -> None:
    """Print the rule that takes the call, what is tried in which order, why earlier rules do not
    take it, and what the API would refuse it for. Asks the running server, or a file alone with
    `--config`, for which no secret need be there."""
    asked = {name: value for name, value in told.items() if value}
    if body is not None:
        asked["body"] = _read_body(body)
    asked |= {"tags": list(tags), "headers": dict(_split(header) for header in headers)}
    if config is None:
        plan = ask_admin(context, url, ledger, "POST", "/_tanzaku/routes/explain", asked)
    else:
        plan = _explain_file(context, config, asked)
    if as_json:
        echo_json(plan)
        return
    _print_plan(context, plan)


def _explain_file(context: CliContext, path: Path, asked: dict[str, Any]) -> dict[str, Any]:
    from random import Random

    from tanzaku.gateway.config import load_config
    from tanzaku.gateway.routes import RouteTable
    from tanzaku.gateway.routes import explain as explain_call
    from tanzaku.gateway.upstreams import Upstream
    from tanzaku.transport import HttpRequest, HttpResponse
    from tanzaku.wire import ApiError

    async def send(request: HttpRequest) -> HttpResponse:
        raise AssertionError(request)  # nothing is sent to explain a route

    config, clock = load_config(path, None), SystemClock()
    upstreams = {
        name: Upstream(settings, send, clock) for name, settings in config.upstreams.items()
    }
    table = RouteTable(config.rules, upstreams, Random(), config.name)
    try:
        return explain_call(table, asked)
    except ApiError as error:
        raise UserError("{reason}", exit_code=1, reason=error.message) from error


def _read_body(file: BinaryIO) -> dict[str, Any]:
    try:
        body = json.load(file)
    except ValueError as error:
        raise UserError("{file}: is not JSON: {reason}.", file=file.name, reason=error) from error
    if not isinstance(body, dict):
        raise UserError("{file}: must hold a JSON object.", file=file.name)
    return body


def _split(header: str) -> tuple[str, str]:
    name, found, value = header.partition(":")
    if not found or not name.strip():
        raise UserError("`{header}` is no header.", hint="Write `name: value`.", header=header)
    return name.strip(), value.strip()


def _print_plan(context: CliContext, plan: dict[str, Any]) -> None:
    say, terminal = context.say, context.terminal
    terminal.line(say("route.takes", route=plan["route"]), "strong")
    for number, way in enumerate(plan["tries"], 1):
        model = say("route.asks", model=way["model"]) if way["model"] else ""
        weight = say("route.weight", weight=f"{way['weight']:g}") if way["weight"] != 1 else ""
        bar = way["not_now"]
        not_now = say("route.not_now", reason=say(f"route.bar.{bar}")) if bar else ""
        terminal.line(f"  {number}. {way['upstream']}{model}{weight}{not_now}")
    for earlier in plan["earlier_routes"]:
        terminal.line(
            say("route.missed", route=earlier["route"], what=earlier["does_not_hold"]), "faint"
        )
    for violation in plan["violations"]:
        terminal.line(say("route.violation", violation=violation), "warn")
