"""How much of a document its cases reach."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tanzaku.workbench.cases._case import MadeCase

type Cell = tuple[str, str, str, bool]
"""Where, keyword, branch, and whether it is kept or broken."""


@dataclass(frozen=True, slots=True)
class OperationCoverage:
    """Of one operation. `cells` are (place, keyword, kept or broken) that some case could reach,
    `reached` those that a chosen one does. `statuses` and `content_types` of the document are told
    apart by whether a case expects them; `has_answer_schema`: what it answers can be judged. Where Claude's
    document is known to be wrong: `left_out` are fields that it requires and the API leaves out,
    `has_odd_errors` says that its errors are not the JSON that the API sends."""

    operation: str
    cells: int
    reached: int
    cases: int
    statuses: dict[str, bool]
    content_types: dict[str, bool]
    has_answer_schema: bool
    missed: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    has_odd_errors: bool = False


@dataclass(frozen=True, slots=True)
class Coverage:
    """Of a document."""

    operations: tuple[OperationCoverage, ...]

    @property
    def percent(self) -> float:
        """Of all cells, those reached; 100 without any."""
        cells = sum(one.cells for one in self.operations)
        reached = sum(one.reached for one in self.operations)
        return 100.0 if cells == 0 else 100 * reached / cells


def list_cells(cases: Iterable[MadeCase]) -> set[Cell]:
    """What cases reach."""
    return {
        (at, keyword, branch, is_kept)
        for at, keyword, branch, is_kept in (case.goal for case in cases)
        if is_kept is not None
    }


def list_expected(cases: Sequence[MadeCase], statuses: Iterable[str]) -> dict[str, bool]:
    """Each documented status, and whether a case expects it by itself or by its class."""
    expected: set[str] = set()
    for case in cases:
        for line in case.expect:
            wanted = line.get("status")
            listed = wanted if isinstance(wanted, list) else [wanted]
            expected |= {str(one).lower() for one in listed if isinstance(one, int | str)}
    return {one: one.lower() in expected or f"{one[:1]}xx" in expected for one in statuses}
