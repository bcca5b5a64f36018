"""What a flow is, read from its file and ready for a machine."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from tanzaku.core.plain_yaml import Place
from tanzaku.workbench.assertions import Assertion, Outcome
from tanzaku.workbench.flows._capture import Capture
from tanzaku.workbench.flows._meter import Account, Budget
from tanzaku.workbench.flows._result import FlowResult
from tanzaku.workbench.project import Condition, RequestFile, Template

MAX_TURNS: Final = 8
TOOL_TIMEOUT_S: Final = 10.0
DELAY_S: Final = 0.5

type OnError = Literal["stop", "continue", "ignore"]
"""What a step that failed means for the steps beside it: none begins any more; the others go on and
the flow has failed in the end; the others go on and the flow does not mind."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Send again at most `times`, after an answer whose status, status class (`5xx`) or trouble
    (`timeout`, `broken`) stands in `on`. The first wait is about `delay_s` seconds, each next one
    twice that; an answer's `retry-after` comes before it."""

    times: int = 0
    on: frozenset[str] = frozenset()
    delay_s: float = DELAY_S


@dataclass(frozen=True, slots=True)
class ToolLoop:
    """Answer the model's tool calls from mock sets until it stops for another reason, in at most
    `max_turns` requests. `sets` names the set of a tool; others answer as their file says."""

    sets: Mapping[str, str] = field(default_factory=dict)
    max_turns: int = MAX_TURNS
    timeout_s: float = TOOL_TIMEOUT_S


@dataclass(frozen=True, slots=True)
class Step:
    """One step; `name` is for people. It sends `request`, executes `flow`, goes through `steps`, or only waits.

    `needs` are the places among the steps beside it of those that end before it begins, `sees` the
    ids of all that come before it: the ones whose values it may name. `foreach`, a list, executes
    it once an item, which it knows under `item_name`; at most `parallel` at a time.
    """

    step_id: str
    place: Place
    name: str = ""
    needs: tuple[int, ...] = ()
    sees: tuple[str, ...] = ()
    when: Condition | None = None
    foreach: Template | None = None
    item_name: str = "item"
    parallel: int = 1
    wait_s: float = 0.0
    on_error: OnError = "stop"
    variables: Template | None = None
    request: RequestFile | None = None
    capture: tuple[Capture, ...] = ()
    expect: tuple[Assertion, ...] = ()
    retry: Retry = Retry()
    tools: ToolLoop | None = None
    timeout_s: float | None = None
    steps: "tuple[Step, ...]" = ()
    flow: "Flow | None" = None

    def find_timeout_s(self) -> float:
        """How long an answer to its request may take."""
        assert self.request is not None
        return self.timeout_s or self.request.timeout_s


@dataclass(frozen=True, slots=True)
class FlowCheck:
    """A line of a flow's `expect` that looks at its steps and its account, not only at replies."""

    name: str
    place: Place
    check: Callable[[FlowResult, Account], Outcome]


@dataclass(frozen=True, slots=True)
class Flow:
    """A flow. `matrix` names mock sets for tools: there is one execution for each combination, and
    for each of `rows`, whose values are variables."""

    flow_id: str
    name: str
    root: Path
    steps: tuple[Step, ...]
    variables: Mapping[str, Template] = field(default_factory=dict)
    rows: tuple[Mapping[str, Any], ...] = ()
    matrix: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    budget: Budget = field(default_factory=Budget)
    expect: tuple[Assertion, ...] = ()
    checks: tuple[FlowCheck, ...] = ()
