"""The body of a batch, read off the shelf while it goes out."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from tanzaku.gateway.batching._deferred import LATER, Deferred
from tanzaku.gateway.batching._desk import BRACKETS, measure
from tanzaku.ledger import LedgerError, Shelf
from tanzaku.transport import BrokenUploadError, Upload


@asynccontextmanager
async def open_upload(calls: Sequence[Deferred], shelf: Shelf) -> AsyncIterator[Upload]:
    """An upload of all of `calls`, whose requests stand in it byte for byte; a few of them are in
    memory at once. It breaks off where the shelf fails."""
    may_go_on = asyncio.Event()
    may_go_on.set()

    def hold(is_held: bool) -> None:
        if is_held:
            may_go_on.clear()
        else:
            may_go_on.set()

    size = sum(map(measure, calls)) - 1 + sum(map(len, BRACKETS))
    upload = Upload(size, hold)
    feeding = asyncio.create_task(_feed(upload, calls, shelf, may_go_on))
    try:
        yield upload
    finally:
        feeding.cancel()
        with suppress(asyncio.CancelledError):
            await feeding


async def _feed(
    upload: Upload, calls: Sequence[Deferred], shelf: Shelf, may_go_on: asyncio.Event
) -> None:
    opening, closing = BRACKETS
    upload.feed(opening)
    try:
        for number, call in enumerate(calls):
            upload.feed(b"," * (number > 0) + await _read_item(call, shelf))
            await may_go_on.wait()
    except LedgerError as error:
        upload.fail(BrokenUploadError(500, str(error)))
    else:
        upload.feed(closing)
        upload.end()


async def _read_item(call: Deferred, shelf: Shelf) -> bytes:
    row = await shelf.get(LATER, call.id)
    if row is None or len(row.body) != call.size:
        raise LedgerError(f"The request {call.id} is gone.")
    return b'{"custom_id":"%b","params":%b}' % (call.id.encode(), row.body)
