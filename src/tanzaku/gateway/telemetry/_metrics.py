"""What a gateway counts: calls, tokens, dollars, times, by fixed sets of labels.

Counting is plain arithmetic on the way of a call; `prometheus-client` is loaded when somebody asks.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from tanzaku.catalog import UnknownModelError, get_model
from tanzaku.exchange import Exchange
from tanzaku.ledger import Ledger

if TYPE_CHECKING:
    from prometheus_client.core import Metric

# Seconds. A short answer of Haiku takes half of one, a long one of Opus minutes.
TOTAL_BUCKETS: Final = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
TTFT_BUCKETS: Final = (0.005, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1, 2, 5, 10, 30)
_KINDS: Final = (
    ("input", "input_tokens"),
    ("output", "output_tokens"),
    ("cache_write", "cache_creation_input_tokens"),
    ("cache_read", "cache_read_input_tokens"),
)
OTHER: Final = "other"


class _Histogram:
    """Counts by upper bound, and a sum; the last count is of what is above every bound."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def add(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def list_buckets(self) -> list[tuple[str, float]]:
        """(bound, how many up to it), as Prometheus wants them."""
        total, buckets = 0, []
        for bound, count in zip((*self.bounds, float("inf")), self.counts, strict=True):
            total += count
            buckets.append(("+Inf" if bound == float("inf") else f"{float(bound)}", float(total)))
        return buckets


class Metrics:
    """Counts settled exchanges: give `observe` to the gateway as an observer.

    A model that the catalog does not know counts as `other`, so that no client can make the number
    of series grow. `collect` is what a registry of `prometheus-client` asks for.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._errors: Counter[tuple[str, str]] = Counter()
        self._tokens: Counter[tuple[str, str, str]] = Counter()
        self._cost_picousd: Counter[tuple[str, str]] = Counter()
        self._unpriced: Counter[str] = Counter()
        self._attempts: Counter[tuple[str, str]] = Counter()
        self._total: dict[tuple[str, str], _Histogram] = {}
        self._ttft: dict[tuple[str, str], _Histogram] = {}

    def observe(self, exchange: Exchange) -> None:
        """Count one settled exchange."""
        settled = exchange.settlement
        if settled is None:
            return
        model = _name_model(settled.response_model or exchange.model)
        route = settled.route
        place = (model, route)
        self._requests[model, route, settled.status] += 1
        total = self._total.get(place)
        if total is None:
            total = self._total[place] = _Histogram(TOTAL_BUCKETS)
            self._ttft[place] = _Histogram(TTFT_BUCKETS)
        total.add(settled.timings.total_ms / 1000)
        if settled.timings.ttft_ms is not None:
            self._ttft[place].add(settled.timings.ttft_ms / 1000)
        if settled.error is not None:
            self._errors[route, settled.error.type] += 1
        if settled.cost is not None:
            self._cost_picousd[place] += int(settled.cost.total_usd * 10**12)
        elif settled.unpriced is not None:
            self._unpriced[route] += 1
        if settled.usage is not None:
            for kind, name in _KINDS:
                if count := settled.usage.get(name):
                    self._tokens[model, route, kind] += count
        if len(settled.attempts) > 1:
            for attempt in settled.attempts[1:]:
                self._attempts[route, attempt.upstream] += 1

    def collect(self) -> Iterator["Metric"]:
        """The families as they stand."""
        from prometheus_client.core import (
            CounterMetricFamily,
            GaugeMetricFamily,
            HistogramMetricFamily,
        )

        place = ("model", "route")
        counters = (
            ("requests", "Calls settled.", (*place, "status"), self._requests),
            (
                "errors",
                "Calls that ended in an error, by its type.",
                ("route", "type"),
                self._errors,
            ),
            ("tokens", "Tokens of answers.", (*place, "kind"), self._tokens),
            ("unpriced", "Answers whose price is not known.", ("route",), self._unpriced),
            (
                "extra_attempts",
                "Attempts after the first: retries and fall-backs.",
                ("route", "upstream"),
                self._attempts,
            ),
        )
        for name, text, labels, counts in counters:
            family = CounterMetricFamily(f"tanzaku_{name}", text, labels=labels)
            for key, count in counts.items():
                values = (key,) if isinstance(key, str) else key
                family.add_metric([str(value) for value in values], count)
            yield family
        cost = CounterMetricFamily("tanzaku_cost_usd", "Dollars of answers.", labels=place)
        for key, picousd in self._cost_picousd.items():
            cost.add_metric(key, picousd / 10**12)
        yield cost
        for name, text, histograms in (
            (
                "duration_seconds",
                "From the request read whole to the answer's last byte.",
                self._total,
            ),
            ("ttft_seconds", "To the first byte of the answer's body.", self._ttft),
        ):
            family_of_times = HistogramMetricFamily(f"tanzaku_{name}", text, labels=place)
            for key, histogram in histograms.items():
                family_of_times.add_metric(key, histogram.list_buckets(), histogram.sum)
            yield family_of_times
        healthy = GaugeMetricFamily("tanzaku_ledger_healthy", "Whether the ledger takes writes.")
        healthy.add_metric([], float(self._ledger.is_healthy))
        yield healthy


@lru_cache(maxsize=512)
def _name_model(model: str | None) -> str:
    try:
        return get_model(model or "").id
    except UnknownModelError:
        return OTHER
