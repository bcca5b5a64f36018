"""Figures of a whole case or flow."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from tanzaku.core.plain_yaml import Entry
from tanzaku.workbench.assertions._compare import read_comparison
from tanzaku.workbench.assertions._finding import (
    CannotJudge,
    Check,
    Finding,
    Look,
    Sight,
    fails,
    passes,
    write,
)
from tanzaku.workbench.assertions._kind import Kind, compared, looked
from tanzaku.workbench.assertions._numbers import NON_NEGATIVE, Span
from tanzaku.workbench.assertions._ops import LIST, NUMBER
from tanzaku.workbench.assertions._outcome import FlowFigures
from tanzaku.workbench.assertions.kinds._stream import strip
from tanzaku.workbench.assertions.kinds._tools import list_messages

_FIGURE: Final = replace(NUMBER, span=NON_NEGATIVE)
_TURNS: Final = replace(NUMBER, span=Span(Decimal(1)))
_STEP: Final = re.compile(r"step\.(.+)\.(ok_count|failed_count)")
_LOOP: Final = 3


def _need_flow(sight: Sight) -> FlowFigures:
    if sight.subject.flow is None:
        raise CannotJudge("the case is no flow")
    return sight.subject.flow


def _find_cost(sight: Sight) -> Any:
    cost = _need_flow(sight).cost_usd
    if cost is None:
        raise CannotJudge("one of the flow's answers has no price")
    return cost


def _count_step(step: str, counter: str) -> Callable[[Sight], int]:
    def get(sight: Sight) -> int:
        flow = _need_flow(sight)
        if step not in {*flow.ok_counts, *flow.failed_counts, *flow.skipped}:
            raise CannotJudge("the flow has no step {name}", name=step)
        counts = flow.ok_counts if counter == "ok_count" else flow.failed_counts
        return counts.get(step, 0)

    return get


def find_step_kind(name: str) -> Kind | None:
    """The kind of `step.ID.ok_count` or `step.ID.failed_count`."""
    match = _STEP.fullmatch(name)
    return _build_step_kind(match[1], match[2]) if match else None


def _build_step_kind(step: str, counter: str) -> Kind:
    return compared(_count_step(step, counter), _FIGURE, reach="case")


def _read_max_turns(entry: Entry, beside: Mapping[str, Entry]) -> Check:
    if entry.kind != "mapping":
        entry = Entry(entry.key, entry.place, entry.name_place, {"lte": entry})
    op = read_comparison(entry, _TURNS)
    return Check(lambda sight: op(len(list_messages(sight)), sight))


def _read_no_loop(entry: Entry) -> Look:
    most = 0
    wanted = True
    if entry.kind == "boolean":
        wanted = entry.as_bool()
    else:
        most = entry.as_integer(1, 1000)
    most = most or _LOOP - 1

    def look(sight: Sight) -> Finding:
        turns = [reply.blocks for reply in list_messages(sight)]
        seen: dict[str, int] = {}
        for turn in turns:
            key = write(strip(turn))
            seen[key] = seen.get(key, 0) + 1
        repeats = max(seen.values())
        if (repeats <= most) is wanted:
            return passes(repeats, expected=most)
        if repeats <= most:
            return fails("no turn came more than {most} times", actual=repeats, most=most)
        return fails("the same turn came {actual} times", actual=repeats, expected=most)

    return look


FLOW_KINDS: Final = {
    "flow.path": compared(
        lambda sight: list(_need_flow(sight).path),
        LIST,
        reach="case",
    ),
    "flow.cost_usd": compared(_find_cost, _FIGURE, reach="case"),
    "flow.duration_ms": compared(
        lambda sight: _need_flow(sight).duration_ms,
        _FIGURE,
        reach="case",
    ),
    "step.ID.ok_count": _build_step_kind("ID", "ok_count"),
    "step.ID.failed_count": _build_step_kind("ID", "failed_count"),
    "max_turns": Kind(_read_max_turns, reach="case"),
    "no_loop": looked(_read_no_loop, reach="case"),
}
