"""`tanzaku recordings`: what a recording holds, what is wrong with it, and one made of a ledger."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tanzaku.cli.context import CliContext, echo_json, json_option, ledger_option
from tanzaku.cli.usage import SpokenGroup
from tanzaku.core import SystemClock, UserError
from tanzaku.exchange import Exchange, RecordedExchange, load_recording
from tanzaku.look import Messages, format_count, format_ms, format_time

if TYPE_CHECKING:
    from tanzaku.ledger import LedgerReader

_SHOWN_CHARS = 60
_PAGE = 1000


def build(messages: Messages) -> click.Command:
    """The group `recordings` with its commands `show`, `check` and `export`."""
    say = messages.say
    group = SpokenGroup(
        messages, "recordings", help=say("cli.recordings.help"), no_args_is_help=True
    )
    file = click.Path(path_type=Path, dir_okay=False)
    for name, command in (("show", show), ("check", check)):
        group.add_command(
            click.Command(
                name,
                callback=click.pass_obj(command),
                params=[click.Argument(["file"], type=file), json_option(messages)],
                help=say(f"cli.recordings.{name}.help"),
            )
        )
    group.add_command(
        click.Command(
            "export",
            callback=click.pass_obj(export),
            params=[click.Argument(["file"], type=file), ledger_option(messages)],
            help=say("cli.recordings.export.help"),
        )
    )
    return group


def show(context: CliContext, *, file: Path, as_json: bool) -> None:
    """Print a row for each exchange."""
    recording = load_recording(file)
    rows = [_build_row(exchange) for exchange in recording.exchanges]
    if as_json:
        echo_json(rows)
        return
    say = context.say
    columns = (
        "line",
        "time",
        "upstream",
        "request",
        "said",
        "answer",
        "status",
        "in",
        "out",
        "total",
    )
    context.terminal.table(
        say("recordings.title", count=len(rows), file=file),
        [say(f"recordings.{column}") for column in columns],
        [_format_row(context, row) for row in rows],
        right=4,
    )
    if recording.torn_line is not None:
        context.terminal.line(say("recordings.torn", line=recording.torn_line), "warn")


def check(context: CliContext, *, file: Path, as_json: bool) -> None:
    """Print what should be known of a recording; ends with 1 when something should not stay."""
    from tanzaku.simulator.replay import examine

    recording = load_recording(file)
    remarks = examine(recording)
    faulty = sum(remark.is_faulty for remark in remarks)
    if as_json:
        rows = [{"line": one.line, "kind": one.kind, "detail": one.detail} for one in remarks]
        echo_json({"exchanges": len(recording.exchanges), "faulty": faulty, "remarks": rows})
    else:
        for remark in remarks:
            text = context.say(f"recordings.{remark.kind}", line=remark.line, detail=remark.detail)
            context.terminal.line(
                f"{file}:{remark.line}: {text}", "bad" if remark.is_faulty else "warn"
            )
        context.terminal.line(
            context.say("recordings.checked", count=len(recording.exchanges), faulty=faulty),
            "bad" if faulty else "good",
        )
    if faulty:
        raise click.exceptions.Exit(1)


def export(context: CliContext, *, file: Path, ledger: Path | str | None) -> None:
    """Write the exchanges of a ledger, oldest first, to a new recording."""
    from tanzaku.gateway import RecordingFile, build_recorded_from_ledger
    from tanzaku.ledger import Ledger

    if file.exists():
        raise UserError(
            "{path} exists already.", hint="Choose another file. Nothing was changed.", path=file
        )
    written = left_out = 0
    with Ledger.read(context.find_ledger(ledger)) as reader:
        ids = [exchange.exchange_id for exchange in _iter_ledger(reader)]
        recording = RecordingFile(file, SystemClock().now())
        try:
            for exchange_id in reversed(ids):
                recorded = build_recorded_from_ledger(reader.get_exchange(exchange_id))
                if recorded is None:
                    left_out += 1
                else:
                    recording.append(recorded)
                    written += 1
        finally:
            recording.close()
    terminal = context.terminal
    terminal.line(context.say("recordings.exported", count=written, file=file), "good")
    if left_out:
        terminal.line(context.say("recordings.left_out", count=left_out), "warn")


def _iter_ledger(reader: "LedgerReader") -> Iterator[Exchange]:
    """Every exchange, newest first, without bodies."""
    before: str | None = None
    while page := reader.list_exchanges(limit=_PAGE, before=before):
        yield from page
        before = page[-1].exchange_id


def _build_row(exchange: RecordedExchange) -> dict[str, Any]:
    body = exchange.request.body if isinstance(exchange.request.body, dict) else {}
    usage = exchange.usage or {}
    return {
        "line": exchange.line,
        "at": exchange.at,
        "upstream": exchange.upstream,
        "request": f"{exchange.request.method} {exchange.request.target}",
        "model": body.get("model"),
        "said": _find_last_said(body.get("messages")),
        "answer": exchange.response.kind,
        "cut": exchange.cut,
        "status": exchange.response.status,
        "input_tokens": usage.get("input_tokens"),
        "output_tokens": usage.get("output_tokens"),
        "total_ms": exchange.total_ms,
        "key": exchange.normalise().exact,
    }


def _format_row(context: CliContext, row: dict[str, Any]) -> tuple[str, ...]:
    answer = context.say(f"recordings.answer_{row['answer']}")
    if row["cut"] is not None:
        answer = context.say("recordings.answer_cut", answer=answer)
    said = " ".join((row["said"] or "-").split())
    return (
        str(row["line"]),
        format_time(row["at"]),
        row["upstream"],
        row["request"],
        said if len(said) <= _SHOWN_CHARS else said[:_SHOWN_CHARS] + "…",
        answer,
        str(row["status"]),
        format_count(row["input_tokens"]),
        format_count(row["output_tokens"]),
        format_ms(row["total_ms"]),
    )


def _find_last_said(messages: Any) -> str | None:
    """What was said last to the model: a text, or the content of a tool's result."""
    last = messages[-1] if isinstance(messages, list) and messages else None
    content = last.get("content") if isinstance(last, dict) else None
    while isinstance(content, list) and content and isinstance(content[-1], dict):
        content = content[-1].get("text") or content[-1].get("content")
    return content if isinstance(content, str) else None
