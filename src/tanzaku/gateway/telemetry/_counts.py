"""Plain arithmetic that costs a call next to nothing: what is counted of one set of labels."""

from bisect import bisect_left
from typing import Final

from tanzaku.exchange import Settlement

# Seconds. A short answer of Haiku takes half of one, a long one of Opus minutes.
TOTAL_BUCKETS: Final = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
TTFT_BUCKETS: Final = (0.005, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1, 2, 5, 10, 30)
WAIT_BUCKETS: Final = (0.001, 0.005, 0.02, 0.1, 0.5, 1, 2.5, 5, 10, 20, 30, 60)
KINDS: Final = (
    ("input", "input_tokens"),
    ("output", "output_tokens"),
    ("cache_write", "cache_creation_input_tokens"),
    ("cache_read", "cache_read_input_tokens"),
)
_PICO: Final = 10**12


class Histogram:
    """Counts by upper bound, and a sum; the last count is of what is above every bound."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def add(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def list_buckets(self) -> list[tuple[str, float]]:
        """(bound, how many up to it), as Prometheus wants them."""
        total, buckets = 0, []
        for bound, count in zip((*self.bounds, float("inf")), self.counts.copy(), strict=True):
            total += count
            buckets.append(("+Inf" if bound == float("inf") else f"{float(bound)}", float(total)))
        return buckets


class Series:
    """What is counted of the calls of one model, route and key."""

    __slots__ = ("picousd", "statuses", "tokens", "total", "ttft")

    def __init__(self) -> None:
        self.statuses: dict[int, int] = {}
        self.tokens = [0] * len(KINDS)
        self.picousd = 0
        self.total = Histogram(TOTAL_BUCKETS)
        self.ttft = Histogram(TTFT_BUCKETS)

    def add(self, settled: Settlement) -> None:
        """Count one call."""
        status = settled.status
        self.statuses[status] = self.statuses.get(status, 0) + 1
        timings = settled.timings
        self.total.add(timings.total_ms / 1000)
        if timings.ttft_ms is not None:
            self.ttft.add(timings.ttft_ms / 1000)
        if settled.cost is not None:
            self.picousd += int(settled.cost.total_usd * _PICO)
        if settled.usage is not None:
            for place, (_, name) in enumerate(KINDS):
                if count := settled.usage.get(name):
                    self.tokens[place] += count
