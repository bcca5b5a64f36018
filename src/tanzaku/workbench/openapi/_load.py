"""Reads a document: from its values to operations."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl

from tanzaku.core import InputFileError
from tanzaku.workbench.openapi._document import (
    EVENT_SCHEMA,
    METHODS,
    Content,
    Document,
    Header,
    Operation,
    Parameter,
    Response,
    Schema,
    SecurityScheme,
    Server,
)
from tanzaku.workbench.openapi._schemas import normalise_schema
from tanzaku.workbench.openapi._source import (
    Source,
    join_pointer,
    load_source,
    parse_source,
    split_pointer,
)

_PLACES: Final = {"path": "simple", "query": "form", "header": "simple", "cookie": "form"}
_VERSION = re.compile(r"3\.[01]\.\d+.*")


def load_document(path: Path) -> Document:
    """The OpenAPI 3.0 or 3.1 document of a file, JSON or YAML. InputFileError says with line and
    column what cannot be read; what is only bad style is `check_document`'s."""
    return read_document(load_source(path))


def parse_document(text: str, name: str) -> Document:
    """The same of a text; `name` stands for the file in messages."""
    return read_document(parse_source(text, name))


def read_document(source: Source) -> Document:
    """The document of a source."""
    return _Reader(source).read()


class _Reader:
    def __init__(self, source: Source) -> None:
        self._source = source
        self._root: Any = source.content
        self._is_30 = False
        self._ids: set[str] = set()

    def read(self) -> Document:
        root = self._mapping(self._root, "")
        version = self._check_version(root)
        self._is_30 = version.startswith("3.0")
        info = self._mapping(root.get("info", {}), "/info")
        components = self._mapping(root.get("components", {}), "/components")
        schemas = self._mapping(components.get("schemas", {}), "/components/schemas")
        tags = self._list(root.get("tags", []), "/tags")
        servers = self._servers(root, "")
        return Document(
            source=self._source,
            raw=root,
            openapi=version,
            title=str(info.get("title", "")),
            version=str(info.get("version", "")),
            operations=tuple(self._operations(root, servers)),
            schemas={
                name: self._schema(one, f"/components/schemas{join_pointer([name])}")
                for name, one in schemas.items()
            },
            security_schemes=self._security_schemes(components),
            servers=servers,
            tags=tuple(str(tag.get("name", "")) for tag in tags if isinstance(tag, Mapping)),
        )

    def _check_version(self, root: Mapping[str, Any]) -> str:
        version = root.get("openapi", root.get("swagger"))
        if isinstance(version, str) and "openapi" in root and _VERSION.fullmatch(version):
            return version
        raise InputFileError(
            "{place}: is no OpenAPI 3.0 or 3.1 document: `openapi` is {found}.",
            hint="Convert it first, or give another file.",
            place=self._source.locate("/openapi" if "openapi" in root else "/swagger"),
            found=_show(version),
        )

    def _operations(
        self, root: Mapping[str, Any], servers: tuple[Server, ...]
    ) -> Iterator[Operation]:
        for path, item in self._mapping(root.get("paths", {}), "/paths").items():
            if path.startswith("x-"):
                continue
            pointer = f"/paths{join_pointer([path])}"
            item, pointer = self._follow(item, pointer)
            if not path.startswith("/"):
                raise InputFileError(
                    "{place}: the path `{path}` must begin with `/`.",
                    place=self._source.locate(pointer),
                    path=path,
                )
            for method in METHODS:
                if method in item:
                    yield self._operation(path, method, item, pointer, servers)

    def _operation(
        self,
        path: str,
        method: str,
        item: Mapping[str, Any],
        item_pointer: str,
        servers: tuple[Server, ...],
    ) -> Operation:
        pointer = f"{item_pointer}/{method}"
        raw = self._mapping(item[method], pointer)
        plain, _, query = path.partition("?")
        body, body_pointer = self._follow(raw.get("requestBody", {}), f"{pointer}/requestBody")
        security = raw.get("security", self._root.get("security", []))
        return Operation(
            id=self._name(raw.get("operationId"), method, path),
            method=method.upper(),
            path=plain,
            fixed_query=dict(parse_qsl(query.partition("#")[0], keep_blank_values=True)),
            parameters=tuple(self._parameters(item, item_pointer, raw, pointer)),
            request_bodies=self._contents(body, body_pointer),
            is_body_required=body.get("required") is True,
            responses=self._responses(raw, pointer),
            security=tuple(
                tuple(one)
                for one in self._list(security, f"{pointer}/security")
                if isinstance(one, Mapping)
            ),
            tags=tuple(map(str, self._list(raw.get("tags", []), f"{pointer}/tags"))),
            summary=str(raw.get("summary") or item.get("summary") or ""),
            description=str(raw.get("description") or item.get("description") or ""),
            is_deprecated=raw.get("deprecated") is True,
            servers=self._servers(raw, pointer) or self._servers(item, item_pointer) or servers,
            pointer=pointer,
        )

    def _name(self, given: Any, method: str, path: str) -> str:
        """The operation's id: the document's own when it has one that is new, else one made of
        method and path (`get_orders_by_order_id`)."""
        if isinstance(given, str) and given and given not in self._ids:
            self._ids.add(given)
            return given
        words = re.sub(r"\{([^}]*)\}", r"by_\1", path.partition("#")[0])
        stem = name = f"{method}_{'_'.join(re.findall(r'[A-Za-z0-9]+', words)) or 'root'}"
        number = 2
        while name in self._ids:
            name, number = f"{stem}_{number}", number + 1
        self._ids.add(name)
        return name

    def _parameters(
        self, item: Mapping[str, Any], item_pointer: str, raw: Mapping[str, Any], pointer: str
    ) -> list[Parameter]:
        found: dict[tuple[str, str], Parameter] = {}
        for owner, at in ((item, item_pointer), (raw, pointer)):
            listed = self._list(owner.get("parameters", []), f"{at}/parameters")
            for index, one in enumerate(listed):
                parameter = self._parameter(*self._follow(one, f"{at}/parameters/{index}"))
                found[parameter.place, parameter.name] = parameter
        return list(found.values())

    def _parameter(self, raw: Mapping[str, Any], pointer: str) -> Parameter:
        place, name = raw.get("in"), raw.get("name")
        if not isinstance(name, str) or place not in _PLACES:
            raise InputFileError(
                "{place}: a parameter needs a `name` and, as `in`, path, query, header or cookie.",
                place=self._source.locate(pointer),
            )
        style = str(raw.get("style", _PLACES[place]))
        contents = self._contents(raw, pointer)
        content_type = next(iter(contents), None)
        schema = self._schema(raw.get("schema", True), f"{pointer}/schema")
        examples = self._examples(raw)
        if content_type is not None and "schema" not in raw:
            content = contents[content_type]
            schema = True if content.schema is None else content.schema
            examples = examples or content.examples
        return Parameter(
            name=name,
            place=place,
            is_required=raw.get("required") is True or place == "path",
            schema=schema,
            pointer=pointer,
            style=style,
            explode=bool(raw.get("explode", style == "form")),
            allow_reserved=raw.get("allowReserved") is True,
            content_type=content_type if "schema" not in raw else None,
            description=str(raw.get("description", "")),
            examples=examples,
            is_deprecated=raw.get("deprecated") is True,
        )

    def _contents(self, raw: Mapping[str, Any], pointer: str) -> dict[str, Content]:
        contents = self._mapping(raw.get("content", {}), f"{pointer}/content")
        made: dict[str, Content] = {}
        for kind, one in contents.items():
            at = f"{pointer}/content{join_pointer([kind])}"
            one = self._mapping(one, at)
            made[kind] = Content(
                content_type=kind,
                schema=self._schema(one["schema"], f"{at}/schema") if "schema" in one else None,
                pointer=at,
                examples=self._examples(one),
                encoding=self._mapping(one.get("encoding", {}), f"{at}/encoding"),
                event_schema=self._schema(one[EVENT_SCHEMA], f"{at}/{EVENT_SCHEMA}")
                if EVENT_SCHEMA in one
                else None,
            )
        return made

    def _examples(self, raw: Mapping[str, Any]) -> tuple[Any, ...]:
        if "example" in raw:
            return (raw["example"],)
        named = raw.get("examples", {})
        if not isinstance(named, Mapping):
            return ()
        followed = (self._follow(one, "/components/examples")[0] for one in named.values())
        return tuple(one["value"] for one in followed if "value" in one)

    def _responses(self, raw: Mapping[str, Any], pointer: str) -> dict[str, Response]:
        made: dict[str, Response] = {}
        listed = self._mapping(raw.get("responses", {}), f"{pointer}/responses")
        for status, one in listed.items():
            if status.startswith("x-"):
                continue
            response, at = self._follow(one, f"{pointer}/responses/{status}")
            headers = self._mapping(response.get("headers", {}), f"{at}/headers")
            links = self._mapping(response.get("links", {}), f"{at}/links")
            made[status] = Response(
                status=status,
                description=str(response.get("description", "")),
                contents=self._contents(response, at),
                headers={
                    name.lower(): self._header(name, *self._follow(header, f"{at}/headers/{name}"))
                    for name, header in headers.items()
                },
                links={
                    name: self._follow(link, f"{at}/links{join_pointer([name])}")[0]
                    for name, link in links.items()
                },
                pointer=at,
            )
        return made

    def _header(self, name: str, raw: Mapping[str, Any], pointer: str) -> Header:
        return Header(
            name=name,
            schema=self._schema(raw.get("schema", True), f"{pointer}/schema"),
            is_required=raw.get("required") is True,
            description=str(raw.get("description", "")),
        )

    def _security_schemes(self, components: Mapping[str, Any]) -> dict[str, SecurityScheme]:
        at = "/components/securitySchemes"
        made: dict[str, SecurityScheme] = {}
        for name, one in self._mapping(components.get("securitySchemes", {}), at).items():
            scheme, _ = self._follow(one, f"{at}{join_pointer([name])}")
            made[name] = SecurityScheme(
                name=name,
                kind=str(scheme.get("type", "")),
                place=str(scheme.get("in", "")),
                parameter=str(scheme.get("name", "")),
                scheme=str(scheme.get("scheme", "")).lower(),
            )
        return made

    def _servers(self, owner: Mapping[str, Any], pointer: str) -> tuple[Server, ...]:
        at = f"{pointer}/servers"
        made: list[Server] = []
        for index, one in enumerate(self._list(owner.get("servers", []), at)):
            server = self._mapping(one, f"{at}/{index}")
            variables = self._mapping(server.get("variables", {}), f"{at}/{index}/variables")
            url = str(server.get("url", "/"))
            for name, variable in variables.items():
                if isinstance(variable, Mapping):
                    url = url.replace(f"{{{name}}}", str(variable.get("default", "")))
            made.append(Server(url, str(server.get("description", ""))))
        return tuple(made)

    def _schema(self, value: Any, pointer: str) -> Schema:
        if isinstance(value, bool):
            return value
        made: Schema = normalise_schema(self._mapping(value, pointer), is_30=self._is_30)
        return made

    def _follow(self, value: Any, pointer: str) -> tuple[Mapping[str, Any], str]:
        """What a `$ref` in the place of a parameter, body, response, ... leads to, and its
        pointer."""
        seen: set[str] = set()
        raw = self._mapping(value, pointer)
        while isinstance(raw.get("$ref"), str):
            reference = raw["$ref"]
            target: Any = self._root
            for part in split_pointer(reference) if reference.startswith("#/") else ["\0"]:
                if isinstance(target, Sequence) and part.isdecimal() and int(part) < len(target):
                    target = target[int(part)]
                else:
                    target = target.get(part) if isinstance(target, Mapping) else None
            if not isinstance(target, Mapping) or reference in seen:
                raise InputFileError(
                    "{place}: the reference `{reference}` leads nowhere.",
                    hint="References lead to a place in the same file: `#/components/…`.",
                    place=self._source.locate(pointer),
                    reference=reference,
                )
            seen.add(reference)
            raw, pointer = target, reference.removeprefix("#")
        return raw, pointer

    def _mapping(self, value: Any, pointer: str) -> Mapping[str, Any]:
        if isinstance(value, Mapping):
            return value
        raise InputFileError(
            "{place}: `{pointer}` must be an object; found {found}.",
            place=self._source.locate(pointer),
            pointer=pointer or "/",
            found=_show(value),
        )

    def _list(self, value: Any, pointer: str) -> Sequence[Any]:
        if isinstance(value, list):
            return value
        raise InputFileError(
            "{place}: `{pointer}` must be a list; found {found}.",
            place=self._source.locate(pointer),
            pointer=pointer,
            found=_show(value),
        )


def _show(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else text[:39] + "…"
