"""Values of a file that hold `{{places}}`: read when the variables are known."""

from collections.abc import Callable
from typing import Any

from tanzaku.core import InputFileError
from tanzaku.core.plain_yaml import Entry
from tanzaku.workbench.assertions._finding import CannotJudge
from tanzaku.workbench.project import Scope, Template


def has_places(entry: Entry) -> bool:
    """Whether any text in the value has a place to fill."""
    return bool(_list_open(entry))


def read_later[T](entry: Entry, read: Callable[[Entry], T]) -> Callable[[Scope], T]:
    """`read` of the value: at once where it holds no places, else of the filled value each time.

    A mistake in what needs no variable is raised at once all the same; one that a variable brings
    is CannotJudge when it is filled.
    """
    if not has_places(entry):
        ready = read(entry)
        return lambda scope: ready
    template = Template(entry)
    _try_unfilled(entry, read)

    def read_filled(scope: Scope) -> T:
        try:
            return read(_fill(entry, template.fill(scope)))
        except InputFileError as error:
            raise CannotJudge("{reason}", reason=error.message) from None

    return read_filled


def _fill(origin: Entry, value: Any) -> Entry:
    """The filled value as if it stood where `origin` does, its parts where theirs do."""
    content, parts = value, origin.content
    if isinstance(value, dict):
        known = parts if isinstance(parts, dict) else {}
        content = {name: _fill(known.get(name, origin), one) for name, one in value.items()}
    elif isinstance(value, list):
        listed = parts if isinstance(parts, list) else [origin] * len(value)
        content = [_fill(*pair) for pair in zip(listed, value, strict=True)]
    return Entry(origin.key, origin.place, origin.name_place, content)


def _try_unfilled(entry: Entry, read: Callable[[Entry], object]) -> None:
    try:
        read(entry)
    except InputFileError as error:
        if "name" in error.values or error.values.get("key") not in _list_open(entry):
            raise


def _list_open(entry: Entry) -> list[str]:
    """The keys of all values in the entry that have places, themselves or inside."""
    below: list[Entry] = []
    if isinstance(entry.content, dict):
        below = list(entry.content.values())
    elif isinstance(entry.content, list):
        below = entry.content
    elif isinstance(entry.content, str) and "{{" in entry.content:
        return [entry.key]
    opened = [key for one in below for key in _list_open(one)]
    return [entry.key, *opened] if opened else []
