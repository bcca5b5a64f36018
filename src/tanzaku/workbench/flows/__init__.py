"""Flows: steps that send, loop, branch and join, as machines without I/O.

A machine is driven by `start` and `take`: each returns the actions to carry out next, several of
which may be under way at one time. The runner drives it over HTTP; load and capacity drive the same
objects with users or a virtual clock.
"""

from tanzaku.workbench.flows._actions import Action, CallTool, Send, Taken, ToolResult, Wait

__all__ = ["Action", "CallTool", "Send", "Taken", "ToolResult", "Wait"]
