"""What happens while suites are executed, as one typed stream: console, reports and logs read it.

Everything here can be written as JSON and read back; `to_json` and `parse_event` in `reports` do.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from tanzaku.workbench.assertions import Outcome
from tanzaku.workbench.sending import Reply

type CaseVerdict = Literal["passed", "failed", "error", "skipped", "not_run"]
"""`error`: it broke or could not be judged. `skipped`: asked not to (tag, an operation nobody
serves). `not_run`: a stop (bail, budget, interruption) came first."""


@dataclass(frozen=True, slots=True)
class Spent:
    """Figures that add up: calls, tokens by kind as the API names them, dollars. `unpriced` counts
    answers with usage whose price nobody knows."""

    calls: int = 0
    tokens: dict[str, int] = field(default_factory=dict)
    usd: Decimal = Decimal(0)
    unpriced: int = 0


@dataclass(frozen=True, slots=True)
class ExecutionStarted:
    """`execution` names it: its folder under `.tanzaku/` and the word for `--resume`."""

    at: float
    execution: str
    environment: str
    is_live: bool
    seed: int
    suites: Sequence[str]
    cases: int
    version: str


@dataclass(frozen=True, slots=True)
class CaseStarted:
    """`case` is `SUITE#ID`, with `[ROW]` of its data set and `~N` of its repeats where it has them."""

    at: float
    case: str
    name: str
    suite: str
    kind: str
    tags: Sequence[str]
    origin: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ReplyCame:
    """One exchange of a case. `step` is the flow's, empty for a case of one request."""

    at: float
    case: str
    step: str
    reply: Reply


@dataclass(frozen=True, slots=True)
class CaseEnded:
    """`reproduce` is the command that shows it again. `attempts` counts the retries too."""

    at: float
    case: str
    verdict: CaseVerdict
    outcomes: Sequence[Outcome]
    duration_ms: float
    spent: Spent
    attempts: int
    reproduce: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ExecutionEnded:
    """`stopped` says why it ended early: `bail`, `budget`, `interrupted` or empty. `exit_code` as
    in docs/workbench.md: 0 fine, 1 failed, 2 bad input, 3 broke, 4 budget, 5 nothing chosen, 130."""

    at: float
    counts: dict[CaseVerdict, int]
    spent: Spent
    duration_ms: float
    stopped: str
    exit_code: int


type Event = ExecutionStarted | CaseStarted | ReplyCame | CaseEnded | ExecutionEnded
