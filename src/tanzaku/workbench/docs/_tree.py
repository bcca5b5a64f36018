"""A schema as a tree that ends, however recursive the schema is."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from tanzaku.core import InputFileError
from tanzaku.workbench.openapi import Document, Schema

_DEEPEST: Final = 12
_MOST_NODES: Final = 3000
"""Claude's largest body has about half as many."""
_LONGEST_FACT: Final = 300
_CONSTRAINTS: Final = (
    "const", "enum", "default", "format", "pattern", "minLength", "maxLength", "minimum",
    "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minItems", "maxItems",
    "uniqueItems", "minProperties", "maxProperties", "contentMediaType", "readOnly", "writeOnly",
    "deprecated",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Node:
    """One value of a body. `facts` are what the schema demands, keyword by keyword. Of a union
    `variants` are the branches. `schema` is the name of the schema it has in the document; a named
    one is shown once in a tree: elsewhere `is_elsewhere` is set and nothing below it. `is_cut`:
    the tree ends here, the schema does not."""

    name: str
    kind: str
    is_required: bool = False
    facts: tuple[tuple[str, str], ...] = ()
    description: str = ""
    schema: str = ""
    children: "tuple[Node, ...]" = ()
    variants: "tuple[Node, ...]" = ()
    is_elsewhere: bool = False
    is_cut: bool = False


def build_tree(document: Document, schema: Schema) -> Node:
    """The tree of one body. A reference that leads nowhere is a node without anything below."""
    return _Builder(document).build(schema, "", is_required=False, depth=0)


def list_facts(schema: Schema) -> tuple[tuple[str, str], ...]:
    """The constraints of one schema, by keyword, as JSON."""
    if not isinstance(schema, dict):
        return ()
    return tuple((key, _write(schema[key])) for key in _CONSTRAINTS if key in schema)


def describe_kind(document: Document, schema: Schema) -> str:
    """The type in a word or two: `string`, `array of integer`, `string | null`."""
    whole = _resolve(document, schema)
    if not isinstance(whole, dict):
        return "any" if whole else "nothing"
    return _describe(document, whole, 0)


class _Builder:
    def __init__(self, document: Document) -> None:
        self._document = document
        self._shown: set[str] = set()
        self._count = 0

    def build(self, schema: Schema, name: str, *, is_required: bool, depth: int) -> Node:
        self._count += 1
        named = _find_name(schema)
        whole = _resolve(self._document, schema)
        kind = describe_kind(self._document, schema)
        if not isinstance(whole, dict):
            return Node(name, kind, is_required, schema=named)
        facts, about = list_facts(whole), str(whole.get("description") or "")
        is_elsewhere = named in self._shown and _has_more(whole)
        is_deep = depth >= _DEEPEST or self._count >= _MOST_NODES
        is_cut = not is_elsewhere and is_deep and _has_more(whole)
        if is_elsewhere or is_cut:
            return Node(
                name, kind, is_required, facts, about, named,
                is_elsewhere=is_elsewhere, is_cut=is_cut,
            )  # fmt: skip
        if named:
            self._shown.add(named)
        return Node(
            name, kind, is_required, facts, about, named,
            children=tuple(self._children(whole, depth + 1)),
            variants=tuple(self._variants(whole, depth + 1)),
        )  # fmt: skip

    def _children(self, whole: dict[str, Any], depth: int) -> Iterator[Node]:
        for part in _list(whole, "allOf"):
            yield from self._part(part, depth)
        required = _list(whole, "required")
        for name, one in _map(whole, "properties").items():
            yield self.build(one, str(name), is_required=name in required, depth=depth)
        items, more = whole.get("items"), whole.get("additionalProperties")
        if isinstance(items, dict):
            yield self.build(items, "[]", is_required=False, depth=depth)
        if isinstance(more, dict) and more:
            yield self.build(more, "*", is_required=False, depth=depth)

    def _part(self, part: Schema, depth: int) -> Iterator[Node]:
        """What a part of `allOf` adds to the object that it is a part of."""
        self._count += 1
        whole = _resolve(self._document, part)
        if isinstance(whole, dict) and depth < _DEEPEST and self._count < _MOST_NODES:
            yield from self._children(whole, depth + 1)

    def _variants(self, whole: dict[str, Any], depth: int) -> Iterator[Node]:
        for key in ("oneOf", "anyOf"):
            for at, branch in enumerate(_list(whole, key)):
                name = _find_title(self._document, branch) or str(at + 1)
                yield self.build(branch, name, is_required=False, depth=depth)


def _resolve(document: Document, schema: Schema) -> Schema:
    try:
        return document.resolve(schema)
    except InputFileError:
        return {}


def _find_name(schema: Schema) -> str:
    reference = schema.get("$ref") if isinstance(schema, dict) else None
    return reference.rpartition("/")[2] if isinstance(reference, str) else ""


def _find_title(document: Document, schema: Schema) -> str:
    """What a branch is called: by its constant `type`, else its schema's name, title or type."""
    whole = _resolve(document, schema)
    if not isinstance(whole, dict):
        return ""
    mark = _map(whole, "properties").get("type")
    if isinstance(mark, dict) and isinstance(mark.get("const"), str):
        return str(mark["const"])
    return _find_name(schema) or str(whole.get("title") or "") or _describe(document, whole, 0)


def _describe(document: Document, whole: dict[str, Any], depth: int) -> str:
    kind = whole.get("type")
    if isinstance(kind, list):
        return " | ".join(map(str, kind))
    if kind == "array":
        items = whole.get("items")
        inner = _resolve(document, items) if isinstance(items, dict) and depth < 2 else None
        inner = inner if isinstance(inner, dict) else {}
        return f"array of {_describe(document, inner, depth + 1)}" if inner else "array"
    if isinstance(kind, str):
        return kind
    branches = [*_list(whole, "oneOf"), *_list(whole, "anyOf")] if depth < 2 else []
    parts = (_resolve(document, one) for one in branches)
    words = [_describe(document, one, depth + 1) for one in parts if isinstance(one, dict)]
    if words:
        return " | ".join(dict.fromkeys(words))
    return "object" if "properties" in whole or "allOf" in whole else "any"


def _has_more(whole: dict[str, Any]) -> bool:
    keys = ("properties", "items", "additionalProperties", "oneOf", "anyOf", "allOf")
    return any(whole.get(key) for key in keys)


def _list(whole: dict[str, Any], key: str) -> list[Any]:
    """A keyword's list; of a mistaken schema, which has something else there, none."""
    value = whole.get(key)
    return value if isinstance(value, list) else []


def _map(whole: dict[str, Any], key: str) -> dict[str, Any]:
    value = whole.get(key)
    return value if isinstance(value, dict) else {}


def _write(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_FACT else f"{text[:_LONGEST_FACT]}…"
