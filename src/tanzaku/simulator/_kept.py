"""Requests that came more than once, as they were found to be."""

from tanzaku.simulator._brain import Prepared

type Key = tuple[bytes, ...]

_MOST = 2048
_MOST_BYTES = 16 << 20
# Of an answer as events, the longest form in which it is kept.
_BYTES_PER_TOKEN = 50


class Kept:
    """Prepared requests by their bytes and what else decides: at most 2,048, and as many as fit
    into 16 MiB with their answers. The one that was put longest ago goes first."""

    def __init__(self) -> None:
        self._kept: dict[Key, tuple[Prepared, int]] = {}
        self._bytes = 0

    def get(self, key: Key) -> Prepared | None:
        found = self._kept.get(key)
        return None if found is None else found[0]

    def put(self, key: Key, prepared: Prepared) -> None:
        """Keep a request, once it was answered. `key` holds its body."""
        size = sum(map(len, key))
        if prepared.answer is not None:
            size += _BYTES_PER_TOKEN * prepared.answer.message["usage"]["output_tokens"]
        self._drop(key)
        self._kept[key] = prepared, size
        self._bytes += size
        while self._bytes > _MOST_BYTES or len(self._kept) > _MOST:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: Key) -> None:
        dropped = self._kept.pop(key, None)
        if dropped is not None:
            self._bytes -= dropped[1]
