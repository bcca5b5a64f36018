"""The files there are: kept on a shelf, looked up, and read where messages name them."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pydantic_core import from_json, to_json

from tanzaku.core import Clock, derive_id
from tanzaku.ledger import LedgerError, Shelf, ShelfRow
from tanzaku.simulator.files._names import DOCUMENT_TYPES, IMAGE_TYPES, read_plain_type
from tanzaku.simulator.files._record import FileRecord
from tanzaku.simulator.files._references import find_references, replace_sources
from tanzaku.wire import ApiError, get_error_type

_FILE = "file"
_CONTENT = "file_content"
_PART_BYTES = 8 * 1024 * 1024
_QUOTA_BYTES = 1 << 40
# No prompt holds more than this; a longer file need not be read to see that it is too long.
_MOST_READ_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file about to be kept: its content is `body[begin:end]`."""

    body: bytes
    begin: int
    end: int
    filename: str
    mime_type: str
    expires_in_s: int | None = None


class FileLibrary:
    """The files of all workspaces, and their places in the order of creation.

    `quota_bytes` is what all files that have not expired may take together.
    """

    def __init__(self, *, shelf: Shelf, clock: Clock, quota_bytes: int = _QUOTA_BYTES) -> None:
        self._shelf = shelf
        self._clock = clock
        self._quota_bytes = quota_bytes
        self._files: dict[str, FileRecord] = {}
        self.places: dict[str, int] = {}
        self._is_loaded = False
        self._loading = asyncio.Lock()

    async def put_generated(
        self, content: bytes, *, filename: str, mime_type: str, workspace: str, key: str
    ) -> str:
        """Keep a file that a tool has made, and that can therefore be downloaded; its id, which
        follows from `key`."""
        new = NewFile(content, 0, len(content), filename, mime_type)
        record = await self.keep(new, key, workspace, downloadable=True)
        return record.id

    async def check_references(self, request: Mapping[str, Any], workspace: str) -> ApiError | None:
        """Why a Messages request of the right shape cannot use a file that it names; None when it
        can, and when it names none."""
        await self.load()
        now = self._clock.now()
        for reference in find_references(request):
            record = self.find(reference.file_id, workspace)
            if record is None:
                return ApiError.unknown_file(reference.file_id)
            error = record.check_use(reference.use, now)
            if error is not None:
                return error
        return None

    async def read_references(self, request: Mapping[str, Any], workspace: str) -> dict[str, Any]:
        """The request with contents in the place of file ids, so that its tokens can be counted.

        Of a text longer than 16 MiB the beginning is taken, which no model has room for either; an
        image or PDF of that size stays a file id, as does what cannot be read. Container uploads
        are not part of a prompt.
        """
        await self.load()
        sources: dict[str, dict[str, Any]] = {}
        for file_id, use in find_references(request):
            record = self.find(file_id, workspace)
            if record is not None and use != "container_upload" and file_id not in sources:
                source = await self._read_source(record)
                if source is not None:
                    sources[file_id] = source
        return replace_sources(request, sources)

    async def keep(
        self, new: NewFile, key: str, workspace: str, *, downloadable: bool
    ) -> FileRecord:
        """Put a file on the shelf, its id following from `key`. ApiError 400 beyond the quota (the
        text is a guess)."""
        await self.load()
        now = self._clock.now()
        await self._shelf.purge(now)
        size = new.end - new.begin
        used = sum(one.size_bytes for one in self._files.values() if not one.is_expired(now))
        if used + size > self._quota_bytes:
            code = "storage_quota_exceeded"
            text = "Your organization has reached its storage limit."
            raise ApiError(400, get_error_type(400), text, error_code=code)
        record = FileRecord(
            id=self._choose_id(key),
            workspace=workspace,
            filename=new.filename,
            mime_type=new.mime_type,
            size_bytes=size,
            created_at=now,
            expires_at=None if new.expires_in_s is None else now + new.expires_in_s,
            downloadable=downloadable,
            parts=-(-size // _PART_BYTES),
        )
        try:
            await self._write(new, record)
        except BaseException:
            await self._shelf.drop(_CONTENT, record.id)
            raise
        self._add(record)
        return record

    def find(self, file_id: str, workspace: str) -> FileRecord | None:
        """A file of a workspace; it may have expired."""
        record = self._files.get(file_id)
        if record is None or record.workspace != workspace:
            return None
        return None if record.is_forgotten(self._clock.now()) else record

    def list_files(self, workspace: str) -> list[FileRecord]:
        """The files of a workspace, newest first; some may have expired."""
        now = self._clock.now()
        return [
            record
            for record in reversed(self._files.values())
            if record.workspace == workspace and not record.is_forgotten(now)
        ]

    async def iter_content(self, record: FileRecord) -> AsyncIterator[bytes]:
        """Its content, some megabytes at a time."""
        for part in range(record.parts):
            row = await self._shelf.get(_CONTENT, record.id, part)
            if row is None:
                raise LedgerError(f"The content of file {record.id} is gone.")
            yield row.body

    async def delete(self, record: FileRecord) -> None:
        del self._files[record.id]
        await self._shelf.drop(_FILE, record.id)
        await self._shelf.drop(_CONTENT, record.id)

    async def load(self) -> None:
        """Once: what the shelf holds from an earlier run."""
        async with self._loading:
            if self._is_loaded:
                return
            await self._shelf.purge(self._clock.now())
            rows = await self._shelf.read_all(_FILE)
            orphans = {row.id for row in await self._shelf.read_all(_CONTENT)}
            self._is_loaded = True
        for row in rows:
            self._add(FileRecord(**from_json(row.facts)))
            orphans.discard(row.id)
        for file_id in orphans:
            await self._shelf.drop(_CONTENT, file_id)

    async def _write(self, new: NewFile, record: FileRecord) -> None:
        """The content piece by piece, then the record, with which the file is there."""
        for part in range(record.parts):
            begin = new.begin + part * _PART_BYTES
            piece = new.body[begin : min(begin + _PART_BYTES, new.end)]
            await self._shelf.put(
                ShelfRow(
                    _CONTENT,
                    record.id,
                    record.created_at,
                    part,
                    body=piece,
                    expires_at=record.expires_at,
                )
            )
        facts = to_json(asdict(record))
        await self._shelf.put(
            ShelfRow(
                _FILE, record.id, record.created_at, facts=facts, expires_at=record.forgotten_at
            )
        )

    async def _read_source(self, record: FileRecord) -> dict[str, Any] | None:
        kind = read_plain_type(record.mime_type)
        is_whole = record.size_bytes <= _MOST_READ_BYTES
        if kind not in DOCUMENT_TYPES + IMAGE_TYPES or not (is_whole or kind == "text/plain"):
            return None
        pieces = []
        async for piece in self.iter_content(record):
            pieces.append(piece)
            if sum(map(len, pieces)) >= _MOST_READ_BYTES:
                break
        content = b"".join(pieces)
        if kind == "text/plain":
            text = content.decode("utf-8", "replace")
            return {"type": "text", "media_type": "text/plain", "data": text}
        encoded = await asyncio.to_thread(b64encode, content)
        return {"type": "base64", "media_type": kind, "data": encoded.decode()}

    def _choose_id(self, key: str) -> str:
        """An id that follows from `key`, unless an earlier run has given it away."""
        number = 0
        while (file_id := derive_id("file", key, number)) in self.places:
            number += 1
        return file_id

    def _add(self, record: FileRecord) -> None:
        self._files[record.id] = record
        self.places[record.id] = len(self.places)
