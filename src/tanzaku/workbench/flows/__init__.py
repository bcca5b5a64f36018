"""Flows: steps that send, loop, branch and join, as machines without I/O.

A machine is driven by `start` and `take`: each returns the actions to carry out next, several of
which may be under way at one time. The runner drives it over HTTP; load and capacity drive the same
objects with users or a virtual clock.
"""

from tanzaku.workbench.flows._actions import Action, CallTool, Send, Taken, ToolResult, Wait
from tanzaku.workbench.flows._bound import bound_request, find_spent
from tanzaku.workbench.flows._data import load_rows
from tanzaku.workbench.flows._meter import FREE, Account, Bound, Budget, Room, try_hold

__all__ = [
    "FREE",
    "Account",
    "Action",
    "Bound",
    "Budget",
    "CallTool",
    "Room",
    "Send",
    "Taken",
    "ToolResult",
    "Wait",
    "bound_request",
    "find_spent",
    "load_rows",
    "try_hold",
]
