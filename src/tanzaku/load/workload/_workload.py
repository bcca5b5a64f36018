"""What a workload file says, read."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class Think:
    """The pause between a user's journeys: gamma with this mean and coefficient of variation (0:
    constant, 1: exponential)."""

    mean_s: float = 0.0
    cv: float = 1.0


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of the time, `seconds` long, that goes in a straight line from what was before to
    `level` (users, or arrivals a second): a ramp. With 0 seconds, a step."""

    level: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Closed:
    """So many users at a time; each begins its next journey `think` after the last one ended."""

    stages: tuple[Stage, ...]
    think: Think = Think()


@dataclass(frozen=True, slots=True)
class Open:
    """So many arrivals a second, whatever becomes of those before. The time between two is gamma
    with coefficient of variation `cv`: 1 is Poisson, 0 constant, above 1 bursts. Where `max_in_flight` are under way the next waits, which counts as dispatch delay."""

    stages: tuple[Stage, ...]
    cv: float = 1.0
    max_in_flight: int | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """Arrivals of a file or of the ledger at their own times, `speed` times as fast. An arrival's
    input and output tokens are the trace's, its prompt is made up to that length."""

    source: Path
    speed: float = 1.0
    max_in_flight: int | None = None


@dataclass(frozen=True, slots=True)
class Synthetic:
    """Requests made up: log-normal sizes with mean and coefficient of variation, in tokens.
    `shared_tokens` is a prefix that all users share, with a cache mark behind it; the rest is
    unlike any other request's."""

    model: str
    input_tokens: float
    output_tokens: float
    input_cv: float = 0.0
    output_cv: float = 0.0
    shared_tokens: int = 0
    is_stream: bool = True


@dataclass(frozen=True, slots=True)
class Objectives:
    """What makes an exchange good; None asks nothing. Milliseconds."""

    ttft_ms: float | None = None
    tpot_ms: float | None = None
    e2e_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Threshold:
    """`metric` (`ttft_ms.p99`, `error_rate`, `usd_per_hour`) must hold against `bound`; `abort` ends
    the execution as soon as it does not, once `after_s` have passed."""

    metric: str
    operator: Literal["lt", "lte", "gt", "gte"]
    bound: float
    abort: bool = False
    after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Workload:
    """A workload file. `warm_up_s` at the beginning count for nothing but the charts."""

    workload_id: str
    name: str
    path: Path
    environment: str | None
    shape: Closed | Open | Trace
    warm_up_s: float
    objectives: Objectives
    thresholds: tuple[Threshold, ...]
    budget_usd: Decimal | None
    seed: int
