"""Three versions of a request file made one: as imported last, as edited since, as it is now."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tanzaku.workbench.project import is_same, prepare_yaml

ABSENT: Final = object()


@dataclass(frozen=True, slots=True)
class Merge:
    """`changed` are the fields that were taken from the document, `edited` those kept because only
    the file differs, `conflicts` those in which both differ (the file's is kept). `values` are the
    new values of `changed`, ABSENT for a field that is to go."""

    changed: Mapping[tuple[str, ...], Any] = field(default_factory=dict)
    edited: tuple[tuple[str, ...], ...] = ()
    conflicts: tuple[tuple[str, ...], ...] = ()


def merge_fields(base: Any, ours: Any, theirs: Any) -> Merge:
    """What becomes of `ours`, the file, when the document's wish goes from `base` to `theirs`.
    Objects are merged field by field; lists and single values are taken or left whole."""
    changed: dict[tuple[str, ...], Any] = {}
    edited: list[tuple[str, ...]] = []
    conflicts: list[tuple[str, ...]] = []

    def visit(way: tuple[str, ...], old: Any, mine: Any, new: Any) -> None:
        if _equal(mine, new):
            return
        if isinstance(mine, Mapping) and isinstance(new, Mapping):
            before = old if isinstance(old, Mapping) else {}
            for name in dict.fromkeys([*new, *mine]):
                visit((*way, name), *(one.get(name, ABSENT) for one in (before, mine, new)))
        elif _equal(old, mine):
            changed[way] = new
        elif _equal(old, new):
            edited.append(way)
        else:
            conflicts.append(way)

    visit((), base, ours, theirs)
    return Merge(changed, tuple(edited), tuple(conflicts))


def apply_changes(document: Any, changed: Mapping[tuple[str, ...], Any], order: list[str]) -> None:
    """Write the changed fields into a file that is being edited. `order` is that of the top."""
    for way, value in changed.items():
        target = document
        for name in way[:-1]:
            target = target[name]
        if value is ABSENT:
            del target[way[-1]]
        elif way[-1] in target or len(way) > 1:
            target[way[-1]] = prepare_yaml(value)
        else:
            _insert(target, way[-1], prepare_yaml(value), order)


def _insert(target: Any, name: str, value: Any, order: list[str]) -> None:
    """Where a new file would have it."""
    after = order[order.index(name) + 1 :] if name in order else []
    there = list(target)
    at = min((there.index(one) for one in after if one in there), default=len(there))
    target.insert(at, name, value)


def _equal(left: Any, right: Any) -> bool:
    if left is ABSENT or right is ABSENT:
        return left is right
    return is_same(left, right)
