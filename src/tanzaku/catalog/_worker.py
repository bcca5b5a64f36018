"""Counting long texts without holding up the event loop.

`ctok` holds the interpreter's lock for 14-25 us a word it has not seen, so long texts are counted
by a process of their own. It is a plain child on two pipes, not a `multiprocessing` one: that would
run an unguarded main script of the user a second time, and keep a tracker process beside it. The
child ends when its input ends, so it outlives neither `close` nor this process. `asyncio` (50 ms)
is imported where it is used: the catalog is also what a short command line imports.
"""

import os
import pickle
import signal
import struct
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Self

from tanzaku.catalog._find import get_model
from tanzaku.catalog._tokens import count_tokens, tokenizer_family
from tanzaku.catalog._vocabulary import TokenFamily
from tanzaku.catalog._words import find_word_counter, word_counter
from tanzaku.catalog.errors import TokenWorkerError

if TYPE_CHECKING:
    from asyncio.subprocess import Process

# 3,000 characters are some 500 words, 15 ms of counting when all are new. 100,000 characters are
# 5 ms of looking up when none is.
_UNSEEN_CHARACTERS_IN_LINE = 3_000
_CHARACTERS_IN_LINE = 100_000
_ATTEMPTS = 2

_REQUEST_HEAD: Final = struct.Struct("!qq")  # number, bytes that follow
_REPLY: Final = struct.Struct("!qq")  # number, tokens
_CHILD_CODE = "from tanzaku.catalog._worker import serve_counts; serve_counts()"


async def count_tokens_off_loop(
    request: Mapping[str, Any], model: str, worker: "TokenWorker"
) -> int:
    """What `count_tokens` says, with the loop free meanwhile.

    Requests of up to some 500 words, and those of up to 100,000 characters whose words have nearly
    all been seen, are counted here and now; longer ones by the worker. The first call for a
    tokenizer family loads it in a thread (0.1 s). Raises UnknownModelError, TokenWorkerError.
    """
    from asyncio import to_thread

    family = tokenizer_family(model)
    if find_word_counter(family) is None:
        await to_thread(word_counter, family)
    if _is_quick(request, family):
        return count_tokens(request, model)
    return await worker.count(request, model)


def _is_quick(request: Mapping[str, Any], family: TokenFamily) -> bool:
    texts: list[str] = []
    characters = 0
    for text in _iter_texts(request):
        texts.append(text)
        characters += len(text)
        if characters > _CHARACTERS_IN_LINE:
            return False
    if characters <= _UNSEEN_CHARACTERS_IN_LINE:
        return True
    words = word_counter(family)
    return sum(words.unseen_characters(text) for text in texts) <= _UNSEEN_CHARACTERS_IN_LINE


def _iter_texts(value: object) -> Iterator[str]:
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            yield part
        elif isinstance(part, Mapping):
            waiting.extend(part.values())
        elif isinstance(part, list | tuple):
            waiting.extend(part)


class TokenWorker:
    """One child process that counts, started by the first count and used by one event loop.

    One request is counted at a time, the others wait in line. A child that dies is replaced, and
    its request tried once more.
    """

    def __init__(self) -> None:
        from asyncio import Lock

        self._process: Process | None = None
        self._turn = Lock()
        self._number = 0
        self._is_closed = False

    @property
    def process_id(self) -> int | None:
        """The child's process id; None while there is none."""
        return None if self._process is None else self._process.pid

    async def count(self, request: Mapping[str, Any], model: str) -> int:
        """What `count_tokens` says. Raises UnknownModelError; TokenWorkerError when the child died
        twice, or the worker is closed."""
        from asyncio import IncompleteReadError

        payload = pickle.dumps((dict(request), get_model(model).id), pickle.HIGHEST_PROTOCOL)
        async with self._turn:
            for _ in range(_ATTEMPTS):
                if self._is_closed:
                    raise TokenWorkerError("The token worker is closed.")
                try:
                    return await self._ask(payload)
                except (ConnectionError, IncompleteReadError):
                    await self._end()
        raise TokenWorkerError(
            f"The process that counts tokens died {_ATTEMPTS} times on one request."
        )

    async def close(self) -> None:
        """End the child; a count under way fails."""
        self._is_closed = True
        await self._end()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _ask(self, payload: bytes) -> int:
        from asyncio.subprocess import PIPE, create_subprocess_exec

        if self._process is None:
            self._process = await create_subprocess_exec(
                sys.executable,
                "-P",
                "-c",
                _CHILD_CODE,
                stdin=PIPE,
                stdout=PIPE,
                env=_child_environment(),
            )
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        self._number += 1
        process.stdin.write(_REQUEST_HEAD.pack(self._number, len(payload)))
        process.stdin.write(payload)
        await process.stdin.drain()
        # A caller who was cancelled leaves an answer behind.
        while True:
            number, tokens = _REPLY.unpack(await process.stdout.readexactly(_REPLY.size))
            if number == self._number:
                return int(tokens)

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _child_environment() -> dict[str, str]:
    """The same places to import from, whatever put them there."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def serve_counts() -> None:
    """The child: answer requests from standard input until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests, replies = sys.stdin.buffer, sys.stdout.buffer
    while head := _read(requests, _REQUEST_HEAD.size):
        number, size = _REQUEST_HEAD.unpack(head)
        payload = _read(requests, size)
        if not payload:
            return
        request, model = pickle.loads(payload)
        replies.write(_REPLY.pack(number, count_tokens(request, model)))
        replies.flush()


def _read(stream: BinaryIO, size: int) -> bytes:
    """So many bytes, or none when the stream ended before them."""
    content = stream.read(size)
    return content if len(content) == size else b""
