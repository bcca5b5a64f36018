"""The request files that a document's operations become."""

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tanzaku.workbench.openapi._auth import build_auth, find_common_auth
from tanzaku.workbench.openapi._claude import (
    VERSION_HEADER,
    ApiVersion,
    find_hint,
    is_claude,
    name_model,
    pick_version,
)
from tanzaku.workbench.openapi._document import Content, Document, Operation, Parameter
from tanzaku.workbench.openapi._examples import ExampleBuilder

type FindUnserved = Callable[[str, str], str]
"""From method and path of an operation to why the simulator does not serve it; empty: it does."""

FEW: Final = 12
"""Up to so many requests lie in one folder, more in one a tag."""
FORM_FILE: Final = "data/example.txt"
"""What is uploaded where a form wants a file."""
_OWN_HEADERS: Final = frozenset({"accept", "content-type", "authorization"})
_RAW_TEXT: Final = "example"
_LIKED_TYPES: Final = ("multipart/form-data", "application/x-www-form-urlencoded", "text/plain")


@dataclass(frozen=True, slots=True)
class Draft:
    """A request file as the document wants it: `path` below `requests/`, and its `fields`."""

    path: str
    operation: Operation
    fields: Mapping[str, Any]


@dataclass(frozen=True)
class Drafts:
    """What a document becomes. `auth` is the one that most operations use, which environments
    carry; `secrets` are the names that are referred to; `mistakes` are operations whose body could
    not be made to fit its schema, with the reason."""

    requests: tuple[Draft, ...]
    auth: Mapping[str, Any] | None
    secrets: tuple[str, ...]
    api_version: ApiVersion | None
    needs_file: bool = False
    mistakes: Mapping[str, str] = field(default_factory=dict)


def draft_requests(document: Document, name: str, find_unserved: FindUnserved) -> Drafts:
    """A request for every operation; `name` is the document's path in the project.

    In Claude's document the bodies name Haiku 4.5, each request carries the `anthropic-version` of
    the document's date, and operations that are not served by the simulator are marked with `skip`.
    """
    version = pick_version(document) if is_claude(document) else None
    builder = ExampleBuilder(document, find_hint if version else lambda name: None)
    auth = find_common_auth(document, is_claude=version is not None)
    paths = name_files(document.operations)
    mistakes: dict[str, str] = {}
    drafts: list[Draft] = []
    for operation in document.operations:
        body = build_body(builder, operation, mistakes)
        own = build_auth(document, operation, is_claude=version is not None)
        fields: dict[str, Any] = {
            "tanzaku": "request/v1",
            "name": operation.summary or operation.id,
            "operation": operation.id,
            "document": name,
            "method": operation.method,
            "path": operation.path,
            "path_params": build_values(builder, operation, "path"),
            "query": {**operation.fixed_query, **build_values(builder, operation, "query")},
            "headers": build_headers(builder, operation, version),
            "auth": None if own == auth else own or "none",
            **(name_model(body) if version else body),
            "skip": find_unserved(operation.method, operation.path) if version else "",
        }
        kept = {
            key: one for key, one in fields.items() if key == "body" or one not in (None, "", {})
        }
        drafts.append(Draft(paths[operation.id], operation, escape_places(kept)))
    text = json.dumps([draft.fields for draft in drafts])
    return Drafts(
        requests=tuple(drafts),
        auth=auth,
        secrets=tuple(sorted(set(re.findall(r"\{\{secret\.(\w+)\}\}", text + json.dumps(auth))))),
        api_version=version,
        needs_file=f'{{"file": "{FORM_FILE}"' in text,
        mistakes=mistakes,
    )


def name_files(operations: tuple[Operation, ...]) -> dict[str, str]:
    """Each operation's file below `requests/`, by its id."""
    taken: Counter[str] = Counter()
    named: dict[str, str] = {}
    for operation in operations:
        folder = f"{find_group(operation)}/" if len(operations) > FEW else ""
        stem = f"{folder}{make_slug(operation.id)}"
        taken[stem] += 1
        number = f"-{taken[stem]}" if taken[stem] > 1 else ""
        named[operation.id] = f"{stem}{number}.yaml"
    return named


def find_group(operation: Operation) -> str:
    """The first tag, else the first part of the path that is neither a version nor a parameter."""
    parts = [part for part in operation.path.split("/") if part and not part.startswith("{")]
    named = [part for part in parts if re.fullmatch(r"v\d+\w*|api", part) is None]
    return make_slug((*operation.tags, *named, "api")[0])


def make_slug(text: str) -> str:
    """Lower case, `-` between words; letters of any script stay."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", text)
    return re.sub(r"[^\w]+", "-", parted).strip("-").lower() or "request"


def build_values(builder: ExampleBuilder, operation: Operation, place: str) -> dict[str, Any]:
    """Values for the parameters of a path, or the required ones of a query or of headers."""
    found: dict[str, Any] = {}
    for parameter in operation.parameters:
        if parameter.place == place and parameter.is_required:
            found |= _spread(parameter, _pick_value(builder, parameter))
    return found


def build_headers(
    builder: ExampleBuilder, operation: Operation, version: ApiVersion | None
) -> dict[str, Any]:
    """The required headers that nothing else sets."""
    headers = {
        name.lower(): value if isinstance(value, str) else json.dumps(value)
        for name, value in build_values(builder, operation, "header").items()
        if name.lower() not in _OWN_HEADERS
    }
    return headers if version is None else {**headers, VERSION_HEADER: version.version}


def build_body(
    builder: ExampleBuilder, operation: Operation, mistakes: dict[str, str]
) -> dict[str, Any]:
    """`body`, `form` or `raw` with what belongs to it; empty without a body."""
    content = _pick_content(operation)
    if content is None:
        return {}
    kind = content.content_type.partition(";")[0].strip().lower()
    value = builder.build_body(content)
    is_json = kind.endswith(("/json", "+json")) or "*" in kind
    if is_json or kind in _LIKED_TYPES[:2]:
        mistake = None if content.schema is None else builder.find_mistake(content.schema, value)
        if mistake is not None:
            mistakes[operation.id] = mistake
    if is_json:
        named = {} if kind == "application/json" or "*" in kind else {"content_type": kind}
        return {**named, "body": value}
    if kind in _LIKED_TYPES[:2]:
        named = {"content_type": kind} if kind == _LIKED_TYPES[1] else {}
        fields = value if isinstance(value, dict) else {}
        return {
            **named,
            "form": {k: _write_part(builder, content, k, v) for k, v in fields.items()},
        }
    return {"content_type": kind, "raw": value if isinstance(value, str) and value else _RAW_TEXT}


def escape_places(value: Any) -> Any:
    """Texts of the document in which `{{` is only `{{`; our own references stay."""
    if isinstance(value, dict):
        return {key: escape_places(one) for key, one in value.items()}
    if isinstance(value, list):
        return [escape_places(one) for one in value]
    if isinstance(value, str):
        return re.sub(r"\{\{(?!secret\.\w+\}\})", r"\\{{", value)
    return value


def _pick_value(builder: ExampleBuilder, parameter: Parameter) -> Any:
    for example in parameter.examples:
        if builder.fits(parameter.schema, example):
            return example
    value = builder.build(parameter.schema, parameter.name)
    return parameter.name if value == "text" and parameter.place == "path" else value


def _spread(parameter: Parameter, value: Any) -> dict[str, Any]:
    """The entries that one parameter makes, by its style."""
    name = parameter.name
    if parameter.content_type is not None or (
        isinstance(value, dict) and parameter.style not in {"deepObject", "form"}
    ):
        return {name: json.dumps(value, ensure_ascii=False)}
    if isinstance(value, dict) and parameter.style == "deepObject":
        return {f"{name}[{key}]": _write_scalar(one) for key, one in value.items()}
    if isinstance(value, dict):
        return {key: _write_scalar(one) for key, one in value.items()}
    if not isinstance(value, list):
        return {name: _write_scalar(value)}
    if parameter.explode and parameter.place == "query":
        return {name: [_write_scalar(one) for one in value]}
    sign = {"spaceDelimited": " ", "pipeDelimited": "|"}.get(parameter.style, ",")
    return {name: sign.join(str(_write_scalar(one)) for one in value)}


def _write_scalar(value: Any) -> Any:
    """Whole numbers, booleans and texts stand as they are; the rest as text."""
    if isinstance(value, int | str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _pick_content(operation: Operation) -> Content | None:
    """The body that is sent: JSON when there is a choice."""
    contents = list(operation.request_bodies.values())

    def rank(content: Content) -> int:
        kind = content.content_type.partition(";")[0].strip().lower()
        if kind.endswith(("/json", "+json")):
            return 0
        return _LIKED_TYPES.index(kind) + 1 if kind in _LIKED_TYPES else len(_LIKED_TYPES) + 1

    return min(contents, key=rank, default=None)


def _write_part(builder: ExampleBuilder, content: Content, name: str, value: Any) -> Any:
    """One part of a form: a file where its schema says binary, else text; several for a list."""
    schema = builder.find_property(content.schema, name)
    if builder.is_binary(schema):
        return {"file": FORM_FILE, "content_type": "text/plain"}
    if isinstance(value, list) and builder.is_binary(builder.find_items(schema)):
        return [{"file": FORM_FILE, "content_type": "text/plain"}]
    if isinstance(value, list):
        return [one if isinstance(one, int | str) else json.dumps(one) for one in value]
    return value if isinstance(value, int | str) else json.dumps(value, ensure_ascii=False)
