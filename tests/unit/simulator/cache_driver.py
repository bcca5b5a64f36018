"""Requests through the prompt cache as the simulator sends them, and requests short to write."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tanzaku.catalog import count_tokens, get_model
from tanzaku.simulator._cache import CachePlan, CacheUsage, PromptCache
from tanzaku.simulator._prefix import read_prefix
from tanzaku.simulator._prefix_tokens import count_breakpoints

PAGE = "build-with-claude/prompt-caching, 2026-10"
TOOLS_PAGE = "agents-and-tools/tool-use/tool-use-with-prompt-caching, 2026-10"
SONNET = "claude-sonnet-4-5"
KEEPS_THINKING = "claude-sonnet-4-6"
TOOL = {"name": "look", "description": "Looks.", "input_schema": {"type": "object"}}
WEB_SEARCH = {"type": "web_search_20250305", "name": "web_search"}
IMAGE = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}
ENABLED = {"type": "enabled", "budget_tokens": 1024}
MARK = {"cache_control": {"type": "ephemeral"}}
MARK_1H = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}


def row(behaviour: str, standing: str = "documented", source: str = PAGE) -> pytest.MarkDecorator:
    """A row of the fidelity table."""
    return pytest.mark.fidelity("prompt caching", behaviour, standing, source)


def words(tokens: int, salt: str = "book") -> str:
    """A text of so many tokens (`book` and the like are one each, with a space before it too)."""
    return " ".join([salt] * tokens)


def text(tokens: int, salt: str = "book", **mark: Any) -> dict[str, Any]:
    return {"type": "text", "text": words(tokens, salt), **mark}


def user(*content: dict[str, Any] | str) -> dict[str, Any]:
    return {"role": "user", "content": content[0] if _is_bare(content) else list(content)}


def assistant(*content: dict[str, Any] | str) -> dict[str, Any]:
    return {"role": "assistant", "content": content[0] if _is_bare(content) else list(content)}


def _is_bare(content: Sequence[Any]) -> bool:
    return len(content) == 1 and isinstance(content[0], str)


def request(*messages: dict[str, Any], model: str = SONNET, **fields: Any) -> dict[str, Any]:
    return {"model": model, "max_tokens": 100, "messages": list(messages), **fields}


class Caching:
    """A prompt cache and its clock. `on_count` hears of each request whose tokens are counted."""

    def __init__(
        self, on_count: Callable[[dict[str, Any]], object] = lambda begun: None, **options: Any
    ) -> None:
        self.cache = PromptCache(**options)
        self.now = 1_795_000_000.0
        self._on_count = on_count

    def plan(
        self,
        asked: dict[str, Any],
        workspace: str = "default",
        answered: Sequence[dict[str, Any]] = (),
    ) -> CachePlan | None:
        """Start a request; None where it has nothing to do with caching."""
        prefix = read_prefix(asked, get_model(asked["model"]), answered)
        if prefix is None:
            return None
        whole = asked
        if answered:
            whole = {**asked, "messages": [*asked["messages"], assistant(*answered)]}
        total = count_tokens(whole, asked["model"])

        async def count(begun: Any) -> int:
            self._on_count(begun)
            return count_tokens(begun, asked["model"])

        tokens = asyncio.run(
            count_breakpoints(
                prefix, whole, total, count, lambda d: self.cache.find_tokens(workspace, d)
            )
        )
        return self.cache.plan(self.now, workspace, prefix, tokens, total)

    def begin(self, plan: CachePlan | None) -> None:
        """The answer to a started request begins."""
        if plan is not None:
            self.cache.commit(plan, self.now)

    def send(self, asked: dict[str, Any], workspace: str = "default") -> CacheUsage:
        """A whole request, answered at once."""
        plan = self.plan(asked, workspace)
        self.begin(plan)
        if plan is None:
            return CacheUsage(count_tokens(asked, asked["model"]), 0, 0, 0)
        return plan.usage
