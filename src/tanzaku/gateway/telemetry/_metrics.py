"""What a gateway counts: calls, tokens, dollars, times, by fixed sets of labels.

Counting is plain arithmetic on the way of a call; `prometheus-client` is loaded when somebody asks.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Literal

from tanzaku.catalog import UnknownModelError, get_model
from tanzaku.exchange import Exchange, Settlement
from tanzaku.gateway._edge import NO_ANSWER
from tanzaku.gateway._settle import ENDED_BY_CLIENT
from tanzaku.gateway.telemetry._counts import KINDS, WAIT_BUCKETS, Histogram, Series
from tanzaku.ledger import Ledger
from tanzaku.wire import ERROR_TYPES

if TYPE_CHECKING:
    from prometheus_client.core import Metric

OTHER: Final = "other"
MAX_KEYS: Final = 1000
_KNOWN_ERRORS: Final = frozenset({*ERROR_TYPES.values(), *ENDED_BY_CLIENT, NO_ANSWER.type})
_PICO: Final = 10**12

type Labels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """A figure that another part of the gateway keeps: `read` is called, from any thread, whenever
    somebody asks for the metrics. A counter's name gets `_total`."""

    name: str
    help: str
    read: Callable[[], float]
    kind: Literal["gauge", "counter"] = "gauge"


class Metrics:
    """Counts settled exchanges: give `observe` to the gateway as an observer.

    No stranger makes the number of series grow: a model that the catalog does not know, an error of
    no known type and, `by_key`, each virtual key after the first MAX_KEYS count as `other`.
    `readings` stand beside what is counted here. `collect` is what a registry of
    `prometheus-client` asks for.
    """

    def __init__(
        self, ledger: Ledger, *, by_key: bool = False, readings: Sequence[Reading] = ()
    ) -> None:
        self._by_key = by_key
        self._readings = (
            Reading(
                "tanzaku_ledger_healthy",
                "Whether the ledger took its last write.",
                lambda: float(ledger.is_healthy),
            ),
            *readings,
        )
        self._series: dict[Labels, Series] = {}
        self._keys: set[str] = set()
        self._errors: Counter[Labels] = Counter()
        self._unpriced: Counter[Labels] = Counter()
        self._retries: Counter[Labels] = Counter()
        self._fall_backs: Counter[Labels] = Counter()
        self._waits: dict[str, Histogram] = {}

    def observe(self, exchange: Exchange) -> None:
        """Count one settled exchange."""
        settled = exchange.settlement
        if settled is None:
            return
        labels: Labels = (_name_model(settled.response_model or exchange.model), settled.route)
        if self._by_key:
            labels = (*labels, self._name_key(exchange.labels.get("key", "")))
        series = self._series.get(labels)
        if series is None:
            series = self._series[labels] = Series()
        series.add(settled)
        if settled.error is not None:
            known = settled.error.type if settled.error.type in _KNOWN_ERRORS else OTHER
            self._errors[settled.route, known] += 1
        if settled.unpriced is not None:
            self._unpriced[(settled.route,)] += 1
        if settled.attempts:
            self._count_attempts(exchange.started_at, settled)

    def collect(self) -> Iterator["Metric"]:
        """The families as they stand; from any thread, while calls are counted."""
        from prometheus_client.core import (
            CounterMetricFamily,
            GaugeMetricFamily,
            HistogramMetricFamily,
        )

        yield from self._collect_series()
        counters = (
            ("errors", "Calls that ended in an error, by its type.", ("route", "type"), self._errors),
            ("unpriced", "Answers whose price is not known.", ("route",), self._unpriced),
            ("retries", "Attempts at the upstream that was asked before.", ("upstream",), self._retries),
            (
                "fall_backs",
                "Attempts at the next upstream after another had failed.",
                ("upstream",),
                self._fall_backs,
            ),
        )  # fmt: skip
        for name, text, labels, counts in counters:
            family = CounterMetricFamily(f"tanzaku_{name}", text, labels=labels)
            for values, count in list(counts.items()):
                family.add_metric(values, count)
            yield family
        waits = HistogramMetricFamily(
            "tanzaku_wait_seconds",
            "From the request read whole to the first attempt at an upstream.",
            labels=("route",),
        )
        for route, histogram in list(self._waits.items()):
            waits.add_metric((route,), histogram.list_buckets(), histogram.sum)
        yield waits
        for reading in self._readings:
            make = GaugeMetricFamily if reading.kind == "gauge" else CounterMetricFamily
            yield make(reading.name, reading.help, value=reading.read())

    def _collect_series(self) -> Iterator["Metric"]:
        from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

        names = ("model", "route", "key") if self._by_key else ("model", "route")
        requests = CounterMetricFamily(
            "tanzaku_requests", "Calls settled, refused ones too.", labels=(*names, "status")
        )
        tokens = CounterMetricFamily("tanzaku_tokens", "Tokens billed.", labels=(*names, "kind"))
        cost = CounterMetricFamily("tanzaku_cost_usd", "Dollars of answers.", labels=names)
        durations = HistogramMetricFamily(
            "tanzaku_duration_seconds",
            "From the request read whole to the answer's last byte.",
            labels=names,
        )
        ttfts = HistogramMetricFamily(
            "tanzaku_ttft_seconds", "To the first byte of the answer's body.", labels=names
        )
        for labels, series in list(self._series.items()):
            for status, count in list(series.statuses.items()):
                requests.add_metric([*labels, str(status)], count)
            for (kind, _), count in zip(KINDS, series.tokens, strict=True):
                if count:
                    tokens.add_metric([*labels, kind], count)
            if series.picousd:
                cost.add_metric(labels, series.picousd / _PICO)
            durations.add_metric(labels, series.total.list_buckets(), series.total.sum)
            ttfts.add_metric(labels, series.ttft.list_buckets(), series.ttft.sum)
        yield from (requests, tokens, cost, durations, ttfts)

    def _name_key(self, key: str) -> str:
        if key in self._keys:
            return key
        if len(self._keys) >= MAX_KEYS:
            return OTHER
        self._keys.add(key)
        return key

    def _count_attempts(self, started_at: float, settled: Settlement) -> None:
        attempts = settled.attempts
        waits = self._waits.get(settled.route)
        if waits is None:
            waits = self._waits[settled.route] = Histogram(WAIT_BUCKETS)
        # Both are read from a clock that may be set back meanwhile.
        waits.add(max(0.0, attempts[0].started_at - started_at))
        if len(attempts) == 1:
            return
        for before, attempt in pairwise(attempts):
            is_same = before.upstream == attempt.upstream
            (self._retries if is_same else self._fall_backs)[(attempt.upstream,)] += 1


@lru_cache(maxsize=512)
def _name_model(model: str | None) -> str:
    try:
        return get_model(model or "").id
    except UnknownModelError:
        return OTHER
