"""Rate limits, tiers and paces: the figures of the pages they were read from."""

from decimal import Decimal

import pytest

from tanzaku.catalog import Model, UnknownTierError, get_model, get_tier, list_models

LINES = {
    "standard": [(1_000, 2_000_000, 400_000), (5_000, 5_000_000, 1_000_000)],
    "fable": [(1_000, 500_000, 100_000), (2_000, 1_500_000, 300_000)],
    "haiku-3-5": [(1_000, 100_000, 20_000), (2_000, 200_000, 40_000)],
}
SCALE = {
    "standard": (10_000, 10_000_000, 2_000_000),
    "fable": (4_000, 4_000_000, 800_000),
    "haiku-3-5": (4_000, 400_000, 80_000),
}


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("claude-haiku-4-5", "standard"),
        ("claude-haiku-5-5", "standard"),
        ("claude-opus-5", "standard"),
        ("claude-opus-4-6", "standard"),
        ("claude-sonnet-5", "standard"),
        ("claude-sonnet-4-5", "standard"),
        ("claude-fable-5", "fable"),
        ("claude-fable-5-1", "fable"),
        ("claude-3-5-haiku-20241022", "haiku-3-5"),
    ],
)
def test_a_models_limits_are_those_of_its_line_on_the_rate_limits_page(
    name: str, line: str
) -> None:
    limits = get_model(name).rate_limits
    assert limits is not None
    found = {
        tier: (limit.requests, limit.input_tokens, limit.output_tokens)
        for tier, limit in limits.items()
    }
    start, build = LINES[line]
    assert found == {"start": start, "build": build, "scale": SCALE[line]}


def test_only_haiku_3_5_counts_cache_reads_as_input() -> None:
    counting = {
        model.id
        for model in list_models()
        if model.rate_limits
        and any(limit.cache_reads_count for limit in model.rate_limits.values())
    }
    assert counting == {"claude-3-5-haiku-20241022"}


@pytest.mark.parametrize(
    ("name", "figures"),
    [
        ("start", ("500", 2_000, 1_000, 200_000)),
        ("build", ("1000", 4_000, 2_000, 300_000)),
        ("scale", ("200000", 8_000, 4_000, 500_000)),
    ],
)
def test_a_tier_has_the_figures_of_the_pages(name: str, figures: tuple[str, int, int, int]) -> None:
    tier = get_tier(name)
    spend, counts, batches, queue = figures
    assert tier.name == name
    assert tier.monthly_spend_usd == Decimal(spend)
    assert tier.count_tokens_requests == counts
    assert (tier.batch_requests, tier.batch_queue) == (batches, queue)
    assert (
        tier.sources["batch_queue"].where == "https://platform.claude.com/docs/en/api/rate-limits"
    )


def test_500_files_requests_are_a_guess() -> None:
    assert get_tier("start").files_requests == 500
    assert get_tier("start").guesses == {"files_requests"}


@pytest.mark.parametrize("name", ["tier-1", "custom", ""])
def test_an_unknown_tier_is_an_error_that_names_the_known_ones(name: str) -> None:
    with pytest.raises(UnknownTierError) as caught:
        get_tier(name)
    assert caught.value.message == f"Unknown tier `{name}`."
    assert caught.value.hint == "Known are start, build, scale."


@pytest.mark.parametrize("model", list_models(), ids=lambda model: model.id)
def test_every_figure_of_a_pace_has_a_source_and_none_without_one_passes_as_known(
    model: Model,
) -> None:
    pace = model.pace
    figures = {"ttft_ms", "ttft_spread", "tokens_per_s", "tokens_per_s_spread", "gap_spread"}
    assert pace.sources.keys() == figures
    made_up = {name for name, source in pace.sources.items() if source.key == "estimate"}
    assert made_up <= pace.guesses <= figures
    assert model.sources["pace"] == pace.sources["ttft_ms"]


def test_the_pace_of_haiku_5_5_is_a_guess_and_that_of_4_5_was_measured() -> None:
    assert "ttft_ms" in get_model("claude-haiku-5-5").pace.guesses
    measured = get_model("claude-haiku-4-5").pace
    assert measured.ttft_ms == 900
    assert measured.sources["ttft_ms"].key == "lmspeed"
    assert "ttft_ms" not in measured.guesses


def test_a_pace_taken_on_another_model_is_a_guess() -> None:
    assert "pace" in get_model("claude-opus-5-5").guesses
    assert "pace" not in get_model("claude-opus-4-1").guesses
