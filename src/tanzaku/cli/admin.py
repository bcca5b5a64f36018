"""How commands speak to a running server's admin paths."""

import asyncio
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from tanzaku.cli.context import CliContext
from tanzaku.core import SystemClock, UserError
from tanzaku.look import Messages

DEFAULT_URL = "http://127.0.0.1:4141"


def url_option(messages: Messages) -> click.Option:
    """`--url URL`, the same for every command that manages a server."""
    return click.Option(
        ["--url"], default=DEFAULT_URL, show_default=True, help=messages.say("cli.admin.url.help")
    )


def ask_admin(
    context: CliContext,
    url: str,
    ledger: Path | str | None,
    method: str,
    path: str,
    body: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The answer of an admin path. The token comes from TANZAKU_ADMIN_TOKEN, or from the file that
    the server keeps beside its ledger.

    Raises UserError for a server that is not there, and for what it refuses.
    """
    token = _find_token(context, ledger)
    return asyncio.run(_ask(context, url, token, method, path, body))


def quote_id(text: str) -> str:
    """An id as one step of a path."""
    return quote(text, safe="")


def _find_token(context: CliContext, ledger: Path | str | None) -> str:
    from tanzaku.gateway.keys import ADMIN_VARIABLE, find_token_file, read_token_file

    if given := context.environment.get(ADMIN_VARIABLE):
        return given
    path = find_token_file(context.find_ledger_file(ledger))
    if not path.exists():
        raise UserError(
            "There is no admin token: {variable} is not set and {path} is not there.",
            hint="`tanzaku serve --config FILE` makes that file beside its ledger; name the ledger "
            "with --ledger.",
            variable=ADMIN_VARIABLE,
            path=path,
        )
    return read_token_file(path)


async def _ask(
    context: CliContext, url: str, token: str, method: str, path: str, body: dict[str, Any] | None
) -> dict[str, Any]:
    from tanzaku.gateway.keys import ADMIN_HEADER
    from tanzaku.transport import HttpClient, HttpRequest, TransportError, read_all
    from tanzaku.wire import parse_error_body

    headers = [(b"content-type", b"application/json"), (ADMIN_HEADER, token.encode())]
    raw = b"" if body is None else json.dumps(body).encode()
    async with HttpClient(clock=SystemClock()) as client:
        try:
            answer = await client.send(HttpRequest(method, path, headers, raw), base_url=url)
            content = await read_all(answer)
        except TransportError as error:
            raise UserError(
                context.say("send.unreachable", url=url, reason=error),
                hint=context.say("send.unreachable.hint"),
                exit_code=1,
            ) from error
    if answer.status != 200:
        refusal = parse_error_body(content, answer.status)
        raise UserError(
            context.say(
                "send.refused", status=answer.status, type=refusal.error_type, text=refusal.message
            ),
            exit_code=1,
        )
    value: dict[str, Any] = json.loads(content)
    return value
