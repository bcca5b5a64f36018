"""What a configuration says of deferred calls."""

from dataclasses import dataclass
from typing import Any, Literal

from tanzaku.core.plain_yaml import Entry
from tanzaku.gateway._origins import read_origin

type OnLate = Literal["error", "send_now"]

# platform.claude.com build-with-claude/batch-processing, 2026-09-02.
MAX_REQUESTS = 100_000
MAX_BYTES = 256_000_000

_LONGEST_S = 86_400.0
_NUMBERS = {
    "collect_s": (0.0, _LONGEST_S),
    "margin_s": (0.0, _LONGEST_S),
    "poll_s": (0.01, 3600.0),
    "keep_hours": (1.0, 29 * 24.0),
}
_COUNTS = {"max_requests": (1, MAX_REQUESTS), "max_waiting": (1, 10_000_000)}


@dataclass(frozen=True, slots=True)
class BatchingSettings:
    """When what was collected is sent, and what happens to it then.

    A batch goes out with `max_requests` requests or `max_bytes` bytes, `collect_s` seconds after
    its first request, or `margin_s` before the first deadline in it, whichever comes first. Its
    state is asked for after `poll_s`, later less often. `on_late` says what a request gets whose
    deadline passes: an error, or an answer at the full price. Answers are kept `keep_hours`. No
    more than `max_waiting` requests wait at once. `public_url` is the origin that clients reach
    the gateway under, empty where their Host header says it.
    """

    collect_s: float = 60.0
    margin_s: float = 3600.0
    max_requests: int = MAX_REQUESTS
    max_bytes: int = MAX_BYTES
    poll_s: float = 15.0
    on_late: OnLate = "error"
    keep_hours: float = 168.0
    max_waiting: int = 1_000_000
    public_url: str = ""


def read_batching(entry: Entry) -> BatchingSettings:
    """The section `batching`. Raises InputFileError."""
    fields = entry.as_fields((*_NUMBERS, *_COUNTS, "max_mb", "on_late", "public_url"))
    values: dict[str, Any] = {
        name: fields[name].as_number(*bounds) for name, bounds in _NUMBERS.items() if name in fields
    }
    for name, (least, most) in _COUNTS.items():
        if name in fields:
            values[name] = fields[name].as_integer(least, most)
    if "max_mb" in fields:
        values["max_bytes"] = int(fields["max_mb"].as_number(1, MAX_BYTES / 1e6) * 1e6)
    if "on_late" in fields:
        values["on_late"] = fields["on_late"].as_choice(("error", "send_now"))
    if "public_url" in fields:
        values["public_url"] = _read_url(fields["public_url"])
    return BatchingSettings(**values)


def _read_url(entry: Entry) -> str:
    url = entry.as_text().rstrip("/")
    read_origin(entry, url)
    return url
