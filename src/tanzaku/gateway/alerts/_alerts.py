"""Alerts at work: settled calls in, notices to the log and to a webhook out."""

import asyncio
import logging
from typing import Final

from tanzaku.core import Clock, end_tasks
from tanzaku.exchange import Exchange
from tanzaku.gateway._settle import ENDED_BY_CLIENT
from tanzaku.gateway.alerts._rules import KNOWN_S, AlertSettings
from tanzaku.gateway.alerts._watch import Watch
from tanzaku.gateway.alerts._webhook import Webhook
from tanzaku.gateway.alerts._windows import Sample
from tanzaku.ledger import Filters, LedgerError, LedgerReader

PAUSE_S: Final = 1.0
_PICO: Final = 10**12

_log = logging.getLogger("tanzaku.alerts")


class Alerts:
    """Looks once a second at what was settled meanwhile: `observe` is an observer. Belongs to one
    event loop."""

    def __init__(self, settings: AlertSettings, clock: Clock) -> None:
        self._clock = clock
        self._watch = Watch(settings.rules, settings.cool_down_s)
        self._is_about_places = any(rule.measure == "new_address" for rule in settings.rules)
        self._webhook = None if settings.webhook is None else Webhook(settings.webhook, clock)
        self._samples: list[Sample] = []
        self._task: asyncio.Task[None] | None = None

    def observe(self, exchange: Exchange) -> None:
        """Count one settled exchange at the next look."""
        sample = read_sample(exchange)
        if sample is not None:
            self._samples.append(sample)

    def open(self, ledger: LedgerReader) -> None:
        """Look from now on, once the ledger has said where virtual keys were used from."""
        if self._webhook is not None:
            self._webhook.open()
        self._task = asyncio.create_task(self._run(ledger))

    async def close(self) -> None:
        """Stop."""
        task, self._task = self._task, None
        await end_tasks(task)
        if self._webhook is not None:
            await self._webhook.close()

    async def _run(self, ledger: LedgerReader) -> None:
        if self._is_about_places:
            since = self._clock.now() - KNOWN_S
            self._watch.learn(await asyncio.to_thread(_read_places, ledger, since))
        while True:
            await self._clock.sleep(PAUSE_S)
            samples, self._samples = self._samples, []
            for sample in samples:
                self._watch.add(sample)
            for notice in self._watch.check(self._clock.now()):
                level = logging.WARNING if notice.state == "fired" else logging.INFO
                _log.log(level, "%s", notice.text)
                if self._webhook is not None:
                    self._webhook.post(notice)


def _read_places(ledger: LedgerReader, since: float) -> set[tuple[str, str]]:
    """The virtual keys and the addresses they were used from; what was read until it failed."""
    places, seq = set(), 0
    try:
        while rows := ledger.list_after(seq, Filters(since=since)):
            seq = rows[-1][0]
            places |= {(e.labels.get("key", ""), e.labels.get("address", "")) for _, e in rows}
    except LedgerError as error:
        _log.warning("where virtual keys were used from is not known: %s", error)
    return {place for place in places if all(place)}


def read_sample(exchange: Exchange) -> Sample | None:
    """What alerts look at of an exchange; None for one that has not ended, or that its client ended.

    Its address is the label `address`, which the gateway sets where virtual keys are in use.
    """
    settled = exchange.settlement
    if settled is None or (settled.error is not None and settled.error.type in ENDED_BY_CLIENT):
        return None
    labels = exchange.labels
    return Sample(
        settled.settled_at,
        0 if settled.cost is None else int(settled.cost.total_usd * _PICO),
        settled.error is not None or settled.status >= 400,
        settled.timings.total_ms,
        labels.get("key", ""),
        labels.get("address", ""),
    )
