"""A request's path and query."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from tanzaku.core import InputFileError
from tanzaku.core.plain_yaml import Entry, Place
from tanzaku.workbench.project._comparing import find_near
from tanzaku.workbench.project._expressions import Evaluation
from tanzaku.workbench.project._headers import Value
from tanzaku.workbench.project._templates import Template, check_text, compile_text, write_scalar
from tanzaku.workbench.project._variables import Scope

# What RFC 3986 allows in a path beside letters and digits; escapes stay as written.
_PATH_SAFE: Final = "/:@!$&'()*+,;=-._~%"
_PARAMETER = re.compile(r"(?<!\{)\{([^{}]+)\}(?!\})")


@dataclass(frozen=True, slots=True)
class PathPlan:
    """The path's parts: texts that are sent as they are, and values to be filled in."""

    parts: Sequence[str | Value | Evaluation]

    def build(self, scope: Scope) -> str:
        """Percent-encoded; what a parameter holds stays within its segment."""
        return "".join(
            part
            if isinstance(part, str)
            else encode_segment(part.fill(scope))
            if isinstance(part, Value)
            else part(scope)
            for part in self.parts
        )


@dataclass(frozen=True, slots=True)
class QueryPlan:
    """Parameters by name; a list is sent as one parameter an element."""

    values: Mapping[str, "Value | tuple[Template, Place]"]

    def build(self, scope: Scope) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        for name, one in self.values.items():
            if isinstance(one, Value):
                found.append((name, one.fill(scope)))
                continue
            template, place = one
            value = template.fill(scope)
            items = value if isinstance(value, list) else [value]
            found += [(name, write_scalar(item, place)) for item in items]
        return found


def encode_segment(text: str) -> str:
    """One segment of a path; a lone `.` or `..` would be taken for a way up."""
    if text in {".", ".."}:
        return "%2E" * len(text)
    return quote(text, safe="")


def encode_query(parameters: Sequence[tuple[str, str]]) -> str:
    """`?a=b&…`, or nothing."""
    pairs = [f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in parameters]
    return "?" + "&".join(pairs) if pairs else ""


def parse_path(entry: Entry, params: Entry | None) -> PathPlan:
    """InputFileError for a parameter without a value and a value without a parameter."""
    text = check_text(entry.as_text(), entry.place)
    if not text.startswith("/") or "?" in text or "#" in text:
        raise InputFileError(
            "{place}: `{key}` must begin with `/` and end before any `?`; found {found}.",
            hint="Query parameters stand under `query`.",
            place=entry.place,
            key=entry.key,
            found=entry.found,
        )
    values = params.as_mapping() if params else {}
    parts: list[str | Value | Evaluation] = []
    used: set[str] = set()
    begin = 0
    for found in _PARAMETER.finditer(text):
        parts.append(_compile_part(text[begin : found.start()], entry.place))
        name, begin = found[1], found.end()
        if name not in values:
            raise InputFileError(
                "{place}: the path's parameter `{name}` has no value.",
                hint="Give it under `path_params`.",
                place=entry.place,
                name=name,
            )
        used.add(name)
        parts.append(Value(values[name]))
    parts.append(_compile_part(text[begin:], entry.place))
    for name, one in values.items():
        if name not in used:
            near = find_near(name, _PARAMETER.findall(text))
            raise InputFileError(
                "{place}: the path {path} has no parameter `{name}`.",
                hint="Did you mean `{near}`?" if near["near"] else "Known are {known}.",
                place=one.name_place,
                path=text,
                name=name,
                **near,
            )
    return PathPlan(parts)


def parse_query(entry: Entry | None) -> QueryPlan:
    """Texts, numbers, booleans, and lists of them."""
    found: dict[str, Value | tuple[Template, Place]] = {}
    for name, one in (entry.as_mapping() if entry else {}).items():
        if isinstance(one.content, list):
            for item in one.content:
                Value(item)
        elif not _is_place(one.content):
            found[name] = Value(one)
            continue
        found[name] = Template(one), one.place
    return QueryPlan(found)


def _is_place(content: Any) -> bool:
    return isinstance(content, str) and content.startswith("{{") and content.endswith("}}")


def _compile_part(text: str, place: Place) -> str | Evaluation:
    if "{{" not in text:
        return quote(text, safe=_PATH_SAFE)
    return compile_text(text, place, encode=encode_segment)
