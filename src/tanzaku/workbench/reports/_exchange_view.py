"""One exchange in the HTML report: transcript, events, usage and cost, as sent, as received."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from tanzaku.look import (
    BothLanguages,
    Html,
    format_count,
    format_ms,
    format_usd,
    join,
    tag,
)
from tanzaku.workbench.reports._phrases import (
    INPUT_TOKENS,
    OUTPUT_TOKENS,
    format_value,
    shorten,
)
from tanzaku.workbench.reports._transcript import LONGEST, TranscriptView, render_json, show_json
from tanzaku.workbench.runner import ReplyCame
from tanzaku.workbench.sending import Reply

_MOST_EVENTS: Final = 300
_WIDTH: Final = 1000


class ExchangeView:
    """Builds the part of a page that shows an exchange."""

    def __init__(self, both: BothLanguages) -> None:
        self._both = both
        self._transcripts = TranscriptView(both)

    def build(self, came: ReplyCame, *, is_open: bool) -> Html:
        return tag(
            "details",
            tag("summary", self._build_title(came)),
            *self._build_parts(came.reply),
            class_="exchange",
            open=is_open,
        )

    def _build_title(self, came: ReplyCame) -> Html:
        reply = came.reply
        usage = reply.usage or {}
        is_bad = reply.status is None or reply.status >= 400
        status = self._both.say(f"report.trouble.{reply.trouble}") if reply.trouble else None
        tokens = self._both.say(
            "report.tokens",
            tokens_in=format_count(sum(_read_count(usage, name) for name in INPUT_TOKENS)),
            tokens_out=format_count(_read_count(usage, OUTPUT_TOKENS)),
        )
        parts = [
            tag("strong", came.step) if came.step else None,
            self._both.say("report.turn", turn=came.turn) if came.turn > 1 else None,
            tag("code", f"{reply.exchange.method} {shorten(reply.exchange.path, 200)}"),
            tag("span", status or str(reply.status), class_=f"badge {'bad' if is_bad else 'good'}"),
            None if reply.total_ms is None else format_ms(reply.total_ms),
            tokens if usage else None,
            format_usd(reply.cost_usd) if usage else None,
        ]
        return join(*(join(part, " ") for part in parts if part is not None))

    def _build_parts(self, reply: Reply) -> Iterator[Html]:
        if reply.problem:
            yield tag("p", reply.problem, class_="bad")
        if reply.holds_secret:
            yield tag("p", self._both.say("report.holds_secret"), class_="warn")
        request = _read_request(reply)
        transcript = self._transcripts.build(request if isinstance(request, dict) else {}, reply)
        if transcript is not None:
            yield self._fold("transcript", transcript, is_open=True)
        if reply.frames:
            yield self._fold("events", self._build_events(reply))
        if reply.exchange.settlement is not None:
            yield self._fold("usage", self._build_figures(reply))
        yield self._fold("sent", self._build_sent(reply, request))
        if reply.exchange.settlement is not None:
            received = self._build_received(reply)
            yield self._fold("received", received, is_open=transcript is None)

    def _fold(self, name: str, *content: Html, is_open: bool = False) -> Html:
        title = tag("summary", self._both.say(f"report.part.{name}"))
        return tag("details", title, *content, open=is_open, class_="part")

    def _build_events(self, reply: Reply) -> Html:
        """A stroke for each event on a line of time, then a table of them."""
        say = self._both.say
        end = max(reply.frames[-1].at_ms, 1.0)
        strokes = [
            tag("line", x1=x, x2=x, y1=4, y2=20)
            for x in sorted({round(one.at_ms / end * (_WIDTH - 4)) + 2 for one in reply.frames})
        ]
        picture = tag(
            "svg",
            tag("line", x1=0, x2=_WIDTH, y1=22, y2=22),
            *strokes,
            viewBox=f"0 0 {_WIDTH} 24",
            preserveAspectRatio="none",
            class_="strokes",
            aria_hidden="true",
        )
        rows: list[Html] = []
        earlier = 0.0
        for at_ms, name, data in reply.events[:_MOST_EVENTS]:
            cells = (f"{at_ms:,.1f}", f"{at_ms - earlier:,.1f}", tag("code", name))
            rows.append(_build_row(*cells, tag("code", format_value(data, 600)), figures=2))
            earlier = at_ms
        head = _build_head(*(say(f"report.event.{one}") for one in ("at", "gap", "name", "data")))
        left_out = len(reply.frames) - _MOST_EVENTS
        more = tag("p", say("report.more_events", count=left_out)) if left_out > 0 else None
        return join(picture, tag("table", head, *rows), more)

    def _build_figures(self, reply: Reply) -> Html:
        settlement = reply.exchange.settlement
        cost = settlement.cost if settlement else None
        say = self._both.say
        speed = reply.tokens_per_s
        figures = [
            (say("report.figure.ttft"), format_ms(reply.ttft_ms)),
            (say("report.figure.total"), format_ms(reply.total_ms)),
            (say("report.figure.gap"), format_ms(reply.max_gap_ms)),
            (say("report.figure.speed"), "-" if speed is None else f"{speed:,.1f}"),
            *((tag("code", name), value) for name, value in _flatten(reply.usage or {})),
            (say("report.column.usd"), format_usd(cost.total_usd if cost else None)),
        ]
        if cost is not None:
            parts = cost.parts_usd.items()
            figures += [(join("- ", tag("code", name)), format_usd(usd)) for name, usd in parts]
        if settlement is not None and settlement.unpriced:
            figures.append((say("report.figure.unpriced"), settlement.unpriced))
        return tag("table", *(_build_row(*pair) for pair in figures), class_="pairs")

    def _build_sent(self, reply: Reply, request: Any) -> Html:
        exchange = reply.exchange
        line = tag("p", tag("code", f"{exchange.method} {shorten(reply.url, 2000)}"))
        body = show_json(request) if request is not None else None
        return join(line, _build_headers(exchange.request_headers), body)

    def _build_received(self, reply: Reply) -> Html:
        settlement = reply.exchange.settlement
        headers = settlement.response_headers if settlement else []
        try:
            body = reply.body_text if reply.is_stream else render_json(reply.json)
        except ValueError:
            body = reply.body_text
        return join(
            tag("p", tag("code", str(reply.status))),
            _build_headers(headers),
            tag("pre", shorten(body, LONGEST)) if body else None,
        )


def _read_request(reply: Reply) -> Any:
    """The body as JSON, else as text; None when there is none."""
    from pydantic_core import from_json

    body = reply.exchange.request_body
    if not body:
        return None
    try:
        return from_json(body)
    except ValueError:
        return body.decode("utf-8", "replace")


def _read_count(usage: dict[str, Any], name: str) -> int:
    value = usage.get(name)
    return value if isinstance(value, int) else 0


def _flatten(usage: dict[str, Any], way: str = "") -> Iterator[tuple[str, str]]:
    for name, value in usage.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{way}{name}.")
        else:
            yield f"{way}{name}", format_count(value) if type(value) is int else format_value(value)


def _build_headers(headers: Sequence[tuple[str, str]]) -> Html:
    rows = (_build_row(tag("code", name), tag("code", shorten(value))) for name, value in headers)
    return tag("table", *rows, class_="pairs")


def _build_head(*cells: str) -> Html:
    return tag("tr", *(tag("th", cell, scope="col") for cell in cells))


def _build_row(*cells: str, figures: int = 0) -> Html:
    return tag(
        "tr",
        *(
            tag("td", cell, class_="figure" if at < figures else None)
            for at, cell in enumerate(cells)
        ),
    )
