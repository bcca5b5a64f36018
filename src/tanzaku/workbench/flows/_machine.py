"""The machine that executes a flow: told of time and of what came back, it says what to do next."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tanzaku.core import UserError
from tanzaku.workbench.flows._actions import Action, Send, Taken
from tanzaku.workbench.flows._bound import bound_request, find_spent
from tanzaku.workbench.flows._conclude import build_figures, conclude
from tanzaku.workbench.flows._execution import Execution, Failure, SchemaFinder, Why
from tanzaku.workbench.flows._flow import Flow
from tanzaku.workbench.flows._meter import FREE, Account, Bound, Room, try_hold
from tanzaku.workbench.flows._result import FlowResult, Problem
from tanzaku.workbench.flows._scheduler import Scheduler, Work
from tanzaku.workbench.flows._steps import StepWorks, build_scope
from tanzaku.workbench.project import Environment, Scope
from tanzaku.workbench.sending import Reply


@dataclass(frozen=True, slots=True)
class Variant:
    """One execution of a flow among those that its data and its matrix make of it. `name` tells
    them apart (`[2] payment_query=timeout`), empty when there is only one."""

    name: str = ""
    row: Mapping[str, Any] = field(default_factory=dict)
    sets: Mapping[str, str] = field(default_factory=dict)


class FlowMachine:
    """Executes a flow once, in one variant. No I/O, no clock, no chance but from `seed`.

    `start`, then `take` (or `refuse`) for each action, until `result` is there. Actions that were
    given together may be carried out together and come back in any order. `now` is in seconds and
    never falls. `scope`'s temporary variables come before the row's, those before the flow's own.
    """

    def __init__(
        self,
        flow: Flow,
        environment: Environment,
        scope: Scope,
        seed: int,
        variant: Variant = Variant(),
        *,
        find_schema: SchemaFinder | None = None,
    ) -> None:
        self._flow = flow
        base = scope.with_temporary({**variant.row, **scope.temporary})
        self._execution = Execution(environment, base, seed, variant.sets, find_schema)
        self._account = Account(flow.flow_id, flow.budget)
        self._scheduler = Scheduler(self._do_flow())
        self._sends: dict[int, Bound] = {}
        self._held: list[Send] = []
        self._is_live = environment.upstream == "live"

    @property
    def result(self) -> FlowResult | None:
        """None until the flow has ended."""
        result: FlowResult | None = self._scheduler.result
        return result

    def start(self, now: float) -> list[Action]:
        """The first actions."""
        return self._go_on(now)

    def take(self, number: int, taken: Taken, now: float) -> list[Action]:
        """What came of action `number`: for a Send its Reply, for a CallTool its ToolResult, for a
        Wait None. The actions to carry out next. KeyError for one that is not under way."""
        self._scheduler.take(number, taken)
        bound = self._sends.pop(number, None)
        if bound is not None and isinstance(taken, Reply):
            self._account.charge(bound, find_spent(taken, bound))
            self._execution.count(taken)
        return self._go_on(now)

    def refuse(self, number: int, why: Why, now: float) -> list[Action]:
        """Action `number` was not carried out, and no more are to begin: the flow ends as soon as
        all others have come back."""
        self._scheduler.take(number, Failure(why))
        bound = self._sends.pop(number, None)
        if bound is not None:
            self._account.charge(bound, FREE)
        self._execution.stopped = self._execution.stopped or why
        return self._go_on(now)

    def _go_on(self, now: float) -> list[Action]:
        self._execution.now = now
        actions: list[Action] = []
        while True:
            new = self._scheduler.advance()
            actions += [one for one in new if not isinstance(one, Send)]
            self._held += [one for one in new if isinstance(one, Send)]
            if not self._let_go(actions):
                return actions

    def _let_go(self, actions: list[Action]) -> bool:
        """Moves the requests that there is room for from those held back to `actions`. Whether some
        were given up, so that the flow goes on."""
        held, self._held = self._held, []
        is_changed = False
        for send in held:
            bound = bound_request(send.request, is_live=self._is_live)
            room: Room = "never" if self._execution.stopped else self._find_room(bound)
            if room == "held":
                self._sends[send.number] = bound
                actions.append(send)
            elif room == "later":
                self._held.append(send)
            else:
                self._execution.stopped = self._execution.stopped or "budget"
                self._scheduler.take(send.number, Failure(self._execution.stopped))
                is_changed = True
        return is_changed

    def _find_room(self, bound: Bound) -> Room:
        return try_hold([self._account], bound)[0]

    def _do_flow(self) -> Work[FlowResult]:
        flow, execution = self._flow, self._execution
        began_at = execution.now
        try:
            scope = build_scope(flow, execution.base)
        except UserError as error:
            figures = build_figures(execution, "", (), began_at)
            return FlowResult(
                "error", (), (), figures, execution.spending, problem=Problem.of(error)
            )
        steps = yield from StepWorks(execution).do_steps(flow.steps, "", scope)
        result = yield from conclude(execution, flow, "", steps, scope, began_at)
        return result
