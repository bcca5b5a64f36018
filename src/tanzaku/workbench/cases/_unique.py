"""Values of which no two things may have the same: each case gets its own."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from tanzaku.workbench.cases._case import MadeCase
from tanzaku.workbench.cases._shapes import Shapes, find_types
from tanzaku.workbench.cases._target import Target
from tanzaku.workbench.cases._texts import make_unique
from tanzaku.workbench.openapi import Operation

_TAKEN: Final = "409"
_MANY: Final = frozenset({"pairs.body", "enum.value", "text.format"})
"""Rules that make several cases of one place."""
_NAMES: Final = frozenset(
    {"email", "username", "user_name", "login", "handle", "sku", "code", "slug", "key", "phone",
     "isbn", "serial", "number", "reference", "external_id", "client_id", "custom_id", "name", "id"}
)  # fmt: skip


def find_unique(operation: Operation, shapes: Shapes, body: Any) -> dict[str, str]:
    """The texts of a body that must be new each time, as far as the document lets it be seen: what
    makes a thing may answer 409, and the answer's description names a property, or its name is one
    of those that tell things apart."""
    content = next(iter(operation.request_bodies.values()), None)
    taken = operation.responses.get(_TAKEN)
    if operation.method not in {"POST", "PUT"} or taken is None or content is None:
        return {}
    if content.schema is None or not isinstance(body, Mapping):
        return {}
    properties = shapes.flatten(content.schema).get("properties", {})
    texts = {
        name: value
        for name, value in body.items()
        if isinstance(value, str) and name in properties and _is_open(shapes, properties[name])
    }
    told = {n: v for n, v in texts.items() if re.search(rf"\b{re.escape(n)}\b", taken.description)}
    return told or {n: v for n, v in texts.items() if n.lower() in _NAMES}


def _is_open(shapes: Shapes, schema: Any) -> bool:
    flat = shapes.flatten(schema)
    return find_types(flat) == ("string",) and not flat.get("enum") and "const" not in flat


def spread_unique(target: Target, cases: Iterable[MadeCase]) -> list[MadeCase]:
    """Cases whose things do not get in one another's way."""
    unique = find_unique(target.operation, target.shapes, target.base_body)
    found: list[MadeCase] = []
    for number, case in enumerate(cases):
        touched = case.patch.get("body", {})
        is_json = isinstance(touched, dict) and "raw" not in case.patch
        if not unique or not is_json or case.kind in {"negative", "security"}:
            found.append(case)
            continue
        own = {
            name: make_unique(value, f"{case.stem} {number if case.rule in _MANY else 0}") for name, value in unique.items()
            if name not in touched
        }  # fmt: skip
        expect = [_restate(line, own) for line in case.expect]
        found.append(replace(case, patch={**case.patch, "body": {**own, **touched}}, expect=expect))
    return found


def _restate(line: Mapping[str, Any], own: Mapping[str, str]) -> Mapping[str, Any]:
    name = str(line.get("jsonpath", "")).removeprefix("$.")
    return {**line, "equals": own[name]} if name in own and "equals" in line else line
