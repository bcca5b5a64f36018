"""What clients make of batches themselves, as it passes through a gateway."""

import re
from collections.abc import Mapping
from typing import Any, Final

from tanzaku.core import Clock
from tanzaku.exchange import Cost
from tanzaku.gateway._answer import Outcome
from tanzaku.gateway._prices import PriceBook
from tanzaku.gateway._stages import Asked
from tanzaku.gateway.batching._bill import BatchBills, BatchResultsReader
from tanzaku.gateway.batching._results_url import find_own_origin, rewrite_results_url
from tanzaku.ledger import LedgerError, Shelf
from tanzaku.transport import HttpRequest

_RESULTS: Final = re.compile(r"/v1/messages/batches/([^/]+)/results")


class PassingResults:
    """The results of one batch on their way: read for what they cost."""

    def __init__(self, batch_id: str, bills: BatchBills, prices: PriceBook, clock: Clock) -> None:
        self._batch_id = batch_id
        self._bills = bills
        self._prices = prices
        self._clock = clock
        self._reader = BatchResultsReader(self._price)

    def feed(self, chunk: bytes) -> None:
        """More of them has passed."""
        self._reader.feed(chunk)

    async def end(self) -> tuple[Outcome, Cost | None, str | None]:
        """What they say, what of it was not charged before, and why that may be too little."""
        reader = self._reader
        reader.end()
        if reader.usage is None:
            return Outcome(model=reader.model), None, reader.unpriced
        try:
            cost = await self._bills.charge(self._batch_id, reader.cost, self._clock.now())
        except LedgerError as error:
            return Outcome(model=reader.model), None, f"What was charged is not known: {error}"
        if reader.cost.total_usd and not cost.total_usd:
            # Fetched again; its tokens, too, are in the ledger once.
            return Outcome(model=reader.model), None, reader.unpriced
        return Outcome(model=reader.model, usage=reader.usage), cost, reader.unpriced

    def _price(self, model: str, usage: Mapping[str, Any]) -> Cost | str:
        return self._prices.price(model, usage, self._clock.now())


class PassingBatches:
    """Implements `Batches`: rewrites where results are, and charges them once."""

    def __init__(self, shelf: Shelf, clock: Clock, public_url: str = "") -> None:
        self._bills = BatchBills(shelf)
        self._prices = PriceBook()
        self._clock = clock
        self._public_url = public_url

    def rewrite(self, body: bytes, request: HttpRequest) -> bytes:
        """A batch or a list of them, with `results_url` naming this gateway."""
        return rewrite_results_url(body, find_own_origin(request, self._public_url))

    def open_results(self, asked: Asked) -> PassingResults | None:
        """The results that `asked` fetches, None where it fetches none."""
        found = _RESULTS.fullmatch(asked.path)
        if found is None or asked.request.method != "GET":
            return None
        return PassingResults(found[1], self._bills, self._prices, self._clock)
