"""The report as JUnit's XML, which every CI reads.

A test case for each case; a `failure` for each assertion that does not hold, `error` for what could
not be judged or broke, `skipped` for what was not executed and for failures that the baseline knows.
Messages are English: the file is for machines.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from tanzaku.core import format_rfc3339
from tanzaku.look import Html, join, tag
from tanzaku.workbench.assertions import Outcome
from tanzaku.workbench.reports._gathered import CaseReport, Report
from tanzaku.workbench.reports._phrases import describe_path, excerpt, format_value
from tanzaku.workbench.runner import CaseVerdict, Spent

_NO_CHARACTERS: Final = dict.fromkeys((0xFFFE, 0xFFFF), "\ufffd")
"""What XML 1.0 (section 2.2) cannot hold beside what `tag` writes as text: controls and halves of
characters."""
_LONGEST: Final = 10_000


def format_junit(report: Report) -> str:
    """The whole file, its XML declaration included."""
    suites = [
        _build_suite(report, suite, [case for case in report.cases if case.started.suite == suite])
        for suite in dict.fromkeys(case.started.suite for case in report.cases)
    ]
    name = _clean(f"tanzaku {report.started.execution}")
    top = _build("testsuites", *suites, name=name, **_count(report.cases))
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{top}\n'


def _build_suite(report: Report, suite: str, cases: Sequence[CaseReport]) -> Html:
    started = report.started
    properties = {
        "execution": started.execution,
        "environment": started.environment,
        "live": str(started.is_live).lower(),
        "seed": str(started.seed),
        "tanzaku": started.version,
        **_list_spent(sum((case.ended.spent for case in cases), Spent())),
    }
    return _build(
        "testsuite",
        _build_properties(properties),
        *map(_build_case, cases),
        name=_clean(suite),
        timestamp=format_rfc3339(started.at),
        **_count(cases),
    )


def _build_case(case: CaseReport) -> Html:
    started, ended = case.started, case.ended
    models = {one.reply.exchange.model for one in case.replies} - {None}
    properties = {
        "kind": started.kind,
        "tags": ", ".join(started.tags),
        "model": ", ".join(sorted(map(str, models))),
        "attempts": str(ended.attempts),
        **_list_spent(ended.spent),
    }
    told = [ended.reproduce, *map(_describe, case.problems)]
    if case.final is not None:
        told.append(f"reply: {excerpt(case.final)}")
    return _build(
        "testcase",
        _build_properties(properties),
        *_build_verdict(case),
        tag("system-out", _clean("\n".join(told))),
        classname=_clean(started.suite),
        name=_clean(f"{started.case.partition('#')[2]} {started.name}".strip()),
        time=_format_seconds(ended.duration_ms),
    )


def _build_verdict(case: CaseReport) -> Iterator[Html]:
    ended = case.ended
    if ended.verdict == "passed":
        return
    if ended.is_accepted:
        yield tag("skipped", message="known from the baseline")
    elif ended.verdict in {"skipped", "not_run"}:
        yield tag("skipped", message=_clean(ended.reason))
    else:
        kind, wanted = ("failure", "fail") if ended.verdict == "failed" else ("error", "error")
        found = [one for one in case.problems if one.verdict == wanted and one.severity == "error"]
        for one in found:
            message = _clean(one.message)
            yield tag(kind, _clean(_describe(one)), type=_clean(one.assertion), message=message)
        if not found:
            yield tag(kind, type=ended.verdict, message=_clean(ended.reason))


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


def _build_properties(properties: Mapping[str, str]) -> Html:
    lines = (
        tag("property", name=_clean(name), value=_clean(value))
        for name, value in properties.items()
    )
    return _build("properties", *lines)


def _build(name: str, /, *elements: Html, **attributes: str) -> Html:
    """An element with each of its own on a line."""
    return tag(name, "\n", *(join(one, "\n") for one in elements), **attributes)


def _format_seconds(milliseconds: float) -> str:
    return f"{milliseconds / 1000:.3f}"


def _clean(text: str) -> str:
    return text.replace("\r\n", "\n")[:_LONGEST].translate(_NO_CHARACTERS)
