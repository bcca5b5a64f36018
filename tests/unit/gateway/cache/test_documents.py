"""What the page shows can be read, and both languages show the same."""

import re
from pathlib import Path

import pytest

from tanzaku.gateway.cache import CacheSettings
from tanzaku.gateway.config import parse_config
from tanzaku.gateway.placement import PlacementSettings
from tanzaku.gateway.routes import When

DOCS = Path(__file__).parents[4] / "docs"


@pytest.mark.parametrize("page", ["cache.md", "cache.zh-CN.md"])
def test_the_file_on_the_page_is_what_holds_anyway(page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    [block] = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    config = parse_config(block, "gateway.yaml", {})
    assert config.cache == CacheSettings(on=(When(tag="nightly"),))
    assert config.prompt_cache == PlacementSettings()


@pytest.mark.parametrize("name", ["cache", "cost"])
def test_both_languages_have_the_same_sections_tables_and_lists(name: str) -> None:
    shapes = [
        re.findall(r"^(#+|\||- |```|\*\*)", (DOCS / page).read_text(encoding="utf-8"), re.MULTILINE)
        for page in (f"{name}.md", f"{name}.zh-CN.md")
    ]
    assert shapes[0] == shapes[1]
