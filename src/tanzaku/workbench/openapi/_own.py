"""The OpenAPI 3.1 document of the Claude API as Tanzaku serves it, its schemas made of `wire`'s
types."""

import json
import re
from typing import Any, Final

from tanzaku.wire import (
    ANTHROPIC_BETA,
    API_VERSIONS,
    ERROR_STATUSES,
    RATE_LIMIT_HEADERS,
    REQUEST_ID,
    RETRY_AFTER,
    SHOULD_RETRY,
)
from tanzaku.workbench.openapi._claude import API_HOST, KEY_HEADER, MODEL, VERSION_HEADER
from tanzaku.workbench.openapi._document import EVENT_SCHEMA
from tanzaku.workbench.openapi._own_operations import JSON, OPERATIONS, OwnOperation

_LOCAL: Final = "http://127.0.0.1:4141"
_EVENTS: Final = "text/event-stream"
_DESCRIPTION: Final = (
    "The part of the Claude API that Tanzaku's simulator answers and its gateway carries. "
    "The types are those that requests are checked with; rules that no schema can state "
    "(a tool result answers a tool call, a budget is below max_tokens, what a model takes) hold "
    "besides."
)


def build_own_document(api_version: str = API_VERSIONS[-1]) -> dict[str, Any]:
    """The document for one `anthropic-version`: from 2026-10-21 on requests have no `temperature`,
    `top_p` and `top_k`."""
    # pydantic makes the schemas, which nothing else of this room needs.
    from tanzaku.workbench.openapi._own_schemas import build_schemas

    schemas = build_schemas(api_version)
    references = schemas.parts
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Claude API, as Tanzaku serves it",
            "version": api_version,
            "description": _DESCRIPTION,
        },
        "servers": [
            {"url": _LOCAL, "description": "tanzaku serve"},
            {"url": f"https://{API_HOST}", "description": "Claude API"},
        ],
        "security": [{"apiKey": []}, {"bearer": []}],
        "tags": [{"name": name} for name in dict.fromkeys(one.tag for one in OPERATIONS)],
        "paths": _build_paths(references),
        "components": {
            "securitySchemes": {
                "apiKey": {"type": "apiKey", "in": "header", "name": KEY_HEADER},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
            "parameters": _build_header_parameters(api_version),
            "headers": _build_headers(),
            "responses": {"Error": _build_error(references)},
            "schemas": schemas.named,
        },
    }


def render_openapi(document: dict[str, Any]) -> str:
    """The document as text, the same for the same document."""
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def _build_paths(references: dict[tuple[str, str], Any]) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for operation in OPERATIONS:
        item = paths.setdefault(operation.path, {})
        item[operation.method.lower()] = _build_operation(operation, references)
    return paths


def _build_operation(
    operation: OwnOperation, references: dict[tuple[str, str], Any]
) -> dict[str, Any]:
    made: dict[str, Any] = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "parameters": [
            *(_build_path_parameter(name) for name in re.findall(r"\{(\w+)\}", operation.path)),
            *_build_query(references.get((operation.id, "query"))),
            {"$ref": "#/components/parameters/AnthropicVersion"},
            {"$ref": "#/components/parameters/AnthropicBeta"},
        ],
    }
    if operation.body is not None:
        content: dict[str, Any] = {"schema": references[operation.id, "body"]}
        if operation.examples:
            named = {name: {"value": one} for name, one in operation.examples.items()}
            content["examples"] = named
        made["requestBody"] = {"required": True, "content": {operation.body_type: content}}
    made["responses"] = {
        "200": {
            "description": operation.summary,
            "headers": {REQUEST_ID.decode(): {"$ref": "#/components/headers/RequestId"}},
            "content": _build_answer(operation, references),
        },
        "4XX": {"$ref": "#/components/responses/Error"},
        "5XX": {"$ref": "#/components/responses/Error"},
    }
    return made


def _build_answer(
    operation: OwnOperation, references: dict[tuple[str, str], Any]
) -> dict[str, Any]:
    schema = references.get((operation.id, "answer"), {"type": "string", "format": "binary"})
    if operation.answer_type == "application/x-jsonl":
        lines = {"type": "string", "description": "One JSON object a line."}
        return {operation.answer_type: {"schema": lines, EVENT_SCHEMA: schema}}
    content: dict[str, Any] = {operation.answer_type: {"schema": schema}}
    if operation.is_streamed:
        content[_EVENTS] = {
            "schema": {
                "description": "Server-sent events: message_start, then each block's start, deltas "
                "and stop, then message_delta and message_stop; ping and error may come between.",
            },
            EVENT_SCHEMA: references["", "event"],
        }
    return content


def _build_path_parameter(name: str) -> dict[str, Any]:
    parameter = {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
    return {**parameter, "example": MODEL} if name == "model_id" else parameter


def _build_query(schema: Any) -> list[dict[str, Any]]:
    """A parameter for each property; lists have brackets in their names, as the SDK writes them."""
    made: list[dict[str, Any]] = []
    for name, one in (schema or {}).get("properties", {}).items():
        rest = [part for part in one.get("anyOf", [one]) if part != {"type": "null"}]
        plain = rest[0]
        written = f"{name}[]" if plain.get("type") == "array" else name
        made.append({"name": written, "in": "query", "schema": plain})
    return made


def _build_header_parameters(api_version: str) -> dict[str, Any]:
    return {
        "AnthropicVersion": {
            "name": VERSION_HEADER,
            "in": "header",
            "required": True,
            "schema": {"type": "string", "enum": [api_version]},
        },
        "AnthropicBeta": {
            "name": ANTHROPIC_BETA.decode(),
            "in": "header",
            "description": "Names of betas, comma between them.",
            "schema": {"type": "string"},
        },
    }


def _build_headers() -> dict[str, Any]:
    text = {"type": "string"}
    return {
        "RequestId": {"description": "Names this call.", "schema": text},
        "RetryAfter": {"description": "Seconds to wait.", "schema": {"type": "integer"}},
        "ShouldRetry": {
            "description": "Whether sending again can help.",
            "schema": {"enum": ["true", "false"]},
        },
        **{
            _name_component(header): {
                "description": "RFC 3339" if part == "reset" else "Of a rate limit.",
                "schema": text if part == "reset" else {"type": "integer"},
            }
            for limit in RATE_LIMIT_HEADERS.values()
            for part, header in zip(limit._fields, limit, strict=True)
        },
    }


def _build_error(references: dict[tuple[str, str], Any]) -> dict[str, Any]:
    named = {
        REQUEST_ID: "RequestId",
        RETRY_AFTER: "RetryAfter",
        SHOULD_RETRY: "ShouldRetry",
        **{
            header: _name_component(header) for one in RATE_LIMIT_HEADERS.values() for header in one
        },
    }
    return {
        "description": f"An error. Types: {', '.join(sorted(ERROR_STATUSES))}.",
        "headers": {
            header.decode(): {"$ref": f"#/components/headers/{name}"}
            for header, name in named.items()
        },
        "content": {JSON: {"schema": references["", "error"]}},
    }


def _name_component(header: bytes) -> str:
    words = header.decode().removeprefix("anthropic-").split("-")
    return "".join(word.capitalize() for word in words)
