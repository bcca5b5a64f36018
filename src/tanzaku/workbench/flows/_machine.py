"""The machine that executes a flow: told of time and of what came back, it says what to do next."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from tanzaku.core import UserError
from tanzaku.workbench.flows._actions import Action, Send, Taken, ToolResult
from tanzaku.workbench.flows._bound import bound_request, find_spent
from tanzaku.workbench.flows._conclude import build_figures, conclude
from tanzaku.workbench.flows._execution import Execution, Failure, Judging
from tanzaku.workbench.flows._flow import Flow
from tanzaku.workbench.flows._log import FlowBegan, FlowEnded, LogEvent, Told, describe_action
from tanzaku.workbench.flows._meter import FREE, Account, Bound, Room, try_hold
from tanzaku.workbench.flows._result import FlowResult, Problem, Why
from tanzaku.workbench.flows._scheduler import Scheduler, Work
from tanzaku.workbench.flows._steps import StepWorks, fill_variables
from tanzaku.workbench.flows._variants import Variant
from tanzaku.workbench.project import Environment, Scope
from tanzaku.workbench.sending import Mask, Reply

ONLY: Final = Variant()
JUDGING: Final = Judging()


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
        variant: Variant = ONLY,
        judging: Judging = JUDGING,
    ) -> None:
        self._flow = flow
        base = scope.with_temporary({**variant.row, **scope.temporary})
        self._variant = variant
        self._given = dict(scope.temporary)
        self._scope = scope
        self._problem: Problem | None = None
        self._execution = Execution(environment, base, seed, variant.sets, judging)
        self._execution.open_account("", flow.budget)
        self._scheduler = Scheduler(self._do_flow())
        self._sends: dict[int, tuple[Bound, list[Account]]] = {}
        self._held: list[Send] = []
        self._under_way: set[int] = set()
        self._is_live = environment.upstream == "live"

    @property
    def result(self) -> FlowResult | None:
        """None until the flow has ended."""
        result: FlowResult | None = self._scheduler.result
        return result

    @property
    def log(self) -> list[LogEvent]:
        """All that happened until now."""
        mask = Mask(_list_secrets(self._execution.base.secrets))
        return [
            describe_action(one[1], one[0], mask) if isinstance(one, tuple) else one
            for one in self._execution.log
        ]

    def is_under_way(self, number: int) -> bool:
        """Whether this action was asked for and has not come back."""
        return number in self._under_way

    def start(self, now: float) -> list[Action]:
        """The first actions."""
        execution = self._execution
        own: Mapping[str, Any] = {}
        try:
            own = fill_variables(self._flow, execution.base)
        except UserError as error:
            self._problem = Problem.of(error)
        self._scope = execution.base.with_temporary({**own, **execution.base.temporary})
        began = FlowBegan(
            now,
            self._flow.flow_id,
            execution.environment.id,
            execution.seed,
            self._variant,
            self._given,
            own,
        )
        execution.log.append(began)
        return self._go_on(now)

    def take(self, number: int, taken: Taken, now: float) -> list[Action]:
        """What came of action `number`: for a Send its Reply, for a CallTool its ToolResult, for a
        Wait None. The actions to carry out next. KeyError for one that is not under way."""
        self._under_way.remove(number)
        self._scheduler.take(number, taken)
        reply = taken if isinstance(taken, Reply) else None
        result = taken if isinstance(taken, ToolResult) else None
        self._execution.log.append(Told(now, number, reply, result))
        if reply is not None:
            self._settle(number, lambda bound: find_spent(reply, bound))
            self._execution.count(reply)
        return self._go_on(now)

    def refuse(self, number: int, why: Why, now: float) -> list[Action]:
        """Action `number` was not carried out, and no more are to begin: the flow ends as soon as
        all others have come back."""
        self._under_way.remove(number)
        self._scheduler.take(number, Failure(why))
        self._execution.log.append(Told(now, number, refused=why))
        self._settle(number, lambda _: FREE)
        self._execution.stopped = self._execution.stopped or why
        return self._go_on(now)

    def _settle(self, number: int, spend: Callable[[Bound], Bound]) -> None:
        bound, accounts = self._sends.pop(number, (FREE, []))
        for account in accounts:
            account.charge(bound, spend(bound))

    def _go_on(self, now: float) -> list[Action]:
        self._execution.now = now
        actions: list[Action] = []
        while True:
            new = self._scheduler.advance()
            actions += [one for one in new if not isinstance(one, Send)]
            self._held += [one for one in new if isinstance(one, Send)]
            if not self._let_go(actions):
                break
        self._under_way.update(one.number for one in actions)
        self._execution.log += [(now, one) for one in actions]
        if self.result is not None:
            ended = FlowEnded(now, self.result.verdict, self.result.stopped)
            self._execution.log.append(ended)
        return actions

    def _let_go(self, actions: list[Action]) -> bool:
        """Moves the requests that there is room for from those held back to `actions`. Whether some
        were given up, so that the flow goes on."""
        held, self._held = self._held, []
        is_changed = False
        for send in held:
            accounts = self._execution.find_accounts(send.step)
            bound = bound_request(send.request, is_live=self._is_live) if accounts else FREE
            room: Room = "never"
            if not self._execution.stopped:
                room, _ = try_hold(accounts, bound)
            if room == "held":
                self._sends[send.number] = bound, accounts
                actions.append(send)
            elif room == "later":
                self._held.append(send)
            else:
                self._execution.stopped = self._execution.stopped or "budget"
                self._scheduler.take(send.number, Failure(self._execution.stopped))
                is_changed = True
        return is_changed

    def _do_flow(self) -> Work[FlowResult]:
        flow, execution = self._flow, self._execution
        began_at = execution.now
        if self._problem is not None:
            figures = build_figures(execution, "", (), began_at)
            return FlowResult("error", (), (), figures, execution.spending, problem=self._problem)
        steps = yield from StepWorks(execution).do_steps(flow.steps, "", self._scope)
        result = yield from conclude(execution, flow, "", steps, self._scope, began_at)
        return result


def _list_secrets(secrets: Mapping[str, str]) -> Iterator[str]:
    for name in secrets:
        try:
            yield secrets[name]
        except KeyError:  # declared, and not set
            continue
