"""A fault happening to one answer: bytes, waits and broken connections."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from typing import override

from tanzaku.exchange import RULE_HEADER
from tanzaku.simulator._replies import Head, reply_error
from tanzaku.simulator.faults._kinds import Action, Alter, Break, Delay, Refuse
from tanzaku.simulator.faults._sides import Side
from tanzaku.simulator.faults._transforms import (
    Broken,
    Feed,
    FrameSplitter,
    Step,
    Transformation,
    Wait,
    split_body,
)
from tanzaku.transport import (
    HeaderList,
    HttpResponse,
    close_body,
    get_header,
    read_all,
)
from tanzaku.wire import REQUEST_ID

type Ask = Callable[[], Awaitable[HttpResponse]]

_RULE = RULE_HEADER.encode()
_CONTENT_LENGTH = b"content-length"


async def play(action: Action, ask: Ask, *, rule: str, request_id: str, side: Side) -> HttpResponse:
    """The answer that a request gets to which `action` happens.

    `ask` gets the upstream's answer, where one is needed; `rule` names the fault, `request_id` is
    for an answer no upstream gave.
    """
    match action:
        case Refuse():
            return reply_error(action.error, Head(request_id, rule))
        case Break():
            raise side.fail(action.kind, is_early=action.is_early)
        case Delay():
            answer = await ask()
            try:
                await side.wait_for_head(action.seconds)
            except BaseException:
                await close_body(answer.body)
                raise
            answer.headers = _replace(answer.headers, name_rule(rule))
            return answer
        case Alter():
            return await _alter(action, await ask(), rule, side)


def is_stream(answer: HttpResponse) -> bool:
    """Whether an answer is server-sent events."""
    return (get_header(answer.headers, b"content-type") or b"").startswith(b"text/event-stream")


def read_rule(answer: HttpResponse) -> str:
    """The rule that answered, empty where none is named."""
    return (get_header(answer.headers, _RULE) or b"").decode("latin-1")


def name_rule(rule: str) -> HeaderList:
    """The header that says which rule answered."""
    return [(_RULE, rule.encode())]


def _replace(headers: HeaderList, new: Iterable[tuple[bytes, bytes]]) -> HeaderList:
    new = list(new)
    names = {name for name, _ in new}
    return [line for line in headers if line[0] not in names] + new


async def _alter(action: Alter, answer: HttpResponse, rule: str, side: Side) -> HttpResponse:
    streams = is_stream(answer)
    if not streams:
        answer.body = await read_all(answer)
    request_id = (get_header(answer.headers, REQUEST_ID) or b"").decode("latin-1")

    def start() -> Transformation:
        return action.transform(streams, request_id)

    headers = [line for line in answer.headers if line[0] != _CONTENT_LENGTH]
    body = _AlteredBody(answer.body, Feed(start()), side, is_stream=streams)
    if isinstance(answer.body, bytes):
        whole = _join(Feed(start()), split_body(answer.body, is_stream=streams))
        if whole is not None:
            return HttpResponse(
                answer.status, _replace(headers, [*action.headers, *name_rule(rule)]), whole
            )
    return HttpResponse(answer.status, _replace(headers, [*action.headers, *name_rule(rule)]), body)


def _join(feed: Feed, frames: list[bytes]) -> bytes | None:
    """The altered body as one piece; None when it waits or breaks."""
    pieces: list[bytes] = []
    for step in _run(feed, [*frames, None]):
        if not isinstance(step, bytes):
            return None
        pieces.append(step)
    return b"".join(pieces)


def _run(feed: Feed, frames: Iterable[bytes | None]) -> Iterator[Step]:
    for frame in frames:
        yield from feed.steps(frame)


class _AlteredBody(AsyncIterator[bytes]):
    """A body on its way through a transformation; closes its source when either is over."""

    def __init__(
        self,
        source: bytes | AsyncIterator[bytes],
        feed: Feed,
        side: Side,
        *,
        is_stream: bool,
    ) -> None:
        self._source: bytes | AsyncIterator[bytes] | None = source
        self._is_stream = is_stream
        self._splitter = FrameSplitter()
        self._feed = feed
        self._side = side
        self._steps: Iterator[Step] = iter(())

    @override
    async def __anext__(self) -> bytes:
        while True:
            for step in self._steps:
                if isinstance(step, Wait):
                    await self._side.wait_in_body(step.seconds)
                elif isinstance(step, Broken):
                    await self.aclose()
                    raise self._side.fail(step.kind)
                elif step:
                    return step
            if self._source is None or self._feed.is_over:
                await self.aclose()
                raise StopAsyncIteration
            self._steps = _run(self._feed, await self._take_frames())

    async def aclose(self) -> None:
        """Leave the rest of the source unread."""
        source, self._source = self._source, None
        self._steps = iter(())
        if source is not None:
            await close_body(source)

    async def _take_frames(self) -> list[bytes | None]:
        """The frames that the next piece of the source completes; None stands for its end."""
        source = self._source
        assert source is not None
        if isinstance(source, bytes):
            self._source = None
            return [*split_body(source, is_stream=self._is_stream), None]
        try:
            return list(self._splitter.feed(await anext(source)))
        except StopAsyncIteration:
            await self.aclose()
            rest = self._splitter.rest
            return [rest, None] if rest else [None]
