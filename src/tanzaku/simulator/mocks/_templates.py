"""Values with `{{places}}` that a call fills in. Plain substitution, once, nothing is run."""

import difflib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tanzaku.core import InputFileError, format_rfc3339
from tanzaku.core.plain_yaml import Entry, Place
from tanzaku.simulator.mocks._arguments import InputSchema

_PLACE = re.compile(r"(?<!\\)\{\{([^{}]*)\}\}")
_ESCAPED = r"\{{"
_NAMES = ("args.…", "n", "now", "violation")


@dataclass(frozen=True, slots=True)
class Filling:
    """What fills the places of one answer: the call's arguments, its number among the calls of
    its tool and run (from 1), the time (Unix seconds), what the schema does not allow."""

    arguments: Mapping[str, Any]
    n: int
    now: float
    violation: str


type Fill = Callable[[Filling], Any]
"""Gives what stands in an answer."""

type Find = Callable[[Any], Any]
"""Gives what stands at a path of the arguments; None where nothing does."""


def read_path(source: str, place: Place, schema: InputSchema) -> Find:
    """`args`, `args.order_id`, `args.items.0.sku`: keys and, in lists, numbers from 0."""
    first, *steps = source.split(".")
    if first != "args":
        raise InputFileError(
            "{place}: `{name}` is no argument.",
            hint="Arguments are named `args.order_id`, those inside `args.address.city`.",
            place=place,
            name=source,
        )
    names = schema.names
    if steps and names is not None and steps[0] not in names:
        near = "".join(difflib.get_close_matches(steps[0], names, n=1))
        raise InputFileError(
            "{place}: `input_schema` has no argument `{name}`.",
            hint="Did you mean `{near}`?" if near else "Its arguments are {known}.",
            place=place,
            name=steps[0],
            near=near,
            known=", ".join(sorted(names)),
        )

    def find(arguments: Any) -> Any:
        value = arguments
        for step in steps:
            if isinstance(value, dict):
                value = value.get(step)
            elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
                value = value[int(step)]
            else:
                return None
        return value

    return find


def read_text(entry: Entry, schema: InputSchema) -> Callable[[Filling], str]:
    """A text with places."""
    # Odd parts are the places.
    parts = _PLACE.split(entry.as_text())
    pieces = [
        _read_place(entry, part, schema) if at % 2 else part.replace(_ESCAPED, "{{")
        for at, part in enumerate(parts)
    ]
    return lambda filling: "".join(
        piece if isinstance(piece, str) else _spell(piece(filling)) for piece in pieces
    )


def read_value(entry: Entry, schema: InputSchema) -> Fill:
    """Any value, with places in its texts at every depth. A text that is one place and nothing
    else becomes what stands there, with its type."""
    if isinstance(entry.content, dict):
        items = {key: read_value(item, schema) for key, item in entry.content.items()}
        return lambda filling: {key: fill(filling) for key, fill in items.items()}
    if isinstance(entry.content, list):
        parts = [read_value(item, schema) for item in entry.content]
        return lambda filling: [fill(filling) for fill in parts]
    if isinstance(entry.content, str):
        alone = _PLACE.fullmatch(entry.content)
        return _read_place(entry, alone[1], schema) if alone else read_text(entry, schema)
    value = entry.content
    return lambda filling: value


def _read_place(entry: Entry, source: str, schema: InputSchema) -> Fill:
    match source.strip():
        case "n":
            return lambda filling: filling.n
        case "now":
            return lambda filling: format_rfc3339(filling.now)
        case "violation":
            return lambda filling: filling.violation
        case name if name.partition(".")[0] == "args":
            find = read_path(name, entry.place, schema)
            return lambda filling: find(filling.arguments)
        case name:
            raise InputFileError(
                "{place}: nothing is called `{name}` in a template.",
                hint="Known are {known}. Write `{brace}` for braces that are only braces.",
                place=entry.place,
                name=name,
                known=", ".join(f"{{{{{known}}}}}" for known in _NAMES),
                brace=_ESCAPED,
            )


def _spell(value: Any) -> str:
    """A text as it is, nothing for null, everything else as JSON."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)
