"""Answers by key: bounded in bytes, the one used longest ago leaves first, each with its end."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from tanzaku.transport import HeaderList

_NOTED_BYTES: Final = 600
"""What an entry costs beside its body: key, headers, times, and their places in memory."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer with status 200: JSON, or where `is_stream` server-sent events."""

    headers: HeaderList
    body: bytes
    is_stream: bool


@dataclass(slots=True)
class Entry:
    """`answer` is None while its bytes are on disk only. Times are Unix seconds; `size` is what
    counts against the bound."""

    stored_at: float
    expires_at: float
    size: int
    answer: Answer | None


class AnswerStore:
    """A state machine over Unix seconds."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._entries: OrderedDict[bytes, Entry] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def used_bytes(self) -> int:
        """What counts against the bound now."""
        return self._bytes

    def find(self, key: bytes, ttl_s: float, now: float) -> Entry | None:
        """The entry, if it has not ended and is at most `ttl_s` old; it counts as used now."""
        entry = self._entries.get(key)
        if entry is None or now >= entry.expires_at or now > entry.stored_at + ttl_s:
            return None
        self._entries.move_to_end(key)
        return entry

    def keep(self, key: bytes, entry: Entry) -> list[bytes]:
        """Take an entry in, in place of one of the same key; the keys that had to leave for it,
        its own when it is larger than the bound."""
        self.drop(key)
        self._entries[key] = entry
        self._bytes += entry.size
        gone = []
        while self._bytes > self._most_bytes:
            oldest = next(iter(self._entries)) if entry.size <= self._most_bytes else key
            self.drop(oldest)
            gone.append(oldest)
        return gone

    def drop(self, key: bytes) -> None:
        """Forget an entry; nothing when there is none."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= entry.size


def measure(body: bytes) -> int:
    """What an answer with that body counts against the bound."""
    return len(body) + _NOTED_BYTES
