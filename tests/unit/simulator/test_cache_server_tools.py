"""Prompt caching inside an answer that server tools take several turns to give."""

from typing import Any

import pytest

from tanzaku.simulator._cache import CacheUsage
from tanzaku.simulator._prefix import split_server_turns
from unit.simulator.cache_driver import (
    MARK,
    MARK_1H,
    TOOLS_PAGE,
    WEB_SEARCH,
    Caching,
    assistant,
    request,
    row,
    text,
    user,
)


def search(number: int) -> list[dict[str, Any]]:
    call = {
        "type": "server_tool_use",
        "id": f"srvtoolu_{number}",
        "name": "web_search",
        "input": {},
    }
    found = {
        "type": "web_search_result",
        "url": f"https://example.com/{number}",
        "title": "A book",
        "encrypted_content": "c2VjcmV0" * 100,
        "page_age": None,
    }
    result = {
        "type": "web_search_tool_result",
        "tool_use_id": f"srvtoolu_{number}",
        "content": [found],
    }
    return [call, result]


def run(caching: Caching, asked: dict[str, Any], content: list[dict[str, Any]]) -> list[CacheUsage]:
    """The usage of each turn of an answer."""
    usages = [caching.send(asked)]
    for answered in split_server_turns(content):
        plan = caching.plan(asked, answered=answered)
        caching.begin(plan)
        if plan is not None:
            usages.append(plan.usage)
    return usages


def test_turns_end_behind_each_run_of_results() -> None:
    first, second = search(1), search(2)
    content = [text(3), *first, *second, text(4)]
    assert list(split_server_turns(content)) == [content[:3], content[:5]]
    together = [first[0], second[0], first[1], second[1]]
    assert list(split_server_turns(together)) == [together]
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "A book."}
    assert list(split_server_turns([text(3), result])) == []


@pytest.mark.parametrize("mark", [MARK, MARK_1H], ids=["5m", "1h"])
@row(
    "a server tool's result gets a breakpoint of 5 minutes, whatever the request's own is",
    source=TOOLS_PAGE,
)
def test_results_are_written_for_five_minutes(mark: dict[str, Any]) -> None:
    caching = Caching()
    asked = request(user(text(1500)), tools=[WEB_SEARCH], **mark)
    first, second, third = run(caching, asked, [*search(1), *search(2), text(5)])

    opening = first.write_5m_tokens + first.write_1h_tokens
    assert second.read_tokens == opening
    assert second.write_5m_tokens > 100
    assert third.read_tokens == opening + second.write_5m_tokens
    assert third.write_5m_tokens > 100
    assert second.write_1h_tokens == third.write_1h_tokens == 0
    assert second.input_tokens == third.input_tokens == 0


@row("a request without a mark gets no breakpoint on results", source=TOOLS_PAGE)
def test_no_mark_no_breakpoint() -> None:
    asked = request(user(text(1500)), tools=[WEB_SEARCH])
    assert Caching().plan(asked, answered=search(1)) is None


@row("the next request reads what a server tool's result left in the cache", source=TOOLS_PAGE)
def test_next_request_finds_the_results() -> None:
    caching = Caching()
    asked = request(user(text(1500)), tools=[WEB_SEARCH], **MARK)
    content = [*search(1), text(5)]
    usages = run(caching, asked, content)
    followed = asked | {"messages": [*asked["messages"], assistant(*content), user("And now?")]}
    written = usages[1].read_tokens + usages[1].write_5m_tokens
    assert caching.send(followed).read_tokens == written


@row("usage of all turns of an answer is their sum", "guess", "not published")
def test_guess_sum_of_usage() -> None:
    total = CacheUsage(1, 2, 3, 4) + CacheUsage(10, 20, 30, 40)
    assert total == CacheUsage(11, 22, 33, 44)
