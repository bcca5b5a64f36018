"""Tokens and money."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from tanzaku.workbench.assertions._finding import CannotJudge, Sight
from tanzaku.workbench.assertions._kind import compared
from tanzaku.workbench.assertions._numbers import NON_NEGATIVE, SHARE, need_number
from tanzaku.workbench.assertions._ops import NUMBER

_TOKENS: Final = replace(NUMBER, span=NON_NEGATIVE)
_INPUTS: Final = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")


def _find_usage(sight: Sight) -> dict[str, Any]:
    usage = sight.whole.usage
    if usage is None:
        raise CannotJudge("the answer has no usage")
    return usage


def _get_tokens(*names: str) -> Callable[[Sight], Any]:
    def get(sight: Sight) -> Any:
        value: Any = _find_usage(sight)
        for name in names:
            value = value.get(name) if isinstance(value, dict) else None
        if value is None:
            raise CannotJudge("the usage has no {name}", name=".".join(names))
        return value

    return get


def _find_hit_ratio(sight: Sight) -> Decimal:
    usage = _find_usage(sight)
    if usage.get("cache_read_input_tokens") is None:
        raise CannotJudge("the usage has no {name}", name="cache_read_input_tokens")
    parts = [need_number(usage.get(name) or 0) for name in _INPUTS]
    if not sum(parts):
        raise CannotJudge("the request had no input tokens")
    return parts[2] / sum(parts)


def _find_cost(sight: Sight) -> Decimal:
    cost = sight.whole.cost_usd
    if cost is None:
        settlement = sight.whole.exchange.settlement
        reason = settlement.unpriced if settlement else None
        raise CannotJudge("the answer has no price: {reason}", reason=reason or "no usage")
    return cost


USAGE_KINDS: Final = {
    "usage.input_tokens": compared(_get_tokens("input_tokens"), _TOKENS),
    "usage.output_tokens": compared(_get_tokens("output_tokens"), _TOKENS),
    "usage.cache_read": compared(_get_tokens("cache_read_input_tokens"), _TOKENS),
    "usage.cache_creation": compared(_get_tokens("cache_creation_input_tokens"), _TOKENS),
    "usage.thinking_tokens": compared(
        _get_tokens("output_tokens_details", "thinking_tokens"), _TOKENS
    ),
    "cache_hit_ratio": compared(_find_hit_ratio, replace(NUMBER, span=SHARE)),
    "cost_usd": compared(_find_cost, _TOKENS),
}
