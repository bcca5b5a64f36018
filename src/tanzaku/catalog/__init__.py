"""What is known of the models: limits, abilities, prices, token counts. Knows nothing of HTTP."""

from tanzaku.catalog._estimate import EstimateRow, estimate_costs
from tanzaku.catalog._find import PROFILES, get_model, get_tier, list_models
from tanzaku.catalog._models import ListPrice, Model, Pace, RateLimit, Source, Tier
from tanzaku.catalog._price import PLATFORMS, price, resolve_rates
from tanzaku.catalog._rates import PARTS, Price, Rates, TokenRates
from tanzaku.catalog._tokens import (
    count_content,
    count_text,
    count_tokens,
    estimate_tokens,
    find_current_turn,
    preload_tokens,
    take_tokens,
)
from tanzaku.catalog._vocabulary import TokenFamily
from tanzaku.catalog._worker import TokenWorker, count_tokens_off_loop
from tanzaku.catalog.errors import (
    CatalogFileError,
    TokenWorkerError,
    UnknownModelError,
    UnknownTierError,
    UnpricedUsageError,
)

__all__ = [
    "PARTS",
    "PLATFORMS",
    "PROFILES",
    "CatalogFileError",
    "EstimateRow",
    "ListPrice",
    "Model",
    "Pace",
    "Price",
    "RateLimit",
    "Rates",
    "Source",
    "Tier",
    "TokenFamily",
    "TokenRates",
    "TokenWorker",
    "TokenWorkerError",
    "UnknownModelError",
    "UnknownTierError",
    "UnpricedUsageError",
    "count_content",
    "count_text",
    "count_tokens",
    "count_tokens_off_loop",
    "estimate_costs",
    "estimate_tokens",
    "find_current_turn",
    "get_model",
    "get_tier",
    "list_models",
    "preload_tokens",
    "price",
    "resolve_rates",
    "take_tokens",
]
