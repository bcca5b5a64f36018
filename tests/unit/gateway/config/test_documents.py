"""What the documents show is a good configuration, and they say the same in both languages."""

import re
from pathlib import Path

import pytest

from tanzaku.gateway.config import parse_config

DOCS = Path(__file__).parents[4] / "docs"
PAGES = ["gateway.md", "gateway.zh-CN.md"]
CLOUDS = ["upstreams.md", "upstreams.zh-CN.md"]
FENCE = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)


def read_blocks(page: str, language: str) -> list[str]:
    text = (DOCS / page).read_text(encoding="utf-8")
    return [block for kind, block in FENCE.findall(text) if kind == language]


def strip_comments(block: str) -> list[str]:
    return [re.sub(r"\s+# .*", "", line) for line in block.splitlines()]


@pytest.mark.parametrize("page", PAGES)
def test_the_file_on_the_page_can_be_read(page: str, tmp_path: Path) -> None:
    (text,) = read_blocks(page, "yaml")
    secret = tmp_path / "relay.key"
    secret.write_text("sk-relay\n")
    secret.chmod(0o600)
    environment = dict.fromkeys(("ANTHROPIC_API_KEY", "RELAY_TENANT"), "sk-1")
    environment["ANTHROPIC_API_KEY_2"] = "sk-2"
    config = parse_config(text, str(tmp_path / "gateway.yaml"), environment)
    assert [rule.name for rule in config.rules] == ["tests", "haiku", "route 3"]


@pytest.mark.parametrize("page", CLOUDS)
def test_the_file_about_clouds_can_be_read(page: str) -> None:
    (text,) = read_blocks(page, "yaml")
    names = ("AWS_BEARER_TOKEN_BEDROCK", "RELAY_KEY", "RELAY_KEY_2", "RELAY_TENANT")
    environment = {name: f"sk-{name.lower()}" for name in names}
    config = parse_config(text, "gateway.yaml", environment)
    assert config.live == ["aws", "aws-messages", "google", "relay"]


@pytest.mark.parametrize("pages", [PAGES, CLOUDS], ids=lambda pages: pages[0])
@pytest.mark.parametrize("language", ["yaml", "sh"])
def test_both_languages_show_the_same_but_for_the_comments(language: str, pages: list[str]) -> None:
    english, chinese = ([strip_comments(one) for one in read_blocks(p, language)] for p in pages)
    assert english == chinese
    assert english


@pytest.mark.parametrize("pages", [PAGES, CLOUDS], ids=lambda pages: pages[0])
def test_both_languages_have_the_same_sections_and_tables(pages: list[str]) -> None:
    shapes = []
    for page in pages:
        text = (DOCS / page).read_text(encoding="utf-8")
        shapes.append(re.findall(r"^(#+|\|)", text, re.MULTILINE))
    assert shapes[0] == shapes[1]
