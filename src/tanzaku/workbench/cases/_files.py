"""Suites and flows as they are written: values first, text in `_writing`."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tanzaku.workbench.cases._case import MadeCase
from tanzaku.workbench.openapi import Operation


@dataclass(frozen=True, slots=True)
class SuiteFile:
    """`path` is below the project. `cases` have their ids, each once. Each case
    has values of its own, like `own_values`, for the flow before it."""

    path: str
    title: str
    operation: str
    defaults: Mapping[str, Any]
    cases: tuple[tuple[str, MadeCase], ...]
    seed: int
    own_values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FlowFile:
    """A flow; `rule` and `values` name it for people."""

    path: str
    rule: str
    values: Mapping[str, Any]
    fields: Mapping[str, Any]


def unite_ids(cases: Iterable[MadeCase]) -> tuple[tuple[str, MadeCase], ...]:
    """Each case with an id; of several with one stem the later are numbered."""
    taken: dict[str, int] = {}
    found: list[tuple[str, MadeCase]] = []
    for case in cases:
        count = taken[case.stem] = taken.get(case.stem, 0) + 1
        found.append((case.stem if count == 1 else f"{case.stem}-{count}", case))
    return tuple(found)


def name_suite(operation: Operation) -> str:
    """A slug of the operation's id."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", operation.id)
    return re.sub(r"[^A-Za-z0-9]+", "-", parted).strip("-").lower() or "operation"
