"""The command `tanzaku`: words in, rooms called. Heavy imports wait inside the commands."""

import os
import sys
from importlib import import_module
from typing import override

import click

from tanzaku.cli.context import CliContext
from tanzaku.core import UserError
from tanzaku.look import Messages, pick_language

COMMANDS = ("serve", "demo", "send", "log", "cost", "count", "models", "doctor")


class LazyGroup(click.Group):
    """A group whose commands are imported when they run; their summaries come from `look`."""

    def __init__(self, messages: Messages) -> None:
        super().__init__("tanzaku", help=messages.say("cli.help"), no_args_is_help=True)
        self.messages = messages
        self.params.append(
            click.Option(["--version"], is_flag=True, help=messages.say("cli.version.help"))
        )
        self.params.append(
            click.Option(["--lang"], metavar="en|zh", help=messages.say("cli.lang.help"))
        )

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = import_module(f"tanzaku.cli.{cmd_name}").build(self.messages)
        assert isinstance(command, click.Command)
        return command

    @override
    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, self.messages.say(f"cli.{name}.help")) for name in COMMANDS]
        with formatter.section(self.messages.say("cli.commands")):
            formatter.write_dl(rows)


def take_language(arguments: list[str]) -> tuple[str | None, list[str]]:
    """Split `--lang X` off the arguments, wherever it stands before a bare `--`."""
    rest: list[str] = []
    language: str | None = None
    words = iter(arguments)
    for word in words:
        if word == "--":
            rest += [word, *words]
        elif word == "--lang":
            language = next(words, None)
        elif word.startswith("--lang="):
            language = word.removeprefix("--lang=")
        else:
            rest.append(word)
    return language, rest


def main(arguments: list[str] | None = None) -> None:
    """Run one command and exit: 0 fine, 1 the run failed, 2 bad input, 130 interrupted."""
    flag, words = take_language(sys.argv[1:] if arguments is None else arguments)
    if words == ["--version"]:
        from tanzaku.core import VERSION

        click.echo(f"tanzaku {VERSION}")
        return
    messages = Messages(pick_language(flag, os.environ))
    try:
        group = LazyGroup(messages)
        sys.exit(group.main(words, standalone_mode=False, obj=CliContext(messages, os.environ)))
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)
    except UserError as error:
        text = messages.translate(error.template, error.values)
        click.echo(f"{messages.say('cli.error')}: {text}", err=True)
        if error.hint:
            click.echo(f"  → {messages.translate(error.hint_template, error.values)}", err=True)
        sys.exit(error.exit_code)
