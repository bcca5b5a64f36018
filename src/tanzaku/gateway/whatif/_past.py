"""Recorded calls as the what-if reads them: from a ledger, or from lines that were exported of it."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from pydantic_core import from_json

from tanzaku.core import UserError
from tanzaku.exchange import Exchange
from tanzaku.gateway._asked import MESSAGES
from tanzaku.gateway._stages import LIST_PRICE
from tanzaku.ledger import Filters, LedgerReader
from tanzaku.wire import EventDecoder, MessageAssembler, StreamError, find_betas

# How the ledger writes a text that it does not keep.
_VEILED: Final = re.compile(r"\[\d+ characters\]")


@dataclass(frozen=True, slots=True)
class Past:
    """One recorded call. `params` is None where the ledger kept no body, `is_veiled` where it kept
    no texts; `size` is the request body's, in bytes; `usage` and `cost_usd` are None where nothing was billed, or nobody knows what.
    `platform` and `geo` say whose prices held, as for an attempt. `answered_at` is when the answer began. Times are Unix seconds.
    """

    id: str
    started_at: float
    answered_at: float
    path: str
    status: int | None
    route: str | None
    model: str | None
    labels: Mapping[str, str]
    version: str
    betas: Sequence[str]
    params: Mapping[str, Any] | None
    is_veiled: bool
    size: int
    answer: bytes
    usage: Mapping[str, Any] | None
    cost_usd: Decimal | None
    platform: str
    geo: str | None

    @property
    def is_message(self) -> bool:
        """Whether it asked for a message."""
        return self.path.partition("?")[0] == MESSAGES

    def read_content(self) -> list[Any] | None:
        """The blocks of the answer; None where it was not kept whole."""
        try:
            message = from_json(self.answer) if self.answer[:1] == b"{" else _join(self.answer)
        except (ValueError, StreamError):
            return None
        content = message.get("content") if isinstance(message, dict) else None
        return content if isinstance(content, list) else None


def read_ledger(reader: LedgerReader, filters: Filters) -> Iterator[Past]:
    """The calls of a ledger in the order they started, one in memory at a time."""
    seq = 0
    while page := reader.list_after(seq, filters):
        for _, light in page:
            yield _read_exchange(reader.get_exchange(light.exchange_id))
        seq = page[-1][0]


def read_export(path: Path) -> Iterator[Past]:
    """The calls of a JSONL export, line by line. UserError for a line that is none."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield _read_line(line, path, number)
    except OSError as error:
        raise UserError(
            "{path} cannot be read: {reason}", path=path, reason=error.strerror or error
        ) from error


def _read_line(line: bytes, path: Path, number: int) -> Past:
    try:
        return _read_document(json.loads(line))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(
            "{path}:{line}: this is no exchange of an export.",
            hint="`tanzaku ledger export --format jsonl --bodies` writes them.",
            path=path,
            line=number,
        ) from error


def _read_exchange(exchange: Exchange) -> Past:
    settled = exchange.settlement
    ttft_ms = None if settled is None else settled.timings.ttft_ms
    params = _read_params(exchange.request_body)
    last = settled.attempts[-1] if settled is not None and settled.attempts else None
    return Past(
        exchange.exchange_id,
        exchange.started_at,
        exchange.started_at + (ttft_ms or 0) / 1000,
        exchange.path,
        None if settled is None else settled.status,
        None if settled is None else settled.route,
        exchange.model if settled is None else settled.response_model or exchange.model,
        exchange.labels,
        exchange.api_version or "",
        find_betas(
            (n.encode(), v.encode("latin-1", "replace")) for n, v in exchange.request_headers
        ),
        params,
        _is_veiled(params),
        len(exchange.request_body),
        b"" if settled is None else settled.response_body,
        None if settled is None else settled.usage,
        None if settled is None or settled.cost is None else settled.cost.total_usd,
        LIST_PRICE.platform if last is None else last.platform,
        None if last is None else last.geo,
    )


def _read_document(document: Mapping[str, Any]) -> Past:
    """One line as `exchange_to_json` writes it."""
    started_at = datetime.fromisoformat(document["started_at"]).timestamp()
    request, response = document.get("request") or {}, document.get("response") or {}
    headers = [
        (n.encode(), v.encode("latin-1", "replace")) for n, v in request.get("headers") or ()
    ]
    params, answer, cost = request.get("body"), response.get("body"), document["cost_usd"]
    params = params if isinstance(params, dict) else None
    last = (document.get("attempts") or [{}])[-1]
    return Past(
        document["exchange_id"],
        started_at,
        started_at + float(document["ttft_ms"] or 0) / 1000,
        document["path"],
        document["status"],
        document["route"],
        document["response_model"] or document["model"],
        document["labels"],
        document["api_version"] or "",
        find_betas(headers),
        params,
        _is_veiled(params),
        len(json.dumps(params, default=str)),
        answer.encode() if isinstance(answer, str) else json.dumps(answer, default=str).encode(),
        document["usage"],
        None if cost is None else Decimal(cost),
        last.get("platform", LIST_PRICE.platform),
        last.get("geo"),
    )


def _read_params(body: bytes) -> dict[str, Any] | None:
    try:
        params = from_json(body)
    except ValueError:
        return None
    return params if isinstance(params, dict) and params else None


def _is_veiled(params: Mapping[str, Any] | None) -> bool:
    """Whether the texts were replaced by their lengths: then the last message's is one."""
    messages = params.get("messages") if params else None
    content = messages[-1].get("content") if isinstance(messages, list) and messages else None
    while isinstance(content, list) and content:
        last = content[-1]
        content = last.get("text", last.get("content")) if isinstance(last, dict) else last
    return isinstance(content, str) and _VEILED.fullmatch(content) is not None


def _join(body: bytes) -> dict[str, Any]:
    assembler = MessageAssembler()
    for event in EventDecoder().feed(body):
        assembler.feed(event)
    return assembler.message
