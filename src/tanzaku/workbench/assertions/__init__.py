"""Assertions: what a reply must be. Three verdicts: pass, fail, cannot be evaluated."""

from tanzaku.workbench.assertions._jsonpath import JsonPath, JsonPathError, compile_path
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
from tanzaku.workbench.assertions._schema import find_mismatches

__all__ = [
    "Assertion",
    "FlowFigures",
    "JsonPath",
    "JsonPathError",
    "Need",
    "Outcome",
    "Severity",
    "Subject",
    "Verdict",
    "compile_path",
    "find_mismatches",
    "read_assertions",
]
