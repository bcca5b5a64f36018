"""What one look at a reply finds, and what is looked at."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final

from tanzaku.core import TanzakuError
from tanzaku.transport import HttpRequest
from tanzaku.workbench.assertions._outcome import Need, Subject, Verdict
from tanzaku.workbench.sending import Reply

_EXCERPT: Final = 500


@dataclass(frozen=True, slots=True)
class Finding:
    """An outcome before it has a name. A `firm` fail stays one under `not`: what was looked for is
    not there at all, which says nothing about what it would have been."""

    verdict: Verdict
    expected: Any = None
    actual: Any = None
    path: str = ""
    template: str = ""
    values: dict[str, object] = field(default_factory=dict)
    firm: bool = False


class CannotJudge(TanzakuError):
    """A look that can come to no verdict, and why: an English sentence and what fills it."""

    def __init__(self, template: str, **values: object) -> None:
        self.finding = Finding("error", template=template, values=values)
        super().__init__(template)


def passes(actual: Any = None, *, expected: Any = None, path: str = "") -> Finding:
    return Finding("pass", expected, excerpt(actual), path)


def fails(template: str, *, actual: Any = None, expected: Any = None, **values: object) -> Finding:
    """Not as expected; `template` may name `{actual}` and `{expected}`, which are written as JSON."""
    actual = excerpt(actual)
    values |= {"actual": write(actual), "expected": write(excerpt(expected))}
    return Finding("fail", expected, actual, template=template, values=values)


@dataclass(frozen=True, slots=True)
class Sight:
    """What an assertion looks at: the replies chosen by its `on`, the whole case, and the replies
    to what it asked."""

    subject: Subject
    replies: Sequence[Reply]
    answers: Sequence[Reply] = ()

    @property
    def reply(self) -> Reply:
        """The last of the replies; it has a status and a whole header."""
        if not self.replies:
            raise CannotJudge("no request was sent")
        reply = self.replies[-1]
        if reply.status is None:
            raise CannotJudge("no answer came: {reason}", reason=reply.problem)
        return reply

    @property
    def whole(self) -> Reply:
        """The last of the replies; its body came to its end, a stream of Claude's in order and without
        an error."""
        reply = self.reply
        if reply.problem is not None:
            raise CannotJudge("the answer broke off: {reason}", reason=reply.problem)
        if reply.message is not None and reply.stream_problem is not None:
            raise CannotJudge("the stream is broken: {reason}", reason=reply.stream_problem)
        if reply.read.error is not None:
            raise CannotJudge(
                "the stream ended with an error: {reason}", reason=str(reply.read.error)
            )
        return reply

    @property
    def message(self) -> dict[str, Any]:
        """The last reply's message of the Claude API."""
        message = self.whole.message
        if message is None:
            raise CannotJudge(
                "the answer (status {status}) is no message", status=self.reply.status
            )
        return message

    @property
    def json(self) -> Any:
        """The last reply's body as JSON."""
        reply = self.whole
        try:
            return reply.json
        except ValueError as error:
            raise CannotJudge("the body is not JSON: {reason}", reason=str(error)) from None

    def only(self, reply: Reply) -> "Sight":
        """This sight with one reply alone."""
        return replace(self, replies=[reply])


type Look = Callable[[Sight], Finding]
"""Comes to a finding or raises CannotJudge."""


@dataclass(frozen=True, slots=True)
class Check:
    """A look, what must be sent before it, and what that takes: see `Assertion.needs`."""

    look: Look
    ask: Callable[[Sight], Sequence[HttpRequest]] | None = None
    needs: frozenset[Need] = frozenset()


def find(check: Check, sight: Sight) -> Finding:
    """What the check finds; an `error` where it can come to no verdict."""
    try:
        return check.look(sight)
    except CannotJudge as unclear:
        return unclear.finding


def list_questions(check: Check, sight: Sight) -> Sequence[HttpRequest]:
    """What must be answered first; nothing where the check can come to no verdict anyway."""
    if check.ask is None:
        return []
    try:
        return check.ask(sight)
    except CannotJudge:
        return []


def excerpt(value: Any) -> Any:
    """The value as plain JSON, long text and large values shortened."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, str):
        return value if len(value) <= _EXCERPT else value[: _EXCERPT - 1] + "…"
    if isinstance(value, list | dict):
        text = write(value)
        return value if len(text) <= 4 * _EXCERPT else text[: _EXCERPT - 1] + "…"
    return value


def to_plain(value: object) -> object:
    """A value of a sentence, as JSON can hold it."""
    return value if isinstance(value, str | int | float | list | dict | None) else str(value)


def write(value: Any) -> str:
    """A value on one line."""
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except (RecursionError, ValueError):
        return "…"
