"""Several keys for one upstream: they take turns, and one that is refused rests."""

from collections.abc import Collection
from dataclasses import dataclass, field

_LIMITED_S = 10.0
_REFUSED_S = 300.0


@dataclass(slots=True, eq=False)
class PooledKey:
    """`value` is the credential, `number` its place in the configuration, from 1.

    It rests by group, because the API's limits are those of a class of models; times are Unix
    seconds. Until `set_aside_until` it is taken only where no other is left.
    """

    value: str = field(repr=False)
    number: int
    rests_until: dict[str, float] = field(default_factory=dict)
    set_aside_until: float = 0.0


class KeyPool:
    """Keys in turn. A pure machine over now.

    After a 429 a key rests for the group that was asked, as long as the answer said (10 s where it
    did not). A key that the upstream refuses while it takes another for the same request is set
    aside for five minutes, in which a person may mend it. A single key never rests: then the
    upstream itself knows best.
    """

    def __init__(self, keys: Collection[str]) -> None:
        self._keys = [PooledKey(value, number) for number, value in enumerate(keys, 1)]
        self._turn = 0

    def __len__(self) -> int:
        return len(self._keys)

    def take(self, group: str, now: float, tried: Collection[PooledKey] = ()) -> PooledKey | None:
        """The next key that may be used for `group` and is not among `tried`, or None."""
        count = len(self._keys)
        last: int | None = None
        for place in range(self._turn, self._turn + count):
            key = self._keys[place % count]
            if key in tried or key.rests_until.get(group, 0.0) > now:
                continue
            if key.set_aside_until <= now:
                break
            last = place if last is None else last
        else:
            if last is None:
                return None
            place = last
        self._turn = (place + 1) % count
        return self._keys[place % count]

    def limit(self, key: PooledKey, group: str, wait_s: float | None, now: float) -> None:
        """`key` was answered 429, with a wish for `wait_s` seconds of rest or with none."""
        if len(self._keys) > 1:
            key.rests_until[group] = now + (_LIMITED_S if wait_s is None else wait_s)

    def set_aside(self, key: PooledKey, now: float) -> None:
        """`key` was refused where another was taken."""
        key.set_aside_until = now + _REFUSED_S

    def find_wait(self, group: str, now: float) -> float:
        """Seconds until a key may be used for `group`, 0 or less where one may be now."""
        return min((key.rests_until.get(group, 0.0) for key in self._keys), default=0.0) - now

    def count_ready(self, now: float) -> int:
        """How many neither rest for any group nor are set aside."""
        return sum(
            key.set_aside_until <= now and all(end <= now for end in key.rests_until.values())
            for key in self._keys
        )
