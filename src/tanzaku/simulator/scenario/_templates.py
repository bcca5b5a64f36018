"""Texts with `{{places}}` that a request fills in. Plain substitution, once, nothing is run."""

import difflib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tanzaku.core import InputFileError
from tanzaku.core.plain_yaml import Entry
from tanzaku.simulator.scenario._conditions import When
from tanzaku.simulator.scenario._jsonpath import BadPathError, JsonPath
from tanzaku.simulator.scenario._regex import RegexError
from tanzaku.simulator.scenario._view import Result, Text, View

MAX_FILLED = 1_000_000
_PLACE = re.compile(r"(?<!\\)\{\{([^{}]*)\}\}")
_ESCAPED = r"\{{"
_NAMES = ("last_user", "system", "last_tool_result", "nth", "state.…", "$.…")
_PARTS = frozenset({"last_user", "system", "last_tool_result"})

type Fill = Callable[["Filling"], Any]
"""Gives what stands in an answer."""


@dataclass(slots=True)
class Filling:
    """What fills the places of one answer: the request and the state it met, which rule answers
    for the how manyth time (from 1), and the time (Unix seconds)."""

    view: View
    when: When
    rule: str
    nth: int
    seed: int
    now: float
    _groups: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def get_text(self, part: str) -> Text:
        if part == "last_user":
            return self.view.last_user
        if part == "system":
            return self.view.system
        result = self._find_result()
        return Text("") if result is None else result.text

    def get_group(self, part: str, name: str) -> str:
        """A group of the rule's expression over `part`; empty where it took no part."""
        if part not in self._groups:
            groups = self.when.regexes[part].need_groups()
            self._groups[part] = groups.find(self.get_text(part).short)
        return self._groups[part].get(name, "")

    def _find_result(self) -> Result | None:
        """The tool result the rule's condition means; without one the last."""
        picks = self.when.picks_result
        results = self.view.results
        if picks is None:
            return results[-1] if results else None
        return next(filter(picks, results), None)


def fix(value: Any) -> Fill:
    """What no request changes."""
    return lambda filling: value


def read_text(entry: Entry, when: When) -> Fill:
    """A text with places."""
    text = entry.as_text()
    # Odd parts are the places.
    parts = _PLACE.split(text)
    if len(parts) == 1:
        return fix(text.replace(_ESCAPED, "{{"))
    pieces = [
        _read_place(entry, part, when) if at % 2 else part.replace(_ESCAPED, "{{")
        for at, part in enumerate(parts)
    ]

    def fill(filling: Filling) -> str:
        filled = [piece if isinstance(piece, str) else _spell(piece(filling)) for piece in pieces]
        return "".join(filled)[:MAX_FILLED]

    return fill


def read_value(entry: Entry, when: When) -> Fill:
    """Any value, with places in its texts at every depth. A text that is one place and nothing
    else becomes what stands there, with its type."""
    if isinstance(entry.content, dict):
        items = {key: read_value(item, when) for key, item in entry.content.items()}
        return lambda filling: {key: fill(filling) for key, fill in items.items()}
    if isinstance(entry.content, list):
        parts = [read_value(item, when) for item in entry.content]
        return lambda filling: [fill(filling) for fill in parts]
    if not isinstance(entry.content, str):
        return fix(entry.content)
    match = _PLACE.fullmatch(entry.content)
    return read_text(entry, when) if match is None else _read_place(entry, match[1], when)


def _spell(value: Any) -> str:
    """A text as it is, nothing for null, everything else as JSON."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _read_place(entry: Entry, source: str, when: When) -> Fill:
    source = source.strip()
    part, dot, rest = source.partition(".")
    if source.startswith("$"):
        return _read_path_place(entry, source)
    if source == "nth":
        return lambda filling: filling.nth
    if part == "state" and rest:
        return lambda filling: filling.view.state.get(rest)
    if part in _PARTS and not dot:
        return lambda filling: filling.get_text(part).full
    if part in _PARTS:
        return _read_group_place(entry, part, rest, when)
    near = "".join(difflib.get_close_matches(source, _NAMES, n=1))
    raise InputFileError(
        "{place}: nothing is called `{name}` in a template.",
        hint="Did you mean `{near}`?"
        if near
        else "Known are {known}. Write `{brace}` for braces that are only braces.",
        place=entry.place,
        name=source,
        near=near,
        known=", ".join(f"{{{{{name}}}}}" for name in _NAMES),
        brace=_ESCAPED,
    )


def _read_path_place(entry: Entry, source: str) -> Fill:
    try:
        path = JsonPath(source)
    except BadPathError as error:
        raise InputFileError(
            "{place}: `{name}` is no JSONPath from character {at} on.",
            place=entry.place,
            name=source,
            at=str(error),
        ) from None

    def fill(filling: Filling) -> Any:
        found = path.find(filling.view.request)
        return found[0] if found else None

    return fill


def _read_group_place(entry: Entry, part: str, name: str, when: When) -> Fill:
    regex = when.regexes.get(part)
    if regex is None:
        raise InputFileError(
            "{place}: `{name}` needs a `regex` under `when.{part}` to take a group from.",
            place=entry.place,
            name=f"{part}.{name}",
            part=part,
        )
    try:
        known = regex.need_groups().names
    except RegexError as error:
        raise InputFileError(
            "{place}: no group can be taken from `{regex}`: {reason}.",
            place=entry.place,
            regex=regex.source,
            reason=str(error),
        ) from None
    if name not in known:
        raise InputFileError(
            "{place}: `{regex}` has no group `{name}`.",
            hint="Its groups are {known}." if known else "Put parentheses around what to take.",
            place=entry.place,
            regex=regex.source,
            name=name,
            known=", ".join(known),
        )
    return lambda filling: filling.get_group(part, name)
