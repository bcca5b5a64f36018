"""Blocks of an answer: text with citations, JSON, thinking, tool calls, server tools."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tanzaku.core import InputFileError
from tanzaku.core.plain_yaml import Entry
from tanzaku.simulator.improviser import sign
from tanzaku.simulator.scenario import _keys
from tanzaku.simulator.scenario._conditions import When
from tanzaku.simulator.scenario._server_tools import SERVER_TOOLS, Draft, Write
from tanzaku.simulator.scenario._templates import Fill, Filling, fix, read_text, read_value

_MAX_INDEX = 1_000_000_000
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_TOOL_ID = re.compile(r"[a-zA-Z0-9_-]{1,200}")
_OPTIONAL = frozenset({"document_title", "file_id", "title", "encrypted_index"})
_RANGES = ("char_index", "page_number", "block_index")


@dataclass(frozen=True, slots=True)
class Block:
    """One block, or a server tool's two. `is_pending`: a server tool without its result."""

    write: Write
    is_call: bool = False
    is_pending: bool = False


def read_block(entry: Entry, when: When) -> Block:
    """An item of `content`: one kind of block (a text may bring its citations)."""
    fields = entry.as_fields(_keys.BLOCK)
    kinds = [name for name in fields if name != "citations"]
    if len(kinds) != 1:
        raise InputFileError(
            "{place}: `{key}` must hold exactly one of {kinds}.",
            place=entry.place,
            key=entry.key,
            kinds=", ".join(name for name in _keys.BLOCK if name != "citations"),
        )
    if kinds[0] == "tool_call":
        return read_tool_call(fields["tool_call"], when)
    return read_fields(fields, when)[0]


def read_fields(fields: dict[str, Entry], when: When) -> list[Block]:
    """The blocks of a short answer, in the order the API would send them: thinking, server tools,
    then text or JSON."""
    blocks: list[Block] = []
    if "thinking" in fields:
        blocks.append(_read_thinking(fields["thinking"], when))
    for name, read in SERVER_TOOLS.items():
        if name in fields:
            tool = read(fields[name], when)
            blocks.append(Block(tool.write, is_pending=tool.is_pending))
    if "text" in fields:
        blocks.append(_read_text(fields, when))
    elif "citations" in fields:
        raise InputFileError(
            "{place}: `citations` need a `text` beside them.", place=fields["citations"].name_place
        )
    if "json" in fields:
        if "text" in fields:
            raise InputFileError(
                "{place}: `json` is a text of its own; leave `text` out.",
                place=fields["json"].name_place,
            )
        blocks.append(_read_json(fields["json"], when))
    return blocks


def _read_thinking(entry: Entry, when: When) -> Block:
    thinking = read_text(entry, when)

    def write(draft: Draft) -> None:
        draft.blocks.append({"type": "thinking", "thinking": thinking(draft.filling)})

    return Block(write)


def _read_text(fields: dict[str, Entry], when: When) -> Block:
    text = read_text(fields["text"], when)
    found = fields["citations"].as_list() if "citations" in fields else []
    citations = [_read_citation(item, when) for item in found]

    def write(draft: Draft) -> None:
        filled = text(draft.filling)
        # An answer without words has no block: the API takes none back that is empty.
        if filled:
            written = [cite(draft.filling) for cite in citations]
            draft.blocks.append({"type": "text", "text": filled, "citations": written or None})

    return Block(write)


def _read_json(entry: Entry, when: When) -> Block:
    value = read_value(entry, when)

    def write(draft: Draft) -> None:
        text = json.dumps(value(draft.filling), ensure_ascii=False)
        draft.blocks.append({"type": "text", "text": text, "citations": None})

    return Block(write)


def read_tool_call(entry: Entry, when: When) -> Block:
    """A call of a tool that the application runs. Without an `id` the simulator gives it one."""
    fields = entry.as_fields(_keys.TOOL_CALL, needed=("name",))
    name = _read_matching(fields["name"], _TOOL_NAME)
    call_id = _read_matching(fields["id"], _TOOL_ID) if "id" in fields else ""
    arguments = fix({})
    if "input" in fields:
        fields["input"].as_mapping()
        arguments = read_value(fields["input"], when)

    def write(draft: Draft) -> None:
        draft.blocks.append(
            {
                "type": "tool_use",
                "id": call_id,
                "name": name,
                "input": arguments(draft.filling),
            }
        )

    return Block(write, is_call=True)


def _read_matching(entry: Entry, pattern: re.Pattern[str]) -> str:
    text = entry.as_text()
    if pattern.fullmatch(text):
        return text
    raise InputFileError(
        "{place}: `{key}` must match {pattern}; found {found}.",
        place=entry.place,
        key=entry.key,
        pattern=pattern.pattern,
        found=entry.found,
    )


def _read_citation(entry: Entry, when: When) -> Callable[[Filling], dict[str, Any]]:
    """A citation in the API's own spelling; what is optional there is null, and a search result's
    index is sealed here where it is left out."""
    held = entry.as_mapping()
    if "type" not in held:
        # Says which key is missing.
        entry.as_fields((*held, "type"), needed=("type",))
    kind = held["type"].as_choice(tuple(_keys.CITATIONS))
    known = _keys.CITATIONS[kind]
    needed = [name for name in known if name not in _OPTIONAL]
    fields = entry.as_fields(known, needed=needed)
    parts = {name: _read_citation_part(fields, name, when) for name in known}

    def cite(filling: Filling) -> dict[str, Any]:
        citation = {name: part(filling) for name, part in parts.items()}
        if kind == "web_search_result_location" and citation["encrypted_index"] is None:
            sealed = sign(filling.seed, f"{citation['url']}\n{citation['cited_text']}")
            citation["encrypted_index"] = sealed
        return citation

    return cite


def _read_citation_part(fields: dict[str, Entry], name: str, when: When) -> Fill:
    if name not in fields:
        return fix(None)
    if not name.endswith(("_index", "_number")) or name == "encrypted_index":
        return read_text(fields[name], when)
    number = fields[name].as_integer(0, _MAX_INDEX)
    side, _, unit = name.partition("_")
    if side == "end" and unit in _RANGES:
        # The end is not part of what is cited.
        start = fields[f"start_{unit}"].as_integer(1 if unit == "page_number" else 0, _MAX_INDEX)
        fields[name].as_integer(start + 1, _MAX_INDEX)
    return fix(number)
