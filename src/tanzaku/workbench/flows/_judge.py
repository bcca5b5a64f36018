"""Assertions carried out; what they want to know first is asked before."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from tanzaku.transport import HttpRequest
from tanzaku.workbench.assertions import Assertion, Outcome, Subject
from tanzaku.workbench.flows._actions import Send
from tanzaku.workbench.flows._execution import Judging
from tanzaku.workbench.flows._scheduler import Part, Together, Work
from tanzaku.workbench.sending import Reply

_ASKED_AT_ONCE: Final = 4


def judge(
    subject: Subject,
    assertions: Sequence[Assertion],
    judging: Judging,
    way: str,
    timeout_s: float,
) -> Work[list[Outcome]]:
    """What each assertion finds, in their order."""
    subject = replace(
        subject, may_run_code=judging.may_run_code, update_snapshots=judging.update_snapshots
    )
    asked = [
        (one.number, request)
        for one in assertions
        if one.ask and one.needs <= judging.allowed
        for request in one.ask(subject)
    ]
    if asked:
        parts = [
            Part(lambda request=request: _ask(request, way, timeout_s))  # type: ignore[misc]
            for _, request in asked
        ]
        replies = yield Together(parts, _ASKED_AT_ONCE)
        answers: dict[int, list[Reply]] = {}
        for (number, _), reply in zip(asked, replies, strict=True):
            if isinstance(reply, Reply):
                answers.setdefault(number, []).append(reply)
        subject = replace(subject, answers=answers)
    return [one.check(subject) for one in assertions]


def _ask(request: HttpRequest, way: str, timeout_s: float) -> Work[Reply | None]:
    taken = yield Send(0, f"{way}~expect", request, timeout_s)
    return taken if isinstance(taken, Reply) else None
