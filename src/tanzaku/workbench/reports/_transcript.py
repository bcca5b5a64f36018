"""A conversation with Claude as cards of HTML: what was said to it, what it answered."""

import json
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, Final

from tanzaku.look import BothLanguages, Html, join, tag
from tanzaku.workbench.reports._phrases import shorten
from tanzaku.workbench.sending import Reply, to_plain

LONGEST: Final = 20_000
"""Characters of one text in a page; the whole stands in the JSON report and in the log."""


class TranscriptView:
    """Builds the cards of one exchange of the Messages API."""

    def __init__(self, both: BothLanguages) -> None:
        self._both = both

    def build(self, request: dict[str, Any], reply: Reply) -> Html | None:
        """None where neither side is a conversation."""
        messages = request.get("messages")
        turns = (
            [one for one in messages if isinstance(one, dict)] if isinstance(messages, list) else []
        )
        cards = [self._build_turn(str(one.get("role")), one.get("content")) for one in turns]
        if request.get("system"):
            cards.insert(0, self._build_turn("system", request["system"]))
        if reply.message is not None:
            cards.append(
                self._build_turn("assistant", reply.message.get("content"), is_answer=True)
            )
        return tag("div", *cards, class_="transcript") if cards else None

    def _build_turn(self, role: str, content: Any, *, is_answer: bool = False) -> Html:
        known = role if role in {"system", "user", "assistant"} else "other"
        name = self._both.say(f"report.role.{known}")
        note = self._both.say("report.answer") if is_answer else None
        return tag(
            "section",
            tag("h4", name, " " if note else None, note),
            *self._build_blocks(content),
            class_=f"card {known}{' answer' if is_answer else ''}",
        )

    def _build_blocks(self, content: Any) -> Iterator[Html]:
        for block in content if isinstance(content, list) else [content]:
            yield self._build_block(block)

    def _build_block(self, block: Any) -> Html:
        if isinstance(block, str):
            return show_text(block)
        if not isinstance(block, dict):
            return show_json(block)
        return self._builders.get(str(block.get("type")), show_json)(block)

    @cached_property
    def _builders(self) -> dict[str, Callable[[Any], Html]]:
        return {
            "text": lambda block: show_text(str(block.get("text", ""))),
            "thinking": self._build_thinking,
            "tool_use": self._build_call,
            "server_tool_use": self._build_call,
            "mcp_tool_use": self._build_call,
            "tool_result": self._build_result,
            "mcp_tool_result": self._build_result,
            "image": self._build_file,
            "document": self._build_file,
        }

    def _build_thinking(self, block: dict[str, Any]) -> Html:
        text = str(block.get("thinking", ""))
        title = self._both.say("report.thinking", count=len(text))
        return tag("details", tag("summary", title), show_text(text), class_="block thinking")

    def _build_call(self, block: dict[str, Any]) -> Html:
        title = join(
            self._both.say("report.tool_call"),
            " ",
            tag("code", str(block.get("name"))),
            " ",
            tag("span", str(block.get("id", "")), class_="faint small"),
        )
        return tag("div", tag("p", title), show_json(block.get("input")), class_="block call")

    def _build_result(self, block: dict[str, Any]) -> Html:
        is_error = block.get("is_error") is True
        badge = tag("span", self._both.say("report.tool_failed"), class_="badge bad")
        title = join(
            self._both.say("report.tool_result"),
            " ",
            tag("span", str(block.get("tool_use_id", "")), class_="faint small"),
            " ",
            badge if is_error else None,
        )
        content = self._build_blocks(block.get("content"))
        return tag("div", tag("p", title), *content, class_="block result")

    def _build_file(self, block: dict[str, Any]) -> Html:
        """Its kind, its size and its begin: a page that fetched or decoded it would do what the
        text wants."""
        source = block.get("source")
        if not isinstance(source, dict):
            return show_json(block)
        kind = source.get("media_type") or source.get("type")
        data = source.get("data") or source.get("url") or source.get("file_id") or ""
        shown = shorten(str(data), 80)
        return tag("p", tag("code", f"{kind} {len(str(data)):,}: {shown}"), class_="block")


def show_text(text: str) -> Html:
    """A text as it is, its lines kept."""
    return tag("div", shorten(text, LONGEST), class_="block text", dir="auto")


def show_json(value: Any) -> Html:
    """A value as indented JSON."""
    return tag("pre", shorten(render_json(value), LONGEST))


def render_json(value: Any) -> str:
    return json.dumps(to_plain(value), ensure_ascii=False, indent=2)
