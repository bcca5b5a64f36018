"""The log of an execution: all that a machine was told and all that it asked for, so that the same
decisions can be made again from it. Nothing in it shows a secret."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from tanzaku.core import UserError
from tanzaku.workbench.assertions import Verdict
from tanzaku.workbench.flows._actions import Action, CallTool, Send, ToolResult
from tanzaku.workbench.flows._result import State, Stop, Why
from tanzaku.workbench.flows._variants import Variant
from tanzaku.workbench.sending import Mask, Reply, restore, to_plain


@dataclass(frozen=True, slots=True)
class FlowBegan:
    """`given` are the temporary variables of the caller, `variables` the flow's own, filled."""

    at: float
    flow: str
    environment: str
    seed: int
    variant: Variant
    given: Mapping[str, Any]
    variables: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StepBegan:
    """`step` is the way to it."""

    at: float
    step: str


@dataclass(frozen=True, slots=True)
class Asked:
    """An action was asked for. `details` are a request's method, target, headers, body and
    `timeout_s`, a call's tool, arguments and set, or the seconds to wait."""

    at: float
    number: int
    kind: Literal["send", "call_tool", "wait"]
    step: str
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """What came of action `number`: a reply, a tool's result, `refused`, or (of a wait) nothing."""

    at: float
    number: int
    reply: Reply | None = None
    result: ToolResult | None = None
    refused: Why | None = None


@dataclass(frozen=True, slots=True)
class StepEnded:
    at: float
    step: str
    state: State


@dataclass(frozen=True, slots=True)
class FlowEnded:
    at: float
    verdict: Verdict
    stopped: Stop


type LogEvent = FlowBegan | StepBegan | Asked | Told | StepEnded | FlowEnded

_NAMES: Final[Mapping[type[LogEvent], str]] = {
    FlowBegan: "flow_began",
    StepBegan: "step_began",
    Asked: "asked",
    Told: "told",
    StepEnded: "step_ended",
    FlowEnded: "flow_ended",
}
_KINDS: Final[Mapping[str, type[LogEvent]]] = {name: kind for kind, name in _NAMES.items()}


def describe_action(action: Action, at: float, mask: Mask) -> Asked:
    """The action as the log has it."""
    match action:
        case Send():
            request = action.request
            details: dict[str, Any] = {
                "method": request.method,
                "target": mask.mask_text(request.target),
                "headers": to_plain(mask.mask_headers(request.headers)),
                "body": to_plain(mask.mask_body(request.body)),
                "timeout_s": action.timeout_s,
            }
            return Asked(at, action.number, "send", action.step, details)
        case CallTool():
            details = {
                "tool": action.tool,
                "arguments": action.arguments,
                "mock_set": action.mock_set,
                "timeout_s": action.timeout_s,
            }
            return Asked(at, action.number, "call_tool", action.step, details)
        case _:
            return Asked(at, action.number, "wait", action.step, {"seconds": action.seconds})


def encode_log(log: Iterable[LogEvent]) -> bytes:
    """One line of JSON an event; `event` says which it is."""
    lines = ({"event": _NAMES[type(one)], **to_plain(one)} for one in log)
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def parse_log(data: bytes, name: str) -> Sequence[LogEvent]:
    """The events that `encode_log` wrote. UserError, with `name` and the line, for anything else."""
    log: list[LogEvent] = []
    for number, line in enumerate(data.splitlines(), start=1):
        try:
            value = json.loads(line)
            log.append(restore(_KINDS[value["event"]], value))
        except (ValueError, ArithmeticError, AttributeError, LookupError, TypeError) as error:
            raise UserError(
                "{file}:{line}: is no line of a flow's log: {reason}.",
                file=name,
                line=number,
                reason=repr(error),
            ) from None
    return log
