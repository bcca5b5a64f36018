"""All virtual keys of one gateway: looked up by hash in memory, kept on a shelf."""

import asyncio
import json
import logging
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, Final

from pydantic_core import to_json

from tanzaku.core import Clock, UserError, end_tasks
from tanzaku.gateway._stages import ANYONE, Asked, Caller
from tanzaku.gateway.keys._record import (
    PREFIX,
    KeyRecord,
    change_key,
    create_key,
    hash_key,
    load_record,
    rotate_key,
)
from tanzaku.gateway.keys._rights import Rights
from tanzaku.ledger import LedgerError, Shelf, ShelfRow
from tanzaku.wire import ApiError, find_credential

_KEY: Final = "key"
_AUDIT: Final = "key_audit"
_LONGEST: Final = 200
_USES_EVERY_S: Final = 300.0
_log = logging.getLogger("tanzaku.gateway.keys")


class _Entry:
    """A record with what the hot path needs of it."""

    __slots__ = ("caller", "record", "rights", "used_at")

    def __init__(self, record: KeyRecord, used_at: float | None) -> None:
        self.record = record
        self.rights = Rights(record)
        self.caller = Caller(record.id, record.team, record.owner, record.tags)
        self.used_at = used_at

    def describe(self) -> KeyRecord:
        """The record with its last use."""
        return replace(self.record, last_used_at=self.used_at)


class Keyring:
    """Implements `Door`. Belongs to one event loop; changes take turns.

    A change is on the shelf before it counts, and counts at once; a revocation counts even where
    the shelf fails. With `needs_key` who comes without a virtual key is refused; otherwise only who
    comes with a wrong one.
    """

    def __init__(self, shelf: Shelf, clock: Clock, *, needs_key: bool = True) -> None:
        self.needs_key = needs_key
        self._shelf = shelf
        self._clock = clock
        self._entries: dict[str, _Entry] = {}
        self._by_digest: dict[str, _Entry] = {}
        self._turn = asyncio.Lock()
        self._noting: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Read the shelf, and note last uses there from now on."""
        for row in await self._shelf.read_all(_KEY):
            self._take(load_record(row.facts))
        self._noting = asyncio.create_task(self._note_often())

    async def close(self) -> None:
        """Note the last uses and stop."""
        if self._noting is not None:
            await end_tasks(self._noting)
            self._noting = None
            await self._note_uses()

    def identify(self, asked: Asked) -> Caller:
        """Who asks. ApiError 401 for no key or an unknown one; no message holds the key."""
        credential = find_credential(asked.request.headers)
        if credential is None or not credential.secret.startswith(PREFIX):
            if not self.needs_key:
                return ANYONE
            if credential is None:
                raise ApiError.missing_credential()
            raise ApiError.invalid_credential(credential)
        # By hash: how long a look-up takes tells nothing of any key.
        digest = hash_key(credential.secret) if len(credential.secret) <= _LONGEST else ""
        entry = self._by_digest.get(digest)
        if entry is None or not entry.record.is_opened_by(digest, asked.now):
            raise ApiError.invalid_credential(credential)
        entry.used_at = asked.now
        return entry.caller

    def check(self, asked: Asked, caller: Caller) -> None:
        """ApiError 403 for what the key of `caller` may not do."""
        if caller.key_id:
            self._entries[caller.key_id].rights.check(asked)

    def list_keys(self) -> Sequence[KeyRecord]:
        """All of them, revoked ones too, in the order they were made."""
        return [entry.describe() for entry in self._entries.values()]

    def find(self, key_id: str) -> KeyRecord | None:
        """The record of that id."""
        entry = self._entries.get(key_id)
        return None if entry is None else entry.describe()

    async def read_changes(self, key_id: str) -> list[dict[str, Any]]:
        """What was done to a key, oldest first: `at` (Unix seconds), `by` (an address), `what`, and
        the `changes` that were told."""
        rows = [json.loads(row.facts) for row in await self._shelf.read_all(_AUDIT)]
        return [row for row in rows if row.pop("key") == key_id]

    async def create(self, told: Mapping[str, Any], by: str = "") -> tuple[KeyRecord, str]:
        """A new key; the second value is the key itself, which is never shown again. `by` is who
        asks for that, here and below."""
        record, key = create_key(told, self._clock.now())
        async with self._turn:
            await self._keep(record, "create", by, told)
        return record, key

    async def change(self, key_id: str, told: Mapping[str, Any], by: str = "") -> KeyRecord:
        """Other limits for calls to come."""
        async with self._turn:
            record = change_key(self._get(key_id), told)
            await self._keep(record, "change", by, told)
        return record

    async def rotate(self, key_id: str, grace_s: float, by: str = "") -> tuple[KeyRecord, str]:
        """Another key for the same record; the one before is good for `grace_s` more seconds."""
        async with self._turn:
            record = self._get(key_id)
            if record.revoked_at is not None:
                raise UserError("The key {id} is revoked.", hint="Create another one.", id=key_id)
            record, key = rotate_key(record, grace_s, self._clock.now())
            await self._keep(record, "rotate", by, {"grace_s": grace_s})
        return record, key

    async def revoke(self, key_id: str, by: str = "") -> KeyRecord:
        """Refuse the key from now on. A second time changes nothing."""
        async with self._turn:
            record = self._get(key_id)
            if record.revoked_at is None:
                record = replace(record, revoked_at=self._clock.now())
                self._take(record)
            await self._keep(record, "revoke", by, {})
        return record

    def _get(self, key_id: str) -> KeyRecord:
        record = self.find(key_id)
        if record is None:
            raise UserError(
                "There is no key {id}.", hint="`tanzaku keys list` shows them.", id=key_id
            )
        return record

    async def _keep(self, record: KeyRecord, what: str, by: str, told: Mapping[str, Any]) -> None:
        now = self._clock.now()
        change = {
            "key": record.id,
            "at": now,
            "by": by,
            "what": what,
            "changes": told,
        }
        await self._shelf.put(
            _build_row(record),
            ShelfRow(_AUDIT, secrets.token_hex(16), now, facts=to_json(change)),
        )
        self._take(record)

    def _take(self, record: KeyRecord) -> None:
        before = self._entries.get(record.id)
        used_at = record.last_used_at
        if before is not None:
            used_at = before.used_at
            self._by_digest.pop(before.record.old_digest, None)
        entry = _Entry(record, used_at)
        self._entries[record.id] = entry
        self._by_digest[record.digest] = entry
        if record.old_digest:
            self._by_digest[record.old_digest] = entry

    async def _note_often(self) -> None:
        while True:
            await self._clock.sleep(_USES_EVERY_S)
            await self._note_uses()

    async def _note_uses(self) -> None:
        async with self._turn:
            used = [
                entry.describe()
                for entry in self._entries.values()
                if entry.used_at != entry.record.last_used_at
            ]
            try:
                await self._shelf.put(*map(_build_row, used))
            except LedgerError as error:
                _log.warning("the last uses of keys are not kept: %s", error)
                return
            for record in used:
                self._take(record)


def _build_row(record: KeyRecord) -> ShelfRow:
    return ShelfRow(_KEY, record.id, record.created_at, facts=to_json(asdict(record)))
