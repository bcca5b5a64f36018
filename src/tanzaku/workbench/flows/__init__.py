"""Flows: steps that send, loop, branch and join, as machines without I/O.

A machine is driven by `start` and `take`: each returns the actions to carry out next, several of
which may be under way at one time. The runner drives it over HTTP; load and capacity drive the same
objects with users or a virtual clock.
"""

from tanzaku.workbench.flows._actions import Action, CallTool, Send, Taken, ToolResult, Wait
from tanzaku.workbench.flows._bound import bound_request, find_spent
from tanzaku.workbench.flows._build import build_one_step
from tanzaku.workbench.flows._capture import Capture, CaptureError, read_captures
from tanzaku.workbench.flows._data import load_rows
from tanzaku.workbench.flows._execution import Judging, SchemaFinder
from tanzaku.workbench.flows._flow import Flow, FlowCheck, OnError, Retry, Step, ToolLoop
from tanzaku.workbench.flows._log import (
    Asked,
    FlowBegan,
    FlowEnded,
    LogEvent,
    StepBegan,
    StepEnded,
    Told,
    encode_log,
    parse_log,
)
from tanzaku.workbench.flows._machine import FlowMachine
from tanzaku.workbench.flows._meter import FREE, Account, Bound, Budget, Room, read_budget, try_hold
from tanzaku.workbench.flows._read import load_flow
from tanzaku.workbench.flows._replay import Difference, Replay, replay
from tanzaku.workbench.flows._result import (
    FlowResult,
    Problem,
    Spending,
    State,
    StepResult,
    Stop,
    ToolCall,
    Why,
)
from tanzaku.workbench.flows._variants import Variant, list_variants

__all__ = [
    "FREE",
    "Account",
    "Action",
    "Asked",
    "Bound",
    "Budget",
    "CallTool",
    "Capture",
    "CaptureError",
    "Difference",
    "Flow",
    "FlowBegan",
    "FlowCheck",
    "FlowEnded",
    "FlowMachine",
    "FlowResult",
    "Judging",
    "LogEvent",
    "OnError",
    "Problem",
    "Replay",
    "Retry",
    "Room",
    "SchemaFinder",
    "Send",
    "Spending",
    "State",
    "Step",
    "StepBegan",
    "StepEnded",
    "StepResult",
    "Stop",
    "Taken",
    "Told",
    "ToolCall",
    "ToolLoop",
    "ToolResult",
    "Variant",
    "Wait",
    "Why",
    "bound_request",
    "build_one_step",
    "encode_log",
    "find_spent",
    "list_variants",
    "load_flow",
    "load_rows",
    "parse_log",
    "read_budget",
    "read_captures",
    "replay",
    "try_hold",
]
