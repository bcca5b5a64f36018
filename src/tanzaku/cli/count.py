"""`tanzaku count`: how many tokens a text is."""

import sys
from typing import Any

import click

from tanzaku.cli.context import CliContext, echo_json, json_option
from tanzaku.core import UserError
from tanzaku.look import Messages, format_count


def build(messages: Messages) -> click.Command:
    """The command, its help in the run's language."""
    return click.Command(
        "count",
        callback=click.pass_obj(count),
        params=[
            click.Argument(["text"], required=False),
            click.Option(
                ["--model"],
                default="claude-haiku-4-5",
                show_default=True,
                help=messages.say("cli.model.help"),
            ),
            json_option(messages),
        ],
        help=messages.say("cli.count.help") + "\n\n" + messages.say("cli.count.details"),
    )


def count(context: CliContext, *, text: str | None, model: str, as_json: bool) -> None:
    """Count `text` (or standard input) as one user message to `model`."""
    from tanzaku.catalog import count_tokens, get_model

    content = _read_stdin(context) if text is None or text == "-" else text
    request: dict[str, Any] = {"messages": [{"role": "user", "content": content}]}
    resolved = get_model(model)
    tokens = count_tokens(request, model)
    if as_json:
        echo_json({"model": resolved.id, "input_tokens": tokens, "characters": len(content)})
        return
    context.terminal.line(
        context.say(
            "count.result",
            tokens=format_count(tokens),
            characters=format_count(len(content)),
            model=resolved.id,
        )
    )


def _read_stdin(context: CliContext) -> str:
    if sys.stdin is None:  # closed by whoever started us
        return ""
    data = sys.stdin.buffer.read()
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise UserError(context.say("count.not_text", position=error.start)) from error
