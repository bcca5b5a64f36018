"""`all`, `any`, `at_least`: several assertions as one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Final

from tanzaku.core import fill
from tanzaku.transport import HttpRequest
from tanzaku.workbench.assertions._finding import Check, Finding, Sight, fails, find, list_questions
from tanzaku.workbench.assertions._logic import join_all, join_any, join_at_least
from tanzaku.workbench.assertions._outcome import Need

type Named = tuple[str, Check]
type Join = Callable[[Sequence[Finding]], Finding]

SETS: Final[Mapping[str, Callable[[int], Join]]] = {
    "all": lambda least: join_all,
    "any": lambda least: join_any,
    "at_least": lambda least: partial(join_at_least, least),
}
"""How a set's findings come to one, by its name and (for `at_least`) its count."""


def join_set(parts: Sequence[Named], join: Join) -> Check:
    """One check of several; each gets the answers to its own questions."""

    def look(sight: Sight) -> Finding:
        counts = [len(list_questions(check, sight)) for _, check in parts]
        # Answers that are not all there cannot be told apart.
        answers = iter(sight.answers if len(sight.answers) == sum(counts) else ())
        findings: list[Finding] = []
        for (name, check), count in zip(parts, counts, strict=True):
            finding = find(check, replace(sight, answers=list(islice(answers, count))))
            findings.append(replace(finding, path=f"{name} {finding.path}".strip()))
        return _explain(join(findings), findings)

    def ask(sight: Sight) -> Sequence[HttpRequest]:
        return [one for _, check in parts for one in list_questions(check, sight)]

    asks = any(check.ask for _, check in parts)
    needs = frozenset[Need]().union(*(check.needs for _, check in parts))
    return Check(look, ask if asks else None, needs)


def _explain(joined: Finding, findings: Sequence[Finding]) -> Finding:
    """A fail of several says what each found."""
    failed = [one for one in findings if one.verdict == "fail"]
    if joined.verdict != "fail" or len(failed) < 2:
        return joined
    reasons = [f"{one.path}: {fill(one.template, one.values)}" for one in failed]
    return fails(
        "{count} do not hold: {reasons}",
        actual=reasons,
        expected=joined.expected,
        count=len(failed),
        reasons="; ".join(reasons),
    )
