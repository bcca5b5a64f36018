"""A Handler as an ASGI application: the body read under a cap, the answer sent chunk by chunk."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from traceback import format_exception
from typing import Any

from tanzaku.transport._http import (
    Handler,
    HttpRequest,
    HttpResponse,
    close_body,
    get_header,
    read_all,
)
from tanzaku.transport._redact import redact_text
from tanzaku.transport.errors import ConnectionFault

type Scope = dict[str, Any]
type Receive = Callable[[], Awaitable[dict[str, Any]]]
type Send = Callable[[dict[str, Any]], Awaitable[None]]
type AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

type Refusal = Callable[[int, str], HttpResponse]
"""Builds the answer to a request that the handler never answers: 413 and 500, with a reason."""

_log = logging.getLogger("tanzaku.transport")


class _BodyTooLargeError(Exception):
    """`is_read` tells whether the body was taken off the connection to its end."""

    def __init__(self, *, is_read: bool) -> None:
        super().__init__()
        self.is_read = is_read


class _ClientGoneError(Exception):
    pass


def refuse_plainly(status: int, reason: str) -> HttpResponse:
    """The refusal used when a server names none: the reason as plain text."""
    return HttpResponse(
        status, [(b"content-type", b"text/plain; charset=utf-8")], reason.encode() + b"\n"
    )


def as_asgi(
    handler: Handler, *, max_body_bytes: int, on_refusal: Refusal = refuse_plainly
) -> AsgiApp:
    """`handler` as an ASGI application for `serve`.

    A body over `max_body_bytes` (as sent, still encoded) becomes `on_refusal(413, …)` and the
    handler never sees it; an exception of the handler is logged redacted and becomes
    `on_refusal(500, …)`. A streamed answer that fails midway ends with a cut connection, never
    with a well-formed end. A ConnectionFault of either goes on to the server, which obeys it.

    When the client goes away the server cancels the task this runs in (`serve` does): the
    handler, or the streamed body's pending step, sees CancelledError, and the body is closed
    (`aclose`) exactly once. So it is when the server's drain runs out, with STOPPING as the error's
    message.
    """

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _answer_lifespan(receive, send)
            return
        try:
            body = await _read_body(scope, receive, max_body_bytes)
        except _BodyTooLargeError as error:
            refusal = on_refusal(413, "Request exceeds the maximum size")
            if not error.is_read:
                refusal.headers.append((b"connection", b"close"))
            await _send_whole(refusal, send)
            return
        except _ClientGoneError:
            return
        query = scope["query_string"]
        raw_path = scope["raw_path"]
        target = (raw_path + b"?" + query if query else raw_path).decode("latin-1")
        try:
            response = await handler(HttpRequest(scope["method"], target, scope["headers"], body))
            if scope["http_version"] == "1.0":
                # uvicorn would chunk a stream, which an HTTP/1.0 client cannot read.
                response.body = await read_all(response)
        except ConnectionFault:
            raise
        except Exception as error:  # noqa: BLE001 - the last frame before the socket
            _log_failure("the handler failed", error)
            response = on_refusal(500, "Internal server error")
        if isinstance(response.body, bytes):
            await _send_whole(response, send)
        else:
            await _send_stream(response, response.body, send)

    return app


async def _read_body(scope: Scope, receive: Receive, limit: int) -> bytes:
    declared = get_header(scope["headers"], b"content-length")
    if declared is not None and int(declared) > 2 * limit:
        raise _BodyTooLargeError(is_read=False)
    message = await receive()
    if message["type"] == "http.request" and not message["more_body"]:
        body: bytes = message["body"]
        if len(body) > limit:
            raise _BodyTooLargeError(is_read=True)
        return body
    chunks: list[bytes] = []
    size = 0
    while message["type"] == "http.request":
        size += len(message["body"])
        if size > limit:
            # Up to twice the limit is read on and dropped: a client that is cut off while it
            # still writes would see a broken pipe instead of the 413.
            chunks.clear()
            if size > 2 * limit:
                raise _BodyTooLargeError(is_read=False)
        else:
            chunks.append(message["body"])
        if not message["more_body"]:
            if size > limit:
                raise _BodyTooLargeError(is_read=True)
            return b"".join(chunks)
        message = await receive()
    raise _ClientGoneError


async def _send_whole(response: HttpResponse, send: Send) -> None:
    body = response.body
    assert isinstance(body, bytes)
    headers = response.headers
    if body or (response.status not in {204, 304} and not get_header(headers, b"content-length")):
        headers = [line for line in headers if line[0] != b"content-length"]
        headers.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _send_stream(response: HttpResponse, body: AsyncIterator[bytes], send: Send) -> None:
    try:
        await send(
            {
                "type": "http.response.start",
                "status": response.status,
                "headers": response.headers,
            }
        )
        async for chunk in body:
            if chunk:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    except ConnectionFault:
        raise
    except Exception as error:  # noqa: BLE001 - returning unfinished makes the server cut the line
        _log_failure("a streamed answer broke off", error)
    finally:
        await close_body(body)


async def _answer_lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def _log_failure(what: str, error: Exception) -> None:
    _log.error("%s: %s", what, redact_text("".join(format_exception(error))))
