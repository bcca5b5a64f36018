"""Which JSON Schemas the API compiles for strict tools and output formats.

Source: page build-with-claude/structured-outputs. Only the text on `additionalProperties` is known;
the others are guesses.
"""

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from tanzaku.wire._inspection import Inspection

_UNSUPPORTED = {
    "integer": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    "string": ("minLength", "maxLength"),
    "array": ("maxItems", "uniqueItems", "contains"),
}
_FORMATS = (
    *("date-time", "time", "date", "duration"),
    *("email", "hostname", "uri", "ipv4", "ipv6", "uuid"),
)
_MANY = ("anyOf", "allOf", "oneOf", "prefixItems")
_NAMED = ("properties", "$defs", "definitions")


def check_strict_schema(
    inspection: Inspection, schema: Mapping[str, Any], path: str, *, is_guess: bool = False
) -> None:
    """`path` is where the API says the schema stands; `is_guess` whether that is believed only."""
    for node in _iter_nodes(schema):
        kind = node.get("type")
        is_object = kind == "object" or "properties" in node
        if is_object and node.get("additionalProperties") is not False:
            inspection.refuse(
                path,
                "For 'object' type, 'additionalProperties' must be explicitly set to false",
                is_guess=is_guess,
            )
        if isinstance(kind, str):
            _check_bounds(inspection, node, kind, path)
    _check_references(inspection, schema, path)


def _check_bounds(inspection: Inspection, node: Mapping[str, Any], kind: str, path: str) -> None:
    unsupported = [name for name in _UNSUPPORTED.get(kind, ()) if name in node]
    if unsupported:
        inspection.refuse(
            path,
            f"For '{kind}' type, properties {', '.join(unsupported)} are not supported",
            is_guess=True,
        )
    if kind == "array" and node.get("minItems", 0) not in (0, 1):
        inspection.refuse(
            path,
            "For 'array' type, 'minItems' values other than 0 or 1 are not supported",
            is_guess=True,
        )
    form = node.get("format")
    if kind == "string" and form is not None and form not in _FORMATS:
        inspection.refuse(
            path, f"For 'string' type, format '{form}' is not supported", is_guess=True
        )


def _check_references(inspection: Inspection, schema: Mapping[str, Any], path: str) -> None:
    """Refuse references to elsewhere, and one cycle of those that stay inside.

    Targets are told apart by the node they name, because a node has many spellings.
    """
    names: dict[int, str] = {}
    below: dict[int, list[int]] = {}
    pending: list[Mapping[str, Any]] = [schema]
    while pending:
        node = pending.pop()
        if id(node) in below:
            continue
        below[id(node)] = []
        for reference in _list_references(node):
            if not reference.startswith("#"):
                if node is schema:
                    inspection.refuse(
                        path, f"External $ref '{reference}' is not supported", is_guess=True
                    )
            elif (target := _resolve(schema, reference)) is not None:
                names.setdefault(id(target), reference)
                below[id(node)].append(id(target))
                pending.append(target)
    try:
        TopologicalSorter(below).prepare()
    except CycleError as error:
        first: int = error.args[1][0]
        inspection.refuse(path, f"Recursive $ref '{names[first]}' is not supported", is_guess=True)


def _list_references(schema: Mapping[str, Any]) -> list[str]:
    found = (node.get("$ref") for node in _iter_nodes(schema))
    return [reference for reference in found if isinstance(reference, str)]


def _resolve(root: Mapping[str, Any], reference: str) -> Mapping[str, Any] | None:
    node: Any = root
    for part in reference.lstrip("#/").split("/"):
        if part and isinstance(node, dict):
            node = node.get(part.replace("~1", "/").replace("~0", "~"))
    return node if isinstance(node, dict) else None


def _iter_nodes(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    pending: list[Any] = [schema]
    while pending:
        node = pending.pop()
        if not isinstance(node, dict):
            continue
        yield node
        pending += (node.get("items"), node.get("not"))
        for name in _MANY:
            if isinstance(node.get(name), list):
                pending.extend(node[name])
        for name in _NAMED:
            if isinstance(node.get(name), dict):
                pending.extend(node[name].values())
