"""The documents of scenarios say what is there, in both languages, and their blocks run."""

import json
import re
from pathlib import Path

import jsonschema_rs
import pytest

from tanzaku.core.plain_yaml import parse_yaml
from tanzaku.simulator.scenario import _keys, parse_scenario

DOCS = Path(__file__).parents[4] / "docs"
TEXTS = {
    name: (DOCS / name).read_text(encoding="utf-8")
    for name in ("scenarios.md", "scenarios.zh-CN.md")
}
BLOCK = re.compile(r"```(\w*)\n(.*?)```", re.DOTALL)


def find_blocks(language: str) -> list[str]:
    return [body for kind, body in BLOCK.findall(TEXTS["scenarios.md"]) if kind == language]


@pytest.mark.parametrize("text", find_blocks("yaml"))
def test_every_scenario_of_the_document_is_taken(text: str) -> None:
    assert parse_scenario(text, "desk").rules
    schema = json.loads((DOCS / "schemas/scenario.schema.json").read_text(encoding="utf-8"))
    jsonschema_rs.validator_for(schema).validate(parse_yaml(text, "desk").plain)


def test_the_python_of_the_document_runs() -> None:
    [block] = find_blocks("python")
    exec(compile(block, "scenarios.md", "exec"), {})


def test_both_languages_have_the_same_blocks_and_headings() -> None:
    english, chinese = TEXTS.values()
    assert BLOCK.findall(english) == BLOCK.findall(chinese)
    assert len(re.findall(r"^#", english, re.MULTILINE)) == len(
        re.findall(r"^#", chinese, re.MULTILINE)
    )


@pytest.mark.parametrize("name", TEXTS)
def test_every_key_is_named(name: str) -> None:
    # Those of citations are the API's own.
    keys = {
        key
        for table in (
            _keys.WHEN, _keys.RESULT_CONDITION, _keys.REPLY, _keys.BLOCK, _keys.TOOL_CALL,
            _keys.WEB_SEARCH, _keys.SEARCH_RESULT, _keys.WEB_FETCH, _keys.CODE_EXECUTION,
            _keys.REFUSAL, _keys.ERROR, _keys.STOP_REASONS, _keys.THEN, ("set_state",),
        )
        for key in table
    }  # fmt: skip
    named = set(re.findall(r"`(\w+)(?:: true)?`", TEXTS[name]))
    assert keys - named == set()
