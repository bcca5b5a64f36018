"""An answer that takes its time: a stream piece by piece, or a whole one after its while."""

from collections.abc import Callable, Sequence
from typing import Self

from tanzaku.core import Clock
from tanzaku.simulator._pace import Pacemaker, Track

_DELTA = b"event: content_block_delta\n"


def join_frames(frames: Sequence[bytes]) -> list[bytes]:
    """The frames of a stream as the chunks it comes in: each delta with what stands before it,
    the end with the last one."""
    chunks: list[bytes] = []
    waiting: list[bytes] = []
    for frame in frames:
        waiting.append(frame)
        if frame.startswith(_DELTA):
            chunks.append(b"".join(waiting))
            waiting = []
    rest = b"".join(waiting)
    if chunks:
        chunks[-1] += rest
        return chunks
    return [rest]


class PacedStream:
    """The body of a streamed answer: chunks at the times of its track, on one row of deadlines, so
    that no delay adds up. `on_begin` is called with the first chunk, `on_end` once at the end,
    however it comes, with the tokens sent by then.

    That the message's own start comes with the first token and not before it is a guess.
    """

    def __init__(
        self,
        chunks: Sequence[bytes],
        tokens: int,
        track: Track,
        clock: Clock,
        *,
        on_begin: Callable[[], None],
        on_end: Callable[[int], None],
    ) -> None:
        self._chunks = chunks
        self._tokens = tokens
        self._tokens_per_chunk = tokens / max(1, len(chunks))
        self._track = track
        self._clock = clock
        self._on_begin = on_begin
        self._on_end = on_end
        self._due = clock.monotonic()
        self._at = 0
        self._is_over = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        at = self._at
        if at == len(self._chunks) or self._is_over:
            await self.aclose()
            raise StopAsyncIteration
        self._due += self._track.gap_s(self._tokens_per_chunk) if at else self._track.ttft_s()
        await self._clock.sleep(self._due - self._clock.monotonic())
        if at == 0:
            self._on_begin()
        self._at += 1
        return self._chunks[at]

    async def aclose(self) -> None:
        """Leave off; what follows is not sent."""
        if not self._is_over:
            self._is_over = True
            self._on_end(round(self._tokens * self._at / len(self._chunks)))


async def wait_whole(tokens: int, pacemaker: Pacemaker, track: Track, clock: Clock) -> None:
    """Wait as long as an answer of `tokens` takes that is sent in one piece."""
    try:
        await clock.sleep(track.ttft_s() + track.rest_s(tokens))
    finally:
        pacemaker.end()
