"""A step that sends: its tries, its turns, its captures and what is expected of it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tanzaku.core import UserError
from tanzaku.transport import HttpRequest
from tanzaku.workbench.assertions import Outcome, Subject
from tanzaku.workbench.flows._actions import Send, Wait
from tanzaku.workbench.flows._capture import CaptureError
from tanzaku.workbench.flows._execution import Execution, Failure, find_delay_s, find_troubles
from tanzaku.workbench.flows._flow import Step
from tanzaku.workbench.flows._judge import judge
from tanzaku.workbench.flows._result import Problem, State, StepResult, ToolCall, find_verdict
from tanzaku.workbench.flows._scheduler import Work
from tanzaku.workbench.flows._tool_loop import call_tools, continue_request
from tanzaku.workbench.flows._values import ReplyValues
from tanzaku.workbench.project import Scope, build_request
from tanzaku.workbench.sending import Reply

_OF_STATUS: Final = frozenset({"status", "error", "all", "any", "at_least"})
_OF_STREAM: Final = frozenset({"stream", "error", "all", "any", "at_least"})


class ExchangeWork:
    """One execution of a step that sends. `way` is where it stands in the flow."""

    def __init__(self, execution: Execution, step: Step, way: str, scope: Scope) -> None:
        self._execution = execution
        self._step = step
        self._way = way
        self._scope = scope
        self._requests: list[HttpRequest] = []
        self._replies: list[Reply] = []
        self._retried: list[Reply] = []
        self._attempts = 0
        self._calls: list[ToolCall] = []
        self._captures: dict[str, Any] = {}

    def do(self, extra: Mapping[str, Any]) -> Work[StepResult]:
        """Send, judge and capture; `extra` stands among the step's values."""
        began_at = self._execution.now
        state, problem = yield from self._converse()
        outcomes: Sequence[Outcome] = ()
        if self._replies and self._step.expect:
            outcomes = yield from self._judge()
            verdict = find_verdict((), outcomes)
            if state == "ok" and verdict != "pass":
                state = "failed" if verdict == "fail" else "error"
        if self._replies:
            missing = self._capture()
            if state == "ok" and missing is not None:
                state, problem = "failed", missing
        last = self._replies[-1] if self._replies else None
        return StepResult(
            step=self._way,
            step_id=self._step.step_id,
            state=state,
            began_at=began_at,
            ended_at=self._execution.now,
            requests=tuple(self._requests),
            replies=tuple(self._replies),
            retried=tuple(self._retried),
            attempts=self._attempts,
            tool_calls=tuple(self._calls),
            outcomes=tuple(outcomes),
            captures=self._captures,
            values=ReplyValues(last, {**extra, **self._captures, "state": state}),
            problem=problem,
        )

    def _converse(self) -> Work[tuple[State, Problem | None]]:
        """The request and what follows from its answers; every one that counts is kept."""
        step, loop = self._step, self._step.tools
        assert step.request is not None
        try:
            request = build_request(step.request, self._execution.environment, self._scope)
        except UserError as error:
            return "error", Problem.of(error)
        while True:
            taken = yield from self._send(request)
            if isinstance(taken, Failure):
                return self._explain_failure(taken)
            self._requests.append(request)
            self._replies.append(taken)
            state, problem = self._look_at(taken)
            reason = taken.message.get("stop_reason") if taken.message else None
            goes_on = reason == "pause_turn" or (reason == "tool_use" and bool(taken.tool_calls))
            if loop is None or state != "ok" or not goes_on:
                return state, problem
            if len(self._replies) >= loop.max_turns:
                endless = UserError(
                    "The model was not done after {turns} requests; it stopped with `{reason}`.",
                    hint="Allow more with `max_turns`, if it should need them.",
                    turns=len(self._replies),
                    reason=reason,
                )
                return "failed", Problem.of(endless)
            calls: list[ToolCall] = []
            if reason == "tool_use":
                calls = yield from call_tools(
                    taken, loop, dict(self._execution.sets), self._way, len(self._replies)
                )
                self._calls += calls
            request = continue_request(request, taken, calls)

    def _send(self, request: HttpRequest) -> Work[Reply | Failure]:
        """The answer to one request, after as many tries as the step allows."""
        step, timeout_s = self._step, self._step.find_timeout_s()
        attempt = 1
        while True:
            taken: Reply | Failure = yield Send(0, self._way, request, timeout_s)
            if isinstance(taken, Failure):
                return taken
            self._attempts += 1
            is_over = attempt > step.retry.times or bool(self._execution.stopped)
            if is_over or not find_troubles(taken) & step.retry.on:
                return taken
            delay_s = find_delay_s(taken, step.retry, attempt, self._execution, self._way)
            if delay_s is None:
                return taken
            yield Wait(0, self._way, delay_s)
            if self._execution.stopped:
                return taken
            self._retried.append(taken)
            attempt += 1

    def _look_at(self, reply: Reply) -> tuple[State, Problem | None]:
        """An answer that is in trouble fails its step, unless the step expects trouble of this
        kind and so judges it by itself."""
        if reply.status is None:
            silent = UserError("No answer came: {reason}.", reason=reply.problem)
            return "error", Problem.of(silent)
        if not find_troubles(reply):
            return "ok", None
        names = {one.name.removeprefix("not ").partition(".")[0] for one in self._step.expect}
        if reply.status >= 400:
            if names & _OF_STATUS:
                return "ok", None
            refused = UserError("The answer has status {status}.", status=reply.status)
            return "failed", Problem.of(refused)
        if names & _OF_STREAM:
            return "ok", None
        reason = reply.problem or reply.stream_problem or str(reply.read.error)
        broken = UserError("The answer broke off: {reason}.", reason=reason)
        return ("error" if reply.trouble else "failed"), Problem.of(broken)

    def _explain_failure(self, failure: Failure) -> tuple[State, Problem]:
        error = (
            UserError("The next request could cost more than the budget has left.")
            if failure.why == "budget"
            else UserError("The flow was stopped.")
        )
        return ("error" if self._replies else "not_run"), Problem.of(error)

    def _judge(self) -> Work[list[Outcome]]:
        step, judging = self._step, self._execution.judging
        assert step.request is not None
        subject = Subject(
            self._replies,
            self._scope,
            step.request.root,
            response_schema=judging.find_schema(step.request) if judging.find_schema else None,
            requests=self._requests,
        )
        outcomes = yield from judge(subject, step.expect, judging, self._way, step.find_timeout_s())
        return outcomes

    def _capture(self) -> Problem | None:
        """Takes what is there; the first thing that is not, in words."""
        problem: Problem | None = None
        for capture in self._step.capture:
            try:
                self._captures[capture.name] = capture.read(self._replies[-1])
            except CaptureError as error:
                problem = problem or Problem.of(error)
        return problem
