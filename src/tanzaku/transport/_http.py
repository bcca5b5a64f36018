"""An HTTP request and its answer as bytes: what simulator, gateway and client all speak."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from tanzaku.transport._upload import Upload

type HeaderList = list[tuple[bytes, bytes]]
"""Header lines in order; names in lower case, a repeated name stays repeated."""


def get_header(headers: HeaderList, name: bytes) -> bytes | None:
    """The first value of `name` (lower case), or None."""
    for key, value in headers:
        if key == name:
            return value
    return None


@dataclass(slots=True)
class HttpRequest:
    """A request. `target` is path and query as received, percent-encoding untouched;
    `body` still carries its content-encoding. `peer` is the IP address it came from, as text,
    empty for one made in this process. Of a body that is passed on while it comes in, `body` is
    empty and `upload` the rest, to be taken once."""

    method: str
    target: str
    headers: HeaderList
    body: bytes
    peer: str = ""
    upload: Upload | None = None

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]


@dataclass(slots=True)
class HttpResponse:
    """An answer: whole bytes, or an async iterator of chunks for a stream.

    Whoever takes a streamed body iterates it to its end or closes it (`aclose`), so that its
    source can settle.
    """

    status: int
    headers: HeaderList
    body: bytes | AsyncIterator[bytes]


type Handler = Callable[[HttpRequest], Awaitable[HttpResponse]]
"""Anything that answers: the simulator, the gateway, or a client bound to an upstream."""


HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
"""Headers of one connection, which no one passes on (RFC 9110 section 7.6.1)."""

type Refusal = Callable[[int, str], HttpResponse]
"""Builds the answer to a request that the handler never answers: 413 and 500, with a reason."""


def refuse_plainly(status: int, reason: str) -> HttpResponse:
    """The refusal used when a server names none: the reason as plain text."""
    return HttpResponse(
        status, [(b"content-type", b"text/plain; charset=utf-8")], reason.encode() + b"\n"
    )


STOPPING = "the server is stopping"
"""The message of the CancelledError that reaches a handler, or the pending step of a streamed body,
when the drain of its server ran out; a body may then send a last chunk. Other cancellations (the
client has left) carry no message."""

UNREAD = "the client stopped reading"
"""The message of the CancelledError under which a streamed body is closed when its client took nothing
off a full buffer for `ServerLimits.write_s`."""


async def close_body(body: bytes | AsyncIterator[bytes]) -> None:
    """Let a streamed body settle; whole bytes and plain iterators need nothing."""
    aclose = getattr(body, "aclose", None)
    if aclose is not None:
        await aclose()


async def read_upload(request: HttpRequest) -> None:
    """Make `request` whole, for a handler that needs it so. Raises BrokenUploadError."""
    if request.upload is not None:
        request.body = b"".join([chunk async for chunk in request.upload])
        request.upload = None


async def read_all(response: HttpResponse) -> bytes:
    """The body as one piece; a stream is read to its end and closed."""
    if isinstance(response.body, bytes):
        return response.body
    try:
        return b"".join([chunk async for chunk in response.body])
    finally:
        await close_body(response.body)
