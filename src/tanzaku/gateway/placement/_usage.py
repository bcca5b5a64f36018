"""What an answer says of the cache."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tanzaku.gateway.placement._insert import Ttl


@dataclass(frozen=True, slots=True)
class CacheCounts:
    """Tokens of a prompt: what was neither read nor written, what was read, what was written."""

    plain: int
    read: int
    writes: Mapping[Ttl, int]

    @property
    def total(self) -> int:
        """The whole prompt."""
        return self.plain + self.read + sum(self.writes.values())


def read_usage(usage: Mapping[str, Any]) -> CacheCounts:
    """The counts of the API's `usage` object; what is missing, or no count, is 0."""
    written = _count(usage, "cache_creation_input_tokens")
    split = usage.get("cache_creation")
    hours = _count(split, "ephemeral_1h_input_tokens") if isinstance(split, Mapping) else 0
    return CacheCounts(
        _count(usage, "input_tokens"),
        _count(usage, "cache_read_input_tokens"),
        {"5m": max(0, written - hours), "1h": hours},
    )


def _count(usage: Mapping[str, Any], name: str) -> int:
    value = usage.get(name)
    return value if type(value) is int and value > 0 else 0


def write_usage(counts: CacheCounts) -> dict[str, Any]:
    """The counts as the fields of the API's `usage` object."""
    return {
        "input_tokens": counts.plain,
        "cache_creation_input_tokens": sum(counts.writes.values()),
        "cache_creation": {
            f"ephemeral_{ttl}_input_tokens": count for ttl, count in counts.writes.items()
        },
        "cache_read_input_tokens": counts.read,
    }
