"""What the page shows is a good configuration, and it says the same in both languages."""

import re
from pathlib import Path

import pytest

from tanzaku.gateway.config import parse_config

DOCS = Path(__file__).parents[4] / "docs"
PAGES = ["budgets.md", "budgets.zh-CN.md"]
FENCE = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)


def read_page(page: str) -> str:
    return (DOCS / page).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_the_file_on_the_page_can_be_read(page: str) -> None:
    (text,) = [block for kind, block in FENCE.findall(read_page(page)) if kind == "yaml"]
    config = parse_config(text, "gateway.yaml", {"ANTHROPIC_API_KEY": "sk-1"})
    assert [rule.title for rule in config.budgets] == [
        "all, usd per month",
        "each key, usd per day",
        "team web, output_tokens per day",
        "tag nightly, requests per minute",
        "key key_0123, tokens per total",
        "each key, concurrent",
    ]
    assert config.limits is not None


def test_both_languages_show_the_same_but_for_the_words() -> None:
    blocks, shapes = [], []
    for page in PAGES:
        text = read_page(page)
        blocks.append([re.sub(r" +# .*", "", block) for _, block in FENCE.findall(text)])
        shapes.append(re.findall(r"^(#+|\||-) ", text, re.MULTILINE))
    assert blocks[0] == blocks[1]
    assert shapes[0] == shapes[1]
