"""What goes wrong on purpose, and how well a client took it."""

from tanzaku.simulator.faults._fault import Fault, FaultPlan, When, Where
from tanzaku.simulator.faults._faults import FAULT_HEADER, Faults
from tanzaku.simulator.faults._kinds import KINDS, Kind, Parameter
from tanzaku.simulator.faults._read import load_faults, parse_faults
from tanzaku.simulator.faults._strike import Interception
from tanzaku.simulator.faults._verdict import (
    UNKNOWN_FAULT,
    Bounds,
    ClientVerdict,
    Failure,
    judge_client,
)

__all__ = [
    "FAULT_HEADER",
    "KINDS",
    "UNKNOWN_FAULT",
    "Bounds",
    "ClientVerdict",
    "Failure",
    "Fault",
    "FaultPlan",
    "Faults",
    "Interception",
    "Kind",
    "Parameter",
    "When",
    "Where",
    "judge_client",
    "load_faults",
    "parse_faults",
]
