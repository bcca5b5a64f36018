"""What a flow came to when its steps have ended: figures, outcomes, verdict."""

import re
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from tanzaku.workbench.assertions import FlowFigures, Outcome, Subject
from tanzaku.workbench.flows._execution import Execution
from tanzaku.workbench.flows._flow import Flow
from tanzaku.workbench.flows._judge import judge
from tanzaku.workbench.flows._meter import Account
from tanzaku.workbench.flows._result import FlowResult, StepResult, find_verdict
from tanzaku.workbench.flows._scheduler import Work
from tanzaku.workbench.project import Scope
from tanzaku.workbench.sending import Reply

_INDEX: Final = re.compile(r"\[\d+\]")
_ASK_TIMEOUT_S: Final = 60.0


def conclude(
    execution: Execution,
    flow: Flow,
    way: str,
    steps: tuple[StepResult, ...],
    scope: Scope,
    began_at: float,
) -> Work[FlowResult]:
    """The flow's result. Its `expect` is looked at when all of it was done."""
    figures = build_figures(execution, way, steps, began_at)
    states = [one.state for one in steps if one.counts]
    outcomes: list[Outcome] = []
    if not execution.stopped and "not_run" not in states:
        values = {one.step_id: one.values for one in steps}
        all_steps = [one for step in steps for one in step.walk()]
        subject = Subject(
            [reply for one in all_steps for reply in one.replies],
            scope.with_temporary(values),
            flow.root,
            figures,
            requests=[request for one in all_steps for request in one.requests],
        )
        outcomes = yield from judge(subject, flow.expect, execution.judging, way, _ASK_TIMEOUT_S)
    draft = FlowResult("pass", steps, (), figures, execution.spending, execution.stopped)
    account = execution.accounts.get(way) or Account(way, flow.budget)
    outcomes += [check.check(draft, account) for check in flow.checks]
    verdict = find_verdict(states, outcomes)
    if verdict == "pass" and (execution.stopped or "not_run" in states):
        verdict = "error"
    return FlowResult(
        verdict, steps, tuple(outcomes), figures, execution.spending, execution.stopped
    )


def build_figures(
    execution: Execution, way: str, steps: Sequence[StepResult], began_at: float
) -> FlowFigures:
    """See FlowFigures. Counts are by way without indices (`work.agent`); a `foreach` counts its
    items."""
    counts: dict[str, Counter[str]] = {"ok": Counter(), "failed": Counter(), "skipped": Counter()}
    cost: Decimal | None = Decimal(0)
    for step in (one for top in steps for one in top.walk()):
        if not (step.is_foreach and step.children):
            kind = "failed" if step.state == "error" else step.state
            counts.setdefault(kind, Counter())[_name(step.step, way)] += 1
        for reply in (*step.replies, *step.retried):
            cost = _add(cost, reply)
    ids = {one.step: one.step_id for one in steps}
    return FlowFigures(
        path=tuple(ids[at] for at, state in execution.ended if at in ids and state in _BEGAN),
        cost_usd=cost,
        duration_ms=(execution.now - began_at) * 1000,
        ok_counts=dict(counts["ok"]),
        failed_counts=dict(counts["failed"]),
        skipped=frozenset(counts["skipped"]),
    )


_BEGAN: Final = ("ok", "failed", "error")


def _name(step: str, way: str) -> str:
    return _INDEX.sub("", step[len(way) + 1 :] if way else step)


def _add(cost: Decimal | None, reply: Reply) -> Decimal | None:
    if cost is None or (reply.usage is not None and reply.cost_usd is None):
        return None
    return cost + (reply.cost_usd or Decimal(0))
