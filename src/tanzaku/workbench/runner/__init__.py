"""Executes suites and flows: drives their machines over HTTP and tells what happens as events."""

from tanzaku.workbench.runner._events import (
    CaseEnded,
    CaseStarted,
    CaseVerdict,
    Event,
    ExecutionEnded,
    ExecutionStarted,
    ReplyCame,
    Spent,
    Stop,
)
from tanzaku.workbench.runner._order import InOrder, Listener

__all__ = [
    "CaseEnded",
    "CaseStarted",
    "CaseVerdict",
    "Event",
    "ExecutionEnded",
    "ExecutionStarted",
    "InOrder",
    "Listener",
    "ReplyCame",
    "Spent",
    "Stop",
]
