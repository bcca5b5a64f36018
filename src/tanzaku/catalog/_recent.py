"""What was asked for lately, bounded in number."""


class Recent[K, V]:
    """Values in two generations: a full young one becomes the old one, a hit there is young again."""

    def __init__(self, size: int) -> None:
        self.young: dict[K, V] = {}
        self._old: dict[K, V] = {}
        self._size = size

    def get(self, key: K) -> V | None:
        value = self.young.get(key)
        if value is None and (value := self._old.get(key)) is not None:
            self.put(key, value)
        return value

    def put(self, key: K, value: V) -> None:
        if len(self.young) >= self._size:
            self._old, self.young = self.young, {}
        self.young[key] = value
