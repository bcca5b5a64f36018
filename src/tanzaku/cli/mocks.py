"""`tanzaku mocks`: look into mocks files, and serve their tools to an MCP client."""

import signal
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tanzaku.cli.context import CliContext, echo_json, json_option
from tanzaku.cli.usage import SpokenGroup
from tanzaku.core import UserError
from tanzaku.look import Messages, format_count

if TYPE_CHECKING:
    from tanzaku.simulator.mocks import ToolMocks


def build(messages: Messages) -> click.Command:
    """The group `mocks` with its commands `list`, `check` and `mcp`."""
    say = messages.say
    group = SpokenGroup(messages, "mocks", help=say("cli.mocks.help"), no_args_is_help=True)
    files = click.Argument(
        ["files"], metavar="FILE…", nargs=-1, required=True, type=click.Path(path_type=Path)
    )
    group.add_command(
        click.Command(
            "list",
            callback=click.pass_obj(list_tools),
            params=[files, json_option(messages)],
            help=say("cli.mocks.list.help"),
        )
    )
    group.add_command(
        click.Command(
            "check",
            callback=click.pass_obj(check_files),
            params=[files],
            help=say("cli.mocks.check.help"),
        )
    )
    group.add_command(
        click.Command(
            "mcp",
            callback=click.pass_obj(serve_mcp),
            params=[
                files,
                click.Option(
                    ["--set", "switches"],
                    metavar="TOOL=SET",
                    multiple=True,
                    help=say("cli.mocks.set.help"),
                ),
                click.Option(["--run"], default="", help=say("cli.mocks.run.help")),
            ],
            help=say("cli.mocks.mcp.help"),
        )
    )
    return group


def list_tools(context: CliContext, *, files: tuple[Path, ...], as_json: bool) -> None:
    """Print a table of the tools: name, the set that answers by default, the other sets."""
    tools = _load(files).definitions
    if as_json:
        echo_json(
            [
                {
                    "name": tool.name,
                    "description": tool.description,
                    "input_schema": dict(tool.schema.plain),
                    "default": tool.default,
                    "sets": list(tool.sets),
                }
                for tool in tools.values()
            ]
        )
        return
    say = context.say
    context.terminal.table(
        say("mocks.title"),
        [say(f"mocks.{column}") for column in ("tool", "default", "sets")],
        [
            (tool.name, tool.default, ", ".join(name for name in tool.sets if name != tool.default))
            for tool in tools.values()
        ],
    )


def check_files(context: CliContext, *, files: tuple[Path, ...]) -> None:
    """Read the files, together; the first mistake ends the command with its place."""
    tools = _load(files).definitions.values()
    context.terminal.line(
        context.say(
            "mocks.fine",
            tools=format_count(len(tools)),
            sets=format_count(sum(len(tool.sets) for tool in tools)),
        ),
        "good",
    )


def serve_mcp(
    context: CliContext, *, files: tuple[Path, ...], switches: tuple[str, ...], run: str
) -> None:
    """Serve one MCP client on standard input and output until it closes them."""
    import asyncio

    mocks = _load(files)
    for switch in switches:
        tool, equals, name = switch.partition("=")
        if not equals:
            raise UserError(context.say("mocks.no_switch", text=switch))
        mocks.use(tool, name, run=run)
    try:
        from tanzaku.simulator.mocks import serve_stdio
    except ModuleNotFoundError as error:
        if error.name != "mcp":
            raise
        raise UserError(
            context.say("mocks.no_mcp"), hint=context.say("mocks.no_mcp.hint")
        ) from None
    # The package reads standard input in a thread, for which an orderly end would wait.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    asyncio.run(serve_stdio(mocks, run=run))


def _load(files: Iterable[Path]) -> "ToolMocks":
    from tanzaku.simulator.mocks import ToolMocks, load_mocks

    return ToolMocks(*map(load_mocks, files))
