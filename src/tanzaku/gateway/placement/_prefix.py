"""The prompt as the upstream's cache sees it: blocks in order, each with a digest of all up to it.

Rules: platform.claude.com/docs/en/build-with-claude/prompt-caching (October 2026), read so that a
digest never stands for two prompts that the cache tells apart; where it takes two for different that
the cache holds for equal, less is placed than could be. Tools come first, then system, then messages.
Whatever of the settings ends a part of the cache is taken in where that part begins.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import accumulate
from typing import Any, Final

from pydantic_core import to_json

from tanzaku.catalog import Model, find_current_turn
from tanzaku.gateway._server_tools import has_server_tools

type Path = tuple[str | int, ...]
"""The way to a block: `("system", 0)`, `("messages", 2, "content", 1)`, or where a bare text stands
for a block `("system",)`, `("messages", 2, "content")`."""

_DIGEST_BYTES: Final = 16
_THINKING: Final = ("thinking", "redacted_thinking")


@dataclass(frozen=True, slots=True)
class Prefix:
    """The blocks of a request that marks nothing itself.

    `sizes[i]` counts the bytes of all blocks up to block i; `can_mark[i]` says whether it may carry
    `cache_control`. `ends` are the blocks behind which tools, system and messages end.
    """

    model: Model
    paths: Sequence[Path]
    digests: Sequence[bytes]
    sizes: Sequence[int]
    can_mark: Sequence[bool]
    ends: Sequence[int]

    def find_markable(self, block: int) -> int:
        """The last block up to this one that may be marked; -1 when there is none."""
        while block >= 0 and not self.can_mark[block]:
            block -= 1
        return block


def read_prefix(params: Mapping[str, Any], model: Model) -> Prefix | None:
    """The prefix of a Messages request; None for one that is left as it is: one that marks
    something itself, lets tools act at the server, warms a cache (`max_tokens: 0`) or is not built
    as the API wants it."""
    if params.get("cache_control") is not None or not params.get("max_tokens"):
        return None
    if has_server_tools(params) or params.get("thread") is not None:
        return None
    try:
        reader = _Reader(params, model)
        reader.read()
    except (KeyError, TypeError, AttributeError, ValueError):
        return None
    if reader.has_marks or not reader.digests:
        return None
    sizes = list(accumulate(reader.lengths))
    return Prefix(model, reader.paths, reader.digests, sizes, reader.can_mark, reader.ends)


class _Reader:
    def __init__(self, params: Mapping[str, Any], model: Model) -> None:
        self._params = params
        self._model = model
        self._digest = b""
        self._before = b""
        self.has_marks = False
        self.paths: list[Path] = []
        self.digests: list[bytes] = []
        self.lengths: list[int] = []
        self.can_mark: list[bool] = []
        self.ends: list[int] = []

    def read(self) -> None:
        params, messages = self._params, self._params["messages"]
        config = params.get("output_config") or {}
        contents = list(_iter_blocks(params))
        self._open([self._model.id, config.get("format")])
        for index, tool in enumerate(params.get("tools") or ()):
            if not tool.get("defer_loading"):
                self._add(("tools", index), tool, can_mark=True)
        self._close()
        citations = any(_cites(block) for block in contents)
        self._open(["system", params.get("speed"), citations])
        self._add_content(("system",), params.get("system") or ())
        self._close()
        images = any(_is_image(block) for block in contents)
        names = ("tool_choice", "thinking")
        self._open([[params.get(name) for name in names], config.get("effort"), images])
        current = 0 if self._model.keeps_earlier_thinking else find_current_turn(messages)
        for index, message in enumerate(messages):
            about = {key: value for key, value in message.items() if key != "content"}
            self._before += to_json(about)
            path: Path = ("messages", index, "content")
            self._add_content(path, message["content"], keeps_thinking=index >= current)
        self._close()

    def _open(self, settings: object) -> None:
        self._before += to_json(settings)

    def _close(self) -> None:
        if self.digests and (not self.ends or self.ends[-1] != len(self.digests) - 1):
            self.ends.append(len(self.digests) - 1)

    def _add_content(self, path: Path, content: Any, *, keeps_thinking: bool = True) -> None:
        if isinstance(content, str):
            if content:
                self._add(path, {"type": "text", "text": content}, can_mark=True)
            return
        for index, block in enumerate(content):
            kind = block["type"]
            if kind not in _THINKING:
                is_empty = kind == "text" and not block["text"]
                self._add((*path, index), block, can_mark=not is_empty)
            elif keeps_thinking:
                self._add((*path, index), block, can_mark=False)

    def _add(self, path: Path, block: Mapping[str, Any], *, can_mark: bool) -> None:
        self.has_marks = self.has_marks or _has_mark(block)
        content = to_json(block)
        # A bare text is one block of text, and may come back as such.
        chained = blake2b(self._digest + self._before + content, digest_size=_DIGEST_BYTES)
        self._digest, self._before = chained.digest(), b""
        self.paths.append(path)
        self.digests.append(self._digest)
        self.lengths.append(len(content))
        self.can_mark.append(can_mark)


def _iter_blocks(params: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The blocks of all messages, those inside tool results too."""
    for message in params["messages"]:
        if not isinstance(message["content"], str):
            for block in message["content"]:
                yield block
                if isinstance(block.get("content"), list):
                    yield from block["content"]


def _has_mark(block: Mapping[str, Any]) -> bool:
    if block.get("cache_control") is not None:
        return True
    inner = block.get("content")
    return isinstance(inner, list) and any(
        isinstance(one, dict) and one.get("cache_control") is not None for one in inner
    )


def _is_image(block: Mapping[str, Any]) -> bool:
    return block.get("type") == "image"


def _cites(block: Mapping[str, Any]) -> bool:
    citations = block.get("citations")
    return isinstance(citations, Mapping) and bool(citations.get("enabled"))
