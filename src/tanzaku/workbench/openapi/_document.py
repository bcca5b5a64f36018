"""An OpenAPI document as the workbench sees it: its operations, schemas and servers."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal

from tanzaku.core import InputFileError
from tanzaku.core.plain_yaml import Place
from tanzaku.workbench.openapi._source import Source

type Schema = dict[str, Any] | bool
"""JSON Schema 2020-12, whatever version the document has."""

EVENT_SCHEMA: Final = "x-event-schema"
"""Beside the schema of a stream: that of each of its events. OpenAPI 3.2 calls it `itemSchema`,
which 3.1 does not allow."""
METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_DATE = re.compile(r"(?<!\d)(20\d\d)-(0[1-9]|1[0-2])(?:-(0[1-9]|[12]\d|3[01]))?(?!\d)")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an operation. `style` and `explode` are OpenAPI's, their defaults filled
    in. `content_type` is set where the value travels as a text of that type."""

    name: str
    place: Literal["path", "query", "header", "cookie"]
    is_required: bool
    schema: Schema
    pointer: str
    style: str = "simple"
    explode: bool = False
    allow_reserved: bool = False
    content_type: str | None = None
    description: str = ""
    examples: tuple[Any, ...] = ()
    is_deprecated: bool = False


@dataclass(frozen=True, slots=True)
class Content:
    """A body of one content type. `schema` is None where the document has none. Of a stream,
    `event_schema` is that of each event's (or line's) data where the document has one."""

    content_type: str
    schema: Schema | None
    pointer: str
    examples: tuple[Any, ...] = ()
    encoding: Mapping[str, Any] = field(default_factory=dict)
    event_schema: Schema | None = None


@dataclass(frozen=True, slots=True)
class Header:
    """A header of an answer."""

    name: str
    schema: Schema
    is_required: bool
    description: str = ""


@dataclass(frozen=True, slots=True)
class Response:
    """What an operation answers; `status` as the document writes it: `200`, `4XX`, `default`.
    `links` are OpenAPI's, references resolved."""

    status: str
    description: str
    contents: Mapping[str, Content]
    headers: Mapping[str, Header]
    links: Mapping[str, Mapping[str, Any]]
    pointer: str


@dataclass(frozen=True, slots=True)
class SecurityScheme:
    """How a caller proves itself: `place` and `parameter` are an API key's, `scheme` is HTTP's
    (`bearer`, `basic`)."""

    name: str
    kind: str
    place: str = ""
    parameter: str = ""
    scheme: str = ""


@dataclass(frozen=True, slots=True)
class Server:
    """Where the API is; `url` has its variables filled with their defaults."""

    url: str
    description: str = ""


@dataclass(frozen=True)
class Operation:
    """One method of one path.

    `id` is the operationId, or made from method and path; no two of a document are equal. `method`
    is upper case. `path` has no query: what a document writes after a `?` there (Claude's does) is
    in `fixed_query` and is sent with each request. `parameters` are the path's and the operation's
    own, merged. `security` are alternatives, each the names of schemes that are all needed; an
    empty one needs none.
    """

    id: str
    method: str
    path: str
    parameters: tuple[Parameter, ...]
    request_bodies: Mapping[str, Content]
    responses: Mapping[str, Response]
    security: tuple[tuple[str, ...], ...]
    pointer: str
    fixed_query: Mapping[str, str] = field(default_factory=dict)
    is_body_required: bool = False
    tags: tuple[str, ...] = ()
    summary: str = ""
    description: str = ""
    is_deprecated: bool = False
    servers: tuple[Server, ...] = ()

    def find_response(self, status: int) -> Response | None:
        """What the document says of this status: its own line, else its range's, else the
        default."""
        for key in (str(status), f"{status // 100}XX", f"{status // 100}xx", "default"):
            if key in self.responses:
                return self.responses[key]
        return None

    def find_schema(self, status: int, content_type: str) -> Schema | None:
        """The schema for the body of an answer; None where the document has none for it.
        `content_type` may have parameters."""
        response = self.find_response(status)
        content = None if response is None else find_content(response.contents, content_type)
        return None if content is None else content.schema


def find_content(contents: Mapping[str, Content], content_type: str) -> Content | None:
    """The entry for a content type: its own, else `type/*`, else `*/*`."""
    kind = content_type.partition(";")[0].strip().lower()
    own = {name.partition(";")[0].strip().lower(): one for name, one in contents.items()}
    for name in (kind, f"{kind.partition('/')[0]}/*", "*/*"):
        if name in own:
            return own[name]
    return None


@dataclass(frozen=True)
class Document:
    """A document that was read. `raw` are its values as they stand, `schemas` the named schemas as
    JSON Schema 2020-12, whose references still point to `#/components/schemas/NAME`: recursion
    stays recursion."""

    source: Source
    raw: Mapping[str, Any]
    openapi: str
    title: str
    version: str
    operations: tuple[Operation, ...]
    schemas: Mapping[str, Schema]
    security_schemes: Mapping[str, SecurityScheme]
    servers: tuple[Server, ...]
    tags: tuple[str, ...]

    @cached_property
    def _by_id(self) -> Mapping[str, Operation]:
        return {operation.id: operation for operation in self.operations}

    def find_operation(self, operation_id: str) -> Operation | None:
        return self._by_id.get(operation_id)

    def locate(self, pointer: str) -> Place:
        """Where a JSON pointer leads to in the file."""
        return self.source.locate(pointer)

    @property
    def date(self) -> str | None:
        """The day or month the document speaks of: of its `info.version`, else of its file's name
        (`openapi-claude-2026-05.json`); `2026-05` or `2026-05-06`. None: neither says."""
        for text in (self.version, Path(self.source.name).name):
            if found := _DATE.search(text):
                return found[0]
        return None

    def resolve(self, schema: Schema | str) -> Schema:
        """The schema that a reference (`#/components/schemas/NAME`, or a schema with `$ref`) leads
        to, reference by reference; one without is itself. What stands beside a `$ref` stays in
        force. InputFileError for a reference that leads nowhere or in a ring."""
        if isinstance(schema, str):
            schema = {"$ref": schema}
        seen: list[str] = []
        while isinstance(schema, dict) and "$ref" in schema:
            reference = schema["$ref"]
            if reference in seen:
                raise InputFileError(
                    "{file}: the reference `{reference}` leads back to itself.",
                    file=self.source.name,
                    reference=reference,
                )
            seen.append(reference)
            beside = {name: value for name, value in schema.items() if name != "$ref"}
            schema = _join(self._find(reference), beside)
        return schema

    def _find(self, reference: str) -> Schema:
        head, _, name = reference.rpartition("/")
        name = name.replace("~1", "/").replace("~0", "~")
        if head == "#/components/schemas" and name in self.schemas:
            return self.schemas[name]
        return self._find_below(reference)

    def _find_below(self, reference: str) -> Schema:
        """A schema that stands inside a named one."""
        value: Any = {"components": {"schemas": self.schemas}}
        for part in reference.removeprefix("#").split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
            if isinstance(value, Mapping) and key in value:
                value = value[key]
            elif isinstance(value, Sequence) and key.isdecimal() and int(key) < len(value):
                value = value[int(key)]
            else:
                value = None
        if reference.startswith("#/") and isinstance(value, dict | bool):
            return value
        raise InputFileError(
            "{file}: the reference `{reference}` leads to no schema.",
            hint="References lead to `#/components/schemas/NAME` of the same file.",
            file=self.source.name,
            reference=reference,
        )

    def bundle(self, schema: Schema) -> Schema:
        """`schema` with the named schemas it needs beside it under `components`, so that any
        validator of JSON Schema follows its references."""
        if not isinstance(schema, dict):
            return schema
        names: set[str] = set()
        waiting = list(iter_references(schema))
        while waiting:
            parts = waiting.pop().split("/")
            if parts[:3] != ["#", "components", "schemas"] or len(parts) < 4:
                continue
            name = parts[3].replace("~1", "/").replace("~0", "~")
            if name not in names and name in self.schemas:
                names.add(name)
                waiting += iter_references(self.schemas[name])
        needed = {name: self.schemas[name] for name in self.schemas if name in names}
        return {**schema, "components": {"schemas": needed}} if needed else schema


def _join(target: Schema, beside: dict[str, Any]) -> Schema:
    if not beside:
        return target
    if isinstance(target, dict) and not set(target) & (set(beside) - _NOTES):
        return {**target, **beside}
    return {"allOf": [target, beside]}


_NOTES: Final = frozenset(
    {"title", "description", "examples", "deprecated", "readOnly", "writeOnly"}
)


def iter_references(value: Any) -> list[str]:
    """Every `$ref` in a value, however deep."""
    found: list[str] = []
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Mapping):
            if isinstance(one.get("$ref"), str):
                found.append(one["$ref"])
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
    return found
