"""Which JSON Schemas the API compiles for strict tools and output formats.

Source: page build-with-claude/structured-outputs. Only the text on `additionalProperties` is known;
the others are guesses.
"""

from collections.abc import Iterator, Mapping
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
        _check_reference(inspection, node, schema, path)


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


def _check_reference(
    inspection: Inspection, node: Mapping[str, Any], root: Mapping[str, Any], path: str
) -> None:
    target = node.get("$ref")
    if not isinstance(target, str):
        return
    if not target.startswith("#"):
        inspection.refuse(path, f"External $ref '{target}' is not supported", is_guess=True)
    elif _reaches(root, target, target, set()):
        inspection.refuse(path, f"Recursive $ref '{target}' is not supported", is_guess=True)


def _reaches(root: Mapping[str, Any], start: str, target: str, seen: set[str]) -> bool:
    """Whether following the references below `start` comes back to `target`."""
    if start in seen:
        return False
    seen.add(start)
    below = {
        node["$ref"] for node in _iter_nodes(_resolve(root, start)) if _is_local(node.get("$ref"))
    }
    return target in below or any(_reaches(root, name, target, seen) for name in below)


def _is_local(reference: object) -> bool:
    return isinstance(reference, str) and reference.startswith("#")


def _resolve(root: Mapping[str, Any], reference: str) -> Mapping[str, Any]:
    node: Any = root
    for part in reference.lstrip("#/").split("/"):
        if part and isinstance(node, dict):
            node = node.get(part.replace("~1", "/").replace("~0", "~"))
    return node if isinstance(node, dict) else {}


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
