"""What an execution leaves behind: console, JUnit, HTML, JSON, Markdown, all from its events."""

from tanzaku.workbench.reports._console import ConsoleReport
from tanzaku.workbench.reports._gathered import CaseReport, Report, gather
from tanzaku.workbench.reports._write import REPORT_KINDS, ReportKind, write_reports

__all__ = [
    "REPORT_KINDS",
    "CaseReport",
    "ConsoleReport",
    "Report",
    "ReportKind",
    "gather",
    "write_reports",
]
