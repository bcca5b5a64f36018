"""The command `tanzaku`: words in, rooms called. Heavy imports wait inside the commands."""

import os
import re
import sys
from importlib import import_module
from io import TextIOWrapper
from keyword import iskeyword
from typing import override

import click

from tanzaku.cli.context import CliContext
from tanzaku.cli.usage import SpokenGroup, describe_mistake, speak
from tanzaku.core import TanzakuError, UserError
from tanzaku.look import Messages, pick_language, strip_controls

COMMANDS = (
    "serve",
    "config",
    "route",
    "keys",
    "budgets",
    "alerts",
    "demo",
    "init",
    "send",
    "generate",
    "fuzz",
    "test",
    "flow",
    "fmt",
    "report",
    "docs",
    "log",
    "ledger",
    "cost",
    "count",
    "models",
    "mocks",
    "faults",
    "recordings",
    "import",
    "export",
    "doctor",
)
LANGUAGE_FLAGS = ("en", "zh", "zh-CN")


class LazyGroup(SpokenGroup):
    """A group whose commands are imported when they run; their summaries come from `look`."""

    def __init__(self, messages: Messages) -> None:
        super().__init__(
            messages,
            "tanzaku",
            help=messages.say("cli.help"),
            epilog=messages.say("cli.epilog"),
            no_args_is_help=True,
        )
        self.params.append(
            click.Option(["--version"], is_flag=True, help=messages.say("cli.version.help"))
        )
        self.params.append(
            click.Option(["--lang"], metavar="en|zh", help=messages.say("cli.lang.help"))
        )
        speak(self, messages)

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        module = f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name
        command = import_module(f"tanzaku.cli.{module}").build(self.messages)
        assert isinstance(command, click.Command)
        return speak(command, self.messages)

    @override
    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, _first_sentence(self.messages.say(f"cli.{name}.help"))) for name in COMMANDS]
        with formatter.section(self.messages.say("cli.commands")):
            formatter.write_dl(rows)


def _first_sentence(text: str) -> str:
    return re.split(r"(?<=。)|(?<=\.)\s", text, maxsplit=1)[0]


def take_language(arguments: list[str]) -> tuple[str | None, list[str]]:
    """Split `--lang X` off the arguments, wherever it stands before a bare `--`.

    The language is an empty text when `--lang` stands last, without one.
    """
    rest: list[str] = []
    language: str | None = None
    words = iter(arguments)
    for word in words:
        if word == "--":
            rest += [word, *words]
        elif word == "--lang":
            language = next(words, "")
        elif word.startswith("--lang="):
            language = word.removeprefix("--lang=")
        else:
            rest.append(word)
    return language, rest


def main(arguments: list[str] | None = None) -> None:
    """Run one command and exit: 0 fine, 1 the run failed, 2 bad input, 130 interrupted."""
    flag, words = take_language(sys.argv[1:] if arguments is None else arguments)
    _accept_every_character()
    messages = Messages(pick_language(flag, os.environ))
    try:
        _check_words(messages, flag, words)
        if words == ["--version"]:
            from tanzaku.core import VERSION

            click.echo(f"tanzaku {VERSION}")
            return
        group = LazyGroup(messages)
        sys.exit(group.main(words, standalone_mode=False, obj=CliContext(messages, os.environ)))
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(error.exit_code)
    except click.ClickException as error:
        hint = ""
        if isinstance(error, click.UsageError) and error.ctx is not None:
            hint = messages.say("cli.see_help", command=error.ctx.command_path)
        _fail(messages, describe_mistake(messages, error), hint, error.exit_code)
    except click.Abort:
        sys.exit(130)
    except UserError as error:
        text = messages.translate(error.template, error.values)
        hint = messages.translate(error.hint_template, error.values) if error.hint else ""
        _fail(messages, text, hint, error.exit_code)
    except (TanzakuError, OSError) as error:
        _fail(messages, str(error), "", 1)


def _accept_every_character() -> None:
    """A terminal that lacks a character gets an escape in its place, not a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _check_words(messages: Messages, flag: str | None, words: list[str]) -> None:
    if flag is not None and flag not in LANGUAGE_FLAGS:
        raise UserError(messages.say("cli.no_language", name=flag))
    for word in words:
        if word.encode("utf-8", "replace") != word.encode("utf-8", "surrogatepass"):
            raise UserError(messages.say("cli.not_text", word=ascii(word)))


def _fail(messages: Messages, text: str, hint: str, exit_code: int) -> None:
    """Say what went wrong on standard error, without what could steer the terminal, and exit."""
    click.echo(strip_controls(messages.say("cli.error", text=text)), err=True)
    if hint:
        click.echo(strip_controls(f"  → {hint}"), err=True)
    sys.exit(exit_code)
