"""The report as JSON: docs/schemas/report.schema.json says what stands in it."""

import json
from typing import Any, Final

from tanzaku.core import format_rfc3339
from tanzaku.exchange import exchange_to_json
from tanzaku.workbench.assertions import Outcome
from tanzaku.workbench.reports._gathered import CaseReport, Report
from tanzaku.workbench.runner import ReplyCame, Spent
from tanzaku.workbench.sending import to_plain

FORMAT: Final = "report/v1"


def format_json(report: Report) -> str:
    """The whole file. Times are RFC 3339 in UTC, dollars strings, durations milliseconds."""
    value = build_document(report)
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=1)
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace") + "\n"


def build_document(report: Report) -> dict[str, Any]:
    """The report as plain JSON values."""
    started, ended = report.started, report.ended
    document = {
        "tanzaku": FORMAT,
        "version": started.version,
        "execution": started.execution,
        "environment": started.environment,
        "is_live": started.is_live,
        "seed": started.seed,
        "suites": list(started.suites),
        "started_at": format_rfc3339(started.at),
        "duration_ms": ended.duration_ms,
        "exit_code": ended.exit_code,
        "stopped": ended.stopped or None,
        "counts": dict(ended.counts),
        "spent": _describe_spent(ended.spent),
        "fixed": list(ended.fixed),
        "cases": [_describe_case(case) for case in report.cases],
    }
    plain: dict[str, Any] = to_plain(document)
    return plain


def _describe_case(case: CaseReport) -> dict[str, Any]:
    started, ended = case.started, case.ended
    return {
        "case": started.case,
        "name": started.name,
        "suite": started.suite,
        "kind": started.kind,
        "tags": list(started.tags),
        "origin": started.origin,
        "verdict": ended.verdict,
        "is_accepted": ended.is_accepted,
        "is_flaky": ended.is_flaky,
        "attempts": ended.attempts,
        "reason": ended.reason or None,
        "started_at": format_rfc3339(started.at),
        "duration_ms": ended.duration_ms,
        "spent": _describe_spent(ended.spent),
        "reproduce": ended.reproduce,
        "outcomes": [_describe_outcome(one) for one in ended.outcomes],
        "exchanges": [_describe_reply(one) for one in case.replies],
    }


def _describe_outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "assertion": outcome.assertion,
        "verdict": outcome.verdict,
        "severity": outcome.severity,
        "expected": outcome.expected,
        "actual": outcome.actual,
        "path": outcome.path or None,
        "message": outcome.message,
        "place": str(outcome.place) if outcome.place else None,
    }


def _describe_reply(came: ReplyCame) -> dict[str, Any]:
    reply = came.reply
    return {
        "step": came.step or None,
        "turn": came.turn,
        "url": reply.url,
        "problem": reply.problem,
        "trouble": reply.trouble,
        "holds_secret": reply.holds_secret,
        "events": [[at_ms, name, data] for at_ms, name, data in reply.events],
        **exchange_to_json(reply.exchange, with_bodies=True),
    }


def _describe_spent(spent: Spent) -> dict[str, Any]:
    return {
        "calls": spent.calls,
        "tokens": spent.tokens,
        "usd": f"{spent.usd:f}",
        "unpriced": spent.unpriced,
    }
