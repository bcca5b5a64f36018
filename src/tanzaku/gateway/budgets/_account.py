"""One budget's account, and what a call holds of it."""

import math
from collections import deque
from decimal import Decimal
from functools import lru_cache
from typing import Final, get_args

from tanzaku.gateway._stages import Used
from tanzaku.gateway.budgets._rules import PICO, BudgetRule, Span, Unit, find_span

UNITS: Final[tuple[Unit, ...]] = get_args(Unit.__value__)

type Amounts = tuple[int | None, ...]
"""Of each of UNITS in their order; None where it is not known."""


class Slot:
    """What was spent and is held by the calls that started in one span."""

    __slots__ = ("is_counted", "reserved", "span", "spent")

    def __init__(self, span: Span) -> None:
        self.span = span
        self.spent = 0
        self.reserved = 0
        self.is_counted = True


class Account:
    """One rule for one subject. A pure machine over now (Unix seconds).

    `taken` is what is spent or held of `rule.most`, up to date once `advance` was called at
    `next_at` or later. `slot` takes what starts now.
    """

    __slots__ = ("_slots", "most", "next_at", "rule", "slot", "subject", "taken", "unit")

    def __init__(self, rule: BudgetRule, subject: str, now: float) -> None:
        self.rule = rule
        self.subject = subject
        self.most = rule.most
        self.unit = UNITS.index(rule.unit)
        self.taken = 0
        self.slot = Slot(find_span(rule.period, now))
        self.next_at = self.slot.span.ends_at
        self._slots = deque([self.slot])

    def advance(self, now: float) -> None:
        """Let go of what no longer counts; a clock that is put back changes nothing."""
        slots = self._slots
        if now >= self.slot.span.ends_at:
            self.slot = Slot(find_span(self.rule.period, now))
            slots.append(self.slot)
        while slots[0].span.counts_until <= now:
            gone = slots.popleft()
            gone.is_counted = False
            self.taken -= gone.spent + gone.reserved
        self.next_at = min(self.slot.span.ends_at, slots[0].span.counts_until)

    def charge(self, amount: int) -> None:
        """Count `amount` as spent now."""
        self.slot.spent += amount
        self.taken += amount

    @property
    def spent(self) -> int:
        """What settled calls have used."""
        return sum(slot.spent for slot in self._slots)

    @property
    def reserved(self) -> int:
        """What calls under way hold."""
        return sum(slot.reserved for slot in self._slots)

    @property
    def empty_at(self) -> float | None:
        """When nothing of what is taken counts any more; None when it counts for ever, or nothing
        is taken."""
        taken = [slot.span.counts_until for slot in self._slots if slot.spent or slot.reserved]
        return max(taken) if taken and taken[-1] < math.inf else None

    def find_room_at(self, amount: int) -> float | None:
        """When there is room for `amount` if nothing is used in between; None when there never is."""
        taken = self.taken
        for slot in self._slots:
            if amount + taken <= self.most or slot.span.counts_until == math.inf:
                break
            taken -= slot.spent + slot.reserved
            if amount + taken <= self.most:
                return slot.span.counts_until
        return None


class BudgetHold:
    """What one call holds. Implements `Hold`."""

    __slots__ = ("_held", "_is_settled")

    def __init__(self, held: list[tuple[Account, Slot, int]]) -> None:
        self._held = held
        self._is_settled = False

    def settle(self, used: Used, now: float) -> None:
        """Charge what was used to the span the call started in, and let go of the rest. Where that
        is not known the worst case is charged. A second call does nothing."""
        del now
        if self._is_settled:
            return
        self._is_settled = True
        charges = _list_charges(used)
        for account, slot, held in self._held:
            charge = charges[account.unit]
            if charge is None:
                charge = held
            slot.reserved -= held
            slot.spent += charge
            if slot.is_counted:
                account.taken += charge - held


@lru_cache(maxsize=4096)
def to_pico(usd: Decimal) -> int:
    """Dollars as whole pico-dollars, rounded up."""
    return math.ceil(usd * PICO)


def _list_charges(used: Used) -> Amounts:
    usd, read, written = used.usd, used.input_tokens, used.output_tokens
    if usd is None and not read and not written:
        return None, None, None, None, None, 0
    return None if usd is None else to_pico(usd), read + written, read, written, None, 0
