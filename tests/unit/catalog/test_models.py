"""What the catalog says of the models, against the tables of Anthropic's documentation."""

from datetime import date
from decimal import Decimal

import pytest

from tanzaku.catalog import Model, UnknownModelError, get_model, list_models

# window, max output, minimum cacheable tokens, state.
# https://platform.claude.com/docs/en/models/overview (2026-10-10), .../prompt-caching and
# .../model-deprecations (2026-08-22, 2026-10-10)
LIMITS = [
    ("claude-haiku-4-5", 200_000, 64_000, 4096, "active"),
    ("claude-haiku-5-5", 1_000_000, 128_000, 512, "active"),
    ("claude-sonnet-5-5", 1_000_000, 128_000, 512, "active"),
    ("claude-opus-5-5", 1_000_000, 128_000, 512, "active"),
    ("claude-fable-5", 1_000_000, 128_000, 512, "active"),
    ("claude-opus-5", 1_000_000, 128_000, 512, "active"),
    ("claude-sonnet-5", 1_000_000, 128_000, 1024, "active"),
    ("claude-opus-4-8", 1_000_000, 128_000, 1024, "active"),
    ("claude-opus-4-7", 1_000_000, 128_000, 2048, "active"),
    ("claude-opus-4-6", 1_000_000, 128_000, 4096, "active"),
    ("claude-sonnet-4-6", 1_000_000, 128_000, 1024, "active"),
    ("claude-opus-4-5", 200_000, 64_000, 4096, "active"),
    ("claude-sonnet-4-5", 200_000, 64_000, 1024, "deprecated"),
    ("claude-opus-4-1", 200_000, 32_000, 1024, "retired"),
    ("claude-3-5-haiku-latest", 200_000, 8_192, 2048, "retired"),
]


@pytest.mark.parametrize(("name", "window", "output", "cacheable", "state"), LIMITS)
def test_limits_are_those_of_the_documentation(
    name: str, window: int, output: int, cacheable: int, state: str
) -> None:
    model = get_model(name)
    assert (model.context_window, model.max_output_tokens) == (window, output)
    assert (model.cache_minimum_tokens, model.state) == (cacheable, state)


@pytest.mark.parametrize(
    ("name", "thinking", "efforts", "default_effort", "sampling", "prefill", "forced"),
    [
        ("claude-haiku-4-5", "enabled disabled", 0, None, "one-of-two", True, True),
        ("claude-opus-4-5", "enabled disabled", 3, "high", "one-of-two", True, True),
        ("claude-sonnet-4-6", "enabled adaptive disabled", 4, "high", "one-of-two", False, True),
        ("claude-opus-4-7", "adaptive disabled", 5, "high", "defaults-only", False, True),
        ("claude-opus-5", "adaptive disabled", 5, "high", "defaults-only", False, True),
        ("claude-haiku-5-5", "adaptive disabled", 5, "medium", "near-defaults", False, True),
        ("claude-sonnet-5-5", "adaptive between_tools", 5, "high", "defaults-only", False, False),
        ("claude-opus-5-5", "adaptive", 5, "medium", "defaults-only", False, False),
        ("claude-fable-5-1", "adaptive", 5, "high", "defaults-only", False, False),
    ],
)
def test_abilities_are_those_of_the_generation(
    name: str,
    thinking: str,
    efforts: int,
    default_effort: str | None,
    sampling: str,
    prefill: bool,
    forced: bool,
) -> None:
    model = get_model(name)
    assert " ".join(model.thinking_modes) == thinking
    assert (len(model.effort_levels), model.default_effort) == (efforts, default_effort)
    assert (model.sampling, model.prefill, model.forced_tool_choice) == (sampling, prefill, forced)


@pytest.mark.parametrize(
    ("name", "model_id"),
    [
        ("claude-haiku-4-5", "claude-haiku-4-5-20251001"),
        ("claude-haiku-4-5-20251001", "claude-haiku-4-5-20251001"),
        ("claude-haiku-4-5@20251001", "claude-haiku-4-5-20251001"),
        ("anthropic.claude-haiku-4-5", "claude-haiku-4-5-20251001"),
        ("anthropic.claude-haiku-4-5-20251001-v1:0", "claude-haiku-4-5-20251001"),
        ("global.anthropic.claude-haiku-4-5-20251001-v1:0", "claude-haiku-4-5-20251001"),
        ("eu.anthropic.claude-haiku-4-5-20251001-v1:0", "claude-haiku-4-5-20251001"),
        ("claude-haiku-5-5", "claude-haiku-5-5"),
        ("us.anthropic.claude-haiku-5-5", "claude-haiku-5-5"),
        ("claude-opus-4-5", "claude-opus-4-5-20251101"),
        ("claude-sonnet-4-5", "claude-sonnet-4-5-20250929"),
        ("anthropic.claude-opus-4-6-v1", "claude-opus-4-6"),
        ("claude-opus-4-0", "claude-opus-4-20250514"),
        ("claude-sonnet-4-0", "claude-sonnet-4-20250514"),
        ("claude-3-5-haiku-latest", "claude-3-5-haiku-20241022"),
        ("claude-3-5-haiku@20241022", "claude-3-5-haiku-20241022"),
    ],
)
def test_every_kind_of_name_leads_to_its_model(name: str, model_id: str) -> None:
    assert get_model(name).id == model_id


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("claude-haiku-45", "Did you mean `claude-haiku-4-5`?"),
        ("Claude-Haiku-5-5", "Did you mean `claude-haiku-5-5`?"),
        ("claude-haiku-5-5-20261007", "Did you mean `claude-haiku-5-5`?"),
        ("mars.anthropic.claude-haiku-5-5", "Did you mean `anthropic.claude-haiku-5-5`?"),
        ("gpt-6-luna", "`tanzaku models` lists them."),
        ("", "`tanzaku models` lists them."),
    ],
)
def test_an_unknown_name_is_an_error_that_helps(name: str, hint: str) -> None:
    with pytest.raises(UnknownModelError) as caught:
        get_model(name)
    assert caught.value.message == f"Unknown model `{name}`."
    assert caught.value.hint == hint


@pytest.mark.parametrize("model", list_models(), ids=lambda model: model.id)
def test_every_fact_has_a_source_with_a_day(model: Model) -> None:
    stated = model.sources.keys()
    assert {
        "context_window",
        "thinking_modes",
        "tokenizer",
        "state",
        "rate_limits",
        "pace",
    } <= stated
    assert all(
        date(2026, 1, 1) < source.read_on <= date(2026, 11, 24) and source.where
        for source in model.sources.values()
    )
    assert model.unknown | model.guesses <= stated


@pytest.mark.parametrize(
    ("name", "fact", "source"),
    [
        ("claude-haiku-5-5", "cache_minimum_tokens", "haiku-5-5"),
        ("claude-haiku-4-5", "cache_minimum_tokens", "caching"),
        ("claude-haiku-4-5", "vertex_id", "haiku-4-5"),
        ("claude-haiku-4-5", "sampling", "reports"),
        ("claude-haiku-4-5", "context_window", "models"),
        ("claude-fable-5-2", "context_window", "genai-prices"),
        ("claude-fable-5-2", "fast_speed", "fast-mode"),
    ],
)
def test_the_source_is_the_nearest_that_is_stated(name: str, fact: str, source: str) -> None:
    assert get_model(name).sources[fact].key == source


@pytest.mark.parametrize("model", list_models(), ids=lambda model: model.id)
def test_an_unknown_fact_reads_as_none(model: Model) -> None:
    assert [name for name in model.unknown if getattr(model, name) is not None] == []


def test_what_is_not_known_of_haiku_5_5_is_not_made_up() -> None:
    model = get_model("claude-haiku-5-5")
    assert model.tool_prompt_tokens is None
    assert "tool_prompt_tokens" in model.unknown
    assert "tokenizer" in model.guesses


def test_a_fact_of_the_model_itself_is_no_guess_of_its_generation() -> None:
    assert "default_thinking" in get_model("claude-opus-4-7").guesses
    assert "default_thinking" not in get_model("claude-opus-5").guesses


def test_the_haikus_and_their_neighbours_share_no_rate_limits() -> None:
    haiku = get_model("claude-haiku-5-5")
    assert haiku.rate_limits is not None
    start = haiku.rate_limits["start"]
    assert (start.requests, start.input_tokens, start.output_tokens) == (1_000, 2_000_000, 400_000)
    assert haiku.rate_pool != get_model("claude-haiku-4-5").rate_pool
    assert get_model("claude-opus-4-6").rate_pool == get_model("claude-opus-4-8").rate_pool


def test_inference_geo_is_offered_from_4_6_on() -> None:
    assert get_model("claude-opus-4-5").us_inference_factor is None
    assert get_model("claude-opus-4-6").us_inference_factor == Decimal("1.1")
