"""Answers on a shelf, so that they outlive the process."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, Final

from tanzaku.gateway.cache._store import Answer, Entry, measure
from tanzaku.ledger import LedgerError, Shelf, ShelfRow

_log = logging.getLogger("tanzaku.gateway")
_KIND: Final = "answer"


class Keeper:
    """Writes behind the answers' backs, in order; what the disk does not take is only kept in
    memory, and logged."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._jobs: asyncio.Queue[Callable[[], Coroutine[Any, Any, None]]] = asyncio.Queue()
        self._worker: asyncio.Task[None] | None = None

    async def load(self, now: float) -> AsyncIterator[tuple[bytes, Entry]]:
        """What was kept and has not ended, oldest first, its bytes left where they are."""
        await self._shelf.purge(now)
        for row in await self._shelf.read_all(_KIND):
            if row.expires_at is not None:
                size = measure(b"") + json.loads(row.facts)["bytes"]
                yield bytes.fromhex(row.id), Entry(row.created_at, row.expires_at, size, None)

    async def fetch(self, key: bytes) -> Answer | None:
        """The answer itself, None when it cannot be had."""
        try:
            row = await self._shelf.get(_KIND, key.hex())
        except LedgerError as error:
            _log.warning("a kept answer could not be read: %s", error)
            return None
        if row is None:
            return None
        facts = json.loads(row.facts)
        headers = [(name.encode(), value.encode("latin-1")) for name, value in facts["headers"]]
        return Answer(headers, row.body, facts["is_stream"])

    def put(self, key: bytes, entry: Entry) -> None:
        """Write an entry that has its answer, soon."""
        answer = entry.answer
        assert answer is not None
        facts = {
            "headers": [(name.decode(), value.decode("latin-1")) for name, value in answer.headers],
            "is_stream": answer.is_stream,
            "bytes": len(answer.body),
        }
        row = ShelfRow(
            _KIND,
            key.hex(),
            entry.stored_at,
            facts=json.dumps(facts).encode(),
            body=answer.body,
            expires_at=entry.expires_at,
        )
        self._enqueue(lambda: self._shelf.put(row))

    def drop(self, key: bytes) -> None:
        """Take an entry off the shelf, soon."""
        self._enqueue(lambda: self._shelf.drop(_KIND, key.hex()))

    async def close(self) -> None:
        """Return when all is written."""
        if self._worker is not None:
            await self._jobs.join()
            self._worker.cancel()
            self._worker = None

    def _enqueue(self, job: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._jobs.put_nowait(job)
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())

    async def _work(self) -> None:
        while True:
            job = await self._jobs.get()
            try:
                await job()
            except LedgerError as error:
                _log.warning("a kept answer could not be written: %s", error)
            finally:
                self._jobs.task_done()
