"""Batches and files belong to the virtual key that made them, and to its team."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from posixpath import normpath
from typing import Any, Final, Literal
from urllib.parse import unquote

from pydantic_core import from_json, to_json

from tanzaku.core import Clock
from tanzaku.gateway._answer import decode_for_reading
from tanzaku.gateway._stages import Asked, Caller
from tanzaku.gateway.keys._named_files import FileScanner, ScreenedUpload, may_name_files
from tanzaku.gateway.keys._owned_lists import Page, UnreadableListError, list_seen, read_page
from tanzaku.gateway.keys._ring import Keyring
from tanzaku.ledger import LedgerError, Shelf, ShelfRow
from tanzaku.transport import HttpRequest, HttpResponse, read_all
from tanzaku.wire import RETRY_AFTER, ApiError, get_error_type, parse_body

type Kind = Literal["batch", "file"]
type Ask = Callable[[HttpRequest], Awaitable[HttpResponse]]

_KINDS: Final[dict[str, Kind]] = {"messages/batches": "batch", "files": "file"}
_PLAIN: Final = re.compile(
    r"(?:/anthropic)?/v1/(messages/batches|files)(?:/([\w-]+)((?:/[\w-]+)*))?", re.ASCII
)
# Whatever an upstream could read as one of these paths.
_LIKE_IT: Final = re.compile(r"/v1/(?:messages/batches|files)(?![\w-])", re.IGNORECASE)
_SLASHES: Final = re.compile(r"(?:;[^/\\]*)?[/\\]+")
_DEEPEST: Final = 4
# Some milliseconds of the loop.
_PIECE_BYTES: Final = 256 * 1024
_MADE_ANEW: Final = (b"content-length", b"content-encoding")

_log = logging.getLogger("tanzaku.gateway.keys")


@dataclass(frozen=True, slots=True)
class Place:
    """A path below batches or files: `id` None for all of them; `is_whole` for the path of one
    itself and not of something about it."""

    kind: Kind
    id: str | None
    is_whole: bool


@dataclass(frozen=True, slots=True)
class _Owner:
    key_id: str
    team: str

    def is_near(self, caller: Caller) -> bool:
        is_own_team = bool(self.team) and self.team == caller.team
        return self.key_id == caller.key_id or is_own_team


class Owners:
    """Who made which batch and which file, on `shelf`.

    What a virtual key makes is remembered at any time; only while `ring` asks every caller for a key
    is anything refused. A key sees what it made itself and, where it has a team, what keys made that
    were in that team then. A batch that no key is known to have made is seen by none: it may hold
    the deferred calls of all. A file that none has made (by hand, by a tool of a model) is in no
    list and cannot be deleted; who knows its id may use it.
    """

    def __init__(self, shelf: Shelf, ring: Keyring, clock: Clock) -> None:
        self._shelf = shelf
        self._ring = ring
        self._clock = clock
        self._unkept: dict[tuple[Kind, str], ShelfRow] = {}

    def concerns(self, asked: Asked, caller: Caller) -> bool:
        """Whether a call is about batches or files, or may name a file."""
        if not caller.key_id:
            return False
        if not asked.is_message and _is_like_it(asked.path):
            return True
        if not self._ring.needs_key:
            return False
        if asked.body:
            return may_name_files(asked.body) or asked.body.find(b"\0") >= 0
        return bool(asked.request.body)

    async def admit(self, asked: Asked, caller: Caller) -> "Custody | None":
        """What carries the call, None where nothing is to be done about it. ApiError 404, as the
        API's own for what does not exist, where the caller may not see what it asks for or names."""
        place = _find_place(asked.path)
        if self._ring.needs_key:
            if place is None and _is_like_it(asked.path):
                raise ApiError.not_found()
            if place is not None and place.id is not None:
                await self._check(place.kind, place.id, asked.request.method, caller)
            if place is None or place.kind == "batch":
                await self._check_named(asked, caller)
        if place is None:
            return None
        return Custody(self, place, caller, is_open=not self._ring.needs_key)

    async def check_file(self, caller: Caller, file_id: str) -> None:
        """ApiError 404 for a file that is known to be another's."""
        owner = await self._find_owner("file", file_id)
        if owner is not None and not owner.is_near(caller):
            raise ApiError.unknown_file(file_id)

    async def is_seen(self, kind: Kind, caller: Caller, owned_id: str) -> bool:
        """Whether it is the caller's, or its team's."""
        owner = await self._find_owner(kind, owned_id)
        return owner is not None and owner.is_near(caller)

    async def remember(self, kind: Kind, owned_id: str, caller: Caller) -> None:
        """It is the caller's from now on. Where the shelf fails that is in memory, and on the shelf
        with the next one."""
        facts = to_json({"key": caller.key_id, "team": caller.team})
        row = ShelfRow(f"owned_{kind}", owned_id, self._clock.now(), facts=facts)
        self._unkept[kind, owned_id] = row
        rows = dict(self._unkept)
        try:
            await self._shelf.put(*rows.values())
        except LedgerError as error:
            _log.error("whose %s is cannot be kept: %s", owned_id, error)
            return
        for name in rows:
            self._unkept.pop(name, None)

    async def forget(self, kind: Kind, owned_id: str) -> None:
        """It is deleted."""
        self._unkept.pop((kind, owned_id), None)
        try:
            await self._shelf.drop(f"owned_{kind}", owned_id)
        except LedgerError as error:
            _log.warning("that %s is deleted cannot be kept: %s", owned_id, error)

    async def _check(self, kind: Kind, owned_id: str, method: str, caller: Caller) -> None:
        owner = await self._find_owner(kind, owned_id)
        if owner is not None and owner.is_near(caller):
            return
        if kind == "batch":
            raise ApiError.unknown_batch(owned_id)
        if owner is not None or method not in ("GET", "HEAD"):
            raise ApiError.unknown_file(owned_id)

    async def _check_named(self, asked: Asked, caller: Caller) -> None:
        sent = asked.request.body
        body = asked.body or await decode_for_reading(asked.request.headers, sent)
        if sent and not body:
            raise ApiError.invalid_request("The request body cannot be decoded")
        if asked.body and b"\0" in body:
            parse_body(body)  # refuses it: JSON in an encoding in which no name would be found
        scanner = FileScanner()
        for at in range(0, len(body), _PIECE_BYTES):
            for file_id in scanner.feed(body[at : at + _PIECE_BYTES]):
                await self.check_file(caller, file_id)
            await asyncio.sleep(0)

    async def _find_owner(self, kind: Kind, owned_id: str) -> _Owner | None:
        row = self._unkept.get((kind, owned_id))
        try:
            row = row or await self._shelf.get(f"owned_{kind}", owned_id)
        except LedgerError as error:
            _log.error("whose %s is cannot be read: %s", owned_id, error)
            raise ApiError(
                503,
                get_error_type(503),
                "The gateway cannot read whose this is.",
                headers=((RETRY_AFTER, b"5"),),
            ) from error
        if row is None:
            return None
        facts = from_json(row.facts)
        return _Owner(facts["key"], facts["team"])


class Custody:
    """Carries a call about batches or files: notes what it makes and deletes, and leaves out of a
    list what its caller may not see. With `is_open` lists stay as they are."""

    def __init__(self, owners: Owners, place: Place, caller: Caller, *, is_open: bool) -> None:
        self._owners = owners
        self._place = place
        self._caller = caller
        self._is_open = is_open

    async def answer(self, request: HttpRequest, ask: Ask) -> HttpResponse:
        """What `ask` brings, or what of it may be shown."""
        place = self._place
        if place.id is not None:
            answer = await ask(request)
            if request.method == "DELETE" and place.is_whole and answer.status < 300:
                await self._owners.forget(place.kind, place.id)
            return answer
        if request.method == "POST":
            return await self._make(request, ask)
        if self._is_open or request.method == "HEAD":
            return await ask(request)
        return await self._list(request, ask)

    async def _make(self, request: HttpRequest, ask: Ask) -> HttpResponse:
        if request.upload is not None and self._place.kind == "batch" and not self._is_open:
            check = partial(self._owners.check_file, self._caller)
            request = replace(request, upload=ScreenedUpload(request.upload, check))
        answer = await ask(request)
        if answer.status < 300:
            answer.body = await read_all(answer)
            made_id = _read_id(await decode_for_reading(answer.headers, answer.body))
            if made_id is None:
                _log.warning("what %s made has no id that can be read", self._caller.key_id)
            else:
                await self._owners.remember(self._place.kind, made_id, self._caller)
        return answer

    async def _list(self, request: HttpRequest, ask: Ask) -> HttpResponse:
        path, _, query = request.target.partition("?")
        answer = HttpResponse(200, [], b"")

        async def fetch(query: str) -> Page:
            nonlocal answer
            target = f"{path}?{query}" if query else path
            answer = await ask(replace(request, target=target))
            body = await read_all(answer)
            if answer.status >= 300:
                answer.body = body
                raise UnreadableListError(str(answer.status))
            return read_page(await decode_for_reading(answer.headers, body))

        is_seen = partial(self._owners.is_seen, self._place.kind, self._caller)
        try:
            page = await list_seen(query, fetch, is_seen)
        except UnreadableListError as error:
            if answer.status >= 300:
                return answer
            raise ApiError(502, get_error_type(502), "The upstream gave no list.") from error
        headers = [line for line in answer.headers if line[0] not in _MADE_ANEW]
        return HttpResponse(answer.status, headers, to_json(page))


def _find_place(path: str) -> Place | None:
    found = _PLAIN.fullmatch(path)
    return found and Place(_KINDS[found[1]], found[2], not found[3])


@lru_cache(maxsize=1024)
def _is_like_it(path: str) -> bool:
    for _ in range(_DEEPEST):
        path = unquote(path)
    straight = _SLASHES.sub("/", path)
    return any(map(_LIKE_IT.search, (straight, normpath(straight))))


def _read_id(body: bytes) -> str | None:
    try:
        made: Any = from_json(body)
    except ValueError:
        return None
    made_id = made.get("id") if isinstance(made, dict) else None
    return made_id if isinstance(made_id, str) else None
