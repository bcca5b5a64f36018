"""What an assertion looks at, and what it finds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tanzaku.core import fill
from tanzaku.core.plain_yaml import Place
from tanzaku.transport import HttpRequest
from tanzaku.workbench.project import Scope
from tanzaku.workbench.sending import Reply

type Verdict = Literal["pass", "fail", "error"]
"""`error`: it cannot be evaluated, which is never a pass."""
type Severity = Literal["error", "warn"]
type Need = Literal["judge", "repeat", "code"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One assertion's finding.

    `assertion` is its name as the file has it, `path` where in the reply it looked (a JSONPath, a
    header, an event), `template` with `values` an English sentence that `look` can translate, empty
    for a pass. `expected` and `actual` are plain JSON. By `severity` `warn` a fail is reported and
    the case passes.
    """

    assertion: str
    verdict: Verdict
    expected: Any = None
    actual: Any = None
    path: str = ""
    template: str = ""
    values: Mapping[str, object] = field(default_factory=dict)
    severity: Severity = "error"
    place: Place | None = None

    @property
    def message(self) -> str:
        """In English."""
        return fill(self.template, self.values)


@dataclass(frozen=True, slots=True)
class FlowFigures:
    """What a whole flow came to: the ids of its steps in the order they ended, dollars (None: one
    of its replies has no price), milliseconds, and each step's counts by how it ended."""

    path: tuple[str, ...]
    cost_usd: Any
    duration_ms: float
    ok_counts: Mapping[str, int]
    failed_counts: Mapping[str, int]
    skipped: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Subject:
    """What is judged: the replies of a case in order (the last is the final one), the variables at
    its end, and for a flow its figures.

    `answers` are the replies to what `Assertion.ask` wanted to know, by assertion. `response_schema`
    finds the schema that an imported document has for an answer of this status and content type,
    None without one. `root` is the project's folder. `requests` are those the replies came to, with
    their credentials: what is asked is made of the last one. `may_run_code` is the word for a
    person's Python (`--allow-code`); with `update_snapshots` a snapshot is written and not compared.
    """

    replies: Sequence[Reply]
    scope: Scope
    root: Path
    flow: FlowFigures | None = None
    answers: Mapping[int, Sequence[Reply]] = field(default_factory=dict)
    response_schema: Callable[[int, str], Any] | None = None
    requests: Sequence[HttpRequest] = ()
    may_run_code: bool = False
    update_snapshots: bool = False

    @property
    def final(self) -> Reply:
        return self.replies[-1]


@dataclass(frozen=True, slots=True)
class Assertion:
    """One line of an `expect` list, read and ready.

    `check` reads files of the project at most (and writes a snapshot when told to). What needs
    another exchange first names it in `ask`; who executes the case sends that and puts the replies
    into `Subject.answers` under `number`, which is the assertion's place in its list. `needs` says
    what that takes: `judge` (a model's opinion, which costs: off unless allowed), `repeat` (the same
    request streamed or not), `code` (a person's Python). Without the answers it cannot be evaluated.
    """

    name: str
    number: int
    place: Place
    check: Callable[[Subject], Outcome]
    ask: Callable[[Subject], Sequence[HttpRequest]] | None = None
    severity: Severity = "error"
    needs: frozenset[Need] = frozenset()
