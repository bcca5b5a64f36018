"""Captures: values read off a reply, for the steps that follow.

`SOURCE | FILTER | …`. A source is `$status`, `$text` (a message's text blocks joined, of anything
else the body), `$headers.NAME`, or a JSONPath (RFC 9535) into the reply's JSON. A JSONPath that
could find several values must find exactly one, unless `first` or `all` follows. Filters: `text`
(as it is written), `json` (a text read as JSON), `length`, and `.a[0].b` (a JSONPath from there).
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from tanzaku.core import InputFileError, UserError
from tanzaku.core.plain_yaml import Entry, Place
from tanzaku.workbench.assertions import JsonPath, JsonPathError, compile_path
from tanzaku.workbench.sending import Reply

FILTERS: Final = ("text", "json", "length", "first", "all")
_HEADER = re.compile(r"\$headers(?:\.([A-Za-z0-9_-]+)|\['([^']+)'\])")
# A `|` that stands in no quoted text of a JSONPath and is no part of its `||`.
_PARTS = re.compile(r"""(?:[^'"|]|'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|\|\|)+""")

type _Reader = Callable[[Any, str], Any]
"""From a value to one in it; the text is the whole capture, for messages."""


class CaptureError(UserError):
    """A reply has not what a capture asks for."""


@dataclass(frozen=True, slots=True)
class Capture:
    """`name` is what following steps call the value; `read` raises CaptureError."""

    name: str
    expression: str
    place: Place
    read: Callable[[Reply], Any]


def read_captures(entry: Entry | None) -> tuple[Capture, ...]:
    """The captures under a `capture` key. Raises InputFileError."""
    if entry is None:
        return ()
    return tuple(_read_capture(name, one) for name, one in entry.as_mapping().items())


def _read_capture(name: str, entry: Entry) -> Capture:
    text = entry.as_text()
    try:
        read = parse_capture(text)
    except UserError as error:
        raise InputFileError(
            "{place}: `{key}` is no capture: {reason}",
            place=entry.place,
            key=entry.key,
            reason=error.message,
        ) from None
    return Capture(name, text, entry.place, read)


def parse_capture(text: str) -> Callable[[Reply], Any]:
    """What reads `text` off a reply; UserError for what is no capture."""
    source, *filters = [part.strip() for part in _PARTS.findall(text)] or [""]
    ending = filters[0] if filters and filters[0] in {"first", "all"} else ""
    readers = [_build_source(source, ending), *map(_build_filter, filters[bool(ending) :])]

    def read(reply: Reply) -> Any:
        value: Any = reply
        for reader in readers:
            value = reader(value, text)
        return value

    return read


def _build_source(source: str, ending: str) -> _Reader:
    header = _HEADER.fullmatch(source)
    if header is not None:
        name = (header[1] or header[2]).lower()
        return lambda reply, text: _find_header(reply, name, text)
    if source == "$status":
        return lambda reply, _: reply.status
    if source == "$text":
        return lambda reply, _: reply.text
    path = _compile(source)
    return lambda reply, text: _choose(_follow(path, _read_json(reply, text), text), ending, text)


def _build_filter(name: str) -> _Reader:
    if name.startswith((".", "[")):
        path = _compile(f"${name}")
        return lambda value, text: _choose(
            _follow(path, value, text) if isinstance(value, dict | list) else [], "", text
        )
    if name not in _FILTERS:
        raise UserError(
            "there is no filter `{name}`; known are {known}, and paths that begin with a dot.",
            name=name,
            known=", ".join(FILTERS),
        )
    return _FILTERS[name]


def _find_header(reply: Reply, name: str, text: str) -> str:
    if name not in reply.headers:
        raise CaptureError(
            "`{expression}` captures nothing: the reply has no header {name}.",
            expression=text,
            name=name,
        )
    return reply.headers[name]


def _read_json(reply: Reply, text: str) -> Any:
    try:
        return reply.json
    except ValueError as error:
        raise CaptureError(
            "`{expression}` captures nothing: the reply is no JSON ({reason}).",
            expression=text,
            reason=error,
        ) from None


def _choose(found: list[Any], ending: str, text: str) -> Any:
    if ending == "all":
        return found
    if not found:
        raise CaptureError("`{expression}` captures nothing: nothing is there.", expression=text)
    if len(found) > 1 and ending != "first":
        raise CaptureError(
            "`{expression}` finds {count} values.",
            hint="Write `| first` or `| all` behind the path.",
            expression=text,
            count=len(found),
        )
    return found[0]


def _as_text(value: Any, _: str) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _as_json(value: Any, text: str) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        raise CaptureError(
            "`{expression}` captures nothing: the text is no JSON ({reason}).",
            expression=text,
            reason=error,
        ) from None


def _measure(value: Any, text: str) -> int:
    if isinstance(value, str | list | dict):
        return len(value)
    raise CaptureError(
        "`{expression}` captures nothing: only texts, lists and objects have a length.",
        expression=text,
    )


_FILTERS: Final[dict[str, _Reader]] = {"text": _as_text, "json": _as_json, "length": _measure}


def _compile(text: str) -> JsonPath:
    """A JSONPath as RFC 9535 has it. UserError when it is none, or the package is missing."""
    try:
        return compile_path(text)
    except ValueError as error:
        raise UserError("`{path}` is no JSONPath: {reason}.", path=text, reason=error) from None


def _follow(path: JsonPath, value: Any, text: str) -> list[Any]:
    try:
        return [found for _, found in path.find(value)]
    except JsonPathError as error:
        raise CaptureError(
            "`{expression}` captures nothing: {reason}.", expression=text, reason=error
        ) from None
