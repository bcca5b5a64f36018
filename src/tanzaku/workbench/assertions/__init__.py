"""Assertions: what a reply must be. Three verdicts: pass, fail, cannot be evaluated."""

from tanzaku.workbench.assertions._outcome import (
    Assertion,
    FlowFigures,
    Need,
    Outcome,
    Severity,
    Subject,
    Verdict,
)
from tanzaku.workbench.assertions._read import read_assertions

__all__ = [
    "Assertion",
    "FlowFigures",
    "Need",
    "Outcome",
    "Severity",
    "Subject",
    "Verdict",
    "read_assertions",
]
