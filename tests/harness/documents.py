"""OpenAPI documents made for tests."""

from typing import Any

RESOURCES = ("orders", "parcels", "stores", "couriers", "invoices", "refunds", "messages", "models")
ERROR = {"description": "wrong", "content": {"application/json": {"schema": {"type": "object"}}}}


def refer(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def build_document(
    *, version: str = "1.0", resources: tuple[str, ...] = RESOURCES, **more: Any
) -> dict[str, Any]:
    """A document with six paths a resource (48 by default): lists, items, actions, a search with
    parameters of every kind, an upload, bodies with unions and recursion."""
    paths: dict[str, Any] = {}
    for name in resources:
        paths |= _build_paths(name)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Deliveries", "version": version},
        "servers": [{"url": "https://deliveries.example.test/v1", "description": "live"}],
        "security": [{"apiKey": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"apiKey": {"type": "apiKey", "in": "header", "name": "X-Key"}},
            "schemas": SCHEMAS,
        },
        **more,
    }


def _build_paths(name: str) -> dict[str, Any]:
    good = {"200": {"description": "", "content": {"application/json": {"schema": refer("Order")}}}}
    body = {"required": True, "content": {"application/json": {"schema": refer("Order")}}}
    item = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
    responses = {**good, "4XX": ERROR}

    def operate(verb: str, **more: Any) -> dict[str, Any]:
        return {"operationId": f"{verb}_{name}", "responses": responses, "tags": [name], **more}

    return {
        f"/{name}": {"get": operate("list"), "post": operate("create", requestBody=body)},
        f"/{name}/{{id}}": {
            "parameters": [item],
            "get": operate("get"),
            "put": operate("replace", requestBody=body),
            "delete": operate("delete", security=[]),
        },
        f"/{name}/{{id}}/cancel": {"parameters": [item], "post": operate("cancel")},
        f"/{name}/search": {"get": operate("search", parameters=SEARCH)},
        f"/{name}/upload": {"post": operate("upload", requestBody=UPLOAD)},
        f"/{name}/tree": {
            "post": operate(
                "plant", requestBody={"content": {"application/json": {"schema": refer("Tree")}}}
            )
        },
    }


UPLOAD = {
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file", "note"],
                "properties": {
                    "file": {"type": "string", "format": "binary"},
                    "note": {"type": "string", "minLength": 2},
                },
            }
        }
    }
}
SEARCH = [
    {"name": "q", "in": "query", "required": True, "schema": {"type": "string", "minLength": 3}},
    {
        "name": "tags",
        "in": "query",
        "required": True,
        "schema": {"type": "array", "items": {"enum": ["new", "old"]}, "minItems": 2},
    },
    {
        "name": "pair",
        "in": "query",
        "required": True,
        "explode": False,
        "schema": {"type": "array", "items": {"type": "integer"}, "minItems": 2},
    },
    {
        "name": "range",
        "in": "query",
        "required": True,
        "style": "deepObject",
        "schema": {
            "type": "object",
            "required": ["from"],
            "properties": {"from": {"type": "integer", "minimum": 5}},
        },
    },
    {"name": "page", "in": "query", "schema": {"type": "integer"}},
    {"name": "X-Trace", "in": "header", "required": True, "schema": {"type": "string"}},
]
SCHEMAS: dict[str, Any] = {
    "Order": {
        "type": "object",
        "additionalProperties": False,
        "required": ["id", "lines", "to", "placed_at", "total"],
        "properties": {
            "id": {"type": "string", "pattern": "^ord_[0-9a-f]{8}$"},
            "lines": {"type": "array", "minItems": 1, "items": refer("Line")},
            "to": {"oneOf": [refer("Address"), refer("Pickup")]},
            "placed_at": {"type": "string", "format": "date-time"},
            "total": {"type": "number", "exclusiveMinimum": 0, "multipleOf": 0.5},
            "note": {"type": ["string", "null"], "maxLength": 100},
        },
    },
    "Line": {
        "allOf": [
            {"type": "object", "required": ["sku"], "properties": {"sku": {"const": "S-1"}}},
            {"required": ["count"], "properties": {"count": {"type": "integer", "minimum": 2}}},
        ]
    },
    "Address": {
        "type": "object",
        "required": ["kind", "street"],
        "properties": {"kind": {"const": "address"}, "street": {"type": "string"}},
    },
    "Pickup": {"type": "object", "required": ["kind"], "properties": {"kind": {"const": "pickup"}}},
    "Tree": {
        "type": "object",
        "required": ["value", "left"],
        "properties": {
            "value": {"type": "integer", "maximum": -3},
            "left": {"anyOf": [refer("Tree"), {"type": "null"}]},
            "right": refer("Tree"),
        },
    },
}
