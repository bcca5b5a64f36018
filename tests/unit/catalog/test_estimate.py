from decimal import Decimal
from typing import Any

import pytest

from tanzaku.catalog import estimate_costs
from tanzaku.core import UserError


def estimate(*models: str, **options: Any) -> list[Any]:
    return estimate_costs(
        models, requests_per_day=1_000, tokens_in=2_000, tokens_out=500, **options
    )


def test_a_month_is_thirty_days_of_equal_requests() -> None:
    [row] = estimate("claude-haiku-4-5")
    assert row.model == "claude-haiku-4-5-20251001"
    assert row.usd_per_request == Decimal("0.0045")
    assert row.usd_per_day == Decimal("4.5")
    assert row.usd_per_month == Decimal(135)


def test_cached_tokens_cost_a_tenth_and_batched_requests_a_half() -> None:
    [row] = estimate("claude-haiku-4-5", cache_share=Decimal("0.5"), batch_share=Decimal("0.25"))
    # 1,000 x $1 + 1,000 x $0.10 + 500 x $5 a million = $0.0036, times (0.75 + 0.25 / 2)
    assert row.usd_per_request == Decimal("0.00315")


def test_the_cheapest_model_comes_first() -> None:
    rows = estimate("claude-opus-5-5", "claude-haiku-4-5", "claude-haiku-5-5", "claude-sonnet-5-5")
    assert [row.model for row in rows] == [
        "claude-haiku-5-5",
        "claude-haiku-4-5-20251001",
        "claude-sonnet-5-5",
        "claude-opus-5-5",
    ]


def test_a_cached_prompt_still_counts_towards_the_long_prompt_price() -> None:
    [row] = estimate_costs(
        ["claude-haiku-5-5"],
        requests_per_day=1,
        tokens_in=100_001,
        tokens_out=0,
        cache_share=Decimal(1),
    )
    assert row.usd_per_day == Decimal("0.00500005")


@pytest.mark.parametrize("share", ["-0.1", "1.01"])
@pytest.mark.parametrize("name", ["cache_share", "batch_share"])
def test_a_share_is_between_none_and_all(name: str, share: str) -> None:
    with pytest.raises(UserError, match=f"{name} is {share}"):
        estimate("claude-haiku-4-5", **{name: Decimal(share)})


def test_negative_requests_are_refused() -> None:
    with pytest.raises(UserError, match="requests_per_day is -1"):
        estimate_costs(["claude-haiku-4-5"], requests_per_day=-1, tokens_in=1, tokens_out=1)
