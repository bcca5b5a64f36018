"""What is counted is what was settled, read back by the official parser of the format."""

import asyncio
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tanzaku.core import VirtualClock
from tanzaku.exchange import Attempt, Cost, Exchange, ExchangeError, Settlement, Timings
from tanzaku.gateway.telemetry import (
    Metrics,
    MetricsRoute,
    Reading,
)
from tanzaku.gateway.telemetry._metrics import MAX_KEYS
from tanzaku.ledger import Ledger
from tanzaku.transport import HttpRequest
from tanzaku.wire import ApiError


def build(
    *,
    model: str = "claude-haiku-4-5",
    status: int = 200,
    route: str = "sim",
    usage: dict[str, Any] | None = None,
    cost: str | None = None,
    error: str | None = None,
    total_ms: float = 120.0,
    upstreams: tuple[str, ...] = ("sim",),
) -> Exchange:
    return Exchange(
        exchange_id="exch_1",
        started_at=1764000000.0,
        method="POST",
        path="/v1/messages",
        request_headers=[],
        request_body=b'{"secret text": 1}',
        model=model,
        labels={"team": "blue"},
        settlement=Settlement(
            settled_at=1764000001.0,
            status=status,
            route=route,
            response_headers=[],
            response_body=b"",
            timings=Timings(40.0, total_ms),
            attempts=[Attempt(name, 1764000000.0, 1.0, status) for name in upstreams],
            usage=usage,
            cost=None if cost is None else Cost(Decimal(cost), {}),
            unpriced="No price is known." if usage and cost is None else None,
            error=None if error is None else ExchangeError(error, "said"),
        ),
    )


@pytest.fixture
def metrics() -> Iterator[Metrics]:
    with Ledger.open(None, clock=VirtualClock()) as ledger:
        yield Metrics(ledger)


def scrape(metrics: Metrics, accept: str = "text/plain") -> tuple[str, str]:
    request = HttpRequest("GET", "/_tanzaku/metrics", [(b"accept", accept.encode())], b"")
    answer = asyncio.run(MetricsRoute(metrics)(request))
    assert isinstance(answer.body, bytes)
    return answer.body.decode(), dict(answer.headers)[b"content-type"].decode()


def read(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(scrape(metrics)[0])
        for sample in family.samples
    }


def find(samples: dict[Any, float], name: str, **labels: str) -> float:
    return samples[name, tuple(sorted(labels.items()))]


PLACE = {"model": "claude-haiku-4-5-20251001", "route": "sim"}


def test_calls_tokens_and_dollars_add_up(metrics: Metrics) -> None:
    usage = {"input_tokens": 10, "output_tokens": 4, "cache_read_input_tokens": 7}
    for _ in range(3):
        metrics.observe(build(usage=usage, cost="0.000030000001"))
    metrics.observe(build(status=529, error="overloaded_error"))
    samples = read(metrics)
    assert find(samples, "tanzaku_requests_total", **PLACE, status="200") == 3
    assert find(samples, "tanzaku_requests_total", **PLACE, status="529") == 1
    assert find(samples, "tanzaku_errors_total", route="sim", type="overloaded_error") == 1
    assert find(samples, "tanzaku_tokens_total", **PLACE, kind="input") == 30
    assert find(samples, "tanzaku_tokens_total", **PLACE, kind="output") == 12
    assert find(samples, "tanzaku_tokens_total", **PLACE, kind="cache_read") == 21
    assert find(samples, "tanzaku_cost_usd_total", **PLACE) == pytest.approx(9.0000003e-05)
    assert find(samples, "tanzaku_ledger_healthy") == 1


def test_times_fall_into_buckets_that_hold_all_below(metrics: Metrics) -> None:
    for total_ms in (1, 5, 6, 99, 700_000):
        metrics.observe(build(total_ms=total_ms))
    samples = read(metrics)
    for bound, count in (("0.005", 2), ("0.02", 3), ("0.1", 4), ("600.0", 4), ("+Inf", 5)):
        name = "tanzaku_duration_seconds_bucket"
        assert find(samples, name, **PLACE, le=bound) == count
    assert find(samples, "tanzaku_duration_seconds_count", **PLACE) == 5
    assert find(samples, "tanzaku_duration_seconds_sum", **PLACE) == pytest.approx(700.111)
    assert find(samples, "tanzaku_ttft_seconds_count", **PLACE) == 5


def test_no_client_makes_series_grow_by_naming_models(metrics: Metrics) -> None:
    for number in range(50):
        metrics.observe(build(model=f"model-{number}"))
    samples = read(metrics)
    name = "tanzaku_requests_total"
    assert find(samples, name, model="other", route="sim", status="200") == 50
    assert sum(key[0] == name for key in samples) == 1


def test_what_has_no_price_and_what_was_tried_again_are_counted_by_themselves(
    metrics: Metrics,
) -> None:
    metrics.observe(build(usage={"input_tokens": 1}))
    metrics.observe(build(upstreams=("a", "a", "b", "b", "a")))
    samples = read(metrics)
    assert find(samples, "tanzaku_unpriced_total", route="sim") == 1
    assert find(samples, "tanzaku_retries_total", upstream="a") == 1
    assert find(samples, "tanzaku_retries_total", upstream="b") == 1
    assert find(samples, "tanzaku_fall_backs_total", upstream="b") == 1
    assert find(samples, "tanzaku_fall_backs_total", upstream="a") == 1


def test_who_asks_for_openmetrics_gets_it(metrics: Metrics) -> None:
    text, content_type = scrape(metrics, "application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    assert text.endswith("# EOF\n")


@pytest.mark.parametrize(("method", "path"), [("POST", ""), ("GET", "/x")], ids=["post", "below"])
def test_nothing_else_is_there(metrics: Metrics, method: str, path: str) -> None:
    request = HttpRequest(method, f"/_tanzaku/metrics{path}", [], b"")
    with pytest.raises(ApiError) as caught:
        asyncio.run(MetricsRoute(metrics)(request))
    assert caught.value.status == 404


def test_by_key_they_are_split_by_virtual_key_up_to_a_bound() -> None:
    with Ledger.open(None, clock=VirtualClock()) as ledger:
        metrics = Metrics(ledger, by_key=True)
        for number in range(MAX_KEYS + 5):
            exchange = build()
            exchange.labels["key"] = f"key_{number}"
            metrics.observe(exchange)
        samples = read(metrics)
    name = "tanzaku_requests_total"
    assert find(samples, name, **PLACE, key="key_0", status="200") == 1
    assert find(samples, name, **PLACE, key="other", status="200") == 5
    assert sum(key[0] == name for key in samples) == MAX_KEYS + 1


def test_an_upstream_makes_no_series_grow_by_naming_errors(metrics: Metrics) -> None:
    for number in range(50):
        metrics.observe(build(status=500, error=f"error-{number}"))
    metrics.observe(build(status=499, error="client_gone"))
    metrics.observe(build(error="client_slow"))
    samples = read(metrics)
    assert find(samples, "tanzaku_errors_total", route="sim", type="other") == 50
    assert find(samples, "tanzaku_errors_total", route="sim", type="client_gone") == 1
    assert find(samples, "tanzaku_errors_total", route="sim", type="client_slow") == 1


def test_what_other_parts_keep_is_read_when_it_is_asked_for() -> None:
    waiting = [3.0]
    readings = (
        Reading("tanzaku_in_flight", "Calls under way.", lambda: waiting[0]),
        Reading("tanzaku_cache_hits", "Answers from the cache.", lambda: 7.0, "counter"),
    )
    with Ledger.open(None, clock=VirtualClock()) as ledger:
        metrics = Metrics(ledger, readings=readings)
        assert find(read(metrics), "tanzaku_in_flight") == 3
        waiting[0] = 0.5
        samples = read(metrics)
        assert "# HELP tanzaku_in_flight Calls under way." in scrape(metrics)[0]
    assert find(samples, "tanzaku_in_flight") == 0.5
    assert find(samples, "tanzaku_cache_hits_total") == 7


def test_every_family_says_what_it_is(metrics: Metrics) -> None:
    metrics.observe(build(usage={"input_tokens": 1}, error="api_error", upstreams=("a", "a", "b")))
    families = list(text_string_to_metric_families(scrape(metrics)[0]))
    assert len(families) == 11
    assert [family.name for family in families if not family.documentation.endswith(".")] == []


@pytest.mark.parametrize("name", ["observability.md", "observability.zh-CN.md"])
def test_the_documentation_names_every_family(metrics: Metrics, name: str) -> None:
    text = (Path(__file__).parents[4] / "docs" / name).read_text(encoding="utf-8")
    told = {
        cell.removesuffix("_total")
        for cell in re.findall(r"^\| `(tanzaku_\w+)`", text, re.MULTILINE)
    }
    families = {family.name for family in text_string_to_metric_families(scrape(metrics)[0])}
    assert families <= told
    assert told - families == {"tanzaku_in_flight", "tanzaku_loop_lag_seconds"}


def test_a_call_waits_until_its_first_attempt(metrics: Metrics) -> None:
    """In a queue before an upstream's limits; what is tried again does not count."""
    for wait_s in (0.0, 0.75, 4.0):
        exchange = build(upstreams=("a", "b"))
        assert exchange.settlement is not None
        exchange.started_at -= wait_s
        metrics.observe(exchange)
    metrics.observe(build(upstreams=()))  # refused, or from a cache
    samples = read(metrics)
    for bound, count in (("0.5", 1), ("1.0", 2), ("5.0", 3), ("+Inf", 3)):
        assert find(samples, "tanzaku_wait_seconds_bucket", route="sim", le=bound) == count
    assert find(samples, "tanzaku_wait_seconds_sum", route="sim") == pytest.approx(4.75)
