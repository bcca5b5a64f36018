"""An answer compared with one that was kept."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from tanzaku.core.plain_yaml import Entry
from tanzaku.workbench.assertions._finding import CannotJudge, Finding, Look, Sight, fails, passes
from tanzaku.workbench.assertions._jsonpath import (
    JsonPath,
    JsonPathError,
    Steps,
    compile_path,
    read_path,
)
from tanzaku.workbench.assertions._kind import looked
from tanzaku.workbench.assertions._numbers import is_equal
from tanzaku.workbench.assertions._ops import need_some
from tanzaku.workbench.assertions._paths import format_path, resolve_inside

FOLDER: Final = "snapshots"
_ABSENT: Final = object()
_CHANGING: Final = ("$.id", "$.usage", "$.content[*].id", "$.content[*].signature")
"""Of a Message, what is new in each answer."""


def _read_snapshot(entry: Entry) -> Look:
    if entry.kind == "text":
        entry = Entry(entry.key, entry.place, entry.name_place, {"file": entry})
    fields = entry.as_fields(["file", "ignore"], ["file"])
    name = need_some(fields["file"]).as_text()
    ignored = [read_path(one) for one in fields["ignore"].as_list()] if "ignore" in fields else None

    def look(sight: Sight) -> Finding:
        file = resolve_inside(sight.subject.root / FOLDER, f"{name}.json")
        paths = ignored
        if paths is None:
            paths = [compile_path(one) for one in _CHANGING] if sight.whole.message else []
        found = _drop(_find_value(sight), paths)
        if sight.subject.update_snapshots:
            _write(file, found)
            return passes(found, expected=found)
        return _compare(file, _drop(_load(file), paths), found)

    return look


def _find_value(sight: Sight) -> Any:
    """The body as JSON, or as text where it is none."""
    try:
        return json.loads(json.dumps(sight.json))
    except CannotJudge:
        return sight.whole.text


def _drop(value: Any, paths: Sequence[JsonPath]) -> Any:
    """The value without what the paths lead to."""
    for path in paths:
        try:
            found = path.locate(value)
        except JsonPathError as error:
            raise CannotJudge("the path cannot be followed: {reason}", reason=str(error)) from None
        # From behind, so that the indices before stay true.
        for steps in sorted(found, key=_by_place, reverse=True):
            parent = value
            for step in steps[:-1]:
                parent = parent[step]
            if steps:
                del parent[steps[-1]]
    return value


def _by_place(steps: Steps) -> list[tuple[int, str]]:
    return [(step, "") if isinstance(step, int) else (0, step) for step in steps]


def _load(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CannotJudge("there is no snapshot {file} yet", file=file.name) from None
    except (OSError, ValueError) as error:
        raise CannotJudge("{file} cannot be read: {reason}", file=file.name, reason=error) from None


def _write(file: Path, value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CannotJudge(
            "{file} cannot be written: {reason}", file=file.name, reason=error
        ) from None


def _compare(file: Path, kept: Any, found: Any) -> Finding:
    differences = list(_iter_differences(kept, found, ()))
    if not differences:
        return passes(found, expected=kept)
    steps, old, new = differences[0]
    return fails(
        "{count} differences from {file}; at {at}: {actual}, not {expected}",
        actual=None if new is _ABSENT else new,
        expected=None if old is _ABSENT else old,
        count=len(differences),
        file=file.name,
        at=format_path(steps),
    )


def _iter_differences(old: Any, new: Any, steps: Steps) -> Iterator[tuple[Steps, Any, Any]]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys([*old, *new]):
            yield from _iter_differences(
                old.get(key, _ABSENT), new.get(key, _ABSENT), (*steps, key)
            )
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for n, pair in enumerate(zip(old, new, strict=True)):
            yield from _iter_differences(*pair, (*steps, n))
    elif not is_equal(old, new):
        yield steps, old, new


SNAPSHOT_KINDS: Final = {
    "snapshot": looked(_read_snapshot),
}
