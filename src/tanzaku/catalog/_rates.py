"""What a usage costs at given rates, in integers.

Amounts are whole pico-dollars (1e-12 $), so that no decimal context can round them: the cheapest
token of the catalog, a cached one of Haiku 5.5 in a batch, costs 5,000 of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Context, Decimal
from typing import Any, Final, NamedTuple

from tanzaku.catalog._usage import is_batch, is_fast, read_counts
from tanzaku.catalog.errors import UnpricedUsageError

PARTS: Final = (
    "input",
    "output",
    "cache_write_5m",
    "cache_write_1h",
    "cache_read",
    "web_search",
)

_multiply: Final = Context(prec=60).multiply
_PICO: Final = Decimal("1e-12")
_PICO_PER_USD: Final = Decimal(10**12)
_HALF: Final = Decimal("0.5")
_ONE: Final = Decimal(1)
_NO_USD: Final = _multiply(0, _PICO)

# Which rates a usage falls under: the sum of those that hold.
_ABOVE: Final = 1
_BATCH: Final = 2
_REGIONAL: Final = 4
_FAST: Final = 8


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars for one usage, every factor applied; the parts add up to the total exactly.

    `parts_usd` always has the keys `input`, `output`, `cache_write_5m`, `cache_write_1h`,
    `cache_read` and `web_search`. All amounts are whole pico-dollars.
    """

    total_usd: Decimal
    parts_usd: dict[str, Decimal]

    @property
    def total_picousd(self) -> int:
        """The total as an integer of 1e-12 dollars, as the ledger keeps it."""
        return int(_multiply(self.total_usd, _PICO_PER_USD))


@dataclass(frozen=True, slots=True)
class TokenRates:
    """Dollars per token; None where no price is published."""

    input: Decimal
    output: Decimal
    cache_write_5m: Decimal | None
    cache_write_1h: Decimal | None
    cache_read: Decimal | None


class _Column(NamedTuple):
    """Whole pico-dollars per token or search, every factor applied."""

    tokens_in: int
    tokens_out: int
    write_5m: int | None
    write_1h: int | None
    read: int | None
    search: int | None


@dataclass(frozen=True, slots=True)
class Rates:
    """The rates of one model, on one day, on one platform; get them from `resolve_rates`.

    A prompt (input, cache reads and cache writes together) of more than `threshold_tokens` is
    billed at `above`: every token of the request, its output included. `is_by_region` platforms
    (Bedrock, Google) ask where a request went; `default_geo` is what the model's name said of it.
    `regional_factor` is the price of US-only inference (elsewhere) or of a regional endpoint; None
    where there is none. `fast` holds for `speed: "fast"`.
    """

    model_id: str
    platform: str
    day: date
    base: TokenRates
    above: TokenRates | None
    threshold_tokens: int | None
    fast: TokenRates | None
    web_search_usd: Decimal | None
    regional_factor: Decimal | None
    is_by_region: bool
    default_geo: str | None
    _columns: dict[int, _Column] = field(default_factory=dict, repr=False, compare=False)

    def price(
        self, usage: Mapping[str, Any], *, batch: bool = False, geo: str | None = None
    ) -> Price:
        """Price the API's `usage` object, as in a response or merged over a stream.

        `batch`, or `service_tier: "batch"` in the usage, halves every token part; web search has
        no batch price and stays. `geo` is `global` or `us` on Anthropic's own platforms (default:
        the usage's `inference_geo`), `global` or a region's name on Bedrock and Google. Where a
        usage sums several samplings of one request (`iterations`), the long-prompt threshold is
        held against the sum: a guess, no document says so.

        Raises UnpricedUsageError for a count that is not a whole number >= 0, for a part without
        a published price (Priority Tier, compaction, a server tool billed by time, ...) and for
        keys not known here, unless they count nothing.
        """
        tokens_in, tokens_out, write_5m, write_1h, read, searches = read_counts(usage)
        charge = 0
        threshold = self.threshold_tokens
        if threshold is not None and tokens_in + write_5m + write_1h + read > threshold:
            charge = _ABOVE
        if is_batch(usage.get("service_tier")) or batch:
            charge += _BATCH
        if self._is_regional(geo, usage.get("inference_geo")):
            charge += _REGIONAL
        if is_fast(usage.get("speed")):
            charge += _FAST
        column = self._columns.get(charge) or self._column(charge)

        part_in = tokens_in * column.tokens_in
        part_out = tokens_out * column.tokens_out
        part_5m = write_5m and self._amount(2, write_5m, column.write_5m)
        part_1h = write_1h and self._amount(3, write_1h, column.write_1h)
        part_read = read and self._amount(4, read, column.read)
        part_search = searches and self._amount(5, searches, column.search)
        return Price(
            _usd(part_in + part_out + part_5m + part_1h + part_read + part_search),
            {
                "input": _usd(part_in),
                "output": _usd(part_out),
                "cache_write_5m": _usd(part_5m),
                "cache_write_1h": _usd(part_1h),
                "cache_read": _usd(part_read),
                "web_search": _usd(part_search),
            },
        )

    def _amount(self, part: int, count: int, rate: int | None) -> int:
        if rate is None:
            raise UnpricedUsageError(
                "No price of {part} is known for {model} on {platform}.",
                part=PARTS[part],
                model=self.model_id,
                platform=self.platform,
            )
        return count * rate

    def _is_regional(self, geo: str | None, reported: str | None) -> bool:
        if self.is_by_region:
            place = geo or self.default_geo
            if place is None:
                raise UnpricedUsageError(
                    "{model} has two prices on {platform}: one for the global endpoint, one for "
                    "regional ones.",
                    hint="Give the place: `global`, or the name of the region.",
                    model=self.model_id,
                    platform=self.platform,
                )
            return place != "global"
        place = geo or reported
        if place is None or place in ("global", "not_available"):
            return False
        if place != "us":
            raise UnpricedUsageError(
                "No price is known for inference_geo `{place}`.",
                hint="Known are `global` and `us`.",
                place=place,
            )
        if self.regional_factor is None:
            raise UnpricedUsageError("{model} has no inference_geo.", model=self.model_id)
        return True

    def _column(self, charge: int) -> _Column:
        rates = self.above if charge & _ABOVE and self.above else self.base
        factor = _HALF if charge & _BATCH else _ONE
        if charge & _FAST:
            if charge & _BATCH:
                raise UnpricedUsageError(
                    "No fast price of {model} is known in a batch.", model=self.model_id
                )
            if self.fast is None:
                raise UnpricedUsageError(
                    "No fast price of {model} is known on {platform}.",
                    model=self.model_id,
                    platform=self.platform,
                )
            rates = self.fast
        if charge & _REGIONAL and self.regional_factor is not None:
            factor = _multiply(factor, self.regional_factor)
        column = _Column(
            _in_pico(rates.input, factor),
            _in_pico(rates.output, factor),
            None if rates.cache_write_5m is None else _in_pico(rates.cache_write_5m, factor),
            None if rates.cache_write_1h is None else _in_pico(rates.cache_write_1h, factor),
            None if rates.cache_read is None else _in_pico(rates.cache_read, factor),
            None if self.web_search_usd is None else _in_pico(self.web_search_usd, _ONE),
        )
        self._columns[charge] = column
        return column


def _usd(picousd: int) -> Decimal:
    return _multiply(Decimal(picousd), _PICO) if picousd else _NO_USD


def _in_pico(usd: Decimal, factor: Decimal) -> int:
    amount = _multiply(_multiply(usd, factor), _PICO_PER_USD)
    if amount != int(amount):
        raise UnpricedUsageError(
            "{usd} $ times {factor} is finer than a pico-dollar.", usd=usd, factor=factor
        )
    return int(amount)
