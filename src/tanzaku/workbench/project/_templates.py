"""Values with `{{places}}` in their texts, read once and filled as often as wanted."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from tanzaku.core import InputFileError
from tanzaku.core.plain_yaml import Entry, Place
from tanzaku.workbench.project._comparing import find_kind
from tanzaku.workbench.project._entries import FileText, build_entry
from tanzaku.workbench.project._expressions import (
    Evaluation,
    compile_condition,
    compile_place,
)
from tanzaku.workbench.project._variables import Scope

_OPEN: Final = "{{"
_ESCAPED: Final = "\\{{"


class Template:
    """A value of a file, or a plain one that stands at `place`, ready to be filled.

    A text that is one place and nothing else becomes the variable's value with its type; in a longer
    text a place takes texts, numbers and booleans. `\\{{` is two braces. Keys are never filled, nor
    is what a variable holds: a model's answer with braces in it stays as it is.
    """

    def __init__(self, value: Any, place: Place | None = None) -> None:
        entry = value if isinstance(value, Entry) else build_entry(value, place or _NOWHERE)
        compiled = _compile(entry)
        self._fill: Evaluation = compiled if callable(compiled) else lambda _: compiled

    def fill(self, scope: Scope) -> Any:
        """The value; parts without a place are the same objects every time, not to be changed.
        InputFileError, with its place, for a variable that nobody knows."""
        return self._fill(scope)


_NOWHERE = Place("<text>", 1, 1)


def fill_places(value: Any, scope: Scope, place: Place | None = None) -> Any:
    """`value` (an Entry, or plain and standing at `place`) with its places filled: see
    `Template`."""
    return Template(value, place).fill(scope)


def evaluate(expression: str, scope: Scope, place: Place | None = None) -> bool:
    """Whether a condition holds, with or without `{{ }}` around it. InputFileError for one that
    cannot be read or compares what cannot be compared."""
    return bool(compile_condition(expression, place or _NOWHERE)(scope))


class Condition:
    """A `when`, read once."""

    def __init__(self, text: str, place: Place) -> None:
        self._judge = compile_condition(text, place)

    def holds(self, scope: Scope) -> bool:
        """InputFileError when it compares what cannot be compared or names what nobody knows."""
        return bool(self._judge(scope))


def compile_text(
    text: str, place: Place, *, is_exact: bool = False, encode: Callable[[str], str] = str
) -> Evaluation:
    """A text's filling, always a text. `encode` is applied to what fills its places. With
    `is_exact`, `place` is where the text itself begins, so that lines in it can be counted."""
    pieces = _cut(text, place, is_exact=is_exact)
    joined = [
        piece if isinstance(piece, str) else _as_text(*piece, encode=encode) for piece in pieces
    ]
    return lambda scope: "".join(one if isinstance(one, str) else one(scope) for one in joined)


def _compile(entry: Entry) -> Any:
    """A plain value, or when there are places in it, its evaluation."""
    content = entry.content
    if isinstance(content, str):
        return _compile_scalar(content, entry.place, is_exact=isinstance(entry, FileText))
    if isinstance(content, dict):
        fields = {name: _compile(one) for name, one in content.items()}
        if not any(map(callable, fields.values())):
            return fields
        return lambda scope: {
            name: one(scope) if callable(one) else one for name, one in fields.items()
        }
    if isinstance(content, list):
        items = [_compile(one) for one in content]
        if not any(map(callable, items)):
            return items
        return lambda scope: [one(scope) if callable(one) else one for one in items]
    return content


def _compile_scalar(text: str, place: Place, *, is_exact: bool) -> Any:
    if _OPEN not in text:
        return text
    pieces = _cut(text, place, is_exact=is_exact)
    if len(pieces) == 1 and not isinstance(pieces[0], str):
        return pieces[0][0]
    if all(isinstance(piece, str) for piece in pieces):
        return "".join(piece for piece in pieces if isinstance(piece, str))
    return compile_text(text, place, is_exact=is_exact)


def _cut(text: str, place: Place, *, is_exact: bool) -> list[str | tuple[Evaluation, Place]]:
    """Texts as they are, and places with where they stand."""
    pieces: list[str | tuple[Evaluation, Place]] = []
    begin = 0
    while (at := text.find(_OPEN, begin)) >= 0:
        if text.startswith(_ESCAPED, at - 1) and at > begin:
            pieces.append(text[begin : at - 1] + _OPEN)
            begin = at + len(_OPEN)
            continue
        if at > begin:
            pieces.append(text[begin:at])
        here = _find_place(text, at, place) if is_exact else place
        found, begin = compile_place(text, at + len(_OPEN), here)
        pieces.append((found, here))
    if begin < len(text):
        pieces.append(text[begin:])
    return pieces


def _find_place(text: str, at: int, start: Place) -> Place:
    before = text[:at]
    return Place(start.file, start.line + before.count("\n"), at - before.rfind("\n"))


def _as_text(found: Evaluation, place: Place, *, encode: Callable[[str], str]) -> Evaluation:
    return lambda scope: encode(write_scalar(found(scope), place))


def write_scalar(value: Any, place: Place) -> str:
    """A text, number or boolean as text; InputFileError for anything else."""
    if isinstance(value, str):
        return check_text(value, place)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    assert value is None or isinstance(value, list | Mapping)
    raise InputFileError(
        "{place}: {kind} cannot stand inside a text.",
        hint="Write it as JSON with `| json`, or let the place be the whole value.",
        place=place,
        kind=find_kind(value),
    )


def check_text(text: str, place: Place) -> str:
    """`text`, unless it holds half a character (a lone surrogate), which cannot be sent."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InputFileError(
            "{place}: the text holds half a character, which cannot be sent.",
            hint="Write the whole character; to send the escape itself, use `raw`.",
            place=place,
        ) from None
    return text
