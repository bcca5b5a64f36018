"""What a suite is: cases, each with the request or flow it sends and what must come back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from tanzaku.core.plain_yaml import Entry, Place
from tanzaku.workbench.flows import Budget

type Kind = Literal["positive", "negative", "boundary", "security", "manual"]
KINDS: tuple[str, ...] = get_args(Kind.__value__)


@dataclass(frozen=True, slots=True)
class Case:
    """One case with one row of its suite's data, defaults merged in.

    Either `use` (a request's file) or `flow` (a flow's) is set. `before` is a flow that makes what
    the request needs: its steps' values are known as `{{before.STEP.NAME}}`. `patches` are merged over the request
    one after another (RFC 7386). `variables` may hold places; the row's `values` may not, and come
    before them. `expect` and `capture` are as the file has them: assertions and
    flows read them. The case passes when at least `pass_rate` (0 to 1) of its
    `runs` did. `variant` is the one of the flow's that this is. `skip` says why it is not to be executed, empty otherwise.
    """

    suite: str
    case_id: str
    row: int | None
    name: str
    kind: str
    tags: tuple[str, ...]
    variables: Mapping[str, Entry]
    values: Mapping[str, Any]
    use: Path | None
    before: Path | None
    flow: Path | None
    patches: tuple[Entry, ...]
    expect: tuple[Entry, ...]
    capture: Entry | None
    runs: int
    pass_rate: float
    budget: Budget
    timeout_s: float | None
    skip: str
    origin: Mapping[str, Any] | None
    place: Place
    variant: str = ""

    @property
    def key(self) -> str:
        """`SUITE#ID`, with `[ROW]` (from 1) where the suite has data and `(VARIANT)` where the flow
        has several: its name in reports, baselines and on the command line."""
        row = "" if self.row is None else f"[{self.row}]"
        variant = f"({self.variant})" if self.variant else ""
        return f"{self.suite}#{self.case_id}{row}{variant}"


@dataclass(frozen=True, slots=True)
class Suite:
    """A suite's file, read. `suite_id` is its path below `suites/` without `.suite.yaml`.

    `scenario` and `mocks` are what its cases want of the simulator, as paths; of other services
    they say nothing.
    """

    suite_id: str
    path: Path
    name: str
    tags: tuple[str, ...]
    environment: str | None
    budget: Budget
    scenario: Path | None
    mocks: tuple[Path, ...]
    cases: tuple[Case, ...] = field(repr=False)
