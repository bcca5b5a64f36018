"""Steps as works: their order, their conditions, their items, what follows from a failure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

from tanzaku.core import UserError
from tanzaku.workbench.flows._actions import Wait
from tanzaku.workbench.flows._conclude import conclude
from tanzaku.workbench.flows._exchanges import ExchangeWork
from tanzaku.workbench.flows._execution import Execution
from tanzaku.workbench.flows._flow import Flow, Step
from tanzaku.workbench.flows._log import StepBegan, StepEnded
from tanzaku.workbench.flows._result import Problem, State, StepResult
from tanzaku.workbench.flows._scheduler import Part, Together, Work
from tanzaku.workbench.flows._values import collect_items, collect_values
from tanzaku.workbench.project import Scope

MAX_ITEMS: Final = 10_000
_FAILED: Final = ("failed", "error")


@dataclass(slots=True)
class _Block:
    """Steps side by side, or the items of one step. `stopped`: none begins any more."""

    scope: Scope
    values: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    stopped: bool = False


class StepWorks:
    """Makes the works of one execution's steps."""

    def __init__(self, execution: Execution) -> None:
        self._execution = execution

    def do_steps(
        self, steps: Sequence[Step], way: str, scope: Scope
    ) -> Work[tuple[StepResult, ...]]:
        """The results in the order of the file."""
        block = _Block(scope)
        parts = [Part(partial(self._do_step, step, way, block), step.needs) for step in steps]
        results = yield Together(parts, max(1, len(parts)))
        return tuple(results)

    def _do_step(self, step: Step, above: str, block: _Block) -> Work[StepResult]:
        way = f"{above}.{step.step_id}" if above else step.step_id
        if block.stopped or self._execution.stopped:
            return self._end(step, way, "not_run")
        self._execution.log.append(StepBegan(self._execution.now, way))
        seen = {name: block.values[name] for name in step.sees if name in block.values}
        scope = block.scope.with_temporary(seen)
        result = yield from self._do_whole(step, way, scope)
        result = replace(result, counts=step.on_error != "ignore")
        block.values[step.step_id] = result.values
        block.stopped |= result.state in _FAILED and step.on_error == "stop"
        self._execution.ended.append((way, result.state))
        self._execution.log.append(StepEnded(self._execution.now, way, result.state))
        return result

    def _do_whole(self, step: Step, way: str, scope: Scope) -> Work[StepResult]:
        """The step with its condition and all its items."""
        try:
            if step.when is not None and not step.when.holds(scope):
                return self._end(step, way, "skipped")
            items = None if step.foreach is None else self._list_items(step, scope)
        except UserError as error:
            return self._end(step, way, "error", Problem.of(error))
        if items is not None:
            result = yield from self._do_items(step, way, scope, items)
        else:
            result = yield from self._do_once(step, way, scope, {})
        return result

    def _list_items(self, step: Step, scope: Scope) -> Sequence[Any]:
        assert step.foreach is not None
        items = step.foreach.fill(scope)
        if not isinstance(items, list | tuple):
            raise UserError(
                "{place}: the `foreach` of `{step}` must come to a list.",
                place=step.place,
                step=step.step_id,
            )
        if len(items) > MAX_ITEMS:
            raise UserError(
                "{place}: the `foreach` of `{step}` has {count} items; at most {most} are allowed.",
                place=step.place,
                step=step.step_id,
                count=len(items),
                most=MAX_ITEMS,
            )
        return items

    def _do_items(
        self, step: Step, way: str, scope: Scope, items: Sequence[Any]
    ) -> Work[StepResult]:
        began_at = self._execution.now
        block = _Block(scope)
        parts = [
            Part(partial(self._do_item, step, f"{way}[{index}]", block, index, item))
            for index, item in enumerate(items)
        ]
        children = tuple((yield Together(parts, step.parallel)))
        state = find_state(children)
        return self._end(
            step,
            way,
            state,
            began_at=began_at,
            children=children,
            values=collect_items(state, children),
            is_foreach=True,
        )

    def _do_item(
        self, step: Step, way: str, block: _Block, index: int, item: Any
    ) -> Work[StepResult]:
        if block.stopped or self._execution.stopped:
            return self._end(step, way, "not_run")
        self._execution.log.append(StepBegan(self._execution.now, way))
        extra = {"index": index, "item": item}
        scope = block.scope.with_temporary({"index": index, step.item_name: item})
        result = yield from self._do_once(step, way, scope, extra)
        block.stopped |= result.state in _FAILED and step.on_error == "stop"
        self._execution.log.append(StepEnded(self._execution.now, way, result.state))
        return result

    def _do_once(
        self, step: Step, way: str, scope: Scope, extra: Mapping[str, Any]
    ) -> Work[StepResult]:
        began_at = self._execution.now
        own: Mapping[str, Any] = {}
        try:
            if step.variables is not None:
                own = step.variables.fill(scope)
        except UserError as error:
            return self._end(step, way, "error", Problem.of(error))
        if step.wait_s:
            yield Wait(0, way, step.wait_s)
            if self._execution.stopped:
                return self._end(step, way, "not_run", began_at=began_at)
        inner = scope.with_temporary(own)
        if step.request is not None:
            result = yield from ExchangeWork(self._execution, step, way, inner).do(extra)
            return result
        if step.flow is not None:
            result = yield from self._do_flow(step, step.flow, way, own)
            return replace(result, values={**extra, **result.values})
        children = yield from self.do_steps(step.steps, way, inner)
        state = find_state(children)
        return self._end(
            step,
            way,
            state,
            began_at=began_at,
            children=children,
            values={**extra, **collect_values(state, children)},
        )

    def _do_flow(
        self, step: Step, flow: Flow, way: str, own: Mapping[str, Any]
    ) -> Work[StepResult]:
        """A sub-flow: it knows its own variables and those that the step gives it, none of the
        steps around it."""
        began_at = self._execution.now
        scope = self._execution.base.with_temporary(own)
        try:
            scope = scope.with_temporary(fill_variables(flow, scope))
        except UserError as error:
            return self._end(step, way, "error", Problem.of(error))
        self._execution.open_account(way, flow.budget)
        children = yield from self.do_steps(flow.steps, way, scope)
        concluded = yield from conclude(self._execution, flow, way, children, scope, began_at)
        self._execution.accounts.pop(way, None)
        state = find_state(children)
        if state == "ok" and concluded.verdict != "pass":
            state = "failed" if concluded.verdict == "fail" else "error"
        return self._end(
            step,
            way,
            state,
            began_at=began_at,
            children=children,
            outcomes=concluded.outcomes,
            values=collect_values(state, children),
        )

    def _end(
        self,
        step: Step,
        way: str,
        state: State,
        problem: Problem | None = None,
        *,
        began_at: float | None = None,
        **more: Any,
    ) -> StepResult:
        now = self._execution.now
        more.setdefault("values", {"state": state})
        return StepResult(
            step=way,
            step_id=step.step_id,
            state=state,
            began_at=now if began_at is None else began_at,
            ended_at=now,
            problem=problem,
            **more,
        )


def find_state(children: Sequence[StepResult]) -> State:
    """Of what is made of steps: the worst of those that count."""
    states = {one.state for one in children if one.counts}
    for state in ("failed", "error", "not_run"):
        if state in states:
            return state
    return "ok"


def fill_variables(flow: Flow, scope: Scope) -> dict[str, Any]:
    """The flow's own variables, each filled with those before it; none that `scope` has as a
    temporary one. Raises UserError."""
    own: dict[str, Any] = {}
    for name, template in flow.variables.items():
        if name not in scope.temporary:
            own[name] = template.fill(scope.with_temporary(own))
    return own
