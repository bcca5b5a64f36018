"""The section `budgets`: what may stand in it, and where a mistake is said to be."""

import pytest

from tanzaku.core import InputFileError
from tanzaku.core.plain_yaml import parse_yaml
from tanzaku.gateway.budgets import BudgetRule, read_budgets


def read(*lines: str) -> tuple[BudgetRule, ...]:
    return read_budgets(parse_yaml("\n".join(lines), "gateway.yaml"))


def test_every_scope_unit_and_period_is_read() -> None:
    found = read(
        "- {scope: all, usd: 500, per: month}",
        "- {scope: each key, usd: 0.000000000001, per: day}",
        "- {scope: each team, tokens: 1000000, per: total}",
        "- {scope: key key_1, input_tokens: 5, per: minute}",
        "- {scope: team data science, output_tokens: 6, per: minute}",
        "- {scope: tag prod, requests: 0, per: day}",
        '- {scope: each key, usd: "12.50", per: month}',
        "- {scope: each key, concurrent: 4}",
    )
    assert found == (
        BudgetRule("all", "usd", 500 * 10**12, "month"),
        BudgetRule("each key", "usd", 1, "day"),
        BudgetRule("each team", "tokens", 1_000_000, "total"),
        BudgetRule("key", "input_tokens", 5, "minute", "key_1"),
        BudgetRule("team", "output_tokens", 6, "minute", "data science"),
        BudgetRule("tag", "requests", 0, "day", "prod"),
        BudgetRule("each key", "usd", 12_500_000_000_000, "month"),
        BudgetRule("each key", "concurrent", 4),
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("scope: all", "1:1: `$` must be a list"),
        ("- all", "1:3: `$[0]` must be keys with values"),
        ("- {usd: 1, per: day}", "1:3: `$[0]` lacks the key `scope`"),
        ("- {scope: all, per: day}", "1:3: `$[0]` must have one of usd, tokens"),
        ("- {scope: all, usd: 1, tokens: 1, per: day}", "1:3: `$[0]` must have one of usd"),
        ("- {scope: all, usd: 1}", "1:3: `$[0]` lacks the key `per`"),
        ("- {scope: all, usd: 1, per: week}", "1:29: `$[0].per` must be one of minute, day"),
        ("- {scope: all, concurrent: 1, per: day}", "1:31: requests at one time know no `per`"),
        ("- {scope: all, usd: -1, per: day}", "1:21: `$[0].usd` must be an amount of dollars"),
        ("- {scope: all, usd: true, per: day}", "1:21: `$[0].usd` must be an amount of dollars"),
        ("- {scope: all, usd: nan, per: day}", "1:21: `$[0].usd` must be an amount of dollars"),
        ("- {scope: all, usd: 1e-13, per: day}", "1:21: `$[0].usd` must be an amount of dollars"),
        ("- {scope: all, tokens: 1.5, per: day}", "1:24: `$[0].tokens` must be a whole number"),
        ("- {scope: each tag, usd: 1, per: day}", "1:11: `$[0].scope` is no scope"),
        ("- {scope: team, usd: 1, per: day}", "1:11: `$[0].scope` is no scope"),
        ("- {scope: all, dollars: 1, per: day}", "1:16: unknown key `dollars`"),
        (
            "- {scope: all, usd: 1, per: day}\n- {scope: all, usd: 2, per: day}",
            "2:3: the budget all, usd per day stands here a second time",
        ),
    ],
)
def test_a_mistake_is_named_with_its_place(line: str, message: str) -> None:
    with pytest.raises(InputFileError) as caught:
        read(line)
    assert caught.value.message.startswith(f"gateway.yaml:{message}")
