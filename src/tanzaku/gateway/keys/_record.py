"""A virtual key: what is kept of it, which is everything but the key."""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import Any, Final

from pydantic import TypeAdapter

from tanzaku.gateway.keys._fields import check_fields

PREFIX: Final = "sk-tzk-"
_SECRET_BYTES: Final = 32
_SHOWN: Final = 4
_COARSE_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """`id` is public. `digest` is the SHA-256 of the key in hex, `shown` its first and last
    characters for people.

    `models` and `paths` are patterns (`*`, `?`), empty = all models, the Messages family;
    `ips` are networks, empty = from anywhere; `max_tokens` caps what one request may ask for.
    Times are Unix seconds. `old_digest` is the key before a rotation, good until `old_until`.
    `last_used_at` lags behind by some minutes.
    """

    id: str
    digest: str
    shown: str
    created_at: float
    name: str = ""
    owner: str = ""
    team: str = ""
    tags: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    ips: tuple[str, ...] = ()
    max_tokens: int | None = None
    expires_at: float | None = None
    revoked_at: float | None = None
    old_digest: str = ""
    old_until: float = 0.0
    last_used_at: float | None = None

    def is_opened_by(self, digest: str, now: float) -> bool:
        """Whether the key with that digest, one of this record's two, is still taken."""
        return self.revoked_at is None and (digest == self.digest or now < self.old_until)

    def to_public(self, now: float) -> dict[str, Any]:
        """What may be shown of it: all but the digests. `status` is good, expired or revoked;
        `old_until` None unless a key before this one is still taken."""
        known = asdict(self)
        for name in ("digest", "old_digest"):
            del known[name]
        is_expired = self.expires_at is not None and now >= self.expires_at
        known["status"] = (
            "revoked" if self.revoked_at is not None else "expired" if is_expired else "good"
        )
        if now >= self.old_until or self.revoked_at is not None:
            known["old_until"] = None
        if self.last_used_at is not None:
            known["last_used_at"] = self.last_used_at // _COARSE_S * _COARSE_S
        return known


def create_key(told: Mapping[str, Any], now: float) -> tuple[KeyRecord, str]:
    """A new record with what `told` says, and its key, which is kept nowhere.

    Raises UserError for what a record cannot hold.
    """
    key = _draw_key()
    blank = KeyRecord(f"key_{secrets.token_hex(8)}", hash_key(key), _shorten(key), now)
    return change_key(blank, told), key


def change_key(record: KeyRecord, told: Mapping[str, Any]) -> KeyRecord:
    """The record with other words, limits or tags. Raises UserError for what it cannot hold."""
    return replace(record, **check_fields(told))


def rotate_key(record: KeyRecord, grace_s: float, now: float) -> tuple[KeyRecord, str]:
    """The record with a new key; the one before stays good for `grace_s` seconds, one before that
    no longer."""
    key = _draw_key()
    return replace(
        record,
        digest=hash_key(key),
        shown=_shorten(key),
        old_digest=record.digest,
        old_until=now + grace_s,
    ), key


def hash_key(key: str) -> str:
    """The SHA-256 of a key, in hex: 256 bits drawn at random need no slow hash."""
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()


def load_record(facts: bytes) -> KeyRecord:
    """A record from the JSON that was made of it."""
    return _build_reader().validate_json(facts)


@cache
def _build_reader() -> TypeAdapter[KeyRecord]:
    return TypeAdapter(KeyRecord)


def _draw_key() -> str:
    return PREFIX + secrets.token_urlsafe(_SECRET_BYTES)


def _shorten(key: str) -> str:
    return f"{PREFIX}…{key[-_SHOWN:]}"
