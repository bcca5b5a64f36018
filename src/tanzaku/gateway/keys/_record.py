"""A virtual key: what is kept of it, which is everything but the key."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase
from functools import cache
from ipaddress import ip_address, ip_network
from typing import Any, Final

from pydantic import TypeAdapter

from tanzaku.core import UserError

PREFIX: Final = "sk-tzk-"
LONGEST: Final = 200
_SECRET_BYTES: Final = 32
_MOST_ITEMS: Final = 100
_LONGEST_TEXT: Final = 200
_TEXTS: Final = ("name", "owner", "team")
_LISTS: Final = ("tags", "models", "paths", "ips")
MESSAGES_FAMILY: Final = ("/v1/messages", "/v1/messages/count_tokens", "/v1/models*")


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """`id` is public. `digest` is the SHA-256 of the key in hex, `shown` its first and last
    characters for people.

    `models` and `paths` are patterns (`*`, `?`), empty = all models, the Messages family;
    `ips` are networks, empty = from anywhere; `max_tokens` caps what one request may ask for.
    Times are Unix seconds. `old_digest` is the key before a rotation, good until `old_until`.
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

    def find_refusal(
        self, *, model: str | None, path: str, tokens: object, peer: str, now: float
    ) -> str | None:
        """In a sentence why the key may not make such a call, None when it may."""
        if self.expires_at is not None and now >= self.expires_at:
            return f"The key {self.id} has expired."
        allowed = self.paths or MESSAGES_FAMILY
        if not any(fnmatchcase(path, pattern) for pattern in allowed):
            return f"The key {self.id} may not use {path}."
        is_named = bool(self.models) and model is not None
        if is_named and not any(fnmatchcase(model or "", pattern) for pattern in self.models):
            return f"The key {self.id} may not use the model {model}."
        if self.max_tokens is not None and isinstance(tokens, int) and tokens > self.max_tokens:
            return f"The key {self.id} may ask for {self.max_tokens} tokens at most, not {tokens}."
        if self.ips and not _is_within(peer, self.ips):
            return f"The key {self.id} may not be used from this address."
        return None

    def to_public(self) -> dict[str, Any]:
        """What may be shown of it: all but the digests."""
        known = asdict(self)
        for name in ("digest", "old_digest"):
            del known[name]
        return known


def create_key(changes: dict[str, Any], now: float) -> tuple[KeyRecord, str]:
    """A new record with what `changes` says, and its key, which is kept nowhere.

    Raises UserError for what a record cannot hold.
    """
    key = _draw_key()
    blank = KeyRecord(f"key_{secrets.token_hex(8)}", hash_key(key), _shorten(key), now)
    return change_key(blank, changes), key


def change_key(record: KeyRecord, changes: dict[str, Any]) -> KeyRecord:
    """The record with other words, limits or tags. Raises UserError for what it cannot hold."""
    known = {*_TEXTS, *_LISTS, "max_tokens", "expires_at"}
    values: dict[str, Any] = {}
    for name, value in changes.items():
        if name not in known:
            raise UserError(
                "A key has no `{name}`.",
                hint="Known are {known}.",
                name=name,
                known=", ".join(sorted(known)),
            )
        values[name] = _check(name, value)
    return replace(record, **values)


def rotate_key(record: KeyRecord, grace_s: float, now: float) -> tuple[KeyRecord, str]:
    """The record with a new key; the one before stays good for `grace_s` seconds."""
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
    return f"{PREFIX}…{key[-4:]}"


def _check(name: str, value: Any) -> Any:
    if name in _TEXTS:
        if isinstance(value, str) and len(value) <= _LONGEST_TEXT and value.isprintable():
            return value
        raise UserError(
            "`{name}` of a key must be a printable text of {most} characters at most.",
            name=name,
            most=_LONGEST_TEXT,
        )
    if name in _LISTS:
        return _check_list(name, value)
    if value is None:
        return None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if name == "max_tokens":
        if is_number and isinstance(value, int) and value >= 0:
            return value
        raise UserError("`{name}` of a key must be a whole number from 0.", name=name)
    if is_number and value > 0:
        return float(value)
    raise UserError("`{name}` of a key must be a time in Unix seconds.", name=name)


def _check_list(name: str, value: Any) -> tuple[str, ...]:
    is_list = isinstance(value, list | tuple) and len(value) <= _MOST_ITEMS
    if not is_list or not all(
        isinstance(item, str) and 0 < len(item) <= _LONGEST_TEXT and "," not in item
        for item in value
    ):
        raise UserError(
            "`{name}` of a key must be a list of {most} texts at most, without commas.",
            name=name,
            most=_MOST_ITEMS,
        )
    if name == "ips":
        _check_networks(value)
    return tuple(value)


def _check_networks(values: Sequence[str]) -> None:
    for value in values:
        try:
            ip_network(value)
        except ValueError:
            raise UserError(
                "`{value}` is no network.", hint="Write 10.0.0.0/8 or 192.0.2.7.", value=value
            ) from None


def _is_within(peer: str, networks: tuple[str, ...]) -> bool:
    try:
        address = ip_address(peer)
    except ValueError:
        return False
    return any(address in ip_network(network) for network in networks)
