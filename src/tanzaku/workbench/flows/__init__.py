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
from tanzaku.workbench.flows._execution import Judging, SchemaFinder, Why
from tanzaku.workbench.flows._flow import Flow, FlowCheck, OnError, Retry, Step, ToolLoop
from tanzaku.workbench.flows._machine import FlowMachine
from tanzaku.workbench.flows._meter import FREE, Account, Bound, Budget, Room, try_hold
from tanzaku.workbench.flows._read import load_flow
from tanzaku.workbench.flows._result import (
    FlowResult,
    Problem,
    Spending,
    State,
    StepResult,
    Stop,
    ToolCall,
)
from tanzaku.workbench.flows._variants import Variant, list_variants

__all__ = [
    "FREE",
    "Account",
    "Action",
    "Bound",
    "Budget",
    "CallTool",
    "Capture",
    "CaptureError",
    "Flow",
    "FlowCheck",
    "FlowMachine",
    "FlowResult",
    "Judging",
    "OnError",
    "Problem",
    "Retry",
    "Room",
    "SchemaFinder",
    "Send",
    "Spending",
    "State",
    "Step",
    "StepResult",
    "Stop",
    "Taken",
    "ToolCall",
    "ToolLoop",
    "ToolResult",
    "Variant",
    "Wait",
    "Why",
    "bound_request",
    "build_one_step",
    "find_spent",
    "list_variants",
    "load_flow",
    "load_rows",
    "read_captures",
    "try_hold",
]
