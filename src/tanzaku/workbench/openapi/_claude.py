"""What is known of Claude's API where its document is imported."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from tanzaku.catalog import get_model
from tanzaku.wire import ANTHROPIC_VERSION, API_KEY, API_VERSIONS
from tanzaku.workbench.openapi._document import Document

VERSION_HEADER: Final = ANTHROPIC_VERSION.decode()
KEY_HEADER: Final = API_KEY.decode()
KEY_SECRET: Final = "ANTHROPIC_API_KEY"
API_HOST: Final = "api.anthropic.com"
MODEL: Final = get_model("claude-haiku-4-5").aliases[0]
_HINTS: Final[Mapping[str, Any]] = {
    "model": MODEL,
    "model_id": MODEL,
    "max_tokens": 256,
    "messages": [{"role": "user", "content": "Hello"}],
    "custom_id": "request-1",
}


LEFT_OUT: Final = frozenset(
    {"container", "context_management", "iterations", "server_tool_use", "speed"}
)
"""Fields of answers that Claude's document requires, null or not, and that the API leaves out where
it has nothing to tell: recordings of `?beta=true` calls of 2026-02 to 2026-07 in pydantic-ai's
tests/models/cassettes/test_anthropic."""


@dataclass(frozen=True, slots=True)
class ApiVersion:
    """The `anthropic-version` that imported requests carry, and what decided: the `document` (the
    newest that its header's schema allows), its `date` (the newest version of that day), or
    nothing, as it names neither (the newest there is)."""

    version: str
    decided_by: Literal["document", "date", "newest"]
    date: str | None


def is_claude(document: Document) -> bool:
    """Whether the document is of Claude's API: one of its servers is, or an operation takes the
    header `anthropic-version`."""
    return names_claude(document) or any(
        parameter.name.lower() == VERSION_HEADER
        for operation in document.operations
        for parameter in operation.parameters
    )


def names_claude(document: Document) -> bool:
    """Whether a server of the document is the Claude API itself, so that its own rules hold too."""
    return any(urlsplit(server.url).hostname == API_HOST for server in document.servers)


def pick_version(document: Document) -> ApiVersion:
    """The newest version that the document's header allows; where that allows any, the one that was
    the newest when the document was written. Of a month its last day counts."""
    date = document.date
    if allowed := _list_allowed(document):
        return ApiVersion(max(allowed), "document", date)
    if date is None:
        return ApiVersion(API_VERSIONS[-1], "newest", None)
    day = date if len(date) == len("2026-05-01") else f"{date}-99"
    known = [version for version in API_VERSIONS if version <= day]
    return ApiVersion(known[-1] if known else API_VERSIONS[0], "date", date)


def _list_allowed(document: Document) -> set[str]:
    """What the schemas of the header `anthropic-version` name as its only values."""
    allowed: set[str] = set()
    for operation in document.operations:
        for parameter in operation.parameters:
            if parameter.name.lower() == VERSION_HEADER and parameter.place == "header":
                schema = document.resolve(parameter.schema)
                if isinstance(schema, dict):
                    values = schema.get("enum", [schema.get("const")])
                    allowed.update(one for one in values if isinstance(one, str))
    return allowed


def find_hint(name: str) -> Any:
    """A value that Claude's API accepts under this name."""
    return _HINTS.get(name)


def name_model(value: Any) -> Any:
    """`value` with every model of Claude's named in it replaced by Haiku 4.5, which the simulator
    and the price list know."""
    if isinstance(value, dict):
        return {
            key: MODEL
            if key == "model" and isinstance(one, str) and one.startswith("claude-")
            else name_model(one)
            for key, one in value.items()
        }
    return [name_model(one) for one in value] if isinstance(value, list) else value


def allow_left_out(schema: Any) -> Any:
    """The schema of an answer and all in it, without requiring what the API leaves out."""
    if isinstance(schema, list):
        return [allow_left_out(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: allow_left_out(one) for key, one in schema.items()}
    if left_out := _list_left_out(schema):
        made["required"] = [one for one in schema["required"] if one not in left_out]
    return made


def find_left_out(schema: Any) -> set[str]:
    """What `allow_left_out` would not require any more."""
    if isinstance(schema, list):
        return {name for one in schema for name in find_left_out(one)}
    if not isinstance(schema, dict):
        return set()
    return _list_left_out(schema) | {name for one in schema.values() for name in find_left_out(one)}


def _list_left_out(schema: Mapping[str, Any]) -> set[str]:
    """Of a message, its usage and a count alone: a model's abilities have such names too."""
    required, properties = schema.get("required"), schema.get("properties")
    if not isinstance(required, list) or not isinstance(properties, dict):
        return set()
    if not properties.keys() & {"stop_sequence", "input_tokens", "output_tokens"}:
        return set()
    return set(required) & LEFT_OUT
