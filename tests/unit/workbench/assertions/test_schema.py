"""The published JSON Schema of an `expect` list and the reader take the same lists."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from harness.asserted import MISTAKES, ROWS
from tanzaku.core.plain_yaml import parse_yaml
from tanzaku.workbench.assertions.kinds import list_kinds

DOCS = Path(__file__).parents[4] / "docs"
SCHEMA: dict[str, Any] = json.loads(
    (DOCS / "schemas/expect.schema.json").read_text(encoding="utf-8")
)
VALIDATOR = jsonschema_rs.validator_for(SCHEMA)
BEYOND = re.compile(
    r"can never|can be run|JSONPath|no JSON Schema|is not read|1:13$|cannot be asked|must be above"
    r"|at most 5|whole number from 1|outermost|two numbers, |`args`|stands alone"
)
"""What a schema of JSON cannot say: an order of numbers, an expression's own grammar."""


def read_plain(text: str) -> Any:
    return parse_yaml(text, "x.yaml").plain


@pytest.mark.parametrize("kind", ROWS)
def test_what_the_reader_takes_the_schema_takes(kind: str) -> None:
    item = read_plain(ROWS[kind][0])
    for one in (
        item,
        {**item, "severity": "warn"},
        {"not": item},
        {"any": [item, {"all": [item]}], "not": True},
        {"at_least": 1, "of": [item], "severity": "error"},
    ):
        VALIDATOR.validate([one])
    # A misspelt key beside it is refused by both.
    assert not VALIDATOR.is_valid([{**item, "severty": "warn"}])


@pytest.mark.parametrize(
    ("text", "message"), [one for one in MISTAKES if not BEYOND.search(one[1])]
)
def test_what_the_reader_refuses_the_schema_refuses(text: str, message: str) -> None:
    assert not VALIDATOR.is_valid(read_plain(text)), message


def test_the_schema_names_the_kinds_and_no_others() -> None:
    plain, path = (SCHEMA["definitions"][name] for name in ("plain", "path"))
    named = {"jsonpath", *plain["properties"]} - {
        "all",
        "any",
        "at_least",
        "of",
        "not",
        "on",
        "severity",
    }
    (step,) = plain["patternProperties"]
    steps = {name for name in list_kinds() if re.search(step, name)}
    assert named | steps == set(list_kinds())
    assert "jsonpath" in path["properties"]


@pytest.mark.parametrize("page", ["assertions.md", "assertions.zh-CN.md"])
def test_each_kind_has_its_row_in_the_documents(page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    text = text[text.index("\n## HTTP") :]
    rows = re.findall(r"^\| `([a-zA-Z_.0-9]+)` \|", text, re.MULTILINE)
    assert sorted(rows) == sorted(list_kinds())
