"""Which rates hold for a model: `genai-prices`, read once per (model, day, platform)."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from tanzaku.catalog._find import resolve_name
from tanzaku.catalog._load import Name, load_catalog
from tanzaku.catalog._models import ListPrice, Model
from tanzaku.catalog._rates import Price, Rates, TokenRates
from tanzaku.catalog.errors import UnpricedUsageError

if TYPE_CHECKING:
    from genai_prices.types import ModelPrice

PLATFORMS: Final = ("anthropic", "aws", "bedrock", "foundry", "vertex")

# Bedrock and Google bill for themselves and price by region; the other three bill Anthropic's
# list price and know only `inference_geo`. [platform.claude.com about-claude/pricing, 2026-09-02]
_PARTNERS: Final = ("bedrock", "vertex")
_TOKENS_PER_MTOK: Final = 10**6


def price(
    model: str,
    usage: Mapping[str, Any],
    *,
    day: date | None = None,
    platform: str = "anthropic",
    batch: bool = False,
    geo: str | None = None,
) -> Price:
    """Price the API's `usage` object for a model's id, alias, Bedrock id or Google id.

    `day` is the day of the request in UTC (default: the day the catalog was checked), `platform`
    one of PLATFORMS. See `Rates.price` for `batch`, `geo` and what raises UnpricedUsageError;
    a name not in the catalog raises UnknownModelError.
    """
    return resolve_rates(model, day, platform).price(usage, batch=batch, geo=geo)


@lru_cache(maxsize=1024)
def resolve_rates(model: str, day: date | None = None, platform: str = "anthropic") -> Rates:
    """The rates of a model on a day (default: the day the catalog was checked) and a platform.

    Cached. Figures come from `list_price` in models.toml where a model has one there, else from
    the copy inside `genai-prices` (no network).
    """
    if platform not in PLATFORMS:
        raise UnpricedUsageError(
            "Unknown platform `{platform}`.",
            hint="Known are {platforms}.",
            platform=platform,
            platforms=", ".join(PLATFORMS),
        )
    name = resolve_name(model)
    if name.platform not in (None, platform):
        raise UnpricedUsageError(
            "`{name}` is the model's name on {right}, not on {platform}.",
            hint="Say platform `{right}`, or `{model}` for the list price.",
            name=model,
            right=name.platform,
            platform=platform,
            model=name.model.id,
        )
    day = day or load_catalog().checked_on
    if platform in _PARTNERS:
        return _partner_rates(name, day, platform)
    return _first_party_rates(name.model, day, platform)


def _first_party_rates(model: Model, day: date, platform: str) -> Rates:
    listed = model.list_price
    if listed is None:
        found = _look_up("anthropic", model.id, day)
        if found is None:
            raise _no_price(model, platform)
        fast = _look_up("anthropic", model.id, day, speed="fast") if model.fast_speed else None
        base, above, threshold = _read_rates(found)
        search = _per_unit(found.web_searches_kcount, 1000)
        fast_rates = _read_rates(fast)[0] if fast and fast != found else None
    else:
        base, above, threshold, search = _listed_rates(listed), None, None, listed.web_search
        fast_rates = None
    return Rates(
        model_id=model.id,
        platform=platform,
        day=day,
        base=base,
        above=above,
        threshold_tokens=threshold,
        # Google and Foundry sell fast mode as well, at prices not found. [fast-mode, 2026-11-24]
        fast=fast_rates if platform == "anthropic" else None,
        web_search_usd=search,
        regional_factor=model.us_inference_factor,
        is_by_region=False,
        default_geo=None,
    )


def _partner_rates(name: Name, day: date, platform: str) -> Rates:
    model = name.model
    found: ModelPrice | None = None
    if platform == "bedrock" and model.bedrock_id is not None:
        # The library keeps global and regional rates apart; models before 4.5 have the latter only.
        found = _look_up("aws", f"global.{model.bedrock_id}", day)
        found = found or _look_up("aws", f"us.{model.bedrock_id}", day)
    elif platform == "vertex" and model.vertex_id is not None:
        found = _look_up("google", model.vertex_id, day)
    if found is None:
        raise _no_price(model, platform)
    base, above, threshold = _read_rates(found)
    return Rates(
        model_id=model.id,
        platform=platform,
        day=day,
        base=base,
        above=above,
        threshold_tokens=threshold,
        fast=None,
        web_search_usd=_per_unit(found.web_searches_kcount, 1000),
        regional_factor=model.regional_factor,
        is_by_region=True,
        default_geo=name.geo,
    )


def _look_up(
    provider: str, reference: str, day: date, *, speed: str | None = None
) -> "ModelPrice | None":
    from genai_prices import Usage, calc_price

    try:
        found = calc_price(
            Usage(),
            reference,
            provider_id=provider,
            genai_request_timestamp=datetime.combine(day, time(), UTC),
            price_context={"speed": speed} if speed else None,
        )
    except LookupError:
        return None
    return found.model_price


def _read_rates(found: "ModelPrice") -> tuple[TokenRates, TokenRates | None, int | None]:
    from genai_prices.types import TieredPrices

    columns = [
        found.input_mtok,
        found.output_mtok,
        found.cache_write_mtok,
        found.cache_write_1h_mtok,
        found.cache_read_mtok,
    ]
    tiered = [column for column in columns if isinstance(column, TieredPrices)]
    thresholds = {tier.start for column in tiered for tier in column.tiers}
    if len(thresholds) > 1 or any(len(column.tiers) != 1 for column in tiered):
        raise UnpricedUsageError("More than one price step is not understood: {found}", found=found)

    def rates(*, is_above: bool) -> TokenRates:
        return _token_rates(
            [
                (column.tiers[0].price if is_above else column.base)
                if isinstance(column, TieredPrices)
                else column
                for column in columns
            ]
        )

    base = rates(is_above=False)
    if not thresholds:
        return base, None, None
    return base, rates(is_above=True), thresholds.pop()


def _listed_rates(listed: ListPrice) -> TokenRates:
    return _token_rates(
        [
            listed.input,
            listed.output,
            listed.cache_write_5m,
            listed.cache_write_1h,
            listed.cache_read,
        ]
    )


def _token_rates(usd_per_mtok: list[Decimal | None]) -> TokenRates:
    tokens_in, tokens_out, *cached = (_per_unit(usd, _TOKENS_PER_MTOK) for usd in usd_per_mtok)
    if tokens_in is None or tokens_out is None:
        raise UnpricedUsageError("A price without input or output is no price.")
    return TokenRates(tokens_in, tokens_out, *cached)


def _per_unit(usd: object, per: int) -> Decimal | None:
    return usd / per if isinstance(usd, Decimal) else None


def _no_price(model: Model, platform: str) -> UnpricedUsageError:
    return UnpricedUsageError(
        "No price is known for {model} on {platform}.", model=model.id, platform=platform
    )
