"""Prompt caching as the documentation tells it: slow, and with nothing clever in it.

Written from the rules alone. Prompts are kept whole, as JSON, in one list that is searched from end
to end; nothing is hashed, indexed or shared with the simulator but the counts of single texts.
"""

import json
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from tanzaku.catalog import Model, count_text, count_tokens

LIFETIMES_S = {"5m": 300, "1h": 3600}


@dataclass
class Entry:
    workspace: str
    prompt: str
    tokens: int
    lifetime_s: int
    ends_at: float


@dataclass
class Sent:
    """A request under way; `usage` is (input, read, 5m written, 1h written)."""

    workspace: str
    started_at: float
    usage: tuple[int, int, int, int]
    writes: list[tuple[str, int, str]] = field(default_factory=list)


class ReferenceCache:
    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def start(self, now: float, workspace: str, request: dict[str, Any], model: Model) -> Sent:
        blocks = list_blocks(request, model)
        total = count_tokens(request, model.id)
        marked = [i for i, block in enumerate(blocks) if block["ttl"]]
        if not marked:
            return Sent(workspace, now, (total, 0, 0, 0))
        prompts = [write_prompt(blocks[: i + 1], request, model) for i in range(len(blocks))]
        tokens = {i: count_prompt(blocks[: i + 1], request, model) for i in marked}
        minimum = 512 if model.cache_minimum_tokens is None else model.cache_minimum_tokens
        marked_and_long = [i for i in marked if tokens[i] >= minimum]

        hits = [
            i
            for breakpoint in marked
            for i in list_reach(blocks, breakpoint)
            if self.find(now, workspace, prompts[i])
        ]
        hit = max(hits, default=-1)
        entry = self.find(now, workspace, prompts[hit]) if hits else None
        a = entry.tokens if entry else 0
        b = max([tokens[i] for i in marked_and_long if i > hit and blocks[i]["ttl"] == "1h"] + [a])
        c = max([tokens[i] for i in marked_and_long if i > hit] + [a])
        sent = Sent(workspace, now, (total - c, a, c - b, b - a))

        if entry:
            entry.ends_at = max(entry.ends_at, now + entry.lifetime_s)
        for i in marked_and_long:
            earlier = self.find(now, workspace, prompts[i])
            if earlier:
                earlier.ends_at = max(earlier.ends_at, now + earlier.lifetime_s)
            else:
                sent.writes.append((prompts[i], tokens[i], blocks[i]["ttl"]))
        return sent

    def begin_answer(self, now: float, sent: Sent) -> None:
        for prompt, tokens, ttl in sent.writes:
            lifetime_s = LIFETIMES_S[ttl]
            ends_at = sent.started_at + lifetime_s
            entry = self.find(now, sent.workspace, prompt)
            if entry:
                entry.lifetime_s = max(entry.lifetime_s, lifetime_s)
                entry.ends_at = max(entry.ends_at, ends_at)
            else:
                self.entries.append(Entry(sent.workspace, prompt, tokens, lifetime_s, ends_at))

    def find(self, now: float, workspace: str, prompt: str) -> Entry | None:
        for entry in self.entries:
            if entry.workspace == workspace and entry.prompt == prompt and now < entry.ends_at:
                return entry
        return None


def list_blocks(request: dict[str, Any], model: Model) -> list[dict[str, Any]]:
    """Every block in the order of the prompt: its part, speaker, content and ttl if marked."""
    tools = [tool for tool in request.get("tools", []) if not tool.get("defer_loading")]
    searches = [tool for tool in tools if tool.get("type", "").startswith("web_search")]
    blocks = [describe("tools", tool) for tool in tools if tool not in searches]
    blocks += [describe("web search", tool) for tool in searches]
    system = request.get("system", [])
    if isinstance(system, str):
        system = [{"type": "text", "text": system}]
    blocks += [describe("system", block) for block in system]
    newest = find_newest_question(request["messages"])
    for number, message in enumerate(request["messages"]):
        for block in as_blocks(message["content"]):
            is_thinking = block["type"] in ("thinking", "redacted_thinking")
            if is_thinking and number < newest and not model.keeps_earlier_thinking:
                continue
            blocks.append(describe("messages", block, turn=number))
    automatic = request.get("cache_control")
    if automatic:
        for block in reversed(blocks):
            if block["content"].get("type") in ("thinking", "redacted_thinking"):
                continue
            block["ttl"] = block["ttl"] or automatic.get("ttl", "5m")
            break
    return blocks


def describe(part: str, block: dict[str, Any], turn: int = -1) -> dict[str, Any]:
    content = {key: value for key, value in block.items() if key != "cache_control"}
    mark = block.get("cache_control")
    ttl = mark.get("ttl", "5m") if mark else None
    return {"part": part, "content": content, "ttl": ttl, "turn": turn}


def as_blocks(content: str | list[dict[str, Any]]) -> list[dict[str, Any]]:
    if isinstance(content, list):
        return content
    return [{"type": "text", "text": content}] if content else []


def find_newest_question(messages: list[dict[str, Any]]) -> int:
    newest = 0
    for number, message in enumerate(messages):
        kinds = [block["type"] for block in as_blocks(message["content"])]
        if message["role"] == "user" and any(kind != "tool_result" for kind in kinds):
            newest = number
    return newest


def write_prompt(blocks: list[dict[str, Any]], request: dict[str, Any], model: Model) -> str:
    """All that the model has read when it has read `blocks`, as JSON."""
    kinds = json.dumps(request["messages"])
    config = request.get("output_config", {})
    has_reached = {block["part"] for block in blocks}
    prompt: dict[str, Any] = {"model": model.id, "format": config.get("format")}
    prompt["tools"] = [b["content"] for b in blocks if b["part"] == "tools"]
    if has_reached & {"web search", "system", "messages"}:
        prompt["speed"] = request.get("speed", "standard")
        prompt["citations"] = '"enabled": true' in kinds
        prompt["web search"] = [b["content"] for b in blocks if b["part"] == "web search"]
        prompt["system"] = [b["content"] for b in blocks if b["part"] == "system"]
    if "messages" in has_reached:
        choice = {"type": "auto", "disable_parallel_tool_use": False}
        prompt["tool choice"] = choice | request.get("tool_choice", {})
        thinking = request.get("thinking", {"type": model.default_thinking})
        prompt["thinking"] = [thinking["type"], thinking.get("budget_tokens")]
        prompt["effort"] = config.get("effort", model.default_effort)
        prompt["images"] = '"type": "image"' in kinds
        prompt["turns"] = write_turns(blocks, request)
    return json.dumps(prompt)


def write_turns(blocks: list[dict[str, Any]], request: dict[str, Any]) -> list[list[Any]]:
    """Speakers and what they said; messages in a row of one speaker are one turn."""
    turns: list[list[Any]] = []
    last = max(block["turn"] for block in blocks)
    for number, message in enumerate(request["messages"][: last + 1]):
        if not turns or turns[-1][0] != message["role"]:
            turns.append([message["role"], []])
        turns[-1][1] += [b["content"] for b in blocks if b["turn"] == number]
    return turns


def list_reach(blocks: list[dict[str, Any]], breakpoint: int) -> list[int]:
    """The blocks a breakpoint looks at: 20 positions, where calls in a row are one position, and
    results in a row are one."""
    positions: list[list[int]] = []
    for i in range(breakpoint + 1):
        kind = blocks[i]["content"].get("type")
        earlier = blocks[i - 1]["content"].get("type") if i else None
        if kind in ("tool_use", "tool_result") and earlier == kind:
            positions[-1].append(i)
        else:
            positions.append([i])
    return [i for position in positions[-20:] for i in position]


def count_prompt(blocks: list[dict[str, Any]], request: dict[str, Any], model: Model) -> int:
    """Tokens of `blocks` by hand: texts, JSON of tools and calls, a header a turn."""
    family: Any = model.tokenizer
    header = {"v3": 3, "v4.7": 5, "v4.8": 3}[family]
    first_header = {"v3": 4, "v4.7": 6, "v4.8": 3}[family]
    is_in_messages = blocks[-1]["part"] == "messages"
    total = sum(count_block(block["content"], family, model) for block in blocks)
    if any(block["part"] in ("tools", "web search") for block in blocks):
        choice = request.get("tool_choice", {}).get("type", "auto")
        is_forced = choice in ("any", "tool") and is_in_messages
        # 290 and 410 stand for models whose figures are not published.
        plain, forced = model.tool_prompt_tokens, model.forced_tool_prompt_tokens
        total += (forced or 410) if is_forced else (plain or 290)
    if schema := request.get("output_config", {}).get("format", {}).get("schema"):
        total += count_json(schema, family)
    if is_in_messages:
        total += first_header + header * (len(write_turns(blocks, request)) - 1)
        total += 28 if request.get("thinking", {}).get("type") == "enabled" else 0
    return total


def count_block(block: dict[str, Any], family: Any, model: Model) -> int:
    match block.get("type"):
        case "text":
            return count_text(block["text"], family)
        case "thinking":
            return count_text(block["thinking"], family)
        case "image" | "document" | "tool_use" | "tool_result":
            return count_in_turn(json.dumps(block), model.id)
        case _:
            return count_json(block, family)


@lru_cache(maxsize=10_000)
def count_in_turn(block: str, model: str) -> int:
    turn: dict[str, Any] = {"role": "user", "content": []}
    empty = count_tokens({"messages": [turn]}, model)
    return count_tokens({"messages": [turn | {"content": [json.loads(block)]}]}, model) - empty


def count_json(value: Any, family: Any) -> int:
    return count_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")), family)
