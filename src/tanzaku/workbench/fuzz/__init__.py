"""Schemathesis against a service, its findings turned into cases."""

from tanzaku.workbench.fuzz._cases import Finding, build_findings, write_findings
from tanzaku.workbench.fuzz._config import Fuzzing, Settings, build_settings
from tanzaku.workbench.fuzz._execute import Outcome, fuzz
from tanzaku.workbench.fuzz._project import Subject, find_subject
from tanzaku.workbench.fuzz._read import Failure, Sent, read_failures

__all__ = [
    "Failure",
    "Finding",
    "Fuzzing",
    "Outcome",
    "Sent",
    "Settings",
    "Subject",
    "build_findings",
    "build_settings",
    "find_subject",
    "fuzz",
    "read_failures",
    "write_findings",
]
