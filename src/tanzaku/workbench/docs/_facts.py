"""The pages that are no operation's: error codes, and for Claude's API limits and prices."""

from collections.abc import Iterator
from typing import Final

from tanzaku.catalog import Model, UnpricedUsageError, list_models, resolve_rates
from tanzaku.look import format_count, format_usd
from tanzaku.wire import ERROR_TYPES
from tanzaku.workbench.docs._blocks import Block, Code, Heading, Inline, Page, Paragraph, Table, say
from tanzaku.workbench.openapi import Document, is_claude

_RETRIED: Final = {408, 409}
"""And all from 500 on: what Anthropic's SDKs try again."""
_TIERS: Final = ("start", "build", "scale")


def build_errors(document: Document) -> Page:
    """The error codes: Claude's as `wire` knows them, another API's as its document has them."""
    if is_claude(document):
        head = [say(f"docs.column.{name}") for name in ("status", "type", "meaning", "retry")]
        rows = [
            [Code(str(status)), Code(kind), say(f"docs.error.{kind}"), _advise(status)]
            for status, kind in ERROR_TYPES.items()
        ]
        notes = [Paragraph(say("docs.errors.claude")), Paragraph(say("docs.errors.stream"))]
        return Page(
            "errors", document.title, [Heading(say("docs.errors")), *notes, Table(head, rows)]
        )
    head = [say(f"docs.column.{name}") for name in ("status", "meaning", "operations", "retry")]
    rows = [
        [Code(status), text, ", ".join(operations), _advise_any(status)]
        for status, text, operations in _list_answers(document)
    ]
    found: Block = Table(head, rows) if rows else Paragraph(say("docs.errors.none"))
    note = Paragraph(say("docs.errors.any"))
    return Page("errors", document.title, [Heading(say("docs.errors")), note, found])


def build_limits(document: Document) -> Page:
    """What Claude's models take, may be sent and cost, each with the day it was read."""
    models = [one for one in list_models() if one.state != "retired"]
    return Page(
        "limits",
        document.title,
        [
            Heading(say("docs.limits")),
            Paragraph(say("docs.limits.note")),
            Heading(say("docs.limits.prices"), 3),
            _write_prices(models),
            Heading(say("docs.limits.sizes"), 3),
            _write_sizes(models),
            Heading(say("docs.limits.rates"), 3),
            Paragraph(say("docs.limits.rates.note")),
            _write_rates(models),
        ],
    )


def _advise(status: int) -> Inline:
    if status == 429:
        return say("docs.retry.wait")
    return say("docs.retry.yes") if status in _RETRIED or status >= 500 else say("docs.retry.no")


def _advise_any(status: str) -> Inline:
    """By HTTP alone."""
    if not status.isdecimal():
        return say("docs.retry.depends")
    if status == "429":
        return say("docs.retry.status_429")
    is_passing = status in {"408", "425"} or status[0] == "5"
    return say("docs.retry.yes") if is_passing else say("docs.retry.no")


def _list_answers(document: Document) -> Iterator[tuple[str, str, list[str]]]:
    """(status, description, operations) of every error answer, equal ones together."""
    found: dict[tuple[str, str], list[str]] = {}
    for operation in document.operations:
        for status, response in operation.responses.items():
            if status[0] in "45" or status == "default":
                found.setdefault((status, response.description), []).append(operation.id)
    for (status, text), operations in sorted(found.items()):
        yield status, text, operations


def _write_prices(models: list[Model]) -> Table:
    columns = ("model", "input", "output", "cache_write_5m", "cache_write_1h", "cache_read", "read")
    rows: list[list[Inline]] = []
    for model in models:
        try:
            rates = resolve_rates(model.id).base
        except UnpricedUsageError:
            continue
        prices = (getattr(rates, name) for name in columns[1:-1])
        per_million = (None if one is None else one * 1_000_000 for one in prices)
        cells: list[Inline] = [Code(model.id), *map(format_usd, per_million)]
        rows.append([*cells, _read_price(model)])
    return Table([say(f"docs.column.{name}") for name in columns], rows)


def _write_sizes(models: list[Model]) -> Table:
    columns = ("model", "window", "max_output", "state", "read")
    rows = [
        [
            Code(model.id),
            format_count(model.context_window),
            format_count(model.max_output_tokens),
            Code(model.state),
            _read_on(model, "max_output_tokens"),
        ]
        for model in models
    ]
    return Table([say(f"docs.column.{name}") for name in columns], rows)


def _write_rates(models: list[Model]) -> Table:
    columns = ("model", "tier", "requests", "tokens_in", "tokens_out", "read")
    rows: list[list[Inline]] = []
    for model in models:
        for tier in _TIERS:
            limit = (model.rate_limits or {}).get(tier)
            if limit is None:
                continue
            counts = (limit.requests, limit.input_tokens, limit.output_tokens)
            cells: list[Inline] = [Code(model.id), Code(tier), *map(format_count, counts)]
            rows.append([*cells, _read_on(model, "rate_limits")])
    return Table([say(f"docs.column.{name}") for name in columns], rows)


def _read_price(model: Model) -> Inline:
    return say("docs.limits.package") if model.list_price is None else _read_on(model, "list_price")


def _read_on(model: Model, fact: str) -> Inline:
    """When and where a fact was read; `(?)` marks what is only believed."""
    source = model.sources.get(fact)
    if source is None:
        return "-"
    doubt = " (?)" if fact in model.guesses else ""
    return f"{source.read_on.isoformat()}{doubt} {source.where}"
