"""What may stand between upstream and client for one request: an injected fault."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Protocol, override

from tanzaku.exchange import ExchangeError
from tanzaku.gateway._answer import (
    NOTHING_READ,
    Outcome,
    decode_for_reading,
    is_event_stream,
    read_stream,
    read_whole,
)
from tanzaku.transport import HeaderList, HttpRequest, HttpResponse, close_body
from tanzaku.wire import UsageReader

NO_ANSWER = ExchangeError("connection_broken", "The connection was broken on purpose.")
NO_ANSWER_STATUS = 444
"""What the record says where a fault let no answer out; nginx's number for it."""


class Interception(Protocol):
    """Answers in the upstream's place, or asks it and makes something else of its answer.

    May raise ConnectionFault. `headers` are for the record where no answer goes out; they are
    empty while nothing has happened.
    """

    @property
    def headers(self) -> HeaderList: ...

    def __call__(self, ask: Callable[[], Awaitable[HttpResponse]]) -> Awaitable[HttpResponse]: ...


type Edge = Callable[[HttpRequest], Interception | None]


class Meter:
    """Reads what the upstream's answer cost before anything is made of it."""

    def __init__(self) -> None:
        self._reader: UsageReader | None = None
        self._read = NOTHING_READ

    async def watch(self, answer: HttpResponse, *, is_message: bool) -> HttpResponse:
        """`answer`, read as it passes."""
        if is_event_stream(answer.headers):
            self._reader = UsageReader()
            if isinstance(answer.body, bytes):
                self._reader.feed(answer.body)
            else:
                answer.body = _Watched(answer.body, self._reader)
        elif isinstance(answer.body, bytes) and answer.status < 300:
            body = await decode_for_reading(answer.headers, answer.body)
            self._read = read_whole(answer.status, body, is_message=is_message)
        return answer

    def bill(self, outcome: Outcome) -> Outcome:
        """`outcome`, what the client got, with the usage of what the upstream sent."""
        read = self._read if self._reader is None else read_stream(self._reader, None)
        if read.usage is None:
            return outcome
        return replace(outcome, model=read.model, usage=read.usage, is_partial=read.is_partial)


class _Watched(AsyncIterator[bytes]):
    def __init__(self, source: AsyncIterator[bytes], reader: UsageReader) -> None:
        self._source = source
        self._reader = reader

    @override
    async def __anext__(self) -> bytes:
        chunk = await anext(self._source)
        self._reader.feed(chunk)
        return chunk

    async def aclose(self) -> None:
        await close_body(self._source)
