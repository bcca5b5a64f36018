"""What faults do to an answer's body: pure generators over its frames.

A transformation is a generator that asks for the next frame with `frame = yield NEXT` (None: the
answer is over) and yields what goes out in its place: bytes, a `Wait`, or a `Broken` after which
nothing follows. When it returns, the body ends well-formed as HTTP. A frame is one server-sent
event with its empty line, or half of a body that is no stream.
"""

import re
import zlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from enum import Enum

from tanzaku.transport import ConnectionBreak
from tanzaku.wire import ApiError, encode_event

_GZIP = 16 + zlib.MAX_WBITS
_FRAME_END = re.compile(rb"(?>\r\n|\n|\r)(?:\r\n|\n|\r(?=[^\n]))")


class Ask(Enum):
    """The one thing a transformation asks for."""

    NEXT = 0


NEXT = Ask.NEXT


@dataclass(frozen=True, slots=True)
class Wait:
    """A pause of so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Broken:
    """The connection breaks here."""

    kind: ConnectionBreak


type Step = bytes | Wait | Broken
type Transformation = Generator[Step | Ask, bytes | None]


class FrameSplitter:
    """Cuts the chunks of an event stream into frames; keeps at most one unfinished frame."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Yield each frame that `chunk` completes."""
        held = self._held + chunk
        start = 0
        for match in _FRAME_END.finditer(held):
            yield held[start : match.end()]
            start = match.end()
        self._held = held[start:]

    @property
    def rest(self) -> bytes:
        """The bytes of a frame that has not ended."""
        return self._held


def split_body(body: bytes, *, is_stream: bool) -> list[bytes]:
    """The frames of a whole body."""
    if not is_stream:
        half = (len(body) + 1) // 2
        return [part for part in (body[:half], body[half:]) if part]
    splitter = FrameSplitter()
    frames = list(splitter.feed(body))
    return [*frames, splitter.rest] if splitter.rest else frames


def pass_frames(count: int) -> Generator[Step | Ask, bytes | None, bool]:
    """Let `count` frames through; whether there were so many."""
    for _ in range(count):
        frame = yield NEXT
        if frame is None:
            return False
        yield frame
    return True


def pass_rest() -> Transformation:
    """Let everything through."""
    while (frame := (yield NEXT)) is not None:
        yield frame


def stall(after: int, seconds: float) -> Transformation:
    """Send nothing for `seconds` after `after` frames, then go on."""
    yield from pass_frames(after)
    yield Wait(seconds)
    yield from pass_rest()


def break_off(after: int, kind: ConnectionBreak) -> Transformation:
    """Break the connection after `after` frames, or at the end of a shorter answer."""
    yield from pass_frames(after)
    yield Broken(kind)


def break_at_the_end(kind: ConnectionBreak) -> Transformation:
    """Send everything, then break the connection where HTTP's own end would stand."""
    yield from pass_rest()
    yield Broken(kind)


def end_early(after: int) -> Transformation:
    """End after `after` frames as if that were all."""
    yield from pass_frames(after)


def fail_midway(after: int, error: ApiError, request_id: str) -> Transformation:
    """An `error` event in place of everything after `after` frames."""
    yield from pass_frames(after)
    yield encode_event(error.event(request_id))


def drop(after: int, count: int) -> Transformation:
    """Leave out `count` frames after the first `after`."""
    yield from pass_frames(after)
    for _ in range(count):
        yield NEXT
    yield from pass_rest()


def duplicate(after: int, count: int) -> Transformation:
    """Send each of the `count` frames after the first `after` twice."""
    yield from pass_frames(after)
    for _ in range(count):
        frame = yield NEXT
        if frame is None:
            return
        yield frame
        yield frame
    yield from pass_rest()


def reorder(after: int) -> Transformation:
    """Swap the two frames after the first `after`."""
    yield from pass_frames(after)
    first = yield NEXT
    second = yield NEXT
    for frame in (second, first):
        if frame is not None:
            yield frame
    yield from pass_rest()


def malform(after: int) -> Transformation:
    """Spoil the JSON of the frame after the first `after`: a `;` in place of a `:`."""
    yield from pass_frames(after)
    frame = yield NEXT
    if frame is not None:
        yield frame.replace(b'":', b'";', 1)
    yield from pass_rest()


def truncate(after: int) -> Transformation:
    """End in the middle of the frame after the first `after`."""
    yield from pass_frames(after)
    frame = yield NEXT
    if frame is not None:
        yield frame[: len(frame) // 2]


def compress() -> Transformation:
    """The body in gzip, each frame readable as soon as it is there."""
    deflater = zlib.compressobj(wbits=_GZIP)
    while (frame := (yield NEXT)) is not None:
        yield deflater.compress(frame) + deflater.flush(zlib.Z_SYNC_FLUSH)
    yield deflater.flush()


def compress_half() -> Transformation:
    """The first half of the body in gzip."""
    deflater = zlib.compressobj(wbits=_GZIP)
    packed = b""
    while (frame := (yield NEXT)) is not None:
        packed += deflater.compress(frame)
    packed += deflater.flush()
    yield packed[: len(packed) // 2]


class Feed:
    """Drives a transformation frame by frame, as frames come."""

    def __init__(self, transformation: Transformation) -> None:
        self._transformation = transformation
        self._is_started = False
        self.is_over = False

    def steps(self, frame: bytes | None) -> Iterator[Step]:
        """What goes out once `frame` has come (None: the answer is over)."""
        if not self._is_started:
            self._is_started = True
            yield from self._go_on(None)
        if not self.is_over:
            yield from self._go_on(frame)

    def _go_on(self, sent: bytes | None) -> Iterator[Step]:
        try:
            step = self._transformation.send(sent)
            while not isinstance(step, Ask):
                yield step
                step = next(self._transformation)
        except StopIteration:
            self.is_over = True
