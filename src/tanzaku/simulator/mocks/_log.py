"""What happened to each call of a mocked tool."""

from dataclasses import dataclass
from typing import Any, Literal

from tanzaku.core import format_rfc3339
from tanzaku.simulator.mocks._outcomes import MockAnswer, MockFailure, MockResult, MockTimeout

type CallState = Literal["waiting", "answered", "timed_out", "abandoned"]


@dataclass(slots=True)
class MockCall:
    """One call. `number` counts all calls from 1, `n` those of its tool in its run; `at` is when it
    came (Unix seconds); `latency_s` what the set says, None for one that never answers.

    `state` and `answer` change once: from waiting to answered, timed_out (the cap was reached) or
    abandoned (the caller went away), which has no answer. `violation` is what the input schema
    does not allow.
    """

    number: int
    tool: str
    run: str
    n: int
    set: str
    arguments: dict[str, Any]
    violation: str | None
    at: float
    latency_s: float | None
    state: CallState = "waiting"
    answer: MockAnswer | None = None

    def to_json(self) -> dict[str, Any]:
        """The call as JSON: `result`, or `error` with its status, once it is answered."""
        shown: dict[str, Any] = {
            "number": self.number,
            "tool": self.tool,
            "run": self.run,
            "n": self.n,
            "set": self.set,
            "arguments": self.arguments,
            "violation": self.violation,
            "at": format_rfc3339(self.at),
            "latency_s": self.latency_s,
            "state": self.state,
        }
        match self.answer:
            case MockResult(value):
                shown["result"] = value
            case MockFailure() as failure:
                shown["error"] = {"message": failure.message, "status": failure.status}
            case None:
                pass
            case timeout:
                shown["error"] = {"message": timeout.message, "status": None}
        return shown


@dataclass(frozen=True, slots=True)
class Pending:
    """A call that was taken: wait `wait_s` seconds (>= 0), then `finish`, or `abandon` it."""

    call: MockCall
    wait_s: float
    answer: MockAnswer

    def finish(self) -> MockAnswer:
        self.call.answer = self.answer
        self.call.state = "timed_out" if isinstance(self.answer, MockTimeout) else "answered"
        return self.answer

    def abandon(self) -> None:
        self.call.state = "abandoned"
