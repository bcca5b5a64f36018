"""The report as one HTML file that needs no network."""

from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import Final

from tanzaku.look import (
    BothLanguages,
    Html,
    Language,
    format_count,
    format_ms,
    format_time,
    format_usd,
    join,
    render_page,
    tag,
)
from tanzaku.workbench.assertions import Outcome
from tanzaku.workbench.reports._difference import show_difference
from tanzaku.workbench.reports._exchange_view import ExchangeView
from tanzaku.workbench.reports._gathered import CaseReport, Report
from tanzaku.workbench.reports._phrases import INPUT_TOKENS, OUTPUT_TOKENS, shorten
from tanzaku.workbench.runner import VERDICTS, CaseVerdict, ReplyCame

_TONES: Final[dict[CaseVerdict, str]] = {
    "passed": "good",
    "failed": "bad",
    "error": "bad",
    "skipped": "faint",
    "not_run": "warn",
}
_MOST_OPEN: Final = 10
_MOST_EXCHANGES: Final = 100
_MOST_CHARACTERS: Final = 12 << 20
"""Beyond so many a page shows the exchanges of cases that did not pass alone."""


def format_html(report: Report, language: Language) -> str:
    """The whole file. Texts are in both languages; `language` is shown first."""
    title = f"{', '.join(report.started.suites)} · {report.started.execution}"
    return render_page(
        shorten(title, 200),
        _Writer(report).write(),
        language=language,
        style=_read_asset("report.css"),
        script=_read_asset("report.js"),
    )


def _read_asset(name: str) -> str:
    return files("tanzaku.workbench.reports").joinpath(name).read_text(encoding="utf-8")


class _Writer:
    def __init__(self, report: Report) -> None:
        self._report = report
        self._both = BothLanguages()
        self._exchanges = ExchangeView(self._both)
        self._size = 0
        self._opened = 0

    def write(self) -> Html:
        cases = [self._write_case(at, case) for at, case in enumerate(self._report.cases)]
        return join(
            *self._write_head(),
            self._write_tools(),
            tag("div", *cases, id="cases"),
        )

    def _write_head(self) -> Iterator[Html]:
        say, started, ended = self._both.say, self._report.started, self._report.ended
        tone, word = ("bad", "bad") if ended.exit_code else ("good", "good")
        yield tag(
            "h1",
            tag("span", say(f"report.whole.{word}"), class_=f"badge {tone}"),
            " ",
            shorten(", ".join(started.suites), 300),
        )
        if started.is_live:
            yield tag("p", tag("strong", say("report.live"), class_="badge warn"))
        if ended.stopped:
            yield tag("p", say(f"report.stopped.{ended.stopped}"), class_="warn")
        if ended.fixed:
            yield tag("p", say("report.fixed", cases=", ".join(ended.fixed)), class_="good")
        spent = ended.spent
        figures = [
            ("calls", format_count(spent.calls)),
            ("tokens_in", format_count(sum(spent.tokens.get(name, 0) for name in INPUT_TOKENS))),
            ("tokens_out", format_count(spent.tokens.get(OUTPUT_TOKENS, 0))),
            ("usd", format_usd(spent.usd)),
            ("duration", format_ms(ended.duration_ms)),
            ("environment", started.environment),
            ("seed", str(started.seed)),
            ("execution", started.execution),
            ("began", f"{format_time(started.at)} UTC"),
            ("version", started.version),
        ]
        pairs = (
            tag("div", tag("dt", say(f"report.column.{name}")), tag("dd", value))
            for name, value in figures
        )
        yield tag("dl", *pairs, class_="figures")
        if spent.unpriced:
            yield tag("p", say("report.unpriced", count=spent.unpriced), class_="warn")

    def _write_tools(self) -> Html:
        say, counts = self._both.say, self._report.ended.counts
        chips = [self._write_chip("all", say("report.all", count=len(self._report.cases)))]
        for verdict in VERDICTS:
            count = counts.get(verdict, 0)
            if count:
                chips.append(self._write_chip(verdict, say(f"report.count.{verdict}", count=count)))
        search = tag(
            "label",
            say("report.search"),
            " ",
            tag("input", type="search", id="search", autocomplete="off"),
        )
        buttons = (
            tag("button", say(f"report.{name}"), type="button", id=name)
            for name in ("open_all", "close_all")
        )
        shown = tag("span", id="shown", aria_live="polite", class_="faint small")
        chip_row = tag("div", *chips, class_="row", role="group")
        return tag(
            "div", chip_row, tag("div", search, *buttons, shown, class_="row"), class_="tools"
        )

    def _write_chip(self, verdict: str, text: Html) -> Html:
        pressed = "true" if verdict == "all" else "false"
        return tag("button", text, type="button", data_verdict=verdict, aria_pressed=pressed)

    def _write_case(self, at: int, case: CaseReport) -> Html:
        started, ended = case.started, case.ended
        is_open = case.is_bad and self._opened < _MOST_OPEN
        self._opened += is_open
        words = [started.case, started.name, started.kind, *started.tags]
        words += [one.assertion for one in case.problems]
        written = tag(
            "details",
            tag("summary", *self._write_title(case)),
            *self._write_parts(case),
            id=f"case-{at + 1}",
            class_="case",
            open=is_open,
            data_verdict=ended.verdict,
            data_text=shorten(" ".join(words).lower(), 2000),
        )
        self._size += len(written)
        return written

    def _write_title(self, case: CaseReport) -> Iterator[Html]:
        say, started, ended = self._both.say, case.started, case.ended
        tone = "warn" if ended.is_accepted else _TONES[ended.verdict]
        yield tag("span", say(f"report.verdict.{ended.verdict}"), class_=f"badge {tone}")
        yield join(" ", tag("code", shorten(started.case, 200)), " ", shorten(started.name, 200))
        if ended.attempts:
            figures = f"{format_ms(ended.duration_ms)} · {format_usd(ended.spent.usd)}"
            yield tag("span", " ", figures, class_="faint small")
        if ended.attempts > 1:
            yield tag("span", " ", say("report.attempts", attempts=ended.attempts), class_="warn")
        if ended.is_accepted:
            yield tag("span", " ", say("report.accepted"), class_="warn")

    def _write_parts(self, case: CaseReport) -> Iterator[Html]:
        started, ended, say = case.started, case.ended, self._both.say
        facts = [started.kind, *started.tags]
        if started.origin:
            facts.append(" ".join(f"{name}={value}" for name, value in started.origin.items()))
        yield tag("p", shorten(" · ".join(facts), 1000), class_="faint small")
        if ended.reason:
            yield tag("p", shorten(ended.reason, 2000), class_="warn")
        if ended.outcomes:
            yield self._write_outcomes(ended.outcomes)
        if ended.reproduce:
            yield tag("p", say("report.command"), class_="small faint")
            yield tag("pre", ended.reproduce, class_="command")
        if self._size > _MOST_CHARACTERS and not case.is_bad:
            yield tag("p", say("report.in_log"), class_="faint")
            return
        if len(case.replies) > 1:
            yield self._write_course(case.replies[:_MOST_EXCHANGES])
        for came in case.replies[:_MOST_EXCHANGES]:
            yield self._exchanges.build(came, is_open=case.is_bad and len(case.replies) == 1)
        left_out = len(case.replies) - _MOST_EXCHANGES
        if left_out > 0:
            yield tag("p", say("report.more_exchanges", count=left_out), class_="faint")

    def _write_outcomes(self, outcomes: Sequence[Outcome]) -> Html:
        say = self._both.say
        columns = ("verdict", "assertion", "finding", "expected", "actual")
        head = (tag("th", say(f"report.column.{name}"), scope="col") for name in columns)
        rows = (self._write_outcome(one) for one in outcomes)
        return tag("table", tag("tr", *head), *rows, class_="outcomes")

    def _write_outcome(self, outcome: Outcome) -> Html:
        is_warning = outcome.severity == "warn" and outcome.verdict != "pass"
        kind = "warn" if is_warning else outcome.verdict
        tone = {"pass": "good", "warn": "warn"}.get(kind, "bad")
        expected, actual = show_difference(outcome.expected, outcome.actual)
        place = tag("div", str(outcome.place), class_="faint small") if outcome.place else None
        path = tag("div", tag("code", outcome.path)) if outcome.path else None
        return tag(
            "tr",
            tag(
                "td", tag("span", self._both.say(f"report.outcome.{kind}"), class_=f"badge {tone}")
            ),
            tag("td", tag("strong", outcome.assertion), path, place),
            tag("td", self._both.translate(outcome.template, outcome.values)),
            tag("td", expected),
            tag("td", actual),
        )

    def _write_course(self, replies: Sequence[ReplyCame]) -> Html:
        """A bar for each exchange on a line of time: what ran beside what, and for how long."""
        begin = min(came.reply.exchange.started_at for came in replies)
        spans = [
            (
                (came.reply.exchange.started_at - begin) * 1000,
                came.reply.total_ms or 0.0,
                came.step or came.reply.exchange.path,
            )
            for came in replies
        ]
        end = max(start + length for start, length, _ in spans) or 1.0
        rows = []
        for start, length, name in spans:
            x, width = start / end * 600, max(length / end * 600, 2)
            bar = tag(
                "svg",
                tag("rect", x=f"{x:.1f}", y=2, width=f"{width:.1f}", height=10),
                viewBox="0 0 602 14",
                preserveAspectRatio="none",
                class_="span",
                aria_hidden="true",
            )
            times = tag("td", format_ms(start), " + ", format_ms(length), class_="figure small")
            rows.append(
                tag("tr", tag("td", tag("code", shorten(name, 100))), times, tag("td", bar))
            )
        return tag("table", *rows, class_="course")
