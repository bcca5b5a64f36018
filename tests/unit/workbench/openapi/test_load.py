"""Documents are read: JSON and YAML, 3.0 and 3.1, references, what is merged and what is derived."""

import json
from pathlib import Path
from textwrap import dedent
from typing import Any

import jsonschema_rs
import pytest

from tanzaku.core import InputFileError
from tanzaku.workbench.openapi import Document, load_document, parse_document

ORDERS = """
openapi: 3.0.3
info: {title: Orders, version: 2026-05-06}
servers:
  - url: https://{region}.example.test/v2
    variables: {region: {default: eu}}
security: [{key: []}]
paths:
  /orders/{order_id}:
    parameters:
      - {name: order_id, in: path, required: true, schema: {type: integer}}
      - {name: verbose, in: query, schema: {type: boolean}}
    get:
      tags: [orders]
      parameters:
        - {name: verbose, in: query, required: true, schema: {type: string}}
        - $ref: '#/components/parameters/Trace'
      responses:
        200:
          description: found
          headers: {X-Cost: {schema: {type: integer}}}
          content:
            application/json:
              schema: {$ref: '#/components/schemas/Order'}
          links: {again: {operationId: getOrder, parameters: {order_id: $response.body#/id}}}
        4XX: {$ref: '#/components/responses/Bad'}
  /orders?draft=true:
    post:
      operationId: createDraft
      security: []
      requestBody:
        required: true
        content:
          application/json:
            schema: {$ref: '#/components/schemas/Order'}
            example: {id: 3, price: 0.5}
      responses: {201: {description: made}}
components:
  parameters:
    Trace: {name: X-Trace, in: header, schema: {type: string, example: t-1}}
  responses:
    Bad:
      description: wrong
      content: {application/problem+json: {schema: {type: object}}}
  securitySchemes:
    key: {type: apiKey, in: header, name: X-Key}
  schemas:
    Order:
      type: object
      required: [id]
      properties:
        id: {type: integer, minimum: 0, exclusiveMinimum: true}
        price: {type: number, nullable: true}
        nullable: {type: string}
        parent: {nullable: true, allOf: [{$ref: '#/components/schemas/Order'}]}
        placed: 2026-05-06
        children: {type: array, items: {$ref: '#/components/schemas/Order'}}
"""


@pytest.fixture
def orders() -> Document:
    return parse_document(ORDERS.replace("        placed: 2026-05-06\n", ""), "orders.yaml")


def judge(document: Document, schema: Any, value: Any) -> bool:
    return jsonschema_rs.validator_for(document.bundle(schema)).is_valid(value)


def test_parameters_of_path_and_operation_are_merged_by_name_and_place(orders: Document) -> None:
    operation = orders.operations[0]
    assert [(p.place, p.name, p.is_required, p.schema) for p in operation.parameters] == [
        ("path", "order_id", True, {"type": "integer"}),
        ("query", "verbose", True, {"type": "string"}),
        ("header", "X-Trace", False, {"type": "string", "examples": ["t-1"]}),
    ]
    assert [(p.style, p.explode) for p in operation.parameters] == [
        ("simple", False), ("form", True), ("simple", False),
    ]  # fmt: skip


def test_an_operation_without_an_id_gets_one_of_its_method_and_path(orders: Document) -> None:
    assert [one.id for one in orders.operations] == ["get_orders_by_order_id", "createDraft"]


def test_a_query_written_into_a_path_is_sent_with_each_request(orders: Document) -> None:
    draft = orders.operations[1]
    assert (draft.method, draft.path, draft.fixed_query) == ("POST", "/orders", {"draft": "true"})


def test_security_of_the_document_holds_unless_the_operation_has_its_own(orders: Document) -> None:
    assert [one.security for one in orders.operations] == [(("key",),), ()]
    assert orders.security_schemes["key"].parameter == "X-Key"


def test_a_status_finds_its_own_answer_then_its_range_then_the_default(orders: Document) -> None:
    get = orders.operations[0]
    found = [
        response.status if (response := get.find_response(s)) else None for s in (200, 404, 500)
    ]
    assert found == ["200", "4XX", None]
    assert get.find_schema(200, "Application/JSON; charset=utf-8") == {
        "$ref": "#/components/schemas/Order"
    }
    assert get.find_schema(200, "text/html") is None
    assert get.find_schema(404, "application/problem+json") == {"type": "object"}
    assert get.responses["200"].headers["x-cost"].schema == {"type": "integer"}
    assert get.responses["200"].links["again"]["operationId"] == "getOrder"


def test_servers_have_their_variables_filled(orders: Document) -> None:
    assert [server.url for server in orders.operations[0].servers] == ["https://eu.example.test/v2"]


@pytest.mark.parametrize(
    ("value", "is_valid"),
    [
        ({"id": 1}, True),
        ({"id": 0}, False),
        ({"id": 1, "price": None}, True),
        ({"id": 1, "price": "1"}, False),
        ({"id": 1, "parent": None}, True),
        ({"id": 1, "parent": {"id": 0}}, False),
        ({"id": 1, "children": [{"id": 2, "children": [{"id": 0}]}]}, False),
        ({"id": 1, "nullable": "a property, not a keyword"}, True),
        ({"id": 1, "nullable": True}, False),
    ],
)
def test_a_schema_of_3_0_judges_as_its_json_schema(
    orders: Document, value: Any, is_valid: bool
) -> None:
    assert judge(orders, {"$ref": "#/components/schemas/Order"}, value) is is_valid


def test_recursion_stays_a_reference_and_is_bundled_once(orders: Document) -> None:
    bundled = orders.bundle({"$ref": "#/components/schemas/Order"})
    assert isinstance(bundled, dict)
    assert list(bundled["components"]["schemas"]) == ["Order"]
    order = orders.resolve("#/components/schemas/Order")
    assert isinstance(order, dict)
    assert order["properties"]["children"]["items"] == {"$ref": "#/components/schemas/Order"}


def test_json_and_yaml_of_the_same_document_are_the_same(orders: Document, tmp_path: Path) -> None:
    file = tmp_path / "orders.txt"
    file.write_text(json.dumps(orders.raw), encoding="utf-8")
    again = load_document(file)
    assert (again.operations, again.schemas) == (orders.operations, orders.schemas)
    assert again.locate("/paths/~1orders?draft=true/post").line == 1


def test_a_place_is_found_in_both_forms(orders: Document) -> None:
    pointer = "/paths/~1orders?draft=true/post/operationId"
    place = orders.locate(pointer)
    assert ORDERS.splitlines()[place.line - 1][place.column - 1 :] == "createDraft"
    text = json.dumps(orders.raw, indent=1)
    place = parse_document(text, "orders.json").locate(pointer)
    assert text.splitlines()[place.line - 1][place.column - 1 :] == '"createDraft",'


def build(**more: Any) -> str:
    return json.dumps({"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, **more})


@pytest.mark.parametrize(
    ("version", "name", "date"),
    [
        ("2026-10-21", "a.json", "2026-10-21"),
        ("1.2", "openapi-claude-2026-05.json", "2026-05"),
        ("1.2026-13", "1.json", None),
    ],
)
def test_a_documents_date_is_its_versions_or_its_file_names(
    version: str, name: str, date: str | None
) -> None:
    document = parse_document(build(info={"title": "t", "version": version}), name)
    assert document.date == date


def test_what_stands_beside_a_reference_stays_in_force_in_3_1() -> None:
    document = parse_document(
        build(components={"schemas": {"Name": {"type": "string", "maxLength": 5}}}), "d.json"
    )
    narrowed = {"$ref": "#/components/schemas/Name", "maxLength": 3, "description": "short"}
    resolved = document.resolve(narrowed)
    assert [judge(document, resolved, text) for text in ("abc", "abcd", 3)] == [True, False, False]
    plain = document.resolve({"$ref": "#/components/schemas/Name", "description": "a name"})
    assert plain == {"type": "string", "maxLength": 5, "description": "a name"}


@pytest.mark.parametrize(
    "schema", ["#/components/schemas/A", "#/components/schemas/C", "x.json#/A"]
)
def test_a_reference_that_leads_nowhere_or_in_a_ring_is_refused(schema: str) -> None:
    document = parse_document(
        build(
            components={
                "schemas": {
                    "A": {"$ref": "#/components/schemas/B"},
                    "B": {"$ref": "#/components/schemas/A"},
                }
            }
        ),
        "d.json",
    )
    with pytest.raises(InputFileError, match=r"^d\.json: the reference `"):
        document.resolve(schema)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"openapi": "3.1.0",\n "paths": {]}', "d:2:12: is not JSON"),
        ('{"a": 1,\n "b": {"c": 1, "c": 2}}', "d:2:16: the key `c` stands here a second time."),
        ('{"a": NaN}', "d: is not JSON: NaN"),
        ("openapi: 3.1.0\npaths: [", "d:3:1: is not YAML"),
        ("a: 1\na: 2", "d:2:1: the key `a` stands here a second time."),
        ("swagger: '2.0'", 'd:1:10: is no OpenAPI 3.0 or 3.1 document: `openapi` is "2.0".'),
        ("[1]", "d:1:1: `/` must be an object; found [1]."),
        (build(paths=[]), "`/paths` must be an object; found []."),
        (build(paths={"x": {}}), "the path `x` must begin with `/`."),
        (
            build(paths={"/": {"get": {"parameters": [{"name": "a"}]}}}),
            "a parameter needs a `name` and, as `in`,",
        ),
        (
            build(paths={"/": {"get": {"requestBody": {"$ref": "#/components/none"}}}}),
            "the reference `#/components/none` leads nowhere.",
        ),
        ('{"a":' * 300 + "1" + "}" * 300, "nested deeper than 200 levels."),
    ],
)
def test_what_cannot_be_read_names_its_place(text: str, message: str) -> None:
    with pytest.raises(InputFileError) as caught:
        parse_document(text, "d")
    assert message in caught.value.message
    assert caught.value.message.startswith("d:")


def test_aliases_that_stand_for_too_much_are_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(InputFileError, match="its aliases stand for more than"):
        parse_document("\n".join(lines), "d")


def test_yaml_keeps_dates_and_words_of_yaml_1_1_as_text() -> None:
    text = dedent("""\
        openapi: 3.1.0
        info: {title: no, version: 2023-06-01}
        paths:
          /a:
            get:
              parameters:
                - {name: v, in: header, schema: {enum: [2023-06-01, on, yes, 0123, 1e3, 1_000]}}
        """)
    (parameter,) = parse_document(text, "d.yaml").operations[0].parameters
    assert parameter.schema == {"enum": ["2023-06-01", "on", "yes", "0123", 1000.0, "1_000"]}
