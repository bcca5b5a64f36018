"""What ends which level of the prompt cache: the documentation's table, row by row."""

from typing import Any

import pytest

from unit.simulator.cache_driver import (
    ENABLED,
    IMAGE,
    KEEPS_THINKING,
    MARK,
    PAGE,
    TOOL,
    TOOLS_PAGE,
    WEB_SEARCH,
    Caching,
    assistant,
    request,
    row,
    text,
    user,
)

PDF = {"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}}
LONG_TOOL = TOOL | {"description": "book " * 1000}
BASE = request(
    user(text(1000, "river", **MARK)),
    system=[text(1000, "day", **MARK)],
    tools=[LONG_TOOL | MARK],
    model=KEEPS_THINKING,
)
OTHER_TOOL = [*BASE["tools"], TOOL | {"name": "other"}]
FORMAT = {"format": {"type": "json_schema", "schema": {"type": "object"}}}
# What changes: the last level that stays, what is asked for first, and what then.
CHANGES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "a tool's description": ("", {}, {"tools": [TOOL | {"description": "day " * 1000} | MARK]}),
    "a tool before": ("", {}, {"tools": [TOOL | {"name": "other"}, *BASE["tools"]]}),
    "a key of a schema moved": (
        "",
        {"tools": [LONG_TOOL | {"input_schema": {"type": "object", "title": "T"}} | MARK]},
        {"tools": [LONG_TOOL | {"input_schema": {"title": "T", "type": "object"}} | MARK]},
    ),
    "web search on": ("tools", {}, {"tools": [*BASE["tools"], WEB_SEARCH]}),
    "web search on, named first": ("tools", {}, {"tools": [WEB_SEARCH, *BASE["tools"]]}),
    "web search off": ("tools", {"tools": [*BASE["tools"], WEB_SEARCH]}, {"tools": BASE["tools"]}),
    "speed": ("tools", {}, {"speed": "fast"}),
    "speed named": ("messages", {}, {"speed": "standard"}),
    "citations on": (
        "tools",
        {},
        {"messages": [*BASE["messages"], user(PDF | {"citations": {"enabled": True}})]},
    ),
    "citations off": (
        "messages",
        {},
        {"messages": [*BASE["messages"], user(PDF | {"citations": {"enabled": False}})]},
    ),
    "the system prompt": ("tools", {}, {"system": [text(1000, "pond", **MARK)]}),
    "tool choice": ("system", {}, {"tool_choice": {"type": "any"}}),
    "tool choice named": ("messages", {}, {"tool_choice": {"type": "auto"}}),
    "one tool or the other": (
        "system",
        {"tool_choice": {"type": "tool", "name": "look"}},
        {"tool_choice": {"type": "tool", "name": "other"}},
    ),
    "parallel calls": (
        "system",
        {},
        {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
    ),
    "an image": ("system", {}, {"messages": [*BASE["messages"], user(IMAGE)]}),
    "an image in a result": (
        "system",
        {},
        {
            "messages": [
                *BASE["messages"],
                user({"type": "tool_result", "tool_use_id": "t", "content": [IMAGE]}),
            ]
        },
    ),
    "thinking's display": (
        "messages",
        {"thinking": ENABLED},
        {"thinking": ENABLED | {"display": "omitted"}},
    ),
    "effort, as by default": ("messages", {}, {"output_config": {"effort": "high"}}),
    "a message": ("system", {}, {"messages": [user(text(1000, "pond", **MARK))]}),
    "one more message": ("messages", {}, {"messages": [*BASE["messages"], user("And?")]}),
    "a string for a block": (
        "messages",
        {},
        {"messages": [*BASE["messages"], assistant("Yes.")]},
    ),
    "how long to answer": ("messages", {}, {"max_tokens": 7, "stream": True}),
}
# Published: an output format ends "any" cache, thinking and effort end the messages and on unnamed
# models all. Guessed: what stays before a new tool, that tools go with the format, that thinking and
# effort spare tools and system, that a default counts as left out.
GUESSED_CHANGES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "a tool behind": ("tools", {}, {"tools": OTHER_TOOL}),
    "thinking adaptive": ("system", {}, {"thinking": {"type": "adaptive"}}),
    "thinking on": ("system", {}, {"thinking": ENABLED}),
    "thinking's budget": (
        "system",
        {"thinking": ENABLED},
        {"thinking": ENABLED | {"budget_tokens": 1025}},
    ),
    "thinking off, as by default": ("messages", {}, {"thinking": {"type": "disabled"}}),
    "effort": ("system", {}, {"output_config": {"effort": "low"}}),
    "output format": ("", {}, {"output_config": FORMAT}),
}


@pytest.mark.parametrize("change", sorted(CHANGES))
@row("what ends which level of the cache (tools, system, messages)", source=f"{PAGE}; {TOOLS_PAGE}")
def test_invalidation(change: str) -> None:
    check_invalidation(*CHANGES[change])


@pytest.mark.parametrize("change", sorted(GUESSED_CHANGES))
@row("what thinking, effort, an output format and a tool behind leave standing", "guess", PAGE)
def test_guess_invalidation(change: str) -> None:
    check_invalidation(*GUESSED_CHANGES[change])


def check_invalidation(kept: str, before: dict[str, Any], after: dict[str, Any]) -> None:
    levels = [0, *find_levels(BASE | before)]
    assert len(set(levels)) == 4
    caching = Caching()
    caching.send(BASE | before)
    still_read = caching.send(BASE | after).read_tokens
    assert still_read == dict(zip(("", "tools", "system", "messages"), levels, strict=True))[kept]


def find_levels(asked: dict[str, Any]) -> list[int]:
    """Tokens up to the three breakpoints of `asked`: read by requests that share no more."""
    caching = Caching()
    caching.send(asked)
    shorter = [
        asked | {"system": "Else.", "messages": [user("Else.")]},
        asked | {"messages": [user("Else.")]},
        asked,
    ]
    return [caching.plan(each).usage.read_tokens for each in shorter]  # type: ignore[union-attr]


@row("deferred tools are no part of the prefix", source=TOOLS_PAGE)
def test_deferred_tools() -> None:
    caching = Caching()
    caching.send(BASE)
    far = TOOL | {"name": "far", "defer_loading": True}
    assert caching.send(BASE | {"tools": [far, *BASE["tools"]]}).read_tokens > 3000
