"""What the results of a client's own batch cost, read as they stream through."""

import asyncio
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from pydantic_core import from_json, to_json

from tanzaku.exchange import Cost
from tanzaku.gateway._answer import read_whole
from tanzaku.gateway.batching._lines import LineCutter, read_line
from tanzaku.ledger import Shelf, ShelfRow

type PriceUsage = Callable[[str, Mapping[str, Any]], Cost | str]
"""A model's price of a usage, or in a sentence why there is none."""

_BILL = "batch_bill"
# Results stay available for 29 days (api/batch-processing, 2026-09-02).
_BILLED_FOR_S = 30 * 86_400.0
_NOTHING = Cost(Decimal(0), {})


class BatchResultsReader:
    """Sums usage and price over the lines of `/v1/messages/batches/{id}/results`, unencoded.

    Each line is priced for itself, at the price of a batch whether or not its usage says so; only
    `succeeded` ones are billed. Holds one line at most.
    """

    def __init__(self, price: PriceUsage) -> None:
        self._price = price
        self._cutter = LineCutter()
        self.usage_by_model: dict[str, dict[str, int]] = {}
        """The counts of each model that answered, summed over its lines."""
        self.cost = _NOTHING
        self.unpriced: str | None = None
        """Why a line could not be priced, the last reason; `cost` is then less than the truth."""
        self.counts = {"succeeded": 0, "errored": 0, "canceled": 0, "expired": 0}

    def feed(self, chunk: bytes) -> None:
        """More of the results has passed."""
        for line in self._cutter.feed(chunk):
            self._take(line)

    def end(self) -> None:
        """There is no more."""
        for line in self._cutter.end():
            self._take(line)
        if self._cutter.lost:
            self.unpriced = "A line of the results is too long to be read."

    @property
    def model(self) -> str | None:
        """The model that answered, if only one did."""
        return next(iter(self.usage_by_model)) if len(self.usage_by_model) == 1 else None

    @property
    def usage(self) -> dict[str, Any] | None:
        """The counts of all models together, None where nothing succeeded."""
        if not self.usage_by_model:
            return None
        total: dict[str, Any] = {}
        for counts in self.usage_by_model.values():
            _add_counts(total, counts)
        return total | {"service_tier": "batch"}

    def _take(self, line: bytes) -> None:
        result = read_line(line)
        if result is None:
            self.unpriced = "A line of the results cannot be read."
            return
        self.counts[result.kind] += 1
        if result.kind != "succeeded":
            return
        outcome = read_whole(200, result.body, is_message=True)
        if outcome.usage is None or outcome.model is None:
            self.unpriced = "A result names no usage."
            return
        _add_counts(self.usage_by_model.setdefault(outcome.model, {}), outcome.usage)
        price = self._price(outcome.model, outcome.usage | {"service_tier": "batch"})
        if isinstance(price, Cost):
            self.cost = _add(self.cost, price)
        else:
            self.unpriced = price


class BatchBills:
    """What of each batch was charged before, so that results fetched twice are charged once."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._lock = asyncio.Lock()

    async def charge(self, batch_id: str, cost: Cost, now: float) -> Cost:
        """What of `cost`, read off the results from their beginning, is new; it counts as charged
        from now on. Raises LedgerError when the shelf fails."""
        async with self._lock:
            row = await self._shelf.get(_BILL, batch_id)
            before = {} if row is None else from_json(row.facts)
            parts = {
                part: max(usd, Decimal(before.get(part, 0))) for part, usd in cost.parts_usd.items()
            }
            charged = before | {part: str(usd) for part, usd in parts.items()}
            await self._shelf.put(
                ShelfRow(
                    _BILL, batch_id, now, facts=to_json(charged), expires_at=now + _BILLED_FOR_S
                )
            )
            fresh = {part: usd - Decimal(before.get(part, 0)) for part, usd in parts.items()}
            return Cost(sum(fresh.values(), Decimal(0)), fresh)


def _add(one: Cost, other: Cost) -> Cost:
    parts = {
        part: one.parts_usd.get(part, Decimal(0)) + usd for part, usd in other.parts_usd.items()
    }
    return Cost(one.total_usd + other.total_usd, parts)


def _add_counts(total: dict[str, Any], more: Mapping[str, Any]) -> None:
    for name, count in more.items():
        if type(count) is int:
            total[name] = total.get(name, 0) + count
        elif isinstance(count, Mapping):
            _add_counts(total.setdefault(name, {}), count)
