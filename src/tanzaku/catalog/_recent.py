"""Counts that were asked for lately, bounded in number."""


class Recent[K]:
    """Counts in two generations: a full young one becomes the old one, a hit there is young again."""

    def __init__(self, size: int) -> None:
        self.young: dict[K, int] = {}
        self._old: dict[K, int] = {}
        self._size = size

    def get(self, key: K) -> int | None:
        count = self.young.get(key)
        if count is None and (count := self._old.get(key)) is not None:
            self.put(key, count)
        return count

    def put(self, key: K, count: int) -> None:
        if len(self.young) >= self._size:
            self._old, self.young = self.young, {}
        self.young[key] = count
