"""Recorded prompts through the placement machine: what they would have written and read."""

import heapq
import re
from collections import Counter
from typing import Any, Final

from tanzaku.catalog import Model, Rates
from tanzaku.gateway.placement import (
    CacheCounts,
    PlacementMachine,
    Plan,
    read_prefix,
    read_prices,
    write_usage,
)
from tanzaku.gateway.whatif._past import Past

_NUMBER: Final = re.compile(r"\d+")


class CacheReplay:
    """The upstream's cache as it would have been, from call to call in the order they started.

    What a prompt has up to a block is its share of the bytes: an estimate, good to some percent.
    What a call writes can be read from when its answer began.
    """

    def __init__(self) -> None:
        self._machine = PlacementMachine()
        self._begun: list[tuple[float, int, Plan, dict[str, Any]]] = []
        self._number = 0
        self.placed = 0
        self.read_tokens = self.written_tokens = 0
        self.where: Counter[str] = Counter()

    def place(self, past: Past, model: Model, rates: Rates, total: int) -> CacheCounts | None:
        """What a prompt of `total` tokens would have been billed as; None for one that stays as it
        was."""
        now = past.started_at
        while self._begun and self._begun[0][0] <= now:
            _, _, plan, usage = heapq.heappop(self._begun)
            self._machine.commit(plan, usage)
        prices = read_prices(rates)
        if past.params is None or past.is_veiled or prices is None:
            return None
        prefix = read_prefix(past.params, model)
        if prefix is None:
            return None
        scope = past.route or ""
        tokens = {
            block: total * prefix.sizes[block] // prefix.sizes[-1]
            for block in self._machine.survey(scope, prefix, now)
        }
        plan = self._machine.plan(scope, prefix, prices, tokens, now)
        written = sum(plan.writes.values())
        counts = CacheCounts(total - plan.read_tokens - written, plan.read_tokens, plan.writes)
        self._number += 1
        begun = (past.answered_at, self._number, plan, write_usage(counts))
        heapq.heappush(self._begun, begun)
        self.placed += bool(plan.marks)
        self.read_tokens += plan.read_tokens
        self.written_tokens += written
        self.where.update(_NUMBER.sub("*", ".".join(map(str, mark.path))) for mark in plan.marks)
        return counts
