"""The published JSON Schema and the reader take the same files."""

import json
from pathlib import Path
from typing import Any, get_args

import anthropic.types as sdk
import jsonschema_rs
import pytest
from anthropic.types import bash_code_execution_tool_result_error_code as bash

from harness.scenarios import CITATIONS, REPLIES
from tanzaku.core.plain_yaml import parse_yaml
from tanzaku.simulator.scenario import _keys, load_scenario, parse_scenario

ROOT = Path(__file__).parents[4]
EXAMPLES = sorted((ROOT / "examples/scenarios").glob("*.yaml"))
SCHEMA: dict[str, Any] = json.loads(
    (ROOT / "docs/schemas/scenario.schema.json").read_text(encoding="utf-8")
)
VALIDATOR = jsonschema_rs.validator_for(SCHEMA)


def find_keys(part: dict[str, Any]) -> set[str]:
    """The keys of a definition, or of its object form."""
    forms = [part, *part.get("anyOf", ())]
    return {key for form in forms for key in form.get("properties", ())}


PARTS: dict[str, tuple[str, ...]] = {
    "rule": _keys.RULE,
    "when": _keys.WHEN,
    "textCondition": _keys.TEXT_CONDITION,
    "jsonCondition": _keys.JSON_CONDITION,
    "bodyCondition": _keys.JSON_CONDITION,
    "resultCondition": _keys.RESULT_CONDITION,
    "message": _keys.ANSWER,
    "errorReply": ("error",),
    "improviseReply": ("improvise",),
    "sequenceReply": ("sequence", "then"),
    "block": _keys.BLOCK,
    "toolCall": _keys.TOOL_CALL,
    "webSearch": _keys.WEB_SEARCH,
    "searchResult": _keys.SEARCH_RESULT,
    "webFetch": _keys.WEB_FETCH,
    "codeExecution": _keys.CODE_EXECUTION,
    "refusal": _keys.REFUSAL,
    "error": _keys.ERROR,
    "charLocation": _keys.CITATIONS["char_location"],
    "pageLocation": _keys.CITATIONS["page_location"],
    "contentBlockLocation": _keys.CITATIONS["content_block_location"],
    "webSearchResultLocation": _keys.CITATIONS["web_search_result_location"],
    "searchResultLocation": _keys.CITATIONS["search_result_location"],
}


@pytest.mark.parametrize(("name", "keys"), PARTS.items())
def test_every_key_the_reader_takes_is_in_the_schema_and_no_other(
    name: str, keys: tuple[str, ...]
) -> None:
    assert find_keys(SCHEMA["definitions"][name]) == set(keys)


def test_no_part_of_the_schema_with_keys_is_left_unchecked() -> None:
    with_keys = {name for name, part in SCHEMA["definitions"].items() if find_keys(part)}
    assert with_keys == set(PARTS)
    assert set(SCHEMA["properties"]) == set(_keys.FILE)
    whole = (*_keys.ANSWER, "error", "improvise", "sequence", "then")
    assert set(_keys.REPLY) == set(whole)


def test_every_key_of_the_schema_is_explained() -> None:
    unexplained = [
        f"{name}.{key}"
        for name, part in SCHEMA["definitions"].items()
        if not name.endswith("Location")
        for form in [part, *part.get("anyOf", ())]
        for key, value in form.get("properties", {}).items()
        if "description" not in json.dumps(value)
    ]
    assert unexplained == []


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (_keys.SEARCH_ERRORS, sdk.WebSearchToolResultErrorCode),
        (_keys.FETCH_ERRORS, sdk.WebFetchToolResultErrorCode),
        (_keys.CODE_ERRORS, sdk.CodeExecutionToolResultErrorCode),
        (_keys.BASH_ERRORS, bash.BashCodeExecutionToolResultErrorCode),
        (
            (*_keys.STOP_REASONS, "tool_use", "stop_sequence", "refusal"),
            sdk.StopReason,
        ),
    ],
)
def test_choices_are_those_of_the_sdk(ours: tuple[str, ...], theirs: Any) -> None:
    assert set(ours) == set(get_args(theirs))


def test_categories_of_refusals_are_those_of_the_sdk() -> None:
    annotation = sdk.RefusalStopDetails.model_fields["category"].annotation
    assert set(_keys.CATEGORIES) == set(get_args(get_args(annotation)[0]))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_taken_by_both(path: Path) -> None:
    assert load_scenario(path).rules
    VALIDATOR.validate(parse_yaml(path.read_text(encoding="utf-8"), path.name).plain)


@pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES.keys())
def test_every_kind_of_reply_is_taken_by_both(reply: str) -> None:
    text = f"rules:\n  - reply: {reply}\n"
    parse_scenario(text, "s")
    VALIDATOR.validate(parse_yaml(text, "s").plain)


@pytest.mark.parametrize("citation", CITATIONS)
def test_every_kind_of_citation_is_taken_by_both(citation: str) -> None:
    text = f"rules:\n  - reply: {{text: x, citations: [{citation}]}}\n"
    parse_scenario(text, "s")
    VALIDATOR.validate(parse_yaml(text, "s").plain)
