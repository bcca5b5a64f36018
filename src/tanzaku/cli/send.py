"""`tanzaku send`: one prompt, the answer streamed to the terminal; or a request file of a project."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from tanzaku.cli.admin import DEFAULT_URL
from tanzaku.cli.context import CliContext, echo_json, json_option
from tanzaku.cli.requests import COPIES, Wishes, find_request_file, send_request_file
from tanzaku.core import SystemClock, UserError
from tanzaku.look import Messages, format_count, format_ms, format_usd

if TYPE_CHECKING:
    from tanzaku.transport import HttpClient, HttpResponse


_OF_PROMPTS = ("model", "max_tokens", "system", "url")
_OF_REQUESTS = (
    *("environment", "variables", "live", "events", "headers", "as_sent", "raw"),
    "copy",
)


def build(messages: Messages) -> click.Command:
    """The command, its help in the run's language."""
    say = messages.say

    def option(*names: str, key: str, **more: Any) -> click.Option:
        return click.Option(list(names), help=say(f"cli.{key}.help"), **more)

    def flag(name: str, *names: str) -> click.Option:
        return option(f"--{name}", *names, key=f"send.{name.replace('-', '_')}", is_flag=True)

    url = click.Option(["--url"], help=say("cli.send.url.help", url=DEFAULT_URL))
    return click.Command(
        "send",
        callback=click.pass_context(send),
        params=[
            click.Argument(["word"], metavar="PROMPT|REQUEST"),
            option("--model", key="model", default="claude-haiku-4-5", show_default=True),
            option(
                "--max-tokens",
                key="send.max_tokens",
                type=click.IntRange(1),
                default=1024,
                show_default=True,
            ),
            option("--system", key="send.system"),
            url,
            option("--environment", "-e", key="send.environment", metavar="NAME"),
            option("--var", "variables", key="send.var", multiple=True, metavar="NAME=VALUE"),
            flag("live"),
            flag("events"),
            flag("headers"),
            flag("as-sent"),
            flag("raw"),
            option("--copy", key="send.copy", type=click.Choice(COPIES)),
            json_option(messages),
        ],
        help=say("cli.send.help") + "\n\n" + say("cli.send.details"),
    )


def send(ctx: click.Context, *, word: str, as_json: bool, **words: Any) -> None:
    """Send a request file, or `word` as one user message, and print what comes back."""
    context: CliContext = ctx.obj
    path = find_request_file(word)
    _check_options(ctx, _OF_REQUESTS if path is None else _OF_PROMPTS, is_prompt=path is None)
    if path is not None:
        wishes = Wishes(**{name: words[name] for name in _OF_REQUESTS}, as_json=as_json)
        send_request_file(context, path, wishes)
        return
    body: dict[str, Any] = {
        "model": words["model"],
        "max_tokens": words["max_tokens"],
        "stream": True,
        "messages": [{"role": "user", "content": word}],
    }
    if words["system"] is not None:
        body["system"] = words["system"]
    message = asyncio.run(_exchange(context, body, words["url"], as_json=as_json))
    if as_json:
        echo_json(message)


def _check_options(ctx: click.Context, foreign: Sequence[str], *, is_prompt: bool) -> None:
    for param in ctx.command.params:
        is_given = ctx.get_parameter_source(param.name or "") is ParameterSource.COMMANDLINE
        if param.name in foreign and is_given:
            kind = ctx.obj.say("send.a_prompt" if is_prompt else "send.a_request")
            raise UserError(ctx.obj.say("send.misplaced", option=param.opts[0], kind=kind))
    shapes = [name for name in ("raw", "as_json", "copy") if ctx.params[name]]
    if len(shapes) > 1:
        raise UserError(ctx.obj.say("send.one_shape"))


async def _exchange(
    context: CliContext, body: dict[str, Any], url: str | None, *, as_json: bool
) -> dict[str, Any]:
    from tanzaku.server import Server
    from tanzaku.transport import HttpClient

    async with AsyncExitStack() as stack:
        client = HttpClient(clock=SystemClock())
        stack.push_async_callback(client.close)
        if url is None and not await _is_up(client):
            url = (await stack.enter_async_context(Server())).url
            context.terminal_for_notes.line(context.say("send.own_server"), "faint")
        return await _stream(context, client, url or DEFAULT_URL, body, as_json=as_json)


async def _is_up(client: "HttpClient") -> bool:
    from tanzaku.transport import HttpRequest, TransportError, read_all

    request = HttpRequest("GET", "/_tanzaku/health", [], b"")
    try:
        response = await client.send(request, base_url=DEFAULT_URL)
        return response.status == 200 and b"tanzaku" in await read_all(response)
    except TransportError:
        return False


async def _stream(
    context: CliContext, client: "HttpClient", url: str, body: dict[str, Any], *, as_json: bool
) -> dict[str, Any]:
    from tanzaku.transport import HttpRequest, TransportError
    from tanzaku.wire import EventDecoder, MessageAssembler, StreamError

    request = HttpRequest(
        "POST",
        "/v1/messages",
        [
            (b"content-type", b"application/json"),
            (
                b"x-api-key",
                context.environment.get("TANZAKU_API_KEY", "tanzaku").encode(
                    errors="surrogateescape"
                ),
            ),
            (b"anthropic-version", b"2026-10-21"),
        ],
        json.dumps(body, ensure_ascii=False).encode(),
    )
    clock = SystemClock()
    started = clock.monotonic()
    first_text_at: float | None = None
    problem: object = None
    decoder, assembler = EventDecoder(), MessageAssembler()
    try:
        response = await client.send(request, base_url=url)
        if response.status != 200:
            raise await _build_refusal(context, response)
        async for chunk in _iter_body(response):
            for event in decoder.feed(chunk):
                assembler.feed(event)
                text = _text_of(event)
                if text and first_text_at is None:
                    first_text_at = clock.monotonic()
                if text and not as_json:
                    context.terminal.piece(text)
    except TransportError as error:
        if first_text_at is None:
            raise UserError(
                context.say("send.unreachable", url=url, reason=error),
                hint=context.say("send.unreachable.hint"),
                exit_code=1,
            ) from error
        problem = error
    except StreamError as error:
        problem = error
    if problem or not assembler.is_complete:
        if first_text_at is not None and not as_json:
            context.terminal.line()
        reason = problem or assembler.error or context.say("send.no_end")
        raise UserError(context.say("send.broken", reason=reason), exit_code=1)
    message = assembler.message
    if not as_json:
        _print_figures(context, message, started, first_text_at, clock.monotonic())
    return message


async def _iter_body(response: "HttpResponse") -> AsyncIterator[bytes]:
    if isinstance(response.body, bytes):
        yield response.body
        return
    async for chunk in response.body:
        yield chunk


def _text_of(event: dict[str, Any]) -> str:
    delta = event.get("delta", {})
    return str(delta.get("text", "")) if event["type"] == "content_block_delta" else ""


async def _build_refusal(context: CliContext, response: "HttpResponse") -> UserError:
    from tanzaku.transport import read_all
    from tanzaku.wire import parse_error_body

    error = parse_error_body(await read_all(response), response.status)
    return UserError(
        context.say("send.refused", status=response.status, type=error.error_type, text=error),
        exit_code=1,
    )


def _print_figures(
    context: CliContext,
    message: dict[str, Any],
    started: float,
    first_text_at: float | None,
    ended: float,
) -> None:
    usage = message["usage"]
    ttft_ms = None if first_text_at is None else (first_text_at - started) * 1000
    context.terminal.line()
    context.terminal.line(
        context.say(
            "send.figures",
            model=message["model"],
            stop_reason=message["stop_reason"],
            tokens_in=format_count(usage["input_tokens"]),
            tokens_out=format_count(usage["output_tokens"]),
            ttft=format_ms(ttft_ms),
            total=format_ms((ended - started) * 1000),
            cost=format_usd(_price(message["model"], usage)),
        ),
        "faint",
    )


def _price(model: str, usage: dict[str, Any]) -> Decimal | None:
    """What the answer cost; None where no price is known, as with another server's own models."""
    from tanzaku.catalog import price

    try:
        return price(model, usage).total_usd
    except UserError:
        return None
