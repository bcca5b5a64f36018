"""What a flow asks of whoever drives it, and what it is told."""

from dataclasses import dataclass
from typing import Any

from tanzaku.transport import HttpRequest
from tanzaku.workbench.sending import Reply


@dataclass(frozen=True, slots=True)
class Send:
    """Send `request` and take the `Reply`. `number` names the action, `step` is the way to its step
    (`work[2].agent`)."""

    number: int
    step: str
    request: HttpRequest
    timeout_s: float


@dataclass(frozen=True, slots=True)
class CallTool:
    """Call a tool of the mock sets and take a `ToolResult`."""

    number: int
    step: str
    tool: str
    arguments: dict[str, Any]
    mock_set: str | None
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Wait:
    """Tell the flow when so many seconds have passed, with None."""

    number: int
    step: str
    seconds: float


type Action = Send | CallTool | Wait


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool gave back: text, or an error the model is told of. `timed_out` when it never
    answered within the action's time."""

    content: str
    is_error: bool = False
    timed_out: bool = False


type Taken = Reply | ToolResult | None
