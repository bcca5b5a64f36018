"""Limits as people write them, and what they are told where they err."""

import dataclasses
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tanzaku.core import InputFileError, UserError
from tanzaku.simulator.quota import (
    Capacity,
    Figures,
    OverloadSettings,
    QuotaSettings,
    RampSettings,
    WorkspaceLimits,
    parse_limits,
)

DOCS = Path(__file__).parents[4] / "docs"
EVERYTHING = """\
tier: build
each_model: {requests: 100}
models:
  claude-opus-4-6: {input_tokens: 5000}
  claude-haiku-4-5-20251001: {requests: 3}
workspaces:
  wrkspc_01: {spend_limit_usd: 2.50, models: {claude-haiku-4-5: {output_tokens: 10}}}
fast: {claude-opus-5: {input_tokens: 7, output_tokens: 8}}
priority: {claude-haiku-4-5: {input_tokens: 9, output_tokens: 10}}
count_tokens_requests: 11
batch_requests: 12
batch_queue: 13
files_requests: 14
spend_limit_usd: 15
spent_usd: 0.1
ramp: {start: 0.5}
overload: {above: 16, share: 0.5}
burst_s: 1
"""


def test_a_file_changes_what_its_tier_says(tmp_path: Path) -> None:
    path = tmp_path / "limits.yaml"
    path.write_text(EVERYTHING, encoding="utf-8")
    limits, build = parse_limits(str(path)), parse_limits("build")
    assert limits.models["opus-4"] == Figures(100, 5_000, 1_000_000)
    assert limits.models["haiku-4-5"] == Figures(3, 5_000_000, 1_000_000)
    assert limits.models["sonnet-5"] == Figures(100, 5_000_000, 1_000_000)
    assert limits.workspaces == {
        "wrkspc_01": WorkspaceLimits({"haiku-4-5": Figures(output_tokens=10)}, Decimal("2.5"))
    }
    assert limits.fast == {**build.fast, "opus-5": Capacity(7, 8)}
    assert limits.priority == {"claude-haiku-4-5-20251001": Capacity(9, 10)}
    assert (limits.count_tokens_requests, limits.batch_requests) == (11, 12)
    assert (limits.batch_queue, limits.files_requests) == (13, 14)
    assert (limits.spend_cap_usd, limits.spend_limit_usd) == (Decimal(1000), Decimal(15))
    assert limits.spent_usd == Decimal("0.1")
    assert limits.ramp == RampSettings(start=0.5)
    assert limits.overload == OverloadSettings(16, 0.5)
    assert limits.burst_s == 1


@pytest.mark.parametrize("language", ["", ".zh-CN"])
def test_the_documents_example_holds_every_key(tmp_path: Path, language: str) -> None:
    document = (DOCS / f"limits{language}.md").read_text(encoding="utf-8")
    _, _, rest = document.partition("```yaml\n")
    path = tmp_path / "limits.yaml"
    path.write_text(rest.partition("```")[0], encoding="utf-8")
    limits, nothing = parse_limits(path), QuotaSettings()
    same = [
        each.name
        for each in dataclasses.fields(QuotaSettings)
        if getattr(limits, each.name) == getattr(nothing, each.name)
    ]
    assert same == []
    assert limits.models["sonnet-5"] == Figures(50, 2_000_000, 400_000)


def test_plain_values_say_what_a_file_says(tmp_path: Path) -> None:
    path = tmp_path / "limits.yml"
    path.write_text("tier: start\nmodels: {claude-haiku-4-5: {requests: 5}}\n", encoding="utf-8")
    assert parse_limits(path) == parse_limits(
        {"tier": "start", "models": {"claude-haiku-4-5": {"requests": 5}}}
    )


def test_without_a_tier_nothing_is_limited_but_what_is_written() -> None:
    assert parse_limits({}) == QuotaSettings()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tire: start", "1:1: unknown key `tire`. Did you mean `tier`?"),
        ("tier: gold", '1:7: `tier` must be one of start, build, scale; found "gold".'),
        (
            "models:\n  claude-haiku-9: {}",
            "2:3: no model is called `claude-haiku-9`. `tanzaku models` lists them.",
        ),
        (
            "models: {claude-opus-4-1: {}}",
            "1:10: `claude-opus-4-1` is retired and has no limits.",
        ),
        (
            "models: {claude-opus-4-8: {}, claude-opus-4-6: {}}",
            "1:31: `claude-opus-4-6` shares its limits with `claude-opus-4-8`. Write them once.",
        ),
        (
            "each_model: {requests: -1}",
            "1:24: `each_model.requests` must be a whole number from 0 to 1000000000000; found -1.",
        ),
        ("each_model: {request: 1}", "1:14: unknown key `request`. Did you mean `requests`?"),
        (
            "workspaces: {default: {}}",
            "1:14: the default workspace cannot have limits. Limit the organization instead.",
        ),
        (
            "priority: {claude-haiku-4-5: {input_tokens: 1}}",
            "1:30: `priority.claude-haiku-4-5` lacks the key `output_tokens`.",
        ),
        ("ramp: {step: 2}", "1:14: `ramp.step` must be a number from 0 to 1; found 2."),
        ("overload: {}", "1:11: `overload` lacks the key `above`."),
        ("burst_s: 0", "1:10: `burst_s` must be a number from 0.1 to 60; found 0."),
        ("- start", '1:1: `$` must be keys with values; found ["start"].'),
    ],
)
def test_a_mistake_in_a_file_is_told_with_its_place(
    tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "limits.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputFileError) as caught:
        parse_limits(path)
    assert f"{caught.value} {caught.value.hint}".strip() == f"{path}:{message}"


@pytest.mark.parametrize("limits", ["Start", "off", "limits.json", ""])
def test_a_word_that_is_no_tier_is_told_what_can_be_said(limits: Any) -> None:
    with pytest.raises(UserError) as caught:
        parse_limits(limits)
    assert str(caught.value) == f"Unknown limits `{limits}`."
    assert caught.value.hint == "Say `start`, `build` or `scale`, or name a YAML file."


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match="cannot be read"):
        parse_limits(tmp_path / "none.yaml")
