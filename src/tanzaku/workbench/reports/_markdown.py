"""The report as a short Markdown text, for the summary page of a CI run."""

import re
from collections.abc import Iterator
from typing import Final

from tanzaku.look import Messages, format_count, format_ms, format_usd, strip_controls
from tanzaku.workbench.reports._gathered import CaseReport, Report
from tanzaku.workbench.reports._phrases import (
    INPUT_TOKENS,
    OUTPUT_TOKENS,
    describe_path,
    excerpt,
    format_value,
    shorten,
)
from tanzaku.workbench.runner import VERDICTS

MOST_BYTES: Final = 512 << 10
"""GitHub shows a summary of 1 MiB at most; one failure takes 200 kB at the very worst."""
_MOST_FINDINGS: Final = 20
_MEANS_SOMETHING: Final = re.compile(r"[!-/:-@\[-`{-~]")


def format_markdown(report: Report, messages: Messages) -> str:
    """The sums, then each failure with what was expected and the command that shows it again."""
    return "\n".join(_Writer(report, messages).write()) + "\n"


class _Writer:
    def __init__(self, report: Report, messages: Messages) -> None:
        self._report = report
        self._messages = messages

    def write(self) -> Iterator[str]:
        say, ended, started = self._messages.say, self._report.ended, self._report.started
        suites = ", ".join(map(escape_markdown, started.suites))
        verdict = "report.summary.bad" if ended.exit_code else "report.summary.good"
        yield f"## {say(verdict)} {suites}"
        yield ""
        if started.is_live:
            yield f"**{escape_markdown(say('report.live'))}**\n"
        counts = [say(f"report.verdict.{verdict}") for verdict in VERDICTS]
        yield self._row(*counts, *(say(f"report.column.{name}") for name in _COLUMNS))
        yield "|" + "---:|" * (len(counts) + len(_COLUMNS))
        yield self._row(*(str(ended.counts.get(verdict, 0)) for verdict in VERDICTS), *self._sums())
        if ended.stopped:
            yield f"\n{escape_markdown(say(f'report.stopped.{ended.stopped}'))}"
        if ended.fixed:
            yield f"\n{escape_markdown(say('report.fixed', cases=', '.join(ended.fixed)))}"
        size = left_out = 0
        for case in self._report.bad:
            if size > MOST_BYTES:
                left_out += 1
                continue
            for line in self._write_failure(case):
                size += len(line.encode())
                yield line
        if left_out:
            more = say("report.more_failures", count=left_out)
            yield f"\n{escape_markdown(more)}"

    def _sums(self) -> tuple[str, ...]:
        spent = self._report.ended.spent
        return (
            format_count(sum(spent.tokens.get(name, 0) for name in INPUT_TOKENS)),
            format_count(spent.tokens.get(OUTPUT_TOKENS, 0)),
            escape_markdown(format_usd(spent.usd)),
            escape_markdown(format_ms(self._report.ended.duration_ms)),
        )

    def _row(self, *cells: str) -> str:
        return f"| {' | '.join(cells)} |"

    def _write_failure(self, case: CaseReport) -> Iterator[str]:
        say, ended = self._messages.say, case.ended
        verdict = say(f"report.verdict.{ended.verdict}")
        yield f"\n### {verdict}: {escape_markdown(f'{case.started.case} {case.started.name}')}\n"
        if ended.reason:
            yield f"{escape_markdown(ended.reason)}\n"
        names = [escape_markdown(say(f"report.column.{name}")) for name in _FINDINGS]
        if case.problems:
            yield self._row(*names)
            yield "|" + "---|" * len(names)
        for one in case.problems[:_MOST_FINDINGS]:
            said = self._messages.translate(one.template, one.values)
            values = map(format_value, (one.expected, one.actual))
            yield self._row(*map(escape_markdown, (describe_path(one), said, *values)))
        if case.final is not None:
            yield f"\n{escape_markdown(say('report.reply', excerpt=excerpt(case.final)).strip())}"
        yield f"\n<code>{escape_markdown(ended.reproduce)}</code>"


_COLUMNS: Final = ("tokens_in", "tokens_out", "usd", "duration")
_FINDINGS: Final = ("assertion", "finding", "expected", "actual")


def escape_markdown(text: str) -> str:
    """`text` on one line, shortened, shown as it is: every character that could mean something in Markdown or
    HTML is written as its number, which in both means nothing but itself."""
    shown = " ".join(strip_controls(text).encode("utf-8", "backslashreplace").decode().split())
    return _MEANS_SOMETHING.sub(lambda found: f"&#{ord(found[0])};", shorten(shown))
