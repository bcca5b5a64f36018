"""Takes parcels to the upstream and brings back what it answered: the edge of `_parcel`."""

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Any, Protocol

from pydantic_core import from_json

from tanzaku.core import Clock, TanzakuError
from tanzaku.gateway._retry import read_retry_after
from tanzaku.gateway.batching._deferred import Deferred
from tanzaku.gateway.batching._lines import LineCutter, ResultLine, read_line
from tanzaku.gateway.batching._parcel import PARCEL, Parcel, build_state_row
from tanzaku.gateway.batching._results_url import BATCHES
from tanzaku.gateway.batching._upload import open_upload
from tanzaku.ledger import LedgerError, Shelf
from tanzaku.transport import (
    Handler,
    HttpRequest,
    HttpResponse,
    TransportError,
    Upload,
    close_body,
    read_all,
)
from tanzaku.wire import ApiError

_STORAGE_PAUSE_S = 5.0
_PAGE_LINES = 256
_PAGE_BYTES = 4 * 1024 * 1024
# For an upstream in this process, which wants any; others put their own in its place.
_CREDENTIAL = (b"x-api-key", b"tanzaku-batching")
_JSON = (b"content-type", b"application/json")

_log = logging.getLogger("tanzaku.gateway")


class BadAnswerError(TanzakuError):
    """An upstream answered a question about batches with something else."""


class Desktop(Protocol):
    """What a courier needs of those who gave it the parcel."""

    def find_open(self, ids: Sequence[str]) -> list[Deferred]:
        """The calls of `ids` that have no answer yet."""
        ...

    async def drop_late(self, ids: Sequence[str]) -> None:
        """The batch of `ids` is about to be sent: end what is no longer wanted."""
        ...

    async def finish(self, parcel: Parcel, results: Sequence[ResultLine]) -> None:
        """These results of the parcel are there; LedgerError where they cannot be kept."""
        ...

    async def fail(self, parcel: Parcel, error: bytes, status: int, *, is_unknown: bool) -> None:
        """What of the parcel has no answer will get none but this. `is_unknown`: it may have been
        billed."""
        ...


class Courier:
    """Drives one parcel from stage to stage until it is closed, at any stage it is given in."""

    def __init__(
        self,
        parcel: Parcel,
        send: Handler,
        *,
        desktop: Desktop,
        shelf: Shelf,
        clock: Clock,
        is_ours: Callable[[str], bool],
    ) -> None:
        self._parcel = parcel
        self._send = send
        self._desktop = desktop
        self._shelf = shelf
        self._clock = clock
        self._is_ours = is_ours
        group = parcel.group
        self._headers = [(name.encode(), value.encode()) for name, value in group.headers]
        self._query = group.query

    async def drive(self) -> None:
        """Return when the parcel is closed."""
        parcel = self._parcel
        steps = {
            "ready": self._take_there,
            "unsure": self._look_for_it,
            "sent": self._ask_for_state,
            "ended": self._collect,
        }
        while parcel.stage != "closed":
            await self._clock.sleep(parcel.next_at - self._clock.now())
            try:
                if parcel.is_given_up(self._clock.now()):
                    await self._close("The upstream gave no result within 26 hours.")
                else:
                    await steps[parcel.stage]()
            except LedgerError as error:
                _log.error("batch %s waits: %s", parcel.id, error)
                parcel.next_at = self._clock.now() + _STORAGE_PAUSE_S
            except Exception as error:  # noqa: BLE001 - whatever an upstream does, others go on
                self._warn(error)
                parcel.take_trouble(None, self._clock.now())

    async def _take_there(self) -> None:
        parcel = self._parcel
        await self._desktop.drop_late(parcel.ids)
        calls = self._desktop.find_open(parcel.ids)
        if not calls:
            await self._forget()
            return
        parcel.begin(len(calls), self._clock.now())
        try:
            await self._shelf.put(build_state_row(parcel))
        except LedgerError:
            parcel.take_unsent(self._clock.now())
            raise
        for call in calls:
            call.state = "sent"
        try:
            async with open_upload(calls, self._shelf) as upload:
                answer = await self._ask("POST", "", upload)
                body = await read_all(answer)
        except Exception as error:  # noqa: BLE001 - whatever happened, the batch may be there
            self._warn(error)
            if isinstance(error, TransportError) and not error.request_bytes_sent:
                parcel.take_unsent(self._clock.now())
                self._take_back()
            else:
                parcel.take_silence(self._clock.now())
        else:
            await self._take_answer(answer, body)

    async def _take_answer(self, answer: HttpResponse, body: bytes) -> None:
        parcel, now = self._parcel, self._clock.now()
        if answer.status < 300:
            batch_id = _read_object(body).get("id")
            if isinstance(batch_id, str):
                parcel.take_created(batch_id, now)
                await self._shelf.put(build_state_row(parcel))
            else:
                parcel.take_silence(now)
        elif parcel.take_refusal(answer.status, read_retry_after(answer.headers, now), now):
            await self._desktop.fail(parcel, body, answer.status, is_unknown=False)
            await self._forget()
        elif parcel.stage == "ready":
            self._take_back()

    def _take_back(self) -> None:
        for call in self._desktop.find_open(self._parcel.ids):
            call.state = "queued"

    async def _look_for_it(self) -> None:
        parcel = self._parcel
        is_one_open = False
        async with aclosing(self._iter_batches()) as batches:
            async for batch in batches:
                created_at = datetime.fromisoformat(batch["created_at"]).timestamp()
                if parcel.is_before(created_at):
                    break
                requests = sum(batch["request_counts"].values())
                if not parcel.may_be(created_at, requests) or self._is_ours(batch["id"]):
                    continue
                if batch["processing_status"] != "ended":
                    is_one_open = True
                elif batch["results_url"] is not None and await self._holds_ours(batch["id"]):
                    parcel.take_created(batch["id"], self._clock.now())
                    await self._shelf.put(build_state_row(parcel))
                    return
        parcel.take_absent(is_one_open=is_one_open, now=self._clock.now())
        if parcel.stage == "ready":
            self._take_back()

    async def _iter_batches(self) -> AsyncGenerator[dict[str, Any]]:
        """The upstream's batches, newest first."""
        after = ""
        while True:
            answer = await self._ask("GET", f"?limit=100{after}")
            page = _read_object(await _read_good(answer))
            for batch in page["data"]:
                yield batch
            if not page["has_more"] or not page["data"]:
                return
            after = f"&after_id={page['data'][-1]['id']}"

    async def _holds_ours(self, batch_id: str) -> bool:
        answer = await self._ask("GET", f"/{batch_id}/results")
        async with aclosing(_iter_lines(answer)) as lines:
            async for line in lines:
                return line.custom_id in self._parcel.ids
        return False

    async def _ask_for_state(self) -> None:
        parcel = self._parcel
        answer = await self._ask("GET", f"/{parcel.batch_id}")
        body = await read_all(answer)
        now = self._clock.now()
        wait_s = read_retry_after(answer.headers, now)
        if answer.status < 300:
            parcel.take_status(_read_object(body)["processing_status"], wait_s, now)
        else:
            parcel.take_trouble(wait_s, now)

    async def _collect(self) -> None:
        answer = await self._ask("GET", f"/{self._parcel.batch_id}/results")
        page: list[ResultLine] = []
        size = 0
        async with aclosing(_iter_lines(answer)) as lines:
            async for line in lines:
                page.append(line)
                size += len(line.body)
                if len(page) == _PAGE_LINES or size >= _PAGE_BYTES:
                    await self._desktop.finish(self._parcel, page)
                    page, size = [], 0
        await self._desktop.finish(self._parcel, page)
        await self._close("The results of the batch lack this request.")

    async def _ask(self, method: str, rest: str, upload: Upload | None = None) -> HttpResponse:
        query = self._query
        if query:
            query = f"&{query}" if "?" in rest else f"?{query}"
        headers = [*self._headers, _CREDENTIAL]
        if upload is not None:
            headers.append(_JSON)
        return await self._send(
            HttpRequest(method, f"{BATCHES}{rest}{query}", headers, b"", upload=upload)
        )

    async def _close(self, message: str) -> None:
        error = ApiError(502, "api_error", message)
        await self._desktop.fail(self._parcel, error.body(""), error.status, is_unknown=True)
        await self._forget()

    async def _forget(self) -> None:
        await self._shelf.drop(PARCEL, self._parcel.id)
        self._parcel.stage = "closed"

    def _warn(self, error: Exception) -> None:
        parcel = self._parcel
        _log.warning("batch %s at %s: %s", parcel.id, parcel.group.upstream, error)


async def _iter_lines(answer: HttpResponse) -> AsyncGenerator[ResultLine]:
    if answer.status >= 300:
        await _read_good(answer)
    cutter = LineCutter()
    chunks = _iter_once(answer.body) if isinstance(answer.body, bytes) else answer.body
    try:
        async for chunk in chunks:
            for raw in cutter.feed(chunk):
                if (line := read_line(raw)) is not None:
                    yield line
        for raw in cutter.end():
            if (line := read_line(raw)) is not None:
                yield line
    finally:
        await close_body(answer.body)


async def _iter_once(body: bytes) -> AsyncIterator[bytes]:
    yield body


async def _read_good(answer: HttpResponse) -> bytes:
    body = await read_all(answer)
    if answer.status >= 300:
        raise BadAnswerError(f"answered {answer.status}")
    return body


def _read_object(body: bytes) -> Mapping[str, Any]:
    value = from_json(body)
    if not isinstance(value, dict):
        raise BadAnswerError("answered no JSON object")
    return value
