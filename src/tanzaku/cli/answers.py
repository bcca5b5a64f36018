"""An answer shown to a person, or described as a JSON document."""

import json
from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from tanzaku.cli.context import CliContext
from tanzaku.core import UserError
from tanzaku.exchange import EXCHANGE_ID_HEADER, exchange_to_json
from tanzaku.look import Terminal, format_count, format_ms, format_usd, point_at

if TYPE_CHECKING:
    from tanzaku.workbench.sending import JsonProblem, Reply

_TOKENS: Final = (
    "input_tokens",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
    "output_tokens",
)
_CALLS: Final = ("tool_use", "server_tool_use", "mcp_tool_use")


class AnswerView:
    """One reply on standard output."""

    def __init__(self, context: CliContext, reply: "Reply") -> None:
        self._context = context
        self._reply = reply
        self._terminal = context.terminal

    def show(self, *, as_sent: bool, headers: bool, events: bool) -> None:
        """The request where it is asked for, then what came of it."""
        reply = self._reply
        if as_sent:
            self._show_request()
        if reply.status is None:
            return
        self._show_status()
        if headers:
            for name, value in reply.headers.items():
                self._terminal.line(f"{name}: {value}", "faint")
        self._terminal.line()
        if events:
            self._show_events()
        elif reply.message is not None:
            self._show_blocks()
        else:
            self._show_body(reply.body, reply.content_type, reply.body_text)
        for problem in (reply.problem, reply.stream_problem):
            if problem is not None:
                self._say("send.broken", "bad", reason=problem)
        self._show_figures()

    def _say(self, key: str, tone: Any = "plain", /, **values: object) -> None:
        self._terminal.line(self._context.say(key, **values), tone)

    def _show_request(self) -> None:
        exchange = self._reply.exchange
        self._terminal.line(f"{exchange.method} {self._reply.url}", "strong")
        for name, value in exchange.request_headers:
            self._terminal.line(f"{name}: {value}", "faint")
        self._terminal.line()
        kind = dict(exchange.request_headers).get("content-type", "")
        text = exchange.request_body.decode("utf-8", "replace")
        self._show_body(exchange.request_body, kind, text)
        self._terminal.line()

    def _show_status(self) -> None:
        from http import HTTPStatus

        reply = self._reply
        known = {one.value: one.phrase for one in HTTPStatus}
        settled = reply.exchange.settlement
        assert settled is not None
        words = [f"{settled.status} {known.get(settled.status, '')}".strip(), reply.content_type]
        if settled.error is not None:
            words.append(f"{settled.error.type}: {settled.error.message}")
        is_bad = settled.status >= 400 or settled.error is not None
        self._terminal.line(" · ".join(filter(None, words)), "bad" if is_bad else "good")

    def _show_body(self, body: bytes, content_type: str, text: str) -> None:
        from tanzaku.workbench.sending import find_json_problem

        if not body:
            self._say("send.body.none", "faint")
            return
        is_json = "json" in content_type.lower() and "jsonl" not in content_type.lower()
        problem = find_json_problem(body)
        if problem is None:
            self._terminal.document(_write_json(json.loads(body)))
            return
        if "\0" in text or ("\ufffd" in text and not is_json):
            self._say("send.body.binary", "faint", bytes=format_count(len(body)))
            return
        self._terminal.line(text.removesuffix("\n"))
        if is_json:
            self._say("send.json.answer", "bad")
            show_json_problem(self._context, self._terminal, problem)

    def _show_events(self) -> None:
        last_ms = 0.0
        for one in self._reply.frames:
            text = one.frame.data.decode("utf-8", "replace").replace("\n", "\\n")
            offset, gap = f"{one.at_ms:,.1f} ms", f"+{one.at_ms - last_ms:,.1f}"
            start = f"{offset:>14} {gap:>9}  {one.frame.event or '-':<20} "
            self._terminal.line(start + self._cut(text, len(start)))
            last_ms = one.at_ms
        if not self._reply.frames:
            self._say("send.events.none", "faint")

    def _cut(self, text: str, used: int) -> str:
        from rich.cells import cell_len, set_cell_size

        room = max(self._terminal.console.width - used, 20)
        return text if cell_len(text) <= room else set_cell_size(text, room - 1).rstrip() + "…"

    def _show_blocks(self) -> None:
        numbered = enumerate(self._reply.blocks)
        for kind, group in groupby(numbered, key=lambda one: str(one[1].get("type"))):
            blocks = list(group)
            if kind in ("text", "thinking"):
                self._terminal.line(kind, "strong")
                self._terminal.line(
                    "".join(str(block.get(kind, "")) for _, block in blocks),
                    "faint" if kind == "thinking" else "plain",
                )
                if kind == "thinking" and not any(block.get(kind) for _, block in blocks):
                    self._say("send.thinking.omitted", "faint")
                for number, citation in enumerate(_list_citations(blocks), 1):
                    self._terminal.line(f"  [{number}] {citation}", "faint")
                continue
            for number, block in blocks:
                self._show_block(number, kind, block)

    def _show_block(self, number: int, kind: str, block: dict[str, Any]) -> None:
        named = (str(block.get(name, "")) for name in ("name", "id", "tool_use_id"))
        self._terminal.line(" ".join([kind, *filter(None, named)]), "strong")
        if kind in _CALLS:
            self._terminal.document(_write_json(block.get("input")))
        else:
            hidden = ("type", "name", "id", "tool_use_id")
            rest = {name: value for name, value in block.items() if name not in hidden}
            self._terminal.document(_write_json(rest))
        if kind == "tool_use":
            self._show_check(number, block)

    def _show_check(self, number: int, block: dict[str, Any]) -> None:
        check = check_call(self._reply, number, block)
        if check["json_problem"] is not None:
            self._say("send.json.arguments", "bad")
            show_json_problem(self._context, self._terminal, check["json_problem"])
        elif check["fits"]:
            self._say("send.tool.fits", "good")
        elif check["reason"] is not None:
            self._say("send.tool.unchecked", "warn", reason=check["reason"])
        elif check["fits"] is None:
            self._say("send.tool.undeclared", "warn")
        for mismatch in check["mismatches"]:
            self._say("send.tool.mismatch", "bad", mismatch=mismatch)

    def _show_figures(self) -> None:
        reply = self._reply
        settled = reply.exchange.settlement
        assert settled is not None
        speed = reply.tokens_per_s
        self._terminal.line()
        self._say(
            "send.times",
            "faint",
            ttft=format_ms(reply.ttft_ms),
            total=format_ms(reply.total_ms),
            speed="-" if speed is None else f"{speed:,.1f}",
        )
        if reply.usage is not None:
            counts = [f"{name} {format_count(reply.usage.get(name) or 0)}" for name in _TOKENS]
            self._terminal.line(" · ".join([*counts, format_usd(reply.cost_usd)]), "faint")
        if settled.unpriced:
            self._say("send.unpriced", "warn", reason=settled.unpriced)
        facts = {
            "model": settled.response_model,
            "stop_reason": settled.stop_reason,
            "request-id": settled.request_id,
            "exchange": reply.headers.get(EXCHANGE_ID_HEADER),
            "rule": settled.rule,
        }
        told = [f"{name} {value}" for name, value in facts.items() if value]
        if told:
            self._terminal.line(" · ".join(told), "faint")


def show_json_problem(context: CliContext, terminal: Terminal, problem: "JsonProblem") -> None:
    """Line, column, what is wrong there, and a caret under it."""
    said = context.say(f"send.json.{problem.fault}")
    terminal.line(
        context.say("send.json.at", line=problem.line, column=problem.column, fault=said), "bad"
    )
    for line in point_at(problem.text, problem.column, 76):
        terminal.line(f"  {line}")


def check_call(reply: "Reply", number: int, block: dict[str, Any]) -> dict[str, Any]:
    """Whether the arguments of a tool call (block `number`) fit the `input_schema` of the tool that
    the request declares: `fits` null where it declares none, or, with the `reason`, where that
    schema cannot be applied."""
    from tanzaku.workbench.sending import find_json_problem

    written = reply.streamed_inputs.get(number, "")
    problem = find_json_problem(written) if written else None
    found: dict[str, Any] = {
        "fits": None,
        "mismatches": [],
        "reason": None,
        "json_problem": problem,
    }
    if problem is not None:
        return found | {"fits": False}
    schema = _find_schema(reply, str(block.get("name")))
    if schema is None:
        return found
    try:
        from tanzaku.workbench.assertions import find_mismatches

        mismatches = find_mismatches(block.get("input"), schema)
    except (ValueError, UserError) as error:
        return found | {"reason": str(error)}
    return found | {"fits": not mismatches, "mismatches": mismatches}


def _find_schema(reply: "Reply", name: str) -> Any:
    try:
        request = json.loads(reply.exchange.request_body)
    except ValueError:
        return None
    tools = request.get("tools") if isinstance(request, dict) else None
    for tool in tools if isinstance(tools, list) else []:
        if isinstance(tool, dict) and tool.get("name") == name:
            return tool.get("input_schema")
    return None


def _list_citations(blocks: list[tuple[int, dict[str, Any]]]) -> Iterator[str]:
    for _, block in blocks:
        for citation in block.get("citations") or []:
            source = citation.get("document_title") or citation.get("title") or citation.get("url")
            quoted = json.dumps(citation.get("cited_text", ""), ensure_ascii=False)
            yield f"{source or citation.get('type', '-')}: {quoted}"


def _write_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def describe_reply(reply: "Reply", environment: str) -> dict[str, Any]:
    """What `--json` prints, see docs/debugging.md."""
    from dataclasses import asdict

    from tanzaku.workbench.sending import find_json_problem

    calls = [
        {"id": block.get("id"), "name": block.get("name"), "input": block.get("input")}
        | check_call(reply, number, block)
        for number, block in enumerate(reply.blocks)
        if block.get("type") == "tool_use"
    ]
    for call in calls:
        call["json_problem"] = call["json_problem"] and asdict(call["json_problem"])
    is_json = "json" in reply.content_type and "jsonl" not in reply.content_type
    problem = find_json_problem(reply.body) if is_json and reply.body else None
    return {
        "environment": environment,
        "url": reply.url,
        "trouble": reply.trouble,
        "problem": reply.problem,
        "stream_problem": reply.stream_problem,
        "json_problem": problem and asdict(problem),
        "message": reply.message,
        "text": reply.text,
        "thinking": reply.thinking,
        "tool_calls": calls,
        "events": [
            {"at_ms": at_ms, "event": name, "data": data} for at_ms, name, data in reply.events
        ],
        "max_gap_ms": reply.max_gap_ms,
        "tokens_per_s": reply.tokens_per_s,
        "server_exchange_id": reply.headers.get(EXCHANGE_ID_HEADER),
        "exchange": exchange_to_json(reply.exchange, with_bodies=True),
    }
