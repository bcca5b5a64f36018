"""The report as JUnit's XML, which every CI reads.

A test case for each case; a `failure` for each assertion that does not hold, `error` for what could
not be judged or broke, `skipped` for what was not executed and for failures that the baseline knows.
Messages are English: the file is for machines.
"""

import re
from collections.abc import Sequence
from typing import Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from tanzaku.core import format_rfc3339
from tanzaku.workbench.assertions import Outcome
from tanzaku.workbench.reports._gathered import CaseReport, Report
from tanzaku.workbench.reports._phrases import describe_path, excerpt, format_value
from tanzaku.workbench.runner import CaseVerdict, Spent

_ILLEGAL: Final = re.compile("[^\t\n\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold (Char, section 2.2), and carriage returns, which it does not keep."""
_LONGEST: Final = 10_000


def format_junit(report: Report) -> str:
    """The whole file, its XML declaration included."""
    top = Element("testsuites", _count(report.cases), name=f"tanzaku {report.started.execution}")
    for suite in dict.fromkeys(case.started.suite for case in report.cases):
        cases = [case for case in report.cases if case.started.suite == suite]
        top.append(_build_suite(report, suite, cases))
    indent(top)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(top, encoding="unicode")}\n'


def _build_suite(report: Report, suite: str, cases: Sequence[CaseReport]) -> Element:
    element = Element(
        "testsuite",
        {"name": _clean(suite), **_count(cases)},
        timestamp=format_rfc3339(report.started.at),
    )
    started = report.started
    properties = {
        "execution": started.execution,
        "environment": started.environment,
        "live": str(started.is_live).lower(),
        "seed": str(started.seed),
        "tanzaku": started.version,
        **_list_spent(sum((case.ended.spent for case in cases), Spent())),
    }
    _add_properties(element, properties)
    for case in cases:
        element.append(_build_case(case))
    return element


def _build_case(case: CaseReport) -> Element:
    started, ended = case.started, case.ended
    attributes = {
        "classname": _clean(started.suite),
        "name": _clean(f"{started.case.partition('#')[2]} {started.name}".strip()),
        "time": _format_seconds(ended.duration_ms),
    }
    element = Element("testcase", attributes)
    models = {one.reply.exchange.model for one in case.replies} - {None}
    properties = {
        "kind": started.kind,
        "tags": ", ".join(started.tags),
        "model": ", ".join(sorted(map(str, models))),
        "attempts": str(ended.attempts),
        **_list_spent(ended.spent),
    }
    _add_properties(element, properties)
    _add_verdict(element, case)
    told = [ended.reproduce, *map(_describe, case.problems)]
    if case.final is not None:
        told.append(f"reply: {excerpt(case.final)}")
    SubElement(element, "system-out").text = _clean("\n".join(told))
    return element


def _add_verdict(element: Element, case: CaseReport) -> None:
    ended = case.ended
    if ended.verdict == "passed":
        return
    if ended.is_accepted:
        SubElement(element, "skipped", message="known from the baseline")
    elif ended.verdict in {"skipped", "not_run"}:
        SubElement(element, "skipped", message=_clean(ended.reason))
    else:
        kind, wanted = ("failure", "fail") if ended.verdict == "failed" else ("error", "error")
        found = [one for one in case.problems if one.verdict == wanted and one.severity == "error"]
        for one in found:
            said = SubElement(
                element, kind, type=_clean(one.assertion), message=_clean(one.message)
            )
            said.text = _clean(_describe(one))
        if not found:
            SubElement(element, kind, type=ended.verdict, message=_clean(ended.reason))


def _describe(outcome: Outcome) -> str:
    place = f" ({outcome.place})" if outcome.place else ""
    grave = "warning: " if outcome.severity == "warn" else ""
    return (
        f"{grave}{describe_path(outcome)}{place}: {outcome.message}\n"
        f"expected: {format_value(outcome.expected)}\n"
        f"actual: {format_value(outcome.actual)}"
    )


def _count(cases: Sequence[CaseReport]) -> dict[str, str]:
    def count(*verdicts: CaseVerdict) -> str:
        return str(sum(one.ended.verdict in verdicts for one in cases if not one.ended.is_accepted))

    known = sum(case.ended.is_accepted for case in cases)
    return {
        "tests": str(len(cases)),
        "failures": count("failed"),
        "errors": count("error"),
        "skipped": str(int(count("skipped", "not_run")) + known),
        "time": _format_seconds(sum(case.ended.duration_ms for case in cases)),
    }


def _list_spent(spent: Spent) -> dict[str, str]:
    return {
        "calls": str(spent.calls),
        "usd": f"{spent.usd:f}",
        **{name: str(count) for name, count in spent.tokens.items()},
    }


def _add_properties(element: Element, properties: dict[str, str]) -> None:
    listed = SubElement(element, "properties")
    for name, value in properties.items():
        SubElement(listed, "property", name=_clean(name), value=_clean(value))


def _format_seconds(milliseconds: float) -> str:
    return f"{milliseconds / 1000:.3f}"


def _clean(text: str) -> str:
    return _ILLEGAL.sub("\ufffd", text.replace("\r\n", "\n")[:_LONGEST])
