"""What calls cost, with the rates of the day at hand as a dictionary."""

import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from pydantic_core import to_json

from tanzaku.catalog import (
    Rates,
    UnpricedUsageError,
    estimate_tokens,
    get_model,
    list_models,
    resolve_rates,
)
from tanzaku.core import UserError
from tanzaku.exchange import Cost
from tanzaku.gateway._reach import Reach, find_reach
from tanzaku.gateway._stages import LIST_PRICE, Tariff, Worst

_DAY_S = 86_400
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
type _BoundKey = tuple[object, Tariff, int, int, bool, str, str, int, bool]
# Model names come from strangers; past this many the book starts anew instead of growing.
_MOST_NAMES = 1024
# No model writes that much; a request that asks for more is refused, and costs nothing.
_MOST_TOKENS = 10_000_000
_MARK = b'"cache_control"'
_ESCAPES = (b"\\u005", b"\\u006", b"\\u007")
# The beta `context-1m-2025-08-07`.
_WIDEST = 1_000_000


class PriceBook:
    """The prices of the Claude API and of the clouds, each model resolved once a day (UTC).

    `may_mark`: a request may go out with cache breakpoints that it did not come with.
    """

    def __init__(self, *, may_mark: bool = False) -> None:
        self._may_mark = may_mark
        self._day = -1
        self._entries: dict[tuple[str, str], Rates | str] = {}
        self._bounds: dict[_BoundKey, Worst] = {}
        self._priced: dict[tuple[str, Tariff, bytes], Cost] = {}

    def find_rates(self, model: str, now: float, platform: str) -> Rates | str:
        """The rates at `now` (Unix seconds), or in a sentence why there are none."""
        day = int(now // _DAY_S)
        if day != self._day:
            self._day, self._entries = day, {}
            self._bounds.clear()
            self._priced.clear()
        entry = self._entries.get((model, platform))
        if entry is None:
            if len(self._entries) >= _MOST_NAMES:
                self._entries.clear()
            entry = _resolve(model, date.fromordinal(_EPOCH_ORDINAL + day), platform)
            self._entries[model, platform] = entry
        return entry

    def bound(
        self,
        request: Mapping[str, Any],
        body: bytes,
        now: float,
        tariff: Tariff = LIST_PRICE,
        *,
        is_batch: bool = False,
    ) -> Worst:
        """An upper bound for a Messages request with the parsed and the decoded body.

        Every byte counts as input as `estimate_tokens` bounds it, an image as the largest that the
        model sees, documents and all that is kept or done elsewhere as prompts that fill the
        model's window; at the price of a 1-hour cache write when the request asks for a cache or
        may be made to; the answer is as long as `max_tokens`. No dollars when the model, a price or
        `max_tokens` is unknown.
        """
        model, max_tokens = request.get("model"), request.get("max_tokens")
        reach = find_reach(request)
        rates = self.find_rates(model, now, tariff.platform) if isinstance(model, str) else ""
        tokens = estimate_tokens(len(body))
        searches = 0
        may_mark = self._may_mark
        if reach is not None:
            tokens = _count_input(reach, tokens, rates)
            searches = reach.searches
            may_mark = may_mark and reach.turns == 1
        if type(max_tokens) is not int or not 0 <= max_tokens <= _MOST_TOKENS:
            return Worst(None, tokens, 0)
        if isinstance(rates, str) or (reach is not None and not reach.is_priced):
            return Worst(None, tokens, max_tokens)
        key = (
            model,
            tariff,
            tokens,
            max_tokens,
            may_mark or _asks_for_cache(request, body),
            _name(request.get("speed")),
            _name(request.get("inference_geo")),
            searches,
            is_batch,
        )
        worst = self._bounds.get(key)
        if worst is None:
            if len(self._bounds) >= _MOST_NAMES:
                self._bounds.clear()
            worst = self._bounds[key] = Worst(_bound_cost(rates, key), tokens, max_tokens)
        return worst

    def price(
        self, model: str, usage: Mapping[str, Any], now: float, tariff: Tariff = LIST_PRICE
    ) -> Cost | str:
        """What `usage` costs at `now`, or in a sentence why that is unknown."""
        rates = self.find_rates(model, now, tariff.platform)
        if isinstance(rates, str):
            return rates
        key = (model, tariff, to_json(usage))
        cost = self._priced.get(key)
        if cost is None:
            try:
                price = rates.price(usage, geo=tariff.geo)
            except UnpricedUsageError as error:
                return error.message
            if len(self._priced) >= _MOST_NAMES:
                self._priced.clear()
            cost = self._priced[key] = Cost(price.total_usd, price.parts_usd)
        return cost


def _resolve(model: str, day: date, platform: str) -> Rates | str:
    try:
        # A cloud takes a model by any of its names, and its answers may have yet another one.
        name = model if platform == LIST_PRICE.platform else get_model(model).id
        return resolve_rates(name, day, platform)
    except UserError as error:
        return error.message


def _count_input(reach: Reach, tokens: int, rates: Rates | str) -> int:
    if isinstance(rates, str):
        # Nobody knows the model; the widest one will do.
        model = max(list_models(), key=lambda one: (one.context_window, one.most_image_tokens))
        return reach.count_input(tokens, model, model.context_window)
    model = get_model(rates.model_id)
    # A price for prompts past the window says that a beta opens it further (Sonnet 4.5).
    is_opened = (
        rates.threshold_tokens is not None and rates.threshold_tokens >= model.context_window
    )
    return reach.count_input(tokens, model, _WIDEST if is_opened else model.context_window)


def _asks_for_cache(request: Mapping[str, Any], body: bytes) -> bool:
    if body.find(_MARK) >= 0:
        return True
    # JSON may write letters as escapes; who does so is read to the letter.
    return (
        body.find(b"\\") >= 0
        and any(body.find(escape) >= 0 for escape in _ESCAPES)
        and json.dumps(request).encode().find(_MARK) >= 0
    )


def _name(value: object) -> str:
    return "" if value is None else str(value)


def _bound_cost(rates: Rates, key: _BoundKey) -> Decimal | None:
    _, tariff, tokens, max_tokens, is_cached, speed, geo, searches, is_batch = key
    usage: dict[str, Any] = {
        "output_tokens": max_tokens,
        "speed": speed or "standard",
        "inference_geo": geo or "global",
    }
    if is_cached:
        usage["input_tokens"] = 0
        usage["cache_creation_input_tokens"] = tokens
        usage["cache_creation"] = {"ephemeral_1h_input_tokens": tokens}
    else:
        usage["input_tokens"] = tokens
    if searches:
        usage["server_tool_use"] = {"web_search_requests": searches}
    try:
        return rates.price(usage, batch=is_batch, geo=tariff.geo).total_usd
    except UnpricedUsageError:
        return None
