"""What is wrong with a document is told with its place; what is useful and missing, too."""

import json
from typing import Any

import pytest

from tanzaku.look import LANGUAGES, Messages
from tanzaku.workbench.openapi import PROBLEM_KINDS, check_document, parse_document

GOOD = {"200": {"description": "", "content": {"application/json": {"schema": {"type": "object"}}}}}


def check(paths: dict[str, Any], **more: Any) -> list[tuple[str, str, int]]:
    whole = {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": paths, **more}
    document = parse_document(json.dumps(whole, indent=1), "d.json")
    return [(one.kind, one.pointer, one.place.line) for one in check_document(document)]


def test_a_document_in_order_has_no_problem() -> None:
    assert check({"/a": {"get": {"operationId": "a", "responses": GOOD}}}) == []


@pytest.mark.parametrize(
    ("operation", "kind", "pointer"),
    [
        ({"responses": GOOD}, "no_operation_id", ""),
        ({"operationId": "x", "responses": {"200": {"description": ""}}}, "no_response_schema", "/responses"),
        ({"operationId": "x", "responses": GOOD, "tags": 3}, "structure", "/tags"),
        (
            {
                "operationId": "x",
                "responses": GOOD,
                "parameters": [{"name": "b", "in": "path", "required": True, "schema": {}}],
            },
            "path_parameter",
            "",
        ),
        (
            {
                "operationId": "x",
                "responses": GOOD,
                "requestBody": {
                    "content": {"application/json": {"schema": {"type": "string"}, "example": 3}}
                },
            },
            "example",
            "/requestBody/content/application~1json",
        ),
    ],
)  # fmt: skip
def test_a_problem_of_an_operation_names_its_pointer(
    operation: dict[str, Any], kind: str, pointer: str
) -> None:
    if kind == "structure":
        operation = {**operation, "deprecated": "yes", "tags": []}
        pointer = "/deprecated"
    assert [one[:2] for one in check({"/a": {"get": operation}})] == [
        (kind, f"/paths/~1a/get{pointer}")
    ]


def test_an_operation_without_content_needs_no_schema() -> None:
    gone = {"operationId": "d", "responses": {"204": {"description": ""}}}
    assert check({"/a": {"delete": gone}}) == []


def test_a_repeated_operation_id_is_told_where_it_stands_again() -> None:
    one = {"operationId": "a", "responses": GOOD}
    problems = check({"/a": {"get": one}, "/b": {"get": one}})
    assert [problem[:2] for problem in problems] == [
        ("repeated_operation_id", "/paths/~1b/get/operationId")
    ]


@pytest.mark.parametrize(
    ("schema", "kind", "pointer"),
    [
        ({"type": "text"}, "schema", "/type"),
        ({"properties": {"a": {"minimum": "1"}}}, "schema", "/properties/a/minimum"),
        ({"items": {"$ref": "#/components/schemas/None"}}, "reference", ""),
    ],
)
def test_a_problem_of_a_schema_names_its_line(schema: Any, kind: str, pointer: str) -> None:
    found = check({}, components={"schemas": {"A": schema}})
    assert (kind, f"/components/schemas/A{pointer}") in [one[:2] for one in found]
    assert all(line > 8 for _, _, line in found)


def test_each_problem_has_a_sentence_in_every_language() -> None:
    values = dict.fromkeys(("reason", "operation", "id", "name", "reference"), "…")
    for language in LANGUAGES:
        messages = Messages(language)
        assert all(messages.say(f"openapi.{kind}", **values) for kind in PROBLEM_KINDS)
