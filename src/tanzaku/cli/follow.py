"""`tanzaku log --follow`: each exchange as it ends, also beside a running server."""

import asyncio
import json
from typing import TYPE_CHECKING

import click

from tanzaku.cli.context import CliContext
from tanzaku.core import Clock, SystemClock
from tanzaku.exchange import Exchange, exchange_to_json
from tanzaku.look import Tone, escape_controls, format_count, format_ms, format_time, format_usd

if TYPE_CHECKING:
    from tanzaku.ledger import Filters, LedgerReader

_PAUSE_S = 0.5
_MOST = 1000


class Tail:
    """What has ended since, each exchange once, in the order it started as far as that is known."""

    def __init__(self, reader: "LedgerReader", filters: "Filters") -> None:
        from tanzaku.ledger import Filters

        self._reader = reader
        self._filters = filters
        self._unsettled = Filters(unsettled=True)
        self._floor = reader.find_last_seq()
        self._shown: set[int] = set()

    def read(self) -> list[Exchange]:
        """The exchanges that have ended since the last call."""
        # In this order, so that what happens meanwhile is found by the next call.
        last = self._reader.find_last_seq()
        under_way = self._reader.list_after(self._floor, self._unsettled)
        rows = self._reader.list_after(self._floor, self._filters)
        ended = []
        for seq, exchange in rows:
            if exchange.settlement is not None and seq not in self._shown:
                self._shown.add(seq)
                ended.append(exchange)
        if len(rows) == _MOST:
            # One that never ends may not hold up the rest.
            self._floor = rows[-1][0]
        else:
            self._floor = under_way[0][0] - 1 if under_way else last
        self._shown = {seq for seq in self._shown if seq > self._floor}
        return ended


def follow_log(
    context: CliContext, reader: "LedgerReader", filters: "Filters", *, as_json: bool
) -> None:
    """Print until the user has seen enough."""
    asyncio.run(_follow(context, Tail(reader, filters), SystemClock(), as_json=as_json))


async def _follow(context: CliContext, tail: Tail, clock: Clock, *, as_json: bool) -> None:
    while True:
        for exchange in tail.read():
            if as_json:
                line = json.dumps(exchange_to_json(exchange), ensure_ascii=False, default=str)
                click.echo(escape_controls(line))
            else:
                tone: Tone = "bad" if exchange.settlement and exchange.settlement.error else "plain"
                context.terminal.line(_format(exchange), tone)
        await clock.sleep(_PAUSE_S)


def _format(exchange: Exchange) -> str:
    settled = exchange.settlement
    assert settled is not None
    usage = settled.usage or {}
    error = f"  {settled.error.type}: {settled.error.message}" if settled.error else ""
    return (
        f"{format_time(exchange.started_at)}  {exchange.exchange_id[:20]}  {settled.status}  "
        f"{settled.response_model or exchange.model or exchange.path}  {settled.route}  "
        f"{format_count(usage.get('input_tokens'))} → {format_count(usage.get('output_tokens'))}  "
        f"{format_ms(settled.timings.total_ms)}  "
        f"{format_usd(settled.cost.total_usd if settled.cost else None)}{error}"
    )
