"""The section `ledger` of a configuration."""

from collections.abc import Callable
from typing import Final, cast

from tanzaku.core import InputFileError
from tanzaku.core.plain_yaml import Entry
from tanzaku.ledger import PRIVACIES, LedgerSettings, Policy, Privacy, Retention

_MOST_DAYS: Final = 36_500.0
_MOST_GB: Final = 1_000_000.0
_SCHEMES: Final = ("postgresql://", "postgres://")
_POLICIES: Final = ("strict", "best_effort")


def read_ledger(entry: Entry, resolve: Callable[[Entry], str]) -> LedgerSettings:
    """How exchanges are kept; `resolve` looks up a reference to a secret. Raises InputFileError."""
    fields = entry.as_fields(("url", "privacy", "keep_days", "keep_gb", "bodies_days", "policy"))

    def read(name: str, most: float) -> float | None:
        return fields[name].as_number(0, most) if name in fields else None

    settings = LedgerSettings(
        retention=Retention(
            read("keep_days", _MOST_DAYS),
            read("bodies_days", _MOST_DAYS),
            read("keep_gb", _MOST_GB),
        )
    )
    privacy: Privacy = settings.privacy
    if "privacy" in fields:
        privacy = cast("Privacy", fields["privacy"].as_choice(PRIVACIES))
    policy: Policy = settings.policy
    if "policy" in fields:
        policy = cast("Policy", fields["policy"].as_choice(_POLICIES))
    url = _read_url(fields["url"], resolve) if "url" in fields else None
    return LedgerSettings(privacy, settings.retention, policy, url)


def _read_url(entry: Entry, resolve: Callable[[Entry], str]) -> str:
    text = entry.content if isinstance(entry.content, str) else ""
    if not text.startswith(_SCHEMES):
        return resolve(entry)
    if ":" in text.partition("://")[2].rpartition("@")[0] or "password=" in text:
        raise InputFileError(
            "{place}: `{key}` holds a password.",
            hint="Write `env:NAME` and put the URL into that variable, or leave the password to "
            "PGPASSWORD or ~/.pgpass.",
            place=entry.place,
            key=entry.key,
        )
    return text
