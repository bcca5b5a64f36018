"""Alerts at work: settled calls in, a log and posts to a webhook out, in virtual time."""

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from tanzaku.core import VirtualClock
from tanzaku.exchange import Cost, Exchange, ExchangeError, Settlement, Timings
from tanzaku.gateway.alerts import (
    AlertRule,
    Alerts,
    AlertSettings,
    WebhookSettings,
    read_sample,
    replay_alerts,
)
from tanzaku.ledger import Ledger
from tanzaku.transport import HttpRequest, HttpResponse, serve

RULE = AlertRule("spend_usd_per_hour", 5.0, 60)


def build(clock: VirtualClock, *, usd: str = "1", error: str | None = None) -> Exchange:
    return Exchange(
        "exch_1", clock.now(), "POST", "/v1/messages", [], b"",
        labels={"key": "key_1", "address": "10.0.0.1"},
        settlement=Settlement(
            clock.now(), 200, "sim", [], b"", Timings(None, 5.0), [],
            cost=Cost(Decimal(usd), {}),
            error=None if error is None else ExchangeError(error, "said"),
        ),
    )  # fmt: skip


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with Ledger.open(None, clock=VirtualClock()) as ledger:
        yield ledger


@dataclass
class Hook:
    """A webhook that answers with the scripted statuses in turn, the last one repeating."""

    statuses: list[int]
    kept: list[HttpRequest] = field(default_factory=list)

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        status = self.statuses[min(len(self.kept), len(self.statuses) - 1)]
        self.kept.append(request)
        headers = [(b"location", b"/elsewhere")] if status in (302, 307) else []
        return HttpResponse(status, headers, b"")


@asynccontextmanager
async def listen(hook: Hook) -> AsyncIterator[str]:
    async with serve(hook, max_body_bytes=10_000) as running:
        yield running.url


async def pass_time(clock: VirtualClock, until: Callable[[], bool], step_s: float = 0.5) -> None:
    """Let time go by until something is so; sockets have their own pace."""
    async with asyncio.timeout(20):
        while not until():
            clock.advance(step_s)
            for _ in range(20):
                await asyncio.sleep(0)


def settle(webhook: WebhookSettings | None = None) -> AlertSettings:
    return AlertSettings((RULE,), 900.0, webhook)


def test_a_notice_is_posted_with_its_figures(
    ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    hook, clock = Hook([204]), VirtualClock()

    async def run() -> None:
        async with listen(hook) as url:
            alerts = Alerts(settle(WebhookSettings(url, "/hooks/a?b=1", "t0k")), clock)
            alerts.open(ledger)
            alerts.observe(build(clock))
            await pass_time(clock, lambda: len(hook.kept) == 2)
            await alerts.close()

    with caplog.at_level(logging.INFO, "tanzaku.alerts"):
        asyncio.run(run())
    fired, resolved = hook.kept
    assert fired.target == "/hooks/a?b=1"
    headers = dict(fired.headers)
    assert headers[b"authorization"] == b"Bearer t0k"
    assert headers[b"content-type"] == b"application/json"
    told: dict[str, Any] = json.loads(fired.body)
    assert told == {
        "type": "tanzaku_alert",
        "state": "fired",
        "at": told["at"],
        "measure": "spend_usd_per_hour",
        "text": "Alert: spend_usd_per_hour > 5 over 60 s; now 60.",
        "value": 60.0,
        "above": 5.0,
        "over_s": 60.0,
    }
    assert json.loads(resolved.body)["state"] == "resolved"
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert "t0k" not in caplog.text


@pytest.mark.parametrize(
    ("statuses", "tries", "trouble"),
    [
        ([503, 429, 200], 3, None),
        ([500], 4, "the answer was 500"),
        ([404], 1, "the answer was 404"),
        ([302], 1, "the answer was 302"),
        ([307], 1, "the answer was 307"),
    ],
    ids=["in the end", "never", "wrong place", "redirect", "redirect of a post"],
)
def test_it_is_tried_again_so_often_and_no_redirect_is_followed(
    ledger: Ledger,
    statuses: list[int],
    tries: int,
    trouble: str | None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    hook, clock = Hook(statuses), VirtualClock()

    async def run() -> None:
        async with listen(hook) as url:
            alerts = Alerts(settle(WebhookSettings(url, "/s3cret")), clock)
            alerts.open(ledger)
            alerts.observe(build(clock))
            errors = [lambda: "not posted" in caplog.text, lambda: len(hook.kept) >= tries]
            await pass_time(clock, errors[trouble is None])
            # Time enough for one more.
            end = clock.now() + 40
            await pass_time(clock, lambda: clock.now() > end)
            await alerts.close()

    with caplog.at_level(logging.ERROR, "tanzaku.alerts"):
        asyncio.run(run())
    firsts = [request for request in hook.kept if b'"fired"' in request.body]
    assert len(firsts) == tries
    assert {request.target for request in hook.kept} == {"/s3cret"}
    if trouble is not None:
        assert trouble in caplog.text
    assert "s3cret" not in caplog.text


def test_a_webhook_that_is_not_there_delays_nobody(
    ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    clock = VirtualClock()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody answers, nobody else comes
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"

        async def run() -> None:
            alerts = Alerts(settle(WebhookSettings(url, "/s3cret")), clock)
            alerts.open(ledger)
            alerts.observe(build(clock))
            await pass_time(clock, lambda: "gave no answer" in caplog.text)
            await alerts.close()

        with caplog.at_level(logging.WARNING, "tanzaku.alerts"):
            asyncio.run(run())
    # Known at once in the log, and later why nobody else was told.
    assert caplog.records[0].getMessage().startswith("Alert: spend_usd_per_hour")
    assert "s3cret" not in caplog.text


def test_a_name_that_leads_into_this_machine_is_not_posted_to(
    ledger: Ledger, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook, clock = Hook([200]), VirtualClock()

    async def run() -> None:
        async with listen(hook) as url:
            port = int(url.rpartition(":")[2])
            loop_type = type(asyncio.get_running_loop())

            # What a name server of somebody else's may say.
            async def lead_here(*_: Any, **__: Any) -> list[Any]:
                return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

            monkeypatch.setattr(loop_type, "getaddrinfo", lead_here)
            alerts = Alerts(settle(WebhookSettings(f"http://hooks.example:{port}", "/x")), clock)
            alerts.open(ledger)
            alerts.observe(build(clock))
            await pass_time(clock, lambda: "not posted" in caplog.text)
            await alerts.close()

    with caplog.at_level(logging.ERROR, "tanzaku.alerts"):
        asyncio.run(run())
    assert hook.kept == []


def test_a_client_that_left_says_nothing_of_the_service() -> None:
    clock = VirtualClock()
    for error in ("client_gone", "client_slow"):
        assert read_sample(build(clock, error=error)) is None
    sample = read_sample(build(clock, error="api_error", usd="0.000001"))
    assert sample is not None
    assert (sample.is_error, sample.picousd, sample.key) == (True, 1_000_000, "key_1")


def test_a_replay_says_what_was_told_at_the_time() -> None:
    """The same calls through the machine second by second, and from what is kept of them."""
    clock, start = VirtualClock(), VirtualClock().now()
    calls = []
    for second in range(0, 3600, 20):
        if second % 1200 == 0:
            calls.append(build(clock))
        clock.advance(20)
    told = replay_alerts(calls, settle(), since=start, until=clock.now())
    fired = [notice.at - start for notice in told if notice.state == "fired"]
    assert fired == pytest.approx([0, 1200, 2400], abs=2)
    assert len(told) == 6
    # What is over before the time asked about is not told of.
    late = replay_alerts(calls, settle(), since=start + 1300, until=clock.now())
    assert [round(n.at - start, -2) for n in late] == [2400, 2500]


def test_where_a_key_was_used_from_is_known_after_a_restart(
    ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    clock = VirtualClock()

    async def run() -> None:
        kept = build(clock)
        ledger.start(kept)
        await ledger.settle(kept)
        alerts = Alerts(AlertSettings((AlertRule("new_address"),)), clock)
        alerts.open(ledger)
        # Before the ledger has said anything.
        for address in ("10.0.0.2", "10.0.0.1"):
            exchange = build(clock)
            exchange.labels["address"] = address
            alerts.observe(exchange)
        await pass_time(clock, lambda: bool(caplog.records))
        await alerts.close()

    with caplog.at_level(logging.WARNING, "tanzaku.alerts"):
        asyncio.run(run())
    assert [record.getMessage() for record in caplog.records] == [
        "Alert: the key key_1 is used from a new address: 10.0.0.2."
    ]
