"""All virtual keys of one gateway: looked up by hash in memory, kept on a shelf."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from pydantic_core import to_json

from tanzaku.core import Clock, UserError
from tanzaku.gateway._stages import Asked, Caller
from tanzaku.gateway.keys._record import (
    LONGEST,
    PREFIX,
    KeyRecord,
    change_key,
    create_key,
    hash_key,
    load_record,
    rotate_key,
)
from tanzaku.ledger import Shelf, ShelfRow
from tanzaku.wire import ApiError, find_credential

_KEY = "key"
_AUDIT = "key_audit"


class Keyring:
    """Implements `Door`. A change is on the shelf before it counts, and counts at once.

    Who comes with no virtual key is refused.
    """

    def __init__(self, shelf: Shelf, clock: Clock) -> None:
        self._shelf = shelf
        self._clock = clock
        self._records: dict[str, KeyRecord] = {}
        self._by_digest: dict[str, KeyRecord] = {}
        self._callers: dict[str, Caller] = {}
        self._audited = 0

    async def load(self) -> None:
        """Read the shelf."""
        rows = await self._shelf.read_all(_KEY)
        for row in rows:
            self._take(load_record(row.facts))
        self._audited = len(await self._shelf.read_all(_AUDIT))

    def admit(self, asked: Asked) -> Caller:
        """Who asks. ApiError 401 for no key or an unknown one, 403 for what the key may not do; no
        message holds the key."""
        credential = find_credential(asked.request.headers)
        if credential is None:
            raise ApiError.missing_credential()
        value = credential.secret
        record = None
        if len(value) <= LONGEST and value.startswith(PREFIX):
            # By hash: comparing it byte by byte would tell nothing of the key.
            digest = hash_key(value)
            record = self._by_digest.get(digest)
            if record is not None and digest == record.old_digest and asked.now >= record.old_until:
                record = None
        if record is None or record.revoked_at is not None:
            raise ApiError.invalid_credential(credential)
        refusal = record.find_refusal(
            model=asked.model,
            path=asked.path,
            tokens=asked.params.get("max_tokens"),
            peer=asked.request.peer,
            now=asked.now,
        )
        if refusal is not None:
            raise ApiError(403, "permission_error", refusal)
        return self._callers[record.id]

    def list_keys(self) -> Sequence[KeyRecord]:
        """All of them, revoked ones too, in the order they were made."""
        return tuple(self._records.values())

    def get(self, key_id: str) -> KeyRecord:
        """UserError when there is none of that id."""
        record = self._records.get(key_id)
        if record is None:
            raise UserError(
                "There is no key {id}.", hint="`tanzaku keys list` shows them.", id=key_id
            )
        return record

    async def create(self, changes: dict[str, Any]) -> tuple[KeyRecord, str]:
        """A new key; the second value is the key itself, which is never shown again."""
        record, key = create_key(changes, self._clock.now())
        await self._keep(record, "create", changes)
        return record, key

    async def change(self, key_id: str, changes: dict[str, Any]) -> KeyRecord:
        """Other limits for calls to come."""
        record = change_key(self.get(key_id), changes)
        await self._keep(record, "change", changes)
        return record

    async def rotate(self, key_id: str, grace_s: float) -> tuple[KeyRecord, str]:
        """Another key for the same record; the one before is good for `grace_s` more seconds."""
        record = self.get(key_id)
        if record.revoked_at is not None:
            raise UserError("The key {id} is revoked.", hint="Create another one.", id=key_id)
        record, key = rotate_key(record, grace_s, self._clock.now())
        await self._keep(record, "rotate", {"grace_s": grace_s})
        return record, key

    async def revoke(self, key_id: str) -> KeyRecord:
        """Refuse the key from now on."""
        record = replace(self.get(key_id), revoked_at=self._clock.now())
        await self._keep(record, "revoke", {})
        return record

    async def _keep(self, record: KeyRecord, what: str, changes: dict[str, Any]) -> None:
        now = self._clock.now()
        audit = {"at": now, "key": record.id, "what": what, "changes": changes}
        self._audited += 1
        await self._shelf.put(
            ShelfRow(_KEY, record.id, record.created_at, facts=to_json(asdict(record))),
            ShelfRow(_AUDIT, f"{self._audited:08d}", now, facts=to_json(audit)),
        )
        self._take(record)

    def _take(self, record: KeyRecord) -> None:
        before = self._records.get(record.id)
        if before is not None:
            self._by_digest.pop(before.digest, None)
            self._by_digest.pop(before.old_digest, None)
        self._records[record.id] = record
        self._by_digest[record.digest] = record
        if record.old_digest:
            self._by_digest[record.old_digest] = record
        self._callers[record.id] = Caller(record.id, record.team, record.owner, record.tags)
