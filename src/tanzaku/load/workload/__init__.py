"""Workloads: what users do, how many there are or how often one comes, and for how long."""

from tanzaku.load.workload._workload import (
    Closed,
    Objectives,
    Open,
    Stage,
    Synthetic,
    Think,
    Threshold,
    Trace,
    Workload,
)

__all__ = [
    "Closed",
    "Objectives",
    "Open",
    "Stage",
    "Synthetic",
    "Think",
    "Threshold",
    "Trace",
    "Workload",
]
