"""Prices against `genai-prices` itself, and what must hold for any usage."""

import decimal
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from genai_prices import Usage, calc_price
from hypothesis import given
from hypothesis import strategies as st

from tanzaku.catalog import list_models, price

# genai-prices 0.2.3 lacks these two; models.toml states their list price.
WITHOUT_LIBRARY = ("claude-mythos-5", "claude-mythos-5-1")
MODELS = [model.id for model in list_models()]
IN_LIBRARY = [model for model in MODELS if model not in WITHOUT_LIBRARY]
DAY = date(2026, 11, 23)
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)

tokens = st.integers(0, 400_000)


@st.composite
def usages(draw: st.DrawFn) -> dict[str, Any]:
    write_5m, write_1h = draw(tokens), draw(tokens)
    return {
        "input_tokens": draw(tokens),
        "output_tokens": draw(tokens),
        "cache_creation_input_tokens": write_5m + write_1h,
        "cache_creation": {
            "ephemeral_5m_input_tokens": write_5m,
            "ephemeral_1h_input_tokens": write_1h,
        },
        "cache_read_input_tokens": draw(tokens),
        "server_tool_use": {"web_search_requests": draw(st.integers(0, 50))},
    }


def ask_library(model: str, usage: dict[str, Any], provider: str, **context: str) -> Decimal:
    written, read = usage["cache_creation_input_tokens"], usage["cache_read_input_tokens"]
    return calc_price(
        Usage(
            input_tokens=usage["input_tokens"] + written + read,
            output_tokens=usage["output_tokens"],
            cache_write_tokens=written,
            cache_write_1h_tokens=usage["cache_creation"]["ephemeral_1h_input_tokens"],
            cache_read_tokens=read,
            web_searches=usage["server_tool_use"]["web_search_requests"],
        ),
        model,
        provider_id=provider,
        genai_request_timestamp=NOW,
        price_context=context or None,
    ).total_price


@given(st.sampled_from(IN_LIBRARY), usages())
def test_our_total_is_the_librarys(model: str, usage: dict[str, Any]) -> None:
    ours = price(model, usage, day=DAY).total_usd
    assert ours == ask_library(model, usage, "anthropic")


@given(
    st.sampled_from(["claude-haiku-4-5", "claude-haiku-5-5", "claude-sonnet-4-5", "claude-opus-5"]),
    usages(),
)
def test_our_batch_total_is_the_librarys_where_it_has_one(
    model: str, usage: dict[str, Any]
) -> None:
    ours = price(model, usage, day=DAY, batch=True).total_usd
    assert ours == ask_library(model, usage, "anthropic", processing="batch")


@given(st.sampled_from([model for model in list_models() if model.bedrock_id]), usages())
def test_our_regional_bedrock_total_is_the_librarys(model: Any, usage: dict[str, Any]) -> None:
    usage["server_tool_use"] = {"web_search_requests": 0}
    if model.regional_factor == 1:
        moved = usage["cache_creation_input_tokens"]
        usage["cache_creation"] = {
            "ephemeral_5m_input_tokens": moved,
            "ephemeral_1h_input_tokens": 0,
        }
    ours = price(f"us.{model.bedrock_id}", usage, day=DAY, platform="bedrock").total_usd
    assert ours == ask_library(f"us.{model.bedrock_id}", usage, "aws")


@pytest.mark.parametrize("model", WITHOUT_LIBRARY)
def test_the_library_still_lacks_what_models_toml_states(model: str) -> None:
    with pytest.raises(LookupError):
        calc_price(Usage(), model, provider_id="anthropic")


@given(st.sampled_from(MODELS), usages(), st.booleans())
def test_the_parts_add_up_exactly_to_whole_picodollars(
    model: str, usage: dict[str, Any], batch: bool
) -> None:
    priced = price(model, usage, batch=batch)
    assert sum(priced.parts_usd.values()) == priced.total_usd
    assert priced.total_usd * 10**12 == priced.total_picousd


@given(st.sampled_from(MODELS), usages(), st.sampled_from(["input_tokens", "output_tokens"]))
def test_one_more_token_always_costs_more(model: str, usage: dict[str, Any], counter: str) -> None:
    more = usage | {counter: usage[counter] + 1}
    assert price(model, more).total_usd > price(model, usage).total_usd


@given(st.sampled_from(MODELS), usages())
def test_nothing_used_is_all_that_costs_nothing(model: str, usage: dict[str, Any]) -> None:
    counted = [usage["input_tokens"], usage["output_tokens"], usage["cache_read_input_tokens"]]
    counted += [usage["cache_creation_input_tokens"], *usage["server_tool_use"].values()]
    assert (price(model, usage).total_usd == 0) == (sum(counted) == 0)


@given(st.sampled_from(MODELS), usages())
def test_a_callers_decimal_context_rounds_nothing(model: str, usage: dict[str, Any]) -> None:
    expected = price(model, usage).total_picousd
    with decimal.localcontext(prec=3):
        assert price(model, usage).total_picousd == expected
