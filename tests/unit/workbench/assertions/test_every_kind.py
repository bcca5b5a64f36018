"""Each kind of assertion: a reply that passes, one that fails, one it cannot be evaluated on."""

import pytest

from harness.asserted import ROWS
from harness.replied import a_subject, read_expect
from tanzaku.workbench.assertions import Subject
from tanzaku.workbench.assertions.kinds import list_kinds


@pytest.mark.parametrize("verdict", ["pass", "fail", "error"])
@pytest.mark.parametrize("kind", ROWS)
def test_a_kind_passes_fails_and_cannot_be_evaluated(kind: str, verdict: str) -> None:
    item, *cases = ROWS[kind]
    case = cases[["pass", "fail", "error"].index(verdict)]
    subject = case if isinstance(case, Subject) else a_subject(case)
    (assertion,) = read_expect("- " + item.replace("\n", "\n  "))
    outcome = assertion.check(subject)
    assert (assertion.name, outcome.verdict) == (kind, verdict), outcome.message
    assert bool(outcome.message) == (verdict != "pass")


@pytest.mark.parametrize("kind", ROWS)
def test_what_cannot_be_evaluated_passes_under_no_set(kind: str) -> None:
    item, _, _, unclear = ROWS[kind]
    subject = unclear if isinstance(unclear, Subject) else a_subject(unclear)
    inner = item.replace("\n", "\n      ")
    for text in (
        f"- not:\n      {inner}",
        f"- any:\n    - {inner}\n    - {inner}",
        f"- at_least: 1\n  of:\n    - {inner}",
        f"- all:\n    - {inner}",
    ):
        (assertion,) = read_expect(text)
        assert assertion.check(subject).verdict == "error", text


@pytest.mark.parametrize("kind", [kind for kind, row in ROWS.items() if row[0].endswith(": true")])
def test_false_asks_for_the_contrary(kind: str) -> None:
    item, *cases = ROWS[kind]
    (assertion,) = read_expect("- " + item.replace(": true", ": false"))
    verdicts: list[str] = []
    for case in cases:
        outcome = assertion.check(case if isinstance(case, Subject) else a_subject(case))
        assert bool(outcome.message) == (outcome.verdict != "pass")
        verdicts.append(outcome.verdict)
    assert verdicts == ["fail", "pass", "error"]


def test_every_kind_has_a_row() -> None:
    assert set(list_kinds()) == set(ROWS)
