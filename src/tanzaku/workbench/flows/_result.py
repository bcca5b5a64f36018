"""What an execution of a flow came to."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from tanzaku.core import UserError, fill
from tanzaku.transport import HttpRequest
from tanzaku.workbench.assertions import FlowFigures, Outcome, Verdict
from tanzaku.workbench.flows._actions import ToolResult
from tanzaku.workbench.sending import Reply

type State = Literal["ok", "failed", "error", "skipped", "not_run"]
"""How a step ended. `failed`: it was answered, and not as it had to be. `error`: it broke or could
not be judged. `skipped`: its `when` was false. `not_run`: the flow stopped before it."""

type Why = Literal["budget", "interrupted"]
"""Why an action was not carried out: more must not be spent; somebody stopped the flow."""
type Stop = Literal["", "budget", "interrupted"]
"""Why a flow ended before its time."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a step failed, beside its outcomes: an English sentence that `look` can translate, and
    the way out."""

    template: str
    values: Mapping[str, object] = field(default_factory=dict)
    hint: str = ""

    @property
    def message(self) -> str:
        """In English."""
        return fill(self.template, self.values)

    @classmethod
    def of(cls, error: UserError) -> "Problem":
        """What an error for people says."""
        values = {
            name: value if isinstance(value, int | float) else str(value)
            for name, value in error.values.items()
        }
        return cls(error.template, values, error.hint_template)


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool call of the model that the flow answered. `tool_use_id` is the block's, `turn` counts
    the step's requests from 1."""

    turn: int
    tool_use_id: str
    tool: str
    arguments: Mapping[str, Any]
    mock_set: str | None
    result: ToolResult


@dataclass(frozen=True, slots=True)
class StepResult:
    """How a step ended. `step` is the way to it (`work[2].agent`).

    `replies` are the answers that counted (one, or one a turn of a tool loop), `requests` what they
    came to, with its credentials, `retried` the answers that were followed by another try, `attempts` every request that was sent. `children` are a group's
    steps, a sub-flow's, or the executions of a `foreach`, in the order of the file or the list.
    `values` is what `{{step.…}}` finds. `counts` is false where the flow was told not to mind.
    """

    step: str
    step_id: str
    state: State
    began_at: float
    ended_at: float
    requests: tuple[HttpRequest, ...] = field(default=(), repr=False)
    replies: tuple[Reply, ...] = ()
    retried: tuple[Reply, ...] = ()
    attempts: int = 0
    tool_calls: tuple[ToolCall, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    captures: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    children: "tuple[StepResult, ...]" = ()
    problem: Problem | None = None
    is_foreach: bool = False
    counts: bool = True

    def walk(self) -> "Iterator[StepResult]":
        """This step and all that it is made of, as they stand in the file."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True, slots=True)
class Spending:
    """What a flow's requests used. `usd` adds up what has a price; `unpriced` counts the answers
    with usage that have none."""

    requests: int = 0
    usd: Decimal = Decimal(0)
    output_tokens: int = 0
    unpriced: int = 0


@dataclass(frozen=True, slots=True)
class FlowResult:
    """How an execution ended. `outcomes` are the flow's own, the steps have theirs. `verdict` is
    `fail` when a step or the flow is not as it had to be, `error` when something broke or could not
    be judged and nothing failed. `replies` are those that counted, as the steps stand in the file."""

    verdict: Verdict
    steps: tuple[StepResult, ...]
    outcomes: tuple[Outcome, ...]
    figures: FlowFigures
    spending: Spending
    stopped: Stop = ""
    problem: Problem | None = None

    @property
    def captures(self) -> dict[str, Mapping[str, Any]]:
        """What `{{step.…}}` stands for at the end, by step."""
        return {one.step_id: one.values for one in self.steps if one.values}

    def walk(self) -> Iterator[StepResult]:
        """Every step that was reached, as they stand in the file."""
        for one in self.steps:
            yield from one.walk()

    @property
    def replies(self) -> Sequence[Reply]:
        return [reply for step in self.walk() for reply in step.replies]


def find_verdict(states: Sequence[State], outcomes: Sequence[Outcome]) -> Verdict:
    """Of steps that count and outcomes: fail comes before error, error before pass."""
    found: set[str] = {one.verdict for one in outcomes if one.severity == "error"}
    found |= {{"failed": "fail", "error": "error"}.get(state, "pass") for state in states}
    return "fail" if "fail" in found else "error" if "error" in found else "pass"
