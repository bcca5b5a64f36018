"""The events of an execution put together: what every report is made from."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from tanzaku.core import UserError
from tanzaku.workbench.assertions import Outcome
from tanzaku.workbench.runner import (
    VERDICTS,
    CaseEnded,
    CaseStarted,
    CaseVerdict,
    Event,
    ExecutionEnded,
    ExecutionStarted,
    ReplyCame,
    Spent,
)
from tanzaku.workbench.sending import Reply

BROKE_OFF = "the execution broke off"


@dataclass(slots=True)
class CaseReport:
    """One case: how it began, what came, how it ended."""

    started: CaseStarted
    replies: list[ReplyCame] = field(default_factory=list)
    ended: CaseEnded = field(init=False)

    def __post_init__(self) -> None:
        self.ended = CaseEnded(
            at=self.started.at,
            case=self.started.case,
            verdict="not_run",
            outcomes=[],
            duration_ms=0.0,
            spent=Spent(),
            attempts=0,
            reproduce="",
            reason=BROKE_OFF,
        )

    @property
    def is_bad(self) -> bool:
        """Failed or broke, and not as the baseline knows."""
        return self.ended.verdict in {"failed", "error"} and not self.ended.is_accepted

    @property
    def problems(self) -> list[Outcome]:
        """The outcomes that are no pass, in their order."""
        return [one for one in self.ended.outcomes if one.verdict != "pass"]

    @property
    def final(self) -> Reply | None:
        """The reply that came last."""
        return self.replies[-1].reply if self.replies else None


@dataclass(frozen=True, slots=True)
class Report:
    """A whole execution, its cases in the order of the files."""

    started: ExecutionStarted
    cases: Sequence[CaseReport]
    ended: ExecutionEnded

    @property
    def events(self) -> Iterator[Event]:
        """What happened, as if the cases had been executed one after the other."""
        yield self.started
        for case in self.cases:
            yield case.started
            yield from case.replies
            yield case.ended
        yield self.ended

    @property
    def bad(self) -> list[CaseReport]:
        return [case for case in self.cases if case.is_bad]


def gather(events: Iterable[Event]) -> Report:
    """The report on an execution's events, in whatever order its cases came. A case that was begun
    again, by `--resume`, counts as it went the last time; one that has no end, and an execution that
    has none, broke off. UserError when the events tell of no execution."""
    started: ExecutionStarted | None = None
    ended: ExecutionEnded | None = None
    cases: dict[str, CaseReport] = {}
    for event in events:
        match event:
            case ExecutionStarted():
                started, ended = event, None
            case CaseStarted():
                cases[event.case] = CaseReport(event)
            case ReplyCame():
                cases[event.case].replies.append(event)
            case CaseEnded():
                cases[event.case].ended = event
            case ExecutionEnded():
                ended = event
    if started is None:
        raise UserError("The events tell of no execution.")
    places = {key: at for at, key in enumerate(started.cases)}
    ordered = sorted(cases.values(), key=lambda one: places.get(one.started.case, len(places)))
    return Report(started, ordered, ended or _end(started, ordered))


def _end(started: ExecutionStarted, cases: Sequence[CaseReport]) -> ExecutionEnded:
    """The end of an execution that was killed before it could tell it."""
    counts: dict[CaseVerdict, int] = dict.fromkeys(VERDICTS, 0)
    for case in cases:
        counts[case.ended.verdict] += 1
    counts["not_run"] += max(len(started.cases) - len(cases), 0)
    last = max((case.ended.at for case in cases), default=started.at)
    return ExecutionEnded(
        at=last,
        counts=counts,
        spent=sum((case.ended.spent for case in cases), Spent()),
        duration_ms=max(last - started.at, 0.0) * 1000,
        stopped="interrupted",
        exit_code=130,
        fixed=[],
    )
