"""The section `limits` of a configuration."""

from dataclasses import dataclass
from typing import Final

from tanzaku.core.plain_yaml import Entry

_LONGEST_S: Final = 600.0


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """A call waits at most `queue_s` seconds for its turns before it is refused."""

    queue_s: float = 20.0


def read_limits(entry: Entry) -> LimitSettings:
    """The settings. Raises InputFileError."""
    fields = entry.as_fields(("queue_s",))
    if "queue_s" not in fields:
        return LimitSettings()
    return LimitSettings(fields["queue_s"].as_number(0, _LONGEST_S))
