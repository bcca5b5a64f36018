"""What a document's paths say of things: where they are made, listed, read and deleted."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from tanzaku.workbench.cases._shapes import Flat, Shapes, find_types
from tanzaku.workbench.openapi import Document, Operation, Schema, find_content

type Source = Literal["made", "put", "listed"]
_PARAMETER: Final = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True, slots=True)
class Link:
    """How a path's `parameter` gets a value: `operation` is called first, and `capture` read off its
    answer. `made`: it makes the thing; `put`: it makes it under a name of ours; `listed`: the thing
    was there."""

    parameter: str
    operation: Operation
    capture: str
    source: Source


@dataclass(frozen=True)
class Resource:
    """Things of one kind: their operations, as far as there are any. `item_path` ends with the
    parameter that names one."""

    name: str
    path: str
    item_path: str
    parameter: str
    create: Operation | None = None
    list_all: Operation | None = None
    read: Operation | None = None
    replace: Operation | None = None
    change: Operation | None = None
    delete: Operation | None = None
    actions: tuple[Operation, ...] = ()


class Resources:
    """The things of a document."""

    def __init__(self, document: Document, shapes: Shapes) -> None:
        self._document = document
        self._shapes = shapes
        self._by_place: dict[tuple[str, str, str], Operation] = {}
        for one in document.operations:
            query = "&".join(f"{k}={v}" for k, v in one.fixed_query.items())
            self._by_place.setdefault((one.method, _normalise(one.path), query), one)

    def find(self, method: str, path: str, like: Operation) -> Operation | None:
        """The operation of a method and path, of the same family (`?beta=true`)."""
        query = "&".join(f"{k}={v}" for k, v in like.fixed_query.items())
        return self._by_place.get((method, _normalise(path), query))

    def find_links(self, operation: Operation) -> list[Link] | None:
        """What to call first, outermost thing first; None when some parameter has no source."""
        links: list[Link] = []
        for found in _PARAMETER.finditer(operation.path):
            link = self._find_link(operation, found[1], operation.path[: found.start()].rstrip("/"),
                                   operation.path[: found.end()])  # fmt: skip
            if link is None:
                return None
            links.append(link)
        return links

    def _find_link(
        self, operation: Operation, parameter: str, prefix: str, item: str
    ) -> Link | None:
        maker = self.find("POST", prefix, operation)
        if maker is not None and maker is not operation:
            capture = self._find_capture(maker, parameter, prefix)
            if capture:
                return Link(parameter, maker, capture, "made")
        putter = self.find("PUT", item, operation)
        linked = self._find_by_link(operation, parameter)
        if linked is not None and linked.operation is not putter:
            return linked
        if putter is not None and "201" in putter.responses:
            return Link(parameter, putter, "", "put")
        if linked is not None:
            return linked
        lister = self.find("GET", prefix, operation)
        if lister is not None and lister is not operation:
            capture = self._find_listed(lister, parameter, prefix)
            if capture:
                return Link(parameter, lister, capture, "listed")
        return None

    def _find_by_link(self, operation: Operation, parameter: str) -> Link | None:
        """OpenAPI's own links: an answer that says which operation follows, and by what."""
        for one in self._document.operations:
            for response in one.responses.values():
                for link in response.links.values():
                    given = link.get("parameters", {}).get(parameter)
                    is_right = link.get("operationId") == operation.id
                    if is_right and str(given).startswith("$response.body#/"):
                        way = str(given).removeprefix("$response.body#/")
                        return Link(parameter, one, "$." + way.replace("/", "."), "made")
        return None

    def _find_capture(self, maker: Operation, parameter: str, prefix: str) -> str:
        """The JSONPath of the new thing's name in the answer; empty when none looks like it."""
        schema = find_success_schema(maker)
        if schema is None:
            return ""
        flat = self._shapes.flatten(schema)
        return self.find_id(flat, parameter, prefix, "$")

    def find_id(self, flat: Flat, parameter: str, prefix: str, path: str) -> str:
        """The JSONPath of what names a thing in a schema, here or one level down."""
        properties: Mapping[str, Schema] = flat.get("properties", {})
        for name in name_ids(parameter, prefix):
            if name in properties:
                return f"{path}.{name}"
        for name, one in properties.items():
            inner = self._shapes.flatten(one)
            if inner.get("properties") and path == "$":
                found = self.find_id(inner, parameter, prefix, f"{path}.{name}")
                if found:
                    return found
        return ""

    def _find_listed(self, lister: Operation, parameter: str, prefix: str) -> str:
        items = self.find_items(lister)
        if items is None:
            return ""
        path, flat = items
        found = self.find_id(flat, parameter, prefix, "")
        return f"{path}[*]{found} | first" if found else ""

    def find_items(self, lister: Operation) -> tuple[str, Flat] | None:
        """Where a list's answer has its items (a JSONPath), and what they are."""
        schema = find_success_schema(lister)
        if schema is None:
            return None
        flat = self._shapes.flatten(schema)
        if find_types(flat) == ("array",):
            return "$", self._shapes.flatten(flat.get("items", True))
        for name, one in flat.get("properties", {}).items():
            inner = self._shapes.flatten(one)
            if find_types(inner) == ("array",) and isinstance(inner.get("items"), dict):
                item = self._shapes.flatten(inner["items"])
                if find_types(item) == ("object",):
                    return f"$.{name}", item
        return None

    def list_all(self) -> list[Resource]:
        """Every kind of thing, in the document's order."""
        found: dict[str, Resource] = {}
        for one in self._document.operations:
            match = re.fullmatch(r"(.*)/\{([^{}]+)\}", one.path)
            if match is None:
                continue
            key = one.path + "?" + "&".join(one.fixed_query)
            if key not in found:
                found[key] = self._build(one, match[1], match[2])
        return list(found.values())

    def _build(self, item: Operation, path: str, parameter: str) -> Resource:
        def get(method: str, where: str) -> Operation | None:
            return self.find(method, where, item)

        return Resource(
            name=name_thing(path),
            path=path,
            item_path=item.path,
            parameter=parameter,
            create=get("POST", path),
            list_all=get("GET", path),
            read=get("GET", item.path),
            replace=get("PUT", item.path),
            change=get("PATCH", item.path),
            delete=get("DELETE", item.path),
            actions=tuple(self._iter_actions(item)),
        )

    def _iter_actions(self, item: Operation) -> Iterator[Operation]:
        for one in self._document.operations:
            rest = one.path.removeprefix(f"{item.path}/")
            is_below = one.path.startswith(f"{item.path}/") and one.fixed_query == item.fixed_query
            if one.method == "POST" and is_below and re.fullmatch(r"[\w-]+", rest):
                has_things = self.find("GET", f"{one.path}/{{x}}", one) is not None
                if not has_things:
                    yield one


def find_success_schema(operation: Operation) -> Schema | None:
    """The JSON of its first documented success."""
    for status, response in sorted(operation.responses.items()):
        if status.startswith("2"):
            content = find_content(response.contents, "application/json")
            if content is not None and content.schema is not None:
                return content.schema
    return None


def name_ids(parameter: str, prefix: str) -> list[str]:
    """Under which names a thing may say what it is called, best first."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", parameter).replace("-", "_").lower()
    camel = re.sub(r"_(\w)", lambda found: found[1].upper(), snake)
    thing = name_thing(prefix)
    names = [parameter, snake, camel]
    if re.search(r"id$", snake):
        names += ["id", f"{thing}_id"]
    return list(dict.fromkeys([*names, "id", "name", "key", "slug", "code", "number"]))


def name_thing(path: str) -> str:
    """`/v1/orders` has an `order`."""
    parts = [part for part in path.split("/") if part and not part.startswith("{")]
    word = re.sub(r"\W+", "_", parts[-1]).lower() if parts else "thing"
    if word.endswith("ies"):
        return word[:-3] + "y"
    for ending, cut in (("sses", 2), ("xes", 2), ("ches", 2), ("s", 1)):
        if word.endswith(ending) and not word.endswith("ss"):
            return word[:-cut]
    return word


def _normalise(path: str) -> str:
    return _PARAMETER.sub("{}", path.rstrip("/"))
