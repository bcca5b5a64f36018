"""Several keys for one upstream: they take turns, and one that is refused rests."""

from dataclasses import dataclass

_REFUSED_S = 300.0
_LIMITED_S = 10.0


@dataclass(slots=True)
class PooledKey:
    """`value` is the credential; it rests until `rests_until` (Unix seconds)."""

    value: str
    rests_until: float = 0.0


class KeyPool:
    """Keys in turn. After 429 a key rests as long as the answer asks (10 s where it says nothing),
    after 401 or 403 five minutes, in which a person may mend it. A pure machine over now."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        self._keys = [PooledKey(key) for key in keys]
        self._turn = 0

    @property
    def is_empty(self) -> bool:
        return not self._keys

    def take(self, now: float) -> PooledKey | None:
        """The next key that does not rest, or None."""
        for _ in self._keys:
            key = self._keys[self._turn]
            self._turn = (self._turn + 1) % len(self._keys)
            if key.rests_until <= now:
                return key
        return None

    def rests_until(self) -> float:
        """When the first of them is ready again."""
        return min(key.rests_until for key in self._keys)

    def note(self, key: PooledKey, status: int, retry_after_s: float | None, now: float) -> None:
        """What an upstream answered to `key`."""
        if status == 429:
            key.rests_until = now + (_LIMITED_S if retry_after_s is None else retry_after_s)
        elif status in {401, 403}:
            key.rests_until = now + _REFUSED_S

    def count_ready(self, now: float) -> int:
        """How many could be taken now."""
        return sum(key.rests_until <= now for key in self._keys)
