"""JSON Schemas of the types in which `wire` has requests and answers."""

import json
from dataclasses import dataclass
from typing import Any, Final, override

from pydantic import ConfigDict, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import CoreSchema

from tanzaku.wire import VERSION_2026_10_21, ErrorBody, Event
from tanzaku.workbench.openapi._own_operations import OPERATIONS

SAMPLERS: Final = frozenset({"temperature", "top_p", "top_k"})
"""What requests have no longer from version 2026-10-21 on."""
_PREFIX: Final = "#/components/schemas/"
# As `wire` checks them.
_CONFIG: Final = ConfigDict(extra="forbid", strict=True)


class _Untitled(GenerateJsonSchema):
    @override
    def field_title_should_be_set(self, schema: CoreSchema) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class OwnSchemas:
    """`named` are the components; `parts` the schema of an operation's body, query or answer by
    (operation, part), and of every event and error by ("", "event") and ("", "error")."""

    named: dict[str, Any]
    parts: dict[tuple[str, str], Any]


def build_schemas(api_version: str) -> OwnSchemas:
    """The schemas for one `anthropic-version`."""
    wanted: list[tuple[tuple[str, str], Any, TypeAdapter[Any]]] = [
        (("", "event"), "serialization", TypeAdapter(Event)),
        (("", "error"), "serialization", TypeAdapter(ErrorBody)),
    ]
    for one in OPERATIONS:
        if one.body is not None:
            adapter = TypeAdapter(one.body, config=_CONFIG)
            wanted.append(((one.id, "body"), "validation", adapter))
        if one.query is not None:
            wanted.append(((one.id, "query"), "validation", TypeAdapter(one.query)))
        if one.answer is not bytes:
            wanted.append(((one.id, "answer"), "serialization", TypeAdapter(one.answer)))
    made, definitions = TypeAdapter.json_schemas(
        wanted, ref_template=_PREFIX + "{model}", schema_generator=_Untitled
    )
    # A name that begins with `_` is one module's own; in a document it is as good as any.
    whole = {"parts": list(made.values()), "named": definitions.get("$defs", {})}
    text = json.dumps(whole, ensure_ascii=False).replace(f'"{_PREFIX}_', f'"{_PREFIX}')
    read = json.loads(text)
    named = {name.lstrip("_"): schema for name, schema in sorted(read["named"].items())}
    parts = {key: schema for (key, _), schema in zip(made, read["parts"], strict=True)}
    for key in [key for key in parts if key[1] == "query"]:
        # A query's parameters stand one by one in the document.
        name = parts[key]["$ref"].removeprefix(_PREFIX)
        parts[key] = named.pop(name)
    if api_version >= VERSION_2026_10_21:
        for schema in named.values():
            for name in SAMPLERS & schema.get("properties", {}).keys():
                del schema["properties"][name]
    return OwnSchemas(named, parts)
