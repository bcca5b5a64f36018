"""The report a person sees while suites are executed."""

import unicodedata
from typing import Final

from tanzaku.look import Messages, Terminal, Tone, format_count, format_ms, format_usd
from tanzaku.workbench.assertions import Outcome
from tanzaku.workbench.reports._gathered import CaseReport
from tanzaku.workbench.reports._phrases import (
    INPUT_TOKENS,
    OUTPUT_TOKENS,
    describe_path,
    excerpt,
    format_value,
)
from tanzaku.workbench.runner import (
    VERDICTS,
    CaseEnded,
    CaseStarted,
    CaseVerdict,
    Event,
    ExecutionEnded,
    ExecutionStarted,
    ReplyCame,
)

_TONES: Final[dict[CaseVerdict, Tone]] = {
    "passed": "good",
    "failed": "bad",
    "error": "bad",
    "skipped": "faint",
    "not_run": "warn",
}
_VERDICT_CELLS: Final = 9
_CASE_CELLS: Final = 36


class ConsoleReport:
    """A listener that writes a line for each case, then what failed, then what it all came to.

    It takes events in the order of the files (`InOrder`). What is said is in words and not in
    colours alone, of characters that a GBK console has; foreign text is the terminal's to mend.
    """

    def __init__(self, terminal: Terminal, messages: Messages) -> None:
        self._terminal = terminal
        self._messages = messages
        self._cases: dict[str, CaseReport] = {}
        self._bad: list[CaseReport] = []

    def __call__(self, event: Event) -> None:
        match event:
            case ExecutionStarted():
                self._line(
                    "report.begin",
                    "faint",
                    execution=event.execution,
                    cases=len(event.cases),
                    environment=event.environment,
                    seed=event.seed,
                )
                if event.is_live:
                    self._line("report.live", "warn")
            case CaseStarted():
                self._cases[event.case] = CaseReport(event)
            case ReplyCame():
                # The last one alone is shown; the others need not be held.
                self._cases[event.case].replies = [event]
            case CaseEnded():
                self._tell_case(event)
            case ExecutionEnded():
                self._tell_end(event)

    def _line(self, key: str, tone: Tone = "plain", **values: object) -> None:
        self._terminal.line(self._messages.say(key, **values), tone)

    def _tell_case(self, ended: CaseEnded) -> None:
        case = self._cases.pop(ended.case)
        case.ended = ended
        if case.is_bad:
            self._bad.append(case)
        say, warnings = self._messages.say, _count_warnings(ended)
        notes = [
            *([say("report.attempts", attempts=ended.attempts)] if ended.attempts > 1 else ()),
            *([say("report.accepted")] if ended.is_accepted else ()),
            *([say("report.warnings", count=warnings)] if warnings else ()),
            *([ended.reason] if ended.reason and not case.is_bad else ()),
        ]
        cells = [
            _pad(say(f"report.verdict.{ended.verdict}"), _VERDICT_CELLS),
            _pad(ended.case, _CASE_CELLS),
            case.started.name,
        ]
        if ended.attempts:
            cells += [format_ms(ended.duration_ms), format_usd(ended.spent.usd)]
        tone: Tone = "warn" if ended.is_accepted else _TONES[ended.verdict]
        line = "  ".join([*cells, *notes])
        self._terminal.line(" ".join(line.splitlines()), tone)

    def _tell_end(self, ended: ExecutionEnded) -> None:
        if self._bad:
            self._terminal.line()
            self._line("report.failures", "strong")
        for case in self._bad:
            self._tell_failure(case)
        self._terminal.line()
        self._tell_sums(ended)

    def _tell_failure(self, case: CaseReport) -> None:
        self._terminal.line()
        say = self._messages.say
        verdict = say(f"report.verdict.{case.ended.verdict}")
        self._terminal.line(f"{verdict}  {case.started.case}  {case.started.name}", "bad")
        if case.ended.reason:
            self._terminal.line(f"  {case.ended.reason}")
        for outcome in case.problems:
            self._tell_outcome(outcome)
        if case.final is not None:
            self._line("report.reply", excerpt=excerpt(case.final))
        self._line("report.again", command=case.ended.reproduce)

    def _tell_outcome(self, outcome: Outcome) -> None:
        say = self._messages.say
        place = f"  ({outcome.place})" if outcome.place else ""
        kind = "warn" if outcome.severity == "warn" else outcome.verdict
        found = say(f"report.outcome.{kind}")
        said = self._messages.translate(outcome.template, outcome.values)
        self._terminal.line(f"  {found}  {describe_path(outcome)}{place}")
        self._terminal.line(f"    {said}")
        self._line("report.expected", value=format_value(outcome.expected))
        self._line("report.actual", value=format_value(outcome.actual))

    def _tell_sums(self, ended: ExecutionEnded) -> None:
        say = self._messages.say
        counts = ", ".join(
            say(f"report.count.{verdict}", count=ended.counts.get(verdict, 0))
            for verdict in VERDICTS
            if ended.counts.get(verdict, 0) or verdict == "passed"
        )
        self._terminal.line(counts, "bad" if ended.exit_code else "good")
        tokens = ended.spent.tokens
        self._line(
            "report.spent",
            calls=format_count(ended.spent.calls),
            tokens_in=format_count(sum(tokens.get(name, 0) for name in INPUT_TOKENS)),
            tokens_out=format_count(tokens.get(OUTPUT_TOKENS, 0)),
            usd=format_usd(ended.spent.usd),
            duration=format_ms(ended.duration_ms),
        )
        if ended.spent.unpriced:
            self._line("report.unpriced", "warn", count=ended.spent.unpriced)
        if ended.stopped:
            self._terminal.line(say(f"report.stopped.{ended.stopped}"), "warn")
        if ended.fixed:
            self._line("report.fixed", "good", cases=", ".join(ended.fixed))


def _count_warnings(ended: CaseEnded) -> int:
    return sum(one.verdict != "pass" and one.severity == "warn" for one in ended.outcomes)


def _pad(text: str, cells: int) -> str:
    """`text` filled up to `cells` columns of a terminal; Chinese takes two each."""
    width = sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)
    return text + " " * max(cells - width, 0)
