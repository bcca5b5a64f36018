"""By what a recorded request is found again: its conversation in a normal form, and two keys.

What does not change the question is left out: the order of keys, `cache_control`, `metadata`,
fields that are null, whether one text stands bare or as a block, which ids tool calls have (they are
numbered in the order they appear), and every setting (`max_tokens`, `stream`, ...).
"""

import hashlib
import json
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

CONVERSATIONS = frozenset({"POST /v1/messages", "POST /v1/messages/count_tokens"})
_PARTS = ("model", "system", "tools", "messages", "thread")
_NO_SETTINGS = frozenset({*_PARTS, "metadata", "cache_control"})


class ToolIds:
    """Numbers ids in the order in which they appear."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def number(self, tool_id: str) -> str:
        return f"#{self.numbers.setdefault(tool_id, len(self.numbers))}"


class NormalRequest:
    """A request as matching sees it.

    `endpoint` is method and path; `document` what the keys are taken over: of a conversation
    `model`, `system`, `tools`, `messages` (and `thread` where one is continued), of any other
    request `query` and `body`. `tool_ids` are the ids that stand in the conversation, by first
    appearance.
    """

    def __init__(self, method: str, target: str, body: Any) -> None:
        path, _, query = target.partition("?")
        self.endpoint = f"{method} {path}"
        self._ids = ToolIds()
        self.is_conversation = self.endpoint in CONVERSATIONS and isinstance(body, dict)
        self._body = body
        if self.is_conversation:
            self.document = _normalise_conversation(body, self._ids)
        else:
            pairs = parse_qsl(query, keep_blank_values=True)
            kept = sorted(pair for pair in pairs if pair[0] != "beta")
            self.document = {"query": [list(pair) for pair in kept], "body": body}

    @property
    def tool_ids(self) -> list[str]:
        return list(self._ids.numbers)

    @cached_property
    def exact(self) -> str:
        """The key of the whole request: 32 hex digits."""
        return digest_value([self.endpoint, self.document])

    @cached_property
    def anchor(self) -> str | None:
        """The key of what was said last: tools, system, and what came in since the last message
        in which the user says something. None for what is no conversation, or continues one that
        the server holds."""
        said = self._read_last_said()
        if said is None:
            return None
        document = self.document
        return digest_value([self.endpoint, document["system"], document["tools"], said])

    @cached_property
    def settings(self) -> str:
        """A key of all that the others leave out, to choose between equal conversations."""
        if not self.is_conversation:
            return ""
        kept = {key: v for key, v in self._body.items() if key not in _NO_SETTINGS}
        return digest_value({key: v for key, v in kept.items() if v is not None and v is not False})

    @cached_property
    def steps(self) -> list[str]:
        """A key for each message, in order."""
        messages = self.document.get("messages") if self.is_conversation else None
        return [digest_value(message) for message in messages] if isinstance(messages, list) else []

    def _read_last_said(self) -> list[Any] | None:
        messages = self._body.get("messages") if self.is_conversation else None
        if not isinstance(messages, list) or not messages or "thread" in self.document:
            return None
        begin = next(
            (at for at in range(len(messages) - 1, -1, -1) if _is_said(messages[at])),
            0,
        )
        ids = ToolIds()
        since = [normalise_message(message, ids) for message in messages[begin:]]
        return [
            message
            for at, message in enumerate(since)
            if at == len(since) - 1 or _role(message) != "assistant"
        ]


def digest_value(value: Any) -> str:
    """32 hex digits over a JSON value; the order of keys does not count."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def normalise_message(message: Any, ids: ToolIds) -> Any:
    """A message with its blocks in normal form."""
    if not isinstance(message, dict):
        return message
    kept = {key: v for key, v in message.items() if v is not None and key != "cache_control"}
    if "content" in kept:
        kept["content"] = _normalise_content(kept["content"], ids)
    return kept


def _normalise_conversation(body: dict[str, Any], ids: ToolIds) -> dict[str, Any]:
    messages, system = body.get("messages"), body.get("system")
    if isinstance(messages, list):
        messages = [normalise_message(message, ids) for message in messages]
    document = {
        "model": body.get("model"),
        "system": _normalise_content([] if system is None else system, ids),
        "tools": _normalise_content(body.get("tools") or [], ids),
        "messages": messages,
    }
    thread = body.get("thread")
    if isinstance(thread, dict) and thread.get("type") == "continue":
        document["thread"] = thread
    return document


def _normalise_content(content: Any, ids: ToolIds) -> Any:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    if not isinstance(content, list):
        return content
    return [_normalise_block(block, ids) for block in content]


def _normalise_block(block: Any, ids: ToolIds) -> Any:
    if not isinstance(block, dict):
        return block
    is_call = str(block.get("type")).endswith("tool_use")
    normal: dict[str, Any] = {}
    for name, value in block.items():
        if value is None or name == "cache_control":
            continue
        if isinstance(value, str) and (name == "tool_use_id" or (name == "id" and is_call)):
            normal[name] = ids.number(value)
        elif name == "content" and (isinstance(value, list) or block.get("type") == "tool_result"):
            normal[name] = _normalise_content(value, ids)
        else:
            normal[name] = value
    return normal


def _is_said(message: Any) -> bool:
    """Whether a message is the user's and holds more than tool results."""
    if _role(message) != "user":
        return False
    content = message.get("content")
    if not isinstance(content, list):
        return True
    return any(
        not isinstance(block, dict) or not str(block.get("type")).endswith("tool_result")
        for block in content
    )


def _role(message: Any) -> Any:
    return message.get("role") if isinstance(message, dict) else None
