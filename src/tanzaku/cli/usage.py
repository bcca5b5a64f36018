"""click's own words, said in the run's language: headings of a help page, mistakes in a command."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, override

import click

from tanzaku.look import Messages


class SpokenGroup(click.Group):
    """A group that says in the run's language that it has no such command."""

    def __init__(self, messages: Messages, name: str, **more: Any) -> None:
        super().__init__(name, **more)
        self.messages = messages

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        command = super().get_command(ctx, cmd_name)
        if command is None:
            near = get_close_matches(cmd_name, self.list_commands(ctx))
            text = self.messages.say("cli.no_command", name=cmd_name)
            ctx.fail(text + _suggest(self.messages, near))
        return command


def speak(command: click.Command, messages: Messages) -> click.Command:
    """`command`, and every command below it, with help pages in the run's language."""
    command.context_class = _build_context_class(messages)
    if isinstance(command, click.Group):
        for child in command.commands.values():
            speak(child, messages)
    return command


def _build_context_class(messages: Messages) -> type[click.Context]:
    say = messages.say
    headings = {"Options": say("cli.options"), "Commands": say("cli.commands")}

    class SpokenFormatter(click.HelpFormatter):
        @override
        def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
            super().write_usage(prog, args, prefix or say("cli.usage"))

        @override
        def write_heading(self, heading: str) -> None:
            super().write_heading(headings.get(heading, heading))

        @override
        def write_dl(
            self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
        ) -> None:
            super().write_dl([(name, translate(text)) for name, text in rows], col_max, col_spacing)

    class SpokenContext(click.Context):
        formatter_class = SpokenFormatter

    def translate(text: str) -> str:
        if text == "Show this message and exit.":
            return say("cli.help_option")
        return text.replace("[default: ", say("cli.default"))

    return SpokenContext


def describe_mistake(messages: Messages, error: click.ClickException) -> str:
    """What is wrong with the words of a command line. click's detail of a bad value is English."""
    match error:
        case click.MissingParameter(param=click.Parameter() as param):
            return messages.say("cli.missing", name=param.get_error_hint(error.ctx))
        case click.BadParameter(param=click.Parameter() as param):
            name = param.get_error_hint(error.ctx)
            return messages.say("cli.bad_value", name=name, detail=error.message)
        case click.NoSuchOption(possibilities=near):
            text = messages.say("cli.no_option", name=error.option_name)
            return text + _suggest(messages, near or [])
        case _:
            return error.format_message()


def _suggest(messages: Messages, near: list[str]) -> str:
    return " " + messages.say("cli.did_you_mean", near=", ".join(near)) if near else ""
