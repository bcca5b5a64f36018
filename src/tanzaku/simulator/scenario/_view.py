"""What conditions and templates read of a request, each part worked out when first asked for."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from pydantic_core import from_json

from tanzaku.catalog import UnknownModelError, get_model
from tanzaku.simulator.improviser import (
    ToolResult,
    list_blocks,
    read_result,
    read_text,
)
from tanzaku.simulator.scenario._regex import shorten
from tanzaku.transport import HeaderList

MAX_TEXT = 200_000
MAX_TEXT_END = 50_000


class Text:
    """A text of the request in the forms conditions ask for. Of more than 200,000 characters the
    first 150,000 and the last 50,000 are read."""

    def __init__(self, text: str) -> None:
        if len(text) > MAX_TEXT:
            text = f"{text[: MAX_TEXT - MAX_TEXT_END]}\n{text[-MAX_TEXT_END:]}"
        self.full = text

    @cached_property
    def folded(self) -> str:
        return self.full.lower()

    @cached_property
    def short(self) -> str:
        """What expressions read."""
        return shorten(self.full)

    @cached_property
    def json(self) -> Any:
        """The text as JSON; None where it is none."""
        try:
            return from_json(self.full)
        except ValueError:
            return None


class Result:
    """A tool result of the last message."""

    def __init__(self, result: ToolResult) -> None:
        self.name = result.name
        self.is_error = result.is_error
        self.text = Text(result.text)


class View:
    """A valid request (its parsed body), its headers and the state it meets."""

    def __init__(
        self, request: Mapping[str, Any], headers: HeaderList, state: Mapping[str, Any]
    ) -> None:
        self.request = request
        self.headers = headers
        self.state = state
        self.model: str = request["model"]
        self.stream: bool = bool(request.get("stream"))

    @cached_property
    def model_id(self) -> str:
        """The model's own id, whatever alias or cloud id named it."""
        try:
            return get_model(self.model).id
        except UnknownModelError:
            return self.model

    @cached_property
    def turn(self) -> int:
        """Which answer of the conversation this is; 1 is the first. A prefill at the end is the
        beginning of this one; an answer that a server tool paused is one before it."""
        messages = self.request["messages"]
        answers = [message for message in messages if message["role"] == "assistant"]
        is_begun = messages[-1]["role"] == "assistant" and not any(
            list_blocks(messages[-1]["content"], "server_tool_use")
        )
        return len(answers) + (not is_begun)

    @cached_property
    def tools(self) -> frozenset[str]:
        """The names of the tools offered, the API's own among them."""
        return frozenset(filter(None, (t.get("name") for t in self.request.get("tools") or ())))

    @cached_property
    def header_texts(self) -> dict[str, Text]:
        """Header name in lower case → its values, joined by a comma."""
        joined: dict[str, str] = {}
        for raw_name, raw_value in self.headers:
            name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
            joined[name] = f"{joined[name]}, {value}" if name in joined else value
        return {name: Text(value) for name, value in joined.items()}

    @cached_property
    def system(self) -> Text:
        """The system prompt and the system messages among the conversation."""
        texts = [read_text(self.request.get("system") or "")]
        texts += [
            read_text(message["content"])
            for message in self.request["messages"]
            if message["role"] == "system"
        ]
        return Text("\n".join(filter(None, texts)))

    @cached_property
    def last_user(self) -> Text:
        """The text that a user wrote last: of all messages since the answer before it. Tool
        results are no text of a user, so in a tool loop the question stays."""
        texts: list[str] = []
        for message in reversed(self.request["messages"]):
            if message["role"] == "user":
                text = read_text(message["content"])
                if text:
                    texts.append(text)
            elif message["role"] == "assistant" and texts:
                break
        return Text("\n".join(reversed(texts)))

    @cached_property
    def results(self) -> list[Result]:
        """The tool results that came with the last messages, in order; a prefill may follow."""
        messages = self.request["messages"]
        at = len(messages) - 1 - (messages[-1]["role"] == "assistant")
        blocks: list[Mapping[str, Any]] = []
        while at >= 0 and messages[at]["role"] != "assistant":
            if messages[at]["role"] == "user":
                blocks = [*list_blocks(messages[at]["content"], "tool_result"), *blocks]
            at -= 1
        if not blocks or at < 0:
            return []
        calls = {call["id"]: call for call in list_blocks(messages[at]["content"], "tool_use")}
        return [
            Result(read_result(block, calls[block["tool_use_id"]]))
            for block in blocks
            if block["tool_use_id"] in calls
        ]
