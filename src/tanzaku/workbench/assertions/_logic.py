"""Three-valued logic over findings (Kleene's): what cannot be judged never counts as a pass."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from tanzaku.workbench.assertions._finding import Finding, fails, passes, write


def negate(finding: Finding) -> Finding:
    """Pass and fail change places; an error and a firm fail stay what they are."""
    if finding.verdict == "error" or finding.firm:
        return finding
    if finding.verdict == "fail":
        return replace(finding, verdict="pass", template="", values={})
    negated = fails(
        "it holds, and must not: {actual}", actual=finding.actual, expected=finding.expected
    )
    return replace(negated, path=finding.path)


def join_all(findings: Sequence[Finding]) -> Finding:
    """Fail if any fails, else error if any is one; the first to blame speaks."""
    for verdict in ("fail", "error"):
        for finding in findings:
            if finding.verdict == verdict:
                return finding
    return findings[0]


def join_any(findings: Sequence[Finding]) -> Finding:
    """Pass if any passes, else error if any is one; the first of those speaks."""
    for verdict in ("pass", "error"):
        for finding in findings:
            if finding.verdict == verdict:
                return finding
    return findings[0]


def join_at_least(least: int, findings: Sequence[Finding]) -> Finding:
    """Pass with `least` passes; error where the errors could have made up what is missing."""
    counts = Counter(finding.verdict for finding in findings)
    if counts["pass"] >= least:
        return passes(counts["pass"], expected=least)
    if counts["pass"] + counts["error"] >= least:
        return join_any([one for one in findings if one.verdict == "error"])
    return fails(
        "{passed} of {count} hold; at least {least} must: {reasons}",
        actual=counts["pass"],
        expected=least,
        passed=counts["pass"],
        count=len(findings),
        least=least,
        reasons="; ".join(write(one.actual) for one in findings if one.verdict == "fail"),
    )
