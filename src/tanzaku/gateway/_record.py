"""Listening in: an upstream whose exchanges are recorded as they pass."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import override

from tanzaku.core import Clock
from tanzaku.gateway._answer import LARGEST_BODY
from tanzaku.gateway._recorded import Heard, is_recordable
from tanzaku.gateway._recording_file import RecordingFile, RecordingThread
from tanzaku.transport import Handler, HttpRequest, HttpResponse, close_body

_LOG = logging.getLogger(__name__)


class Recorder:
    """A Handler that passes requests to `upstream` and its answers back, bytes unchanged, and
    appends a line to the recording `path` for each exchange that has ended.

    `name` says in the file which upstream answered. Streams pass chunk by chunk; redaction and
    writing happen in a thread. An answer that was left or broke off before its end is recorded as
    `cut`. Not recorded: a request that got no answer, uploads and downloads, bodies of more than
    32 MiB. Raises UserError when `path` cannot be opened or is something else; trouble while
    writing is logged and stops nothing.
    """

    def __init__(self, upstream: Handler, path: Path, *, name: str, clock: Clock) -> None:
        self._upstream = upstream
        self._name = name
        self._clock = clock
        self._thread = RecordingThread(RecordingFile(path, clock.now()))

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        """The upstream's answer. Raises what the upstream raises."""
        at, began = self._clock.now(), self._clock.monotonic()
        answer = await self._upstream(request)
        if not is_recordable(request, answer.headers):
            _LOG.info("not recorded, for it is no text: %s %s", request.method, request.path)
            return answer
        heard = Heard(at, self._name, request, answer.status, list(answer.headers), [])
        body = answer.body
        if not isinstance(body, bytes):
            answer.body = _Overheard(body, heard, began, self._clock, self._thread.put)
        elif len(body) > LARGEST_BODY:
            _log_size(request)
        else:
            heard.total_ms = (self._clock.monotonic() - began) * 1000
            heard.chunks.append((heard.total_ms, body))
            self._thread.put(heard)
        return answer

    async def close(self) -> None:
        """Return once all that has ended is on disk. Nothing is recorded afterwards."""
        await asyncio.to_thread(self._thread.close)


class _Overheard(AsyncIterator[bytes]):
    """A streamed body that notes its chunks and when they came."""

    def __init__(
        self,
        source: AsyncIterator[bytes],
        heard: Heard,
        began: float,
        clock: Clock,
        tell: Callable[[Heard], None],
    ) -> None:
        self._source = source
        self._heard = heard
        self._began = began
        self._clock = clock
        self._tell = tell
        self._space = LARGEST_BODY
        self._is_told = False

    @override
    async def __anext__(self) -> bytes:
        try:
            chunk = await anext(self._source)
        except StopAsyncIteration:
            self._end(is_cut=False)
            raise
        except asyncio.CancelledError:
            self._end(is_cut=True, is_left_by_client=True)
            raise
        except Exception:
            self._end(is_cut=True)
            raise
        self._space -= len(chunk)
        if self._space >= 0:
            self._heard.chunks.append(((self._clock.monotonic() - self._began) * 1000, chunk))
        return chunk

    async def aclose(self) -> None:
        try:
            await close_body(self._source)
        finally:
            self._end(is_cut=True, is_left_by_client=True)

    def _end(self, *, is_cut: bool, is_left_by_client: bool = False) -> None:
        if self._is_told:
            return
        self._is_told = True
        heard = self._heard
        if self._space < 0:
            _log_size(heard.request)
            return
        heard.total_ms = (self._clock.monotonic() - self._began) * 1000
        heard.is_cut = is_cut
        heard.is_left_by_client = is_left_by_client
        self._tell(heard)


def _log_size(request: HttpRequest) -> None:
    _LOG.warning("not recorded, for the answer is too large: %s %s", request.method, request.path)
