"""The section `ledger` of a configuration."""

from typing import Final, cast

from tanzaku.core.plain_yaml import Entry
from tanzaku.ledger import PRIVACIES, LedgerSettings, Policy, Privacy, Retention

_MOST_DAYS: Final = 36_500.0
_POLICIES: Final = ("strict", "best_effort")


def read_ledger(entry: Entry) -> LedgerSettings:
    """How exchanges are kept. Raises InputFileError."""
    fields = entry.as_fields(("privacy", "keep_days", "bodies_days", "policy"))

    def read_days(name: str) -> float | None:
        return fields[name].as_number(0, _MOST_DAYS) if name in fields else None

    settings = LedgerSettings(retention=Retention(read_days("keep_days"), read_days("bodies_days")))
    privacy: Privacy = settings.privacy
    if "privacy" in fields:
        privacy = cast("Privacy", fields["privacy"].as_choice(PRIVACIES))
    policy: Policy = settings.policy
    if "policy" in fields:
        policy = cast("Policy", fields["policy"].as_choice(_POLICIES))
    return LedgerSettings(privacy, settings.retention, policy)
