"""Blocks of the tools the API runs itself: each call with its result, as SDK 2.12 types them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tanzaku.core import InputFileError, derive_id
from tanzaku.core.plain_yaml import Entry
from tanzaku.simulator.improviser import sign
from tanzaku.simulator.scenario import _keys
from tanzaku.simulator.scenario._conditions import When
from tanzaku.simulator.scenario._templates import Fill, Filling, fix, read_text

_CONTAINER_LIFE_S = 30 * 24 * 3600


@dataclass(slots=True)
class Draft:
    """An answer being written: its blocks so far, and what its usage and container follow from."""

    filling: Filling
    blocks: list[dict[str, Any]] = field(default_factory=list)
    searches: int = 0
    fetches: int = 0
    has_server_tools: bool = False
    has_code: bool = False

    def call(self, name: str, arguments: dict[str, Any]) -> str:
        """Append a `server_tool_use` and give its id."""
        filling = self.filling
        position = len(self.blocks)
        call_id = derive_id("srvtoolu", filling.seed, filling.rule, filling.nth, position)
        self.has_server_tools = True
        self.blocks.append(
            {
                "type": "server_tool_use",
                "id": call_id,
                "name": name,
                "input": arguments,
                "caller": {"type": "direct"},
            }
        )
        return call_id

    def end(self) -> dict[str, Any]:
        """The fields of the message that follow from its server tools.

        Searches and fetches that failed or are still to come are not counted (the page of web
        search says so of failures; the rest is a guess). A container lives 30 days (the page of
        code execution); that `expires_at` is that time is a guess.
        """
        if not self.has_server_tools:
            return {}
        counts = {"web_search_requests": self.searches, "web_fetch_requests": self.fetches}
        fields: dict[str, Any] = {"usage": {"server_tool_use": counts}}
        if self.has_code:
            filling = self.filling
            asked = filling.view.request.get("container")
            known = asked.get("id") if isinstance(asked, dict) else asked
            fields["container"] = {
                "id": known or derive_id("container", filling.seed, filling.rule, filling.nth),
                "expires_at": format_time(filling.now + _CONTAINER_LIFE_S),
                "skills": None,
            }
        return fields


type Write = Callable[[Draft], None]


@dataclass(frozen=True, slots=True)
class ServerTool:
    """A call to write; `is_pending` where the file gives it neither result nor error."""

    write: Write
    is_pending: bool


def format_time(now: float) -> str:
    """RFC 3339 in UTC, to the second."""
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_web_search(entry: Entry, when: When) -> ServerTool:
    fields = entry.as_fields(_keys.WEB_SEARCH, needed=("query",))
    query = read_text(fields["query"], when)
    error = _read_error(entry, fields, ("results",), _keys.SEARCH_ERRORS)
    found = fields["results"].as_list() if "results" in fields else []
    results = [_read_search_result(item, when) for item in found]
    is_pending = error is None and "results" not in fields

    def write(draft: Draft) -> None:
        call_id = draft.call("web_search", {"query": query(draft.filling)})
        if is_pending:
            return
        content: Any = [_write_search_result(draft.filling, result) for result in results]
        if error is not None:
            content = {"type": "web_search_tool_result_error", "error_code": error}
        else:
            draft.searches += 1
        draft.blocks.append(
            {
                "type": "web_search_tool_result",
                "tool_use_id": call_id,
                "content": content,
                "caller": {"type": "direct"},
            }
        )

    return ServerTool(write, is_pending)


def _read_search_result(entry: Entry, when: When) -> dict[str, Fill]:
    fields = entry.as_fields(_keys.SEARCH_RESULT, needed=("url", "title"))
    return {name: read_text(field_, when) for name, field_ in fields.items()}


def _write_search_result(filling: Filling, result: dict[str, Fill]) -> dict[str, Any]:
    filled = {name: fill(filling) for name, fill in result.items()}
    sealed = sign(filling.seed, f"{filled['url']}\n{filled['title']}")
    return {
        "type": "web_search_result",
        "url": filled["url"],
        "title": filled["title"],
        "encrypted_content": filled.get("encrypted_content", sealed),
        "page_age": filled.get("page_age"),
    }


def read_web_fetch(entry: Entry, when: When) -> ServerTool:
    fields = entry.as_fields(_keys.WEB_FETCH, needed=("url",))
    error = _read_error(
        entry, fields, ("text", "title", "citations", "retrieved_at"), _keys.FETCH_ERRORS
    )
    texts = {
        name: read_text(fields[name], when)
        for name in ("url", "title", "text", "retrieved_at")
        if name in fields
    }
    citations = {"enabled": fields["citations"].as_bool()} if "citations" in fields else None
    is_pending = error is None and "text" not in fields

    def write(draft: Draft) -> None:
        filled = {name: fill(draft.filling) for name, fill in texts.items()}
        call_id = draft.call("web_fetch", {"url": filled["url"]})
        if is_pending:
            return
        content: dict[str, Any]
        if error is not None:
            content = {"type": "web_fetch_tool_result_error", "error_code": error}
        else:
            draft.fetches += 1
            content = {
                "type": "web_fetch_result",
                "url": filled["url"],
                "content": {
                    "type": "document",
                    "source": {"type": "text", "media_type": "text/plain", "data": filled["text"]},
                    "title": filled.get("title"),
                    "citations": citations,
                },
                "retrieved_at": filled.get("retrieved_at") or format_time(draft.filling.now),
            }
        draft.blocks.append(
            {
                "type": "web_fetch_tool_result",
                "tool_use_id": call_id,
                "content": content,
                "caller": {"type": "direct"},
            }
        )

    return ServerTool(write, is_pending)


def read_code_execution(entry: Entry, when: When) -> ServerTool:
    """`code` is run as Python (tool versions 20250522 and 20260120 on), `command` by bash (20250825
    on)."""
    fields = entry.as_fields(_keys.CODE_EXECUTION)
    if ("code" in fields) == ("command" in fields):
        raise InputFileError(
            "{place}: `{key}` needs either `code` or `command`.", place=entry.place, key=entry.key
        )
    argument = "code" if "code" in fields else "command"
    kind = "code_execution" if argument == "code" else "bash_code_execution"
    given = ("stdout", "stderr", "return_code", "file_ids")
    errors = _keys.CODE_ERRORS if argument == "code" else _keys.BASH_ERRORS
    error = _read_error(entry, fields, given, errors)
    run = read_text(fields[argument], when)
    stdout, stderr = (
        read_text(fields[name], when) if name in fields else fix("") for name in given[:2]
    )
    return_code = fields["return_code"].as_integer(0, 255) if "return_code" in fields else 0
    files = fields["file_ids"].as_list() if "file_ids" in fields else []
    outputs = [{"type": f"{kind}_output", "file_id": item.as_text()} for item in files]
    is_pending = error is None and not any(name in fields for name in given)

    def write(draft: Draft) -> None:
        draft.has_code = True
        call_id = draft.call(kind, {argument: run(draft.filling)})
        if is_pending:
            return
        content: dict[str, Any]
        if error is not None:
            content = {"type": f"{kind}_tool_result_error", "error_code": error}
        else:
            content = {
                "type": f"{kind}_result",
                "stdout": stdout(draft.filling),
                "stderr": stderr(draft.filling),
                "return_code": return_code,
                "content": [dict(output) for output in outputs],
            }
        draft.blocks.append(
            {"type": f"{kind}_tool_result", "tool_use_id": call_id, "content": content}
        )

    return ServerTool(write, is_pending)


def _read_error(
    entry: Entry, fields: dict[str, Entry], results: Sequence[str], codes: Sequence[str]
) -> str | None:
    """The error code of a call that failed; it has no result beside it."""
    if "error" not in fields:
        return None
    for name in results:
        if name in fields:
            raise InputFileError(
                "{place}: `{key}` has an `error` and so no `{name}`.",
                place=fields[name].name_place,
                key=entry.key,
                name=name,
            )
    return fields["error"].as_choice(codes)


SERVER_TOOLS: dict[str, Callable[[Entry, When], ServerTool]] = {
    "web_search": read_web_search,
    "web_fetch": read_web_fetch,
    "code_execution": read_code_execution,
}
