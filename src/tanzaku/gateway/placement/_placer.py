"""Cache breakpoints put into the requests of a gateway, and what its answers teach of them."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from tanzaku.catalog import (
    TokenWorkerError,
    UnknownModelError,
    UnpricedUsageError,
    get_model,
    resolve_rates,
)
from tanzaku.exchange import Exchange
from tanzaku.gateway._stages import Asked, Caller, Target
from tanzaku.gateway.placement._count import count_frame, cut_request
from tanzaku.gateway.placement._insert import Mark, insert_marks
from tanzaku.gateway.placement._machine import CachePrices, PlacementMachine, Plan, read_prices
from tanzaku.gateway.placement._prefix import Prefix, read_prefix
from tanzaku.gateway.placement._settings import PlacementSettings
from tanzaku.transport import HttpRequest

_log = logging.getLogger("tanzaku.gateway")
PLACED_HEADER: Final = b"tanzaku-cache-placed"
_OF_THE_BODY: Final = frozenset({b"content-encoding", b"content-length"})

type Count = Callable[[Mapping[str, Any], str], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Placed:
    """A request with breakpoints in its body; `marks` say where."""

    request: HttpRequest
    marks: tuple[Mark, ...]

    @property
    def header(self) -> tuple[bytes, bytes]:
        """For the answer: how many, and where each stands: `2; system.0 5m, messages.4.content 5m`."""
        places = ", ".join(f"{'.'.join(map(str, mark.path))} {mark.ttl}" for mark in self.marks)
        return PLACED_HEADER, f"{len(self.marks)}; {places}".encode()


class PromptPlacer:
    """Places breakpoints where they pay, and learns from what the answers cost.

    `count` says how many input tokens a request has (`catalog.count_tokens_off_loop`). The caches of
    different upstreams have nothing to do with each other: each has an account of its own.
    """

    def __init__(self, settings: PlacementSettings, count: Count) -> None:
        self._settings = settings
        self._count = count
        self._machine = PlacementMachine(
            always=settings.place == "always", longest=settings.longest
        )
        self._open: dict[str, tuple[str, Plan]] = {}

    async def place(
        self, exchange_id: str, asked: Asked, caller: Caller, target: Target, request: HttpRequest
    ) -> Placed | None:
        """`request`, about to go to `target`, with breakpoints; None for one that stays as it is.

        `observe` must get the exchange of that id once it is settled.
        """
        read = self._read(asked, caller, target)
        if read is None:
            return None
        prefix, prices = read
        try:
            tokens = await self._count_all(target.name, asked, prefix)
        except TokenWorkerError as error:
            _log.warning("no cache breakpoints: %s", error)
            return None
        plan = self._machine.plan(target.name, prefix, prices, tokens, asked.now)
        self._open[exchange_id] = (target.name, plan)
        if not plan.marks:
            return None
        try:
            body = insert_marks(asked.body, plan.marks)
        except ValueError:
            self._machine.abandon(self._open.pop(exchange_id)[1])
            return None
        headers = [line for line in request.headers if line[0] not in _OF_THE_BODY]
        return Placed(replace(request, headers=headers, body=body), tuple(plan.marks))

    def observe(self, exchange: Exchange) -> None:
        """An exchange is settled: what its upstream says of the cache is taken into account."""
        target, plan = self._open.pop(exchange.exchange_id, ("", None))
        if plan is None:
            return
        settled = exchange.settlement
        if settled is None or settled.route != target or not settled.usage:
            self._machine.abandon(plan)
        else:
            self._machine.commit(plan, settled.usage)

    def _read(
        self, asked: Asked, caller: Caller, target: Target
    ) -> tuple[Prefix, CachePrices] | None:
        """The prompt and its prices; None for a call that is left as it is."""
        conditions = self._settings.on
        if not asked.is_message or (
            conditions and all(one.find_miss(asked, caller) is not None for one in conditions)
        ):
            return None
        try:
            model = get_model(target.model or asked.model or "")
            day = datetime.fromtimestamp(asked.now, UTC).date()
            prices = read_prices(resolve_rates(model.id, day))
        except (UnknownModelError, UnpricedUsageError):
            return None
        prefix = read_prefix(asked.params, model)
        return None if prefix is None or prices is None else (prefix, prices)

    async def _count_all(self, scope: str, asked: Asked, prefix: Prefix) -> dict[int, int]:
        """Tokens up to each block that might be marked."""
        tokens = {}
        for block in self._machine.survey(scope, prefix, asked.now):
            known = self._machine.find_tokens(scope, prefix, block)
            if known is None:
                cut = cut_request(asked.params, prefix, block)
                known = await self._count(cut, prefix.model.id) - count_frame(prefix.model.id)
            tokens[block] = known
        return tokens
