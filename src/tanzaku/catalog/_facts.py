"""Which facts models.toml states of a model, and what each may be."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import date
from decimal import Decimal
from typing import Any, Final

from tanzaku.catalog._models import ListPrice

UNKNOWN: Final = "unknown"
NONE: Final = "none"


class WrongValue(Exception):
    """A value is not what its key stands for; the message says what it should be."""


def read_text(value: object) -> str:
    if not isinstance(value, str) or value in ("", UNKNOWN, NONE):
        raise WrongValue("a text")
    return value


def read_texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise WrongValue("a list of texts")
    return tuple(value)


def read_flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise WrongValue("true or false")
    return value


def _count(value: object) -> int:
    if type(value) is not int or value <= 0:
        raise WrongValue("a whole number above 0")
    return value


def read_three_counts(value: object) -> tuple[int, int, int]:
    if not isinstance(value, list) or len(value) != 3:
        raise WrongValue("[requests, input tokens, output tokens] a minute")
    return _count(value[0]), _count(value[1]), _count(value[2])


def _dollars(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not value > 0:
        raise WrongValue("dollars")
    return Decimal(value)


def _figure(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not value > 0:
        raise WrongValue("a number above 0")
    return float(value)


def _factor(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not value >= 1:
        raise WrongValue("a factor of at least 1")
    return Decimal(value)


def read_date(value: object) -> date:
    if type(value) is not date:
        raise WrongValue("a date, as 2026-11-23")
    return value


def _or_none[T](check: Callable[[Any], T]) -> Callable[[Any], T | None]:
    return lambda value: None if value == NONE else check(value)


def _one_of(*choices: str) -> Callable[[Any], str]:
    def check(value: object) -> str:
        if value not in choices:
            raise WrongValue(f"one of {', '.join(choices)}")
        return str(value)

    return check


def _some_of(*choices: str) -> Callable[[Any], tuple[str, ...]]:
    def check(value: object) -> tuple[str, ...]:
        if not isinstance(value, list) or any(item not in choices for item in value):
            raise WrongValue(f"a list of some of {', '.join(choices)}")
        return tuple(value)

    return check


def _list_price(value: object) -> ListPrice:
    names = {field.name for field in fields(ListPrice)}
    if not isinstance(value, dict) or value.keys() != names:
        raise WrongValue(f"a table of {', '.join(sorted(names))}")
    if any(type(item) not in (int, Decimal) or item < 0 for item in value.values()):
        raise WrongValue("prices in dollars")
    return ListPrice(**{name: Decimal(item) for name, item in value.items()})


type Facts = Mapping[str, Callable[[Any], object]]

TIER_FACTS: Final[Facts] = {
    "monthly_spend_usd": _dollars,
    "count_tokens_requests": _count,
    "batch_requests": _count,
    "batch_queue": _count,
    "files_requests": _count,
}
PACE_FACTS: Final[Facts] = {
    "ttft_ms": _figure,
    "ttft_spread": _figure,
    "tokens_per_s": _figure,
    "tokens_per_s_spread": _figure,
    "gap_spread": _figure,
}

_THINKING: Final = ("enabled", "adaptive", "disabled", "between_tools")
_EFFORTS: Final = ("low", "medium", "high", "xhigh", "max")

FACTS: Final[Facts] = {
    "id": read_text,
    "aliases": read_texts,
    "display_name": read_text,
    "line": read_text,
    "bedrock_id": _or_none(read_text),
    "mantle_id": _or_none(read_text),
    "vertex_id": _or_none(read_text),
    "context_window": _count,
    "max_output_tokens": _count,
    "max_batch_output_tokens": _or_none(_count),
    "thinking_modes": _some_of(*_THINKING),
    "deprecated_thinking_modes": _some_of(*_THINKING),
    "default_thinking": _one_of("adaptive", "disabled"),
    "reduced_thinking_max_effort": _or_none(_one_of(*_EFFORTS)),
    "thinking_display": _or_none(_one_of("summarized", "omitted")),
    "keeps_earlier_thinking": read_flag,
    "effort_levels": _some_of(*_EFFORTS),
    "default_effort": _or_none(_one_of(*_EFFORTS)),
    "sampling": _one_of("free", "one-of-two", "defaults-only", "near-defaults"),
    "prefill": read_flag,
    "forced_tool_choice": read_flag,
    "system_turns": read_flag,
    "fast_speed": read_flag,
    "us_inference_factor": _or_none(_factor),
    "regional_factor": _factor,
    "cache_minimum_tokens": _count,
    "tokenizer": _one_of("v3", "v4.7", "v4.8"),
    "tool_prompt_tokens": _count,
    "forced_tool_prompt_tokens": _or_none(_count),
    "images_per_request": _count,
    "image_max_side_px": _count,
    "image_max_megabytes": _count,
    "pdf_pages_per_request": _count,
    "state": _one_of("active", "deprecated", "retired"),
    "is_legacy": read_flag,
    "released_on": read_date,
    "deprecated_on": _or_none(read_date),
    "retires_on": _or_none(read_date),
    "retires_not_before": _or_none(read_date),
    "rate_limits": _or_none(read_text),
    "rate_pool": _or_none(read_text),
    "pace": read_text,
    "priority_tier": read_flag,
    "list_price": _list_price,
}
MAY_BE_UNKNOWN: Final = frozenset(
    {
        "bedrock_id",
        "mantle_id",
        "vertex_id",
        "max_batch_output_tokens",
        "system_turns",
        "cache_minimum_tokens",
        "tool_prompt_tokens",
        "forced_tool_prompt_tokens",
        "released_on",
        "retires_not_before",
        "rate_limits",
        "rate_pool",
        "priority_tier",
    }
)
OPTIONAL: Final = frozenset({"list_price"})
OF_A_TABLE: Final = frozenset({"source", "sources", "guesses"})
_OF_A_MODEL: Final = frozenset({"id", "aliases", "display_name"})
MODEL_KEYS: Final = FACTS.keys() | OF_A_TABLE | {"generation"}
GENERATION_KEYS: Final = FACTS.keys() - _OF_A_MODEL | OF_A_TABLE
