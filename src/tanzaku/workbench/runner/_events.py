"""What happens while suites are executed, as one typed stream: console, reports and logs read it.

Everything here can be written as JSON and read back: `encode_event`, `parse_event`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, get_args

from tanzaku.workbench.assertions import Outcome
from tanzaku.workbench.sending import Reply

type CaseVerdict = Literal["passed", "failed", "error", "skipped", "not_run"]
"""`error`: it broke or could not be judged. `skipped`: asked not to (tag, an operation nobody
serves). `not_run`: a stop (bail, budget, interruption) came first."""
VERDICTS: tuple[CaseVerdict, ...] = get_args(CaseVerdict.__value__)

type Stop = Literal["", "bail", "budget", "broke", "interrupted"]
"""Why an execution ended before its time. `broke`: what answers could not be started."""


@dataclass(frozen=True, slots=True)
class Spent:
    """Figures that add up: calls, tokens by kind as the API names them, dollars. `unpriced` counts
    answers with usage whose price nobody knows."""

    calls: int = 0
    tokens: dict[str, int] = field(default_factory=dict)
    usd: Decimal = Decimal(0)
    unpriced: int = 0

    def __add__(self, other: "Spent") -> "Spent":
        tokens = dict(self.tokens)
        for name, count in other.tokens.items():
            tokens[name] = tokens.get(name, 0) + count
        return Spent(
            self.calls + other.calls,
            tokens,
            self.usd + other.usd,
            self.unpriced + other.unpriced,
        )


@dataclass(frozen=True, slots=True)
class ExecutionStarted:
    """`execution` names it: its folder under `.tanzaku/` and the word for `--resume`. `cases` are
    the chosen ones in the order of the files, which is the order of every report."""

    at: float
    execution: str
    environment: str
    is_live: bool
    seed: int
    suites: Sequence[str]
    cases: Sequence[str]
    version: str


@dataclass(frozen=True, slots=True)
class CaseStarted:
    """`case` is `SUITE#ID`, with `[ROW]` (from 1) of its data set where it has one."""

    at: float
    case: str
    name: str
    suite: str
    kind: str
    tags: Sequence[str]
    origin: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ReplyCame:
    """One exchange of a case. `step` is the flow's, empty for a case of one request. `turn` counts
    how often the case was executed until then, from 1: its `runs`, and what was retried."""

    at: float
    case: str
    step: str
    reply: Reply
    turn: int = 1


@dataclass(frozen=True, slots=True)
class CaseEnded:
    """How a case ended. A case of several `runs` ends once, with one outcome more, `pass_rate`.

    `reproduce` is the command that shows it again. `attempts` counts the retries too. `is_accepted`:
    it failed as the baseline says. `reason` says what no outcome says.
    """

    at: float
    case: str
    verdict: CaseVerdict
    outcomes: Sequence[Outcome]
    duration_ms: float
    spent: Spent
    attempts: int
    reproduce: str
    reason: str = ""
    is_accepted: bool = False

    @property
    def is_flaky(self) -> bool:
        """It passed, and not at once."""
        return self.verdict == "passed" and self.attempts > 1


@dataclass(frozen=True, slots=True)
class ExecutionEnded:
    """`stopped` says why it ended early, if it did. `exit_code` as
    in docs/workbench.md: 0 fine, 1 failed, 2 bad input, 3 broke, 4 budget, 5 nothing chosen, 130."""

    at: float
    counts: dict[CaseVerdict, int]
    spent: Spent
    duration_ms: float
    stopped: Stop
    exit_code: int
    fixed: Sequence[str] = ()


type Event = ExecutionStarted | CaseStarted | ReplyCame | CaseEnded | ExecutionEnded
