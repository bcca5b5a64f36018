"""A flow executed again from its log, without sending anything."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any

from tanzaku.core import UserError
from tanzaku.workbench.flows._execution import Judging
from tanzaku.workbench.flows._flow import Flow
from tanzaku.workbench.flows._log import Asked, FlowBegan, LogEvent, StepEnded, Told
from tanzaku.workbench.flows._machine import JUDGING, FlowMachine
from tanzaku.workbench.flows._result import FlowResult
from tanzaku.workbench.project import Environment, Scope, Template


@dataclass(frozen=True, slots=True)
class Difference:
    """Where the flow now decides otherwise than its log tells: `what` is an action's number and part
    (`3 body`) or a step's way, `then` and `now` what it was and is; None for nothing."""

    what: str
    then: Any
    now: Any


@dataclass(frozen=True, slots=True)
class Replay:
    """`result` is None when the log ends before the flow does, which is then a difference too."""

    result: FlowResult | None
    differences: tuple[Difference, ...]


def replay(
    flow: Flow,
    log: Sequence[LogEvent],
    environment: Environment,
    judging: Judging = JUDGING,
) -> Replay:
    """Tell a machine what the log tells, when the log tells it, and compare what it asks for. A
    difference ends the comparison of actions there, because those after it follow from it.

    Secrets stand under their names, as they do in the log. UserError for a log that does not begin
    with its beginning.
    """
    began = log[0] if log else None
    if not isinstance(began, FlowBegan):
        raise UserError("The log does not begin with the flow's beginning.")
    secrets = {name: f"{{{{secret.{name}}}}}" for name in environment.scope.secrets}
    scope = Scope(began.given, environment.scope.environment, environment.scope.globals, secrets)
    own = {name: Template(_escape(value)) for name, value in began.variables.items()}
    flow = replace(flow, variables=own)
    machine = FlowMachine(flow, environment, scope, began.seed, began.variant, judging)
    machine.start(began.at)
    for event in log:
        if isinstance(event, Told) and machine.is_under_way(event.number):
            if event.refused is not None:
                machine.refuse(event.number, event.refused, event.at)
            else:
                machine.take(event.number, event.reply or event.result, event.at)
    return Replay(machine.result, tuple(_compare(log, machine.log)))


def _compare(then: Sequence[LogEvent], now: Sequence[LogEvent]) -> Iterator[Difference]:
    pairs = zip_longest(_list_asked(then), _list_asked(now))
    for old, new in pairs:
        if old == new:
            continue
        number = (old or new or {})["number"]
        for part in {**(old or {}), **(new or {})}:
            was, is_now = (old or {}).get(part), (new or {}).get(part)
            if was != is_now:
                yield Difference(f"{number} {part}", was, is_now)
        break
    ends_then, ends_now = (
        {one.step: one.state for one in log if isinstance(one, StepEnded)} for log in (then, now)
    )
    for step in {**ends_then, **ends_now}:
        if ends_then.get(step) != ends_now.get(step):
            yield Difference(step, ends_then.get(step), ends_now.get(step))


def _list_asked(log: Sequence[LogEvent]) -> list[Mapping[str, Any]]:
    return [
        {"number": one.number, "step": one.step, "kind": one.kind, "at": one.at, **one.details}
        for one in log
        if isinstance(one, Asked)
    ]


def _escape(value: Any) -> Any:
    """A plain value as a file would write it, so that what looks like a place stays text."""
    if isinstance(value, str):
        return value.replace("{{", "\\{{")
    if isinstance(value, dict):
        return {name: _escape(one) for name, one in value.items()}
    return [_escape(one) for one in value] if isinstance(value, list) else value
