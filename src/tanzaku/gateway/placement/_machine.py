"""Where cache breakpoints pay: a state machine over Unix seconds, tokens and prices.

What is written to the cache costs more than plain input (1.25 times for five minutes, twice for an
hour), what is read from it a tenth or less. So a breakpoint pays where its prefix comes again in
time with a chance above the break-even; that chance is taken from what came so far. Two rules keep
it honest whatever comes: a prompt whose beginning was never seen is left alone, and of each
upstream's prompts no more is ever at stake than the bound allows: what the cache has cost more
than it saved stays below one part in LOSS_SHARE of what the prompts would have cost without it.
Savings and costs are those that the answers report.

Left to guesses: that a prefix may be read a few seconds after its writer's request, and that an
upstream keeps it to the end of its lifetime. Where one is wrong, what calls under way wrote in vain
comes on top of the bound, once: then reading is staked too, until it works again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tanzaku.catalog import Rates
from tanzaku.gateway.placement._insert import Mark, Ttl
from tanzaku.gateway.placement._memory import LIFETIMES_S, Memory, Scope, Sighting
from tanzaku.gateway.placement._prefix import Prefix
from tanzaku.gateway.placement._usage import read_usage

# The largest minimum of a known model, for one whose minimum is not.
UNKNOWN_MINIMUM_TOKENS: Final = 4096
_WRITING_S: Final = 5.0
MOST_MARKS: Final = 4
LOSS_SHARE: Final = 8
_PICO: Final = 10**12


@dataclass(frozen=True, slots=True)
class CachePrices:
    """Pico-dollars per token."""

    input: int
    write: Mapping[Ttl, int]
    read: int

    def surcharge(self, ttl: Ttl) -> int:
        """What writing a token adds to its price."""
        return self.write[ttl] - self.input


def read_prices(rates: Rates) -> CachePrices | None:
    """What the cache costs with a model; None where no price of it is known."""
    base = rates.base
    if base.cache_write_5m is None or base.cache_write_1h is None or base.cache_read is None:
        return None
    return CachePrices(
        int(base.input * _PICO),
        {"5m": int(base.cache_write_5m * _PICO), "1h": int(base.cache_write_1h * _PICO)},
        int(base.cache_read * _PICO),
    )


@dataclass(frozen=True, slots=True)
class Plan:
    """What a prompt gets. `read_tokens` and `writes` are what it should read and write, `marks` its
    breakpoints in order; `blocks` are theirs, each with its tokens."""

    scope: str
    prefix: Prefix
    prices: CachePrices
    marks: Sequence[Mark]
    blocks: Sequence[tuple[int, int]]
    read_tokens: int
    writes: Mapping[Ttl, int]
    risk: int
    now: float


@dataclass(frozen=True, slots=True)
class _Spot:
    """A block behind which a breakpoint may stand; `tokens` are those up to it."""

    block: int
    tokens: int
    sighting: Sighting | None

    @property
    def ttl(self) -> Ttl:
        return "5m" if self.sighting is None else self.sighting.ttl

    def is_readable(self, now: float) -> bool:
        return self.sighting is not None and now < self.sighting.readable_until

    def is_being_written(self, now: float) -> bool:
        return self.sighting is not None and now < self.sighting.written_by


@dataclass(frozen=True, slots=True)
class _Offer:
    """A prefix that is worth being written, from `start_tokens` on."""

    spot: _Spot
    ttl: Ttl
    start_tokens: int

    @property
    def tokens(self) -> int:
        """What is written."""
        return self.spot.tokens - self.start_tokens


class PlacementMachine:
    """Decides on breakpoints and learns from what comes of them.

    For each prompt `survey` names the blocks whose tokens must be known, `plan` decides, and then
    `commit` or `abandon` says what became of it. `always` places at first sight as well, without
    regard to chance and bound. `longest` is the longest lifetime that may be asked for.
    """

    def __init__(
        self, *, always: bool = False, longest: Ttl = "5m", most_prefixes: int = 20_000
    ) -> None:
        self._always = always
        self._ttls: tuple[Ttl, ...] = ("5m", "1h") if longest == "1h" else ("5m",)
        self._memory = Memory(most_prefixes)

    def survey(self, scope: str, prefix: Prefix, now: float) -> list[int]:
        """The blocks behind which a breakpoint might stand, in order: where tools and system end,
        where what was seen ends, what can be read, the end. None is below the model's minimum, as
        far as bytes can tell (no text has a token a byte)."""
        seen = cached = -1
        for block, digest in enumerate(prefix.digests):
            sighting = self._memory.find(scope, digest)
            if sighting is not None:
                seen = block
                if now < sighting.readable_until:
                    cached = block
        if seen < 0 and not self._always:
            return []
        last = len(prefix.digests) - 1
        known = [end for end in prefix.ends if end <= seen or self._always]
        blocks = {prefix.find_markable(block) for block in (*known, seen, cached, last)}
        least = _find_minimum(prefix)
        return sorted(block for block in blocks if block >= 0 and prefix.sizes[block] >= least)

    def find_tokens(self, scope: str, prefix: Prefix, block: int) -> int | None:
        """Tokens up to a block, where they are known from before."""
        sighting = self._memory.find(scope, prefix.digests[block])
        return None if sighting is None else sighting.tokens

    def plan(
        self,
        scope: str,
        prefix: Prefix,
        prices: CachePrices,
        tokens: Mapping[int, int],
        now: float,
    ) -> Plan:
        """Breakpoints for a prompt that is about to be sent. `tokens` are those up to each block
        that `survey` named."""
        account = self._memory.get_scope(scope)
        for digest in prefix.digests:
            self._memory.note(scope, digest, now)
        account.note_prompt(prefix.digests, now)
        for block, count in tokens.items():
            sighting = self._memory.find(scope, prefix.digests[block])
            if sighting is not None:
                sighting.tokens = count
        least = _find_minimum(prefix)
        spots = [
            _Spot(block, tokens[block], self._memory.find(scope, prefix.digests[block]))
            for block in sorted(tokens)
            if tokens[block] >= least
        ]
        reading = next((spot for spot in reversed(spots) if spot.is_readable(now)), None)
        while len(spots) > MOST_MARKS:
            spots.remove(next(spot for spot in spots if spot is not reading))
        offers = self._collect(account, prices, spots, reading, now)
        if not self._always:
            total = max(tokens.values(), default=0) * prices.input
            reading, offers = _limit(account, prices, total, reading, offers)
        return self._build(scope, prefix, prices, reading, offers, now)

    def commit(self, plan: Plan, usage: Mapping[str, Any]) -> None:
        """The answer came, with this `usage`: what was written can be read from now on."""
        self._settle(plan)
        account, prices = self._memory.get_scope(plan.scope), plan.prices
        counts = read_usage(usage)
        account.paid += counts.total * prices.input
        account.balance += counts.read * (prices.input - prices.read)
        for ttl, count in counts.writes.items():
            account.balance -= count * prices.surcharge(ttl)
        if plan.read_tokens:
            account.is_trusted = counts.read > 0
        for mark, (block, tokens) in zip(plan.marks, plan.blocks, strict=True):
            sighting = self._memory.find(plan.scope, plan.prefix.digests[block])
            if sighting is not None:
                sighting.tokens, sighting.ttl = tokens, mark.ttl
                until = plan.now + LIFETIMES_S[mark.ttl]
                sighting.readable_until = max(sighting.readable_until, until)

    def abandon(self, plan: Plan) -> None:
        """No answer came, or another upstream's: nothing was written."""
        self._settle(plan)

    def _settle(self, plan: Plan) -> None:
        self._memory.get_scope(plan.scope).at_risk -= plan.risk
        for block, _ in plan.blocks:
            sighting = self._memory.find(plan.scope, plan.prefix.digests[block])
            if sighting is not None:
                sighting.written_by = 0.0

    def _collect(
        self,
        account: Scope,
        prices: CachePrices,
        spots: Sequence[_Spot],
        reading: _Spot | None,
        now: float,
    ) -> list[_Offer]:
        """What would pay, each prefix written from where the one before ends."""
        offers: list[_Offer] = []
        start, ttls = 0, self._ttls
        if reading is not None:
            start = reading.tokens
            ttls = ttls if reading.ttl == "1h" else ("5m",)
        for spot in spots:
            if spot.tokens <= start or spot.is_being_written(now):
                continue
            ttl = self._weigh(account, spot, prices, ttls)
            if ttl is not None:
                offers.append(_Offer(spot, ttl, start))
                start = spot.tokens
                # What lives longer must come first.
                ttls = ttls if ttl == "1h" else ("5m",)
        return offers

    def _weigh(
        self, account: Scope, spot: _Spot, prices: CachePrices, ttls: Sequence[Ttl]
    ) -> Ttl | None:
        """The lifetime with which writing a prefix saves most; None where it saves nothing."""
        if self._always:
            return "5m"
        returns = account.returns
        if spot.sighting is not None and spot.sighting.returns.is_told:
            returns = spot.sighting.returns
        best, most = None, 0.0
        for ttl in ttls:
            chance = returns.estimate(ttl)
            # Each time it comes in time it is read, and lives as long again.
            reads = chance / (1 - chance)
            worth = reads * (prices.input - prices.read) - prices.surcharge(ttl)
            if worth > most:
                best, most = ttl, worth
        return best

    def _build(
        self,
        scope: str,
        prefix: Prefix,
        prices: CachePrices,
        reading: _Spot | None,
        offers: Sequence[_Offer],
        now: float,
    ) -> Plan:
        writes: dict[Ttl, int] = dict.fromkeys(LIFETIMES_S, 0)
        marks = [] if reading is None else [(reading, reading.ttl)]
        for offer in offers:
            writes[offer.ttl] += offer.tokens
            marks.append((offer.spot, offer.ttl))
            if offer.spot.sighting is not None:
                offer.spot.sighting.written_by = now + _WRITING_S
        risk = _add_risks(offers, prices)
        self._memory.get_scope(scope).at_risk += risk
        return Plan(
            scope,
            prefix,
            prices,
            [Mark(prefix.paths[spot.block], ttl) for spot, ttl in marks],
            [(spot.block, spot.tokens) for spot, _ in marks],
            0 if reading is None else reading.tokens,
            writes,
            risk,
            now,
        )


def _limit(
    account: Scope,
    prices: CachePrices,
    total: int,
    reading: _Spot | None,
    offers: list[_Offer],
) -> tuple[_Spot | None, list[_Offer]]:
    """What of it may be staked: no more than the bound leaves. Reading costs nothing where the
    upstream holds what it should; where it did not the last time, it is staked as well."""
    stake = account.balance - account.at_risk + (account.paid + total) // LOSS_SHARE
    if reading is not None and not account.is_trusted:
        stake -= reading.tokens * prices.surcharge(reading.ttl)
        if stake < 0:
            return None, []
    while _add_risks(offers, prices) > max(0, stake):
        offers = offers[:-1]
    return reading, offers


def _add_risks(offers: Sequence[_Offer], prices: CachePrices) -> int:
    return sum(offer.tokens * prices.surcharge(offer.ttl) for offer in offers)


def _find_minimum(prefix: Prefix) -> int:
    least = prefix.model.cache_minimum_tokens
    return UNKNOWN_MINIMUM_TOKENS if least is None else least
