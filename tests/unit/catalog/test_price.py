"""Prices against the literal dollars of Anthropic's price list."""

import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest
from genai_prices import Usage, calc_price

from tanzaku.catalog import (
    PARTS,
    PLATFORMS,
    UnknownModelError,
    UnpricedUsageError,
    get_model,
    list_models,
    price,
    resolve_rates,
)

# Dollars per million tokens: input, output, 5-minute write, 1-hour write, cache read.
# https://platform.claude.com/docs/en/about-claude/pricing, 2026-09-02; the models after that day
# from their own pages.
LIST_PRICES = {
    "claude-haiku-4-5": "1 5 1.25 2 0.10",
    "claude-haiku-5-5": "0.10 0.50 0.125 0.20 0.01",
    "claude-sonnet-5-5": "2 10 2.50 4 0.10",
    "claude-opus-5-5": "4 20 5 8 0.20",
    "claude-fable-5-1": "10 50 12.5 20 0.25",
    "claude-mythos-5-1": "10 50 12.5 20 0.25",
    "claude-fable-5-2": "8 40 10 16 0.20",
    "claude-mythos-5-2": "8 40 10 16 0.20",
    "claude-fable-5": "10 50 12.5 20 1",
    "claude-mythos-5": "10 50 12.5 20 1",
    "claude-opus-5": "5 25 6.25 10 0.50",
    "claude-sonnet-5": "2 10 2.50 4 0.20",
    "claude-opus-4-8": "5 25 6.25 10 0.50",
    "claude-opus-4-7": "5 25 6.25 10 0.50",
    "claude-opus-4-6": "5 25 6.25 10 0.50",
    "claude-sonnet-4-6": "3 15 3.75 6 0.30",
    "claude-opus-4-5": "5 25 6.25 10 0.50",
    "claude-sonnet-4-5": "3 15 3.75 6 0.30",
    "claude-opus-4-1": "15 75 18.75 30 1.50",
    "claude-opus-4-0": "15 75 18.75 30 1.50",
    "claude-sonnet-4-0": "3 15 3.75 6 0.30",
    "claude-3-5-haiku-latest": "0.8 4 1 1.6 0.08",
}
TOKEN_PARTS = PARTS[:5]


def a_usage(
    tokens_in: int = 0,
    tokens_out: int = 0,
    *,
    write_5m: int = 0,
    write_1h: int = 0,
    read: int = 0,
    **more: Any,
) -> dict[str, Any]:
    return {
        "input_tokens": tokens_in,
        "output_tokens": tokens_out,
        "cache_creation_input_tokens": write_5m + write_1h,
        "cache_creation": {
            "ephemeral_5m_input_tokens": write_5m,
            "ephemeral_1h_input_tokens": write_1h,
        },
        "cache_read_input_tokens": read,
        **more,
    }


def dollars(model: str, usage: Mapping[str, Any], **options: Any) -> Decimal:
    return price(model, usage, **options).total_usd


@pytest.mark.parametrize("day", [date(2025, 10, 15), date(2026, 6, 1), date(2026, 11, 24)])
def test_a_price_that_is_listed_is_the_one_that_genai_prices_has(day: date) -> None:
    listed = [model for model in list_models() if model.list_price is not None]
    compared = []
    for model in listed:
        try:
            found = calc_price(
                Usage(),
                model.id,
                provider_id="anthropic",
                genai_request_timestamp=datetime.combine(day, time(), UTC),
            ).model_price
        except LookupError:
            continue
        rates = resolve_rates(model.id, day)
        compared.append(model.id)
        assert [rate and rate * 1_000_000 for rate in (rates.base.input, rates.base.output)] == [
            found.input_mtok,
            found.output_mtok,
        ]
        assert rates.base.cache_write_5m == (found.cache_write_mtok or 0) / 1_000_000
        assert rates.base.cache_write_1h == (found.cache_write_1h_mtok or 0) / 1_000_000
        assert rates.base.cache_read == (found.cache_read_mtok or 0) / 1_000_000
        assert rates.web_search_usd == (found.web_searches_kcount or 0) / 1000
    assert "claude-haiku-4-5-20251001" in compared


def test_every_model_of_the_catalog_is_in_the_price_list() -> None:
    assert {get_model(name).id for name in LIST_PRICES} == {model.id for model in list_models()}


@pytest.mark.parametrize("model", LIST_PRICES)
def test_ten_thousand_tokens_of_each_part_cost_what_the_list_says(model: str) -> None:
    parts = price(
        model, a_usage(10_000, 10_000, write_5m=10_000, write_1h=10_000, read=10_000)
    ).parts_usd
    expected = [Decimal(usd) / 100 for usd in LIST_PRICES[model].split()]
    assert [parts[part] for part in TOKEN_PARTS] == expected


@pytest.mark.parametrize("model", LIST_PRICES)
def test_a_batch_halves_every_token_part(model: str) -> None:
    usage = a_usage(10_000, 10_000, write_5m=10_000, write_1h=10_000, read=10_000)
    parts = price(model, usage, batch=True).parts_usd
    expected = [Decimal(usd) / 200 for usd in LIST_PRICES[model].split()]
    assert [parts[part] for part in TOKEN_PARTS] == expected


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        (a_usage(100_000, 1_000), "0.0105"),
        (a_usage(100_001, 1_000), "0.0525005"),
        (a_usage(0, 1_000, read=100_000), "0.0015"),
        (a_usage(1, 1_000, read=100_000), "0.0075005"),
        (a_usage(0, 1_000, write_5m=50_000, write_1h=50_001), "0.0837510"),
    ],
)
def test_haiku_5_5_is_a_cliff_at_100_000_prompt_tokens(
    prompt: dict[str, Any], expected: str
) -> None:
    assert dollars("claude-haiku-5-5", prompt) == Decimal(expected)


@pytest.mark.parametrize(("tokens_in", "expected"), [(200_000, "0.615"), (200_001, "1.222506")])
def test_sonnet_4_5_costs_6_and_22_50_above_200_000(tokens_in: int, expected: str) -> None:
    assert dollars("claude-sonnet-4-5", a_usage(tokens_in, 1_000)) == Decimal(expected)


@pytest.mark.parametrize(("day", "expected"), [(12, "2.51875"), (13, "1.2625")])
def test_sonnet_and_opus_4_6_lost_their_surcharge_on_2026_03_13(day: int, expected: str) -> None:
    usage = a_usage(250_000, 500)
    assert dollars("claude-opus-4-6", usage, day=date(2026, 3, day)) == Decimal(expected)


def test_cache_writes_of_both_lifetimes_are_told_apart() -> None:
    parts = price("claude-haiku-4-5", a_usage(0, 0, write_1h=10_000)).parts_usd
    assert parts["cache_write_1h"] == Decimal("0.02")
    assert parts["cache_write_5m"] == 0


def test_cache_writes_without_a_split_are_the_five_minute_ones() -> None:
    usage = {"input_tokens": 0, "output_tokens": 0, "cache_creation_input_tokens": 10_000}
    assert price("claude-haiku-4-5", usage).parts_usd["cache_write_5m"] == Decimal("0.0125")


def test_the_usage_itself_may_say_that_it_was_a_batch() -> None:
    usage = a_usage(10_000, 1_000)
    assert dollars("claude-haiku-4-5", usage | {"service_tier": "batch"}) == Decimal("0.0075")


def test_web_search_costs_a_cent_and_a_batch_does_not_halve_it() -> None:
    usage = a_usage(0, 0, server_tool_use={"web_search_requests": 3, "web_fetch_requests": 9})
    assert dollars("claude-haiku-4-5", usage) == Decimal("0.03")
    assert dollars("claude-haiku-4-5", usage, batch=True) == Decimal("0.03")


@pytest.mark.parametrize(
    ("model", "expected"),
    [("claude-opus-5", "0.15"), ("claude-opus-4-8", "0.15"), ("claude-opus-5-5", "0.12")],
)
def test_fast_speed_has_its_own_price(model: str, expected: str) -> None:
    assert dollars(model, a_usage(10_000, 1_000, speed="fast")) == Decimal(expected)


def test_fast_speed_multiplies_the_cache_prices_as_well() -> None:
    usage = a_usage(0, 0, write_5m=10_000, write_1h=10_000, read=10_000, speed="fast")
    assert dollars("claude-opus-5", usage) == Decimal("0.335")


@pytest.mark.parametrize("said_by", ["the caller", "the usage"])
def test_us_only_inference_costs_a_tenth_more(said_by: str) -> None:
    usage = a_usage(10_000, 1_000)
    if said_by == "the caller":
        assert dollars("claude-haiku-5-5", usage, geo="us") == Decimal("0.00165")
    else:
        assert dollars("claude-haiku-5-5", usage | {"inference_geo": "us"}) == Decimal("0.00165")


@pytest.mark.parametrize("geo", ["global", "not_available", None])
def test_no_other_place_costs_more(geo: str | None) -> None:
    usage = a_usage(10_000, 1_000, inference_geo=geo)
    assert dollars("claude-haiku-4-5", usage) == Decimal("0.015")


@pytest.mark.parametrize(
    ("platform", "model", "geo", "expected"),
    [
        ("bedrock", "claude-haiku-4-5", "global", "0.015"),
        ("bedrock", "claude-haiku-4-5", "eu-west-1", "0.0165"),
        ("bedrock", "global.anthropic.claude-haiku-4-5-20251001-v1:0", None, "0.015"),
        ("bedrock", "us.anthropic.claude-haiku-4-5-20251001-v1:0", None, "0.0165"),
        ("bedrock", "anthropic.claude-haiku-5-5", None, "0.00165"),
        ("vertex", "claude-haiku-4-5@20251001", "global", "0.015"),
        ("vertex", "claude-haiku-5-5", "us-east5", "0.00165"),
        ("bedrock", "claude-opus-4-1", "us-east-1", "0.225"),
        ("vertex", "claude-opus-4-1@20250805", "us-east5", "0.225"),
        ("aws", "claude-haiku-4-5", None, "0.015"),
        ("foundry", "claude-haiku-5-5", "us", "0.00165"),
    ],
)
def test_regions_cost_a_tenth_more_from_the_4_5_models_on(
    platform: str, model: str, geo: str | None, expected: str
) -> None:
    usage = a_usage(10_000, 1_000)
    assert dollars(model, usage, platform=platform, geo=geo) == Decimal(expected)


@pytest.mark.parametrize("platform", ["bedrock", "vertex"])
@pytest.mark.parametrize("model", LIST_PRICES)
def test_global_endpoints_bill_the_list_price_or_have_no_known_price(
    model: str, platform: str
) -> None:
    try:
        rates = resolve_rates(model, None, platform).base
    except UnpricedUsageError:
        unknown = get_model(model).unknown
        assert {"bedrock": "bedrock_id", "vertex": "vertex_id"}[platform] in unknown
        return
    million = [
        None if rate is None else rate * 1_000_000
        for rate in (
            rates.input,
            rates.output,
            rates.cache_write_5m,
            rates.cache_write_1h,
            rates.cache_read,
        )
    ]
    expected = [Decimal(usd) for usd in LIST_PRICES[model].split()]
    assert [usd for usd in million if usd is not None] == [
        usd for usd, known in zip(expected, million, strict=True) if known is not None
    ]


@pytest.mark.parametrize(
    ("usage", "options", "complaint"),
    [
        ({"output_tokens": 1}, {}, "usage.input_tokens is missing"),
        ({"input_tokens": 1}, {}, "usage.output_tokens is missing"),
        (a_usage(-1), {}, "usage.input_tokens: -1 is not a count"),
        (a_usage(1, 2.0), {}, "usage.output_tokens: 2.0 is not a count"),  # type: ignore[arg-type]
        (a_usage(True), {}, "usage.input_tokens: True is not a count"),
        (a_usage(read=-5), {}, "usage.cache_read_input_tokens: -5"),
        (a_usage(1) | {"cache_creation_input_tokens": 7}, {}, "adds up to 0 tokens"),
        (a_usage(cache_creation={"ephemeral_2h_input_tokens": 1}), {}, "ephemeral_2h_input_tokens"),
        (a_usage(image_tokens=4), {}, "usage.image_tokens: no price is known"),
        (a_usage(new_tool={"minutes": [0, {"x": 2}]}), {}, "usage.new_tool: no price is known"),
        (a_usage(server_tool_use={"code_execution_requests": 1}), {}, "code_execution_requests"),
        (a_usage(server_tool_use={"web_search_requests": -1}), {}, "-1 is not a count"),
        (a_usage(output_tokens_details={"audio_tokens": 3}), {}, "audio_tokens"),
        (a_usage(iterations=[{"type": "message"}, {"type": "compaction"}]), {}, "iterations.1"),
        (a_usage(service_tier="priority"), {}, "service_tier `priority`"),
        (a_usage(speed="warp"), {}, "speed `warp`"),
        (a_usage(speed="fast"), {}, "No fast price of claude-haiku-4-5-20251001"),
        (a_usage(inference_geo="us"), {}, "has no inference_geo"),
        (a_usage(), {"geo": "mars"}, "inference_geo `mars`"),
        (a_usage(), {"platform": "azure"}, "Unknown platform `azure`"),
        (a_usage(), {"platform": "bedrock"}, "two prices on bedrock"),
        (
            a_usage(server_tool_use={"web_search_requests": 1}),
            {"platform": "bedrock", "geo": "global"},
            "No price of web_search",
        ),
    ],
)
def test_what_has_no_known_price_is_an_error(
    usage: dict[str, Any], options: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(UnpricedUsageError, match=complaint):
        price("claude-haiku-4-5", usage, **options)


def test_fast_speed_is_not_sold_in_batches() -> None:
    with pytest.raises(UnpricedUsageError, match="in a batch"):
        price("claude-opus-5", a_usage(1, 1, speed="fast"), batch=True)


@pytest.mark.parametrize("platform", ["bedrock", "vertex"])
def test_a_model_whose_cloud_id_is_unknown_has_no_price_there(platform: str) -> None:
    with pytest.raises(UnpricedUsageError, match=f"claude-mythos-5 on {platform}"):
        price("claude-mythos-5", a_usage(1, 1), platform=platform, geo="global")


@pytest.mark.parametrize("platform", [name for name in PLATFORMS if name != "bedrock"])
def test_a_bedrock_id_is_priced_on_bedrock_only(platform: str) -> None:
    with pytest.raises(UnpricedUsageError, match="name on bedrock"):
        price("us.anthropic.claude-haiku-5-5", a_usage(1, 1), platform=platform)


def test_an_unknown_model_has_no_price() -> None:
    with pytest.raises(UnknownModelError) as caught:
        price("claude-haiku-4-6", a_usage(1, 1))
    assert caught.value.hint == "Did you mean `claude-haiku-4-5`?"


@pytest.mark.parametrize(
    "harmless",
    [
        {"server_tool_use": None},
        {"cache_creation": None},
        {"brand_new_tokens": 0, "brand_new": {"tokens": 0, "list": []}, "note": "text"},
        {"output_tokens_details": {"thinking_tokens": 900}},
        {"iterations": [{"type": "message", "input_tokens": 5}]},
        {"service_tier": "standard", "speed": "standard"},
    ],
)
def test_what_counts_nothing_more_changes_nothing(harmless: dict[str, Any]) -> None:
    usage = {"input_tokens": 10_000, "output_tokens": 1_000}
    assert dollars("claude-haiku-4-5", usage | harmless) == Decimal("0.015")


def test_pico_dollars_are_whole() -> None:
    cheapest = price("claude-haiku-5-5", a_usage(read=1), batch=True, geo="us")
    assert cheapest.total_picousd == 5_500


def test_pricing_needs_neither_the_network_nor_a_heavy_import() -> None:
    program = """
import sys

def watch(event, args):
    if event.startswith("socket."):
        raise RuntimeError(event)

sys.addaudithook(watch)
import tanzaku.catalog
heavy = {"genai_prices", "pydantic", "ctok", "anthropic"} & sys.modules.keys()
print(sorted(heavy))
print(tanzaku.catalog.price("claude-haiku-4-5", {"input_tokens": 1, "output_tokens": 1}).total_usd)
"""
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ran.stdout.splitlines() == ["[]", "0.000006000000"]
