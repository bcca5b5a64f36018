"""Executes suites and flows: drives their machines over HTTP and tells what happens as events."""

from tanzaku.workbench.runner._baseline import Baseline, format_baseline, load_baseline
from tanzaku.workbench.runner._case import Prepared
from tanzaku.workbench.runner._codec import encode_event, event_to_json, parse_event
from tanzaku.workbench.runner._drive import Driver, Target
from tanzaku.workbench.runner._estimate import Estimate, estimate
from tanzaku.workbench.runner._events import (
    VERDICTS,
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
from tanzaku.workbench.runner._execution import MAX_PARALLEL, Execution, Needs, OpenTarget, Settings
from tanzaku.workbench.runner._folder import (
    ExecutionFolder,
    find_folder,
    find_log,
    is_execution,
    make_folder,
)
from tanzaku.workbench.runner._log import EventLog, read_events
from tanzaku.workbench.runner._order import InOrder, Listener
from tanzaku.workbench.runner._prepare import Chosen, Preparer, Wishes

__all__ = [
    "MAX_PARALLEL",
    "VERDICTS",
    "Baseline",
    "CaseEnded",
    "CaseStarted",
    "CaseVerdict",
    "Chosen",
    "Driver",
    "Estimate",
    "Event",
    "EventLog",
    "Execution",
    "ExecutionEnded",
    "ExecutionFolder",
    "ExecutionStarted",
    "InOrder",
    "Listener",
    "Needs",
    "OpenTarget",
    "Prepared",
    "Preparer",
    "ReplyCame",
    "Settings",
    "Spent",
    "Stop",
    "Target",
    "Wishes",
    "encode_event",
    "estimate",
    "event_to_json",
    "find_folder",
    "find_log",
    "format_baseline",
    "is_execution",
    "load_baseline",
    "make_folder",
    "parse_event",
    "read_events",
]
