"""Prompt caching rule by rule, with the examples the documentation gives."""

import copy
from typing import Any

import pytest

from tanzaku.simulator._cache import CacheUsage
from unit.simulator.cache_driver import (
    ENABLED,
    KEEPS_THINKING,
    MARK,
    MARK_1H,
    SONNET,
    TOOL,
    Caching,
    assistant,
    request,
    row,
    text,
    user,
)

HAIKU = "claude-haiku-4-5"
OPUS = "claude-opus-4-5"
PDF = {"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}}
# Of the tokenizer of Claude 3 to 4.6: what a first user turn adds before it and the answer behind.
USER_HEADER, ANSWER_HEADER = 4, 3


def turns(count: int, *, mark_last: bool = True) -> list[dict[str, Any]]:
    """One user message of so many blocks, each of 150 tokens."""
    blocks = [text(150, f"book{number}") for number in range(count)]
    if mark_last:
        blocks[-1] |= MARK
    return blocks


@pytest.fixture
def caching() -> Caching:
    return Caching()


@row("the first request writes up to its breakpoint, the second reads as much")
def test_example_of_the_book(caching: Caching) -> None:
    book = [text(40, "book"), text(3000, "day", **MARK)]
    asked = request(user(text(14, "river")), system=book)

    first, second = caching.send(asked), caching.send(asked)

    # In the page's example 188,086 tokens of system are written, then read; 21 are the question's.
    assert first == CacheUsage(21, 0, 3040, 0)
    assert second == CacheUsage(21, 3040, 0, 0)


@row("the counts of usage: input, creation (the sum of both lifetimes), read")
def test_fields_of_usage_in_the_page_s_example(caching: Caching) -> None:
    system = [text(1800, "book", **MARK_1H), text(100, "day")]
    caching.send(request(user("Hello."), system=system))
    system[1] |= MARK_1H
    question = user(text(148 - USER_HEADER, **MARK), text(2048 - ANSWER_HEADER, "river"))

    usage = caching.send(request(question, system=system))

    assert usage.to_usage() == {
        "input_tokens": 2048,
        "cache_read_input_tokens": 1800,
        "cache_creation_input_tokens": 248,
        "cache_creation": {"ephemeral_5m_input_tokens": 148, "ephemeral_1h_input_tokens": 100},
    }


@row("order tools, system, messages: each level is read as long as all before it stands")
def test_order_of_the_prompt(caching: Caching) -> None:
    asked = request(
        user(text(1000, "river", **MARK)),
        system=[text(1000, "day", **MARK)],
        tools=[TOOL | {"description": "book " * 1000} | MARK],
    )
    tools, system, messages = read_levels(asked)
    caching.send(asked)

    assert caching.send(asked | {"messages": [user("Else.")]}).read_tokens == system
    assert caching.send(asked | {"system": "Else."}).read_tokens == tools
    assert caching.send(asked | {"tools": [TOOL]}).read_tokens == 0
    assert caching.send(asked).read_tokens == messages


def read_levels(asked: dict[str, Any]) -> tuple[int, int, int]:
    """Tokens up to the breakpoints on tools, system and messages of a request that has all three:
    what each leaves uncached when the others are taken away."""
    total = Caching().send(asked)
    whole = total.input_tokens + total.write_5m_tokens + total.write_1h_tokens
    only_tools = asked | {"system": [text(1000, "day")], "messages": [without_marks(asked)]}
    only_system = asked | {"messages": [without_marks(asked)]}
    tools = whole - Caching().send(only_tools).input_tokens
    system = whole - Caching().send(only_system).input_tokens
    return tools, system, whole - total.input_tokens


def without_marks(asked: dict[str, Any]) -> dict[str, Any]:
    message = copy.deepcopy(asked["messages"][0])
    for block in message["content"]:
        block.pop("cache_control", None)
    return message


@row("a prefix is written at breakpoints only; content that stood still is not found")
def test_example_of_the_timestamp(caching: Caching) -> None:
    system = [text(300, f"book{number}") for number in range(5)]
    for second in range(3):
        usage = caching.send(request(user(text(9, f"at{second}", **MARK)), system=system))
        assert usage.read_tokens == 0
        assert usage.write_5m_tokens > 1500

    system[-1] |= MARK
    caching.send(request(user("at 3"), system=system))
    assert caching.send(request(user("at 4"), system=system)).read_tokens > 1500


@row("20 positions of look-back, the breakpoint's own among them")
def test_example_of_the_growing_conversation(caching: Caching) -> None:
    ten, fifteen = caching.send(request(user(*turns(10)))), caching.send(request(user(*turns(15))))
    written = ten.write_5m_tokens
    assert fifteen.read_tokens == written
    assert fifteen.write_5m_tokens > 0

    missed = caching.plan(request(user(*turns(35))))
    assert missed is not None
    assert missed.usage.read_tokens == 0

    twice = turns(35)
    twice[14] |= MARK
    found = caching.plan(request(user(*twice)))
    assert found is not None
    assert found.usage.read_tokens == written + fifteen.write_5m_tokens


@pytest.mark.parametrize(("appended", "is_found"), [(19, True), (20, False)])
@row("20 positions of look-back, the breakpoint's own among them")
def test_edge_of_the_look_back(caching: Caching, appended: int, is_found: bool) -> None:
    caching.send(request(user(*turns(10))))
    assert (caching.send(request(user(*turns(10 + appended)))).read_tokens > 0) == is_found


@row("consecutive tool calls are one position of the look-back, and so are consecutive results")
def test_parallel_calls_do_not_push_an_entry_out_of_reach(caching: Caching) -> None:
    opening = user(text(1500, **MARK))
    caching.send(request(opening))
    calls = [
        {"type": "tool_use", "id": f"toolu_{n}", "name": "look", "input": {}} for n in range(15)
    ]
    results = [
        {"type": "tool_result", "tool_use_id": f"toolu_{n}", "content": "A book."}
        for n in range(15)
    ]
    bare = user(text(1500))

    in_a_row = [turn for pair in zip(calls, results, strict=True) for turn in map(as_turn, pair)]
    assert caching.send(marked(request(bare, *in_a_row))).read_tokens == 0
    parallel = request(bare, assistant(*calls), user(*results))
    assert caching.send(marked(parallel)).read_tokens == 1500 + USER_HEADER


@row("an entry inside of a run of results is found", "guess", "not published")
def test_guess_each_block_of_a_run_is_looked_at(caching: Caching) -> None:
    opening = [
        user(text(1500)),
        assistant({"type": "tool_use", "id": "t", "name": "n", "input": {}}),
    ]
    results = [
        {"type": "tool_result", "tool_use_id": "t", "content": f"Book {n}."} for n in range(30)
    ]
    early = caching.send(marked(request(*opening, user(*results[:5]))))
    late = caching.send(marked(request(*opening, user(*results))))
    assert late.read_tokens == early.write_5m_tokens


def as_turn(block: dict[str, Any]) -> dict[str, Any]:
    return assistant(block) if block["type"] == "tool_use" else user(block)


def marked(asked: dict[str, Any]) -> dict[str, Any]:
    return asked | MARK


@row("an entry can be read once its writer's answer begins: parallel first calls all miss")
def test_parallel_first_calls(caching: Caching) -> None:
    asked = request(user(text(1500, **MARK)))
    parallel = [caching.plan(asked) for _ in range(3)]
    assert [plan.usage.write_5m_tokens for plan in parallel if plan] == [1504] * 3

    caching.begin(parallel[0])
    later = caching.plan(asked)
    assert later is not None
    assert later.usage == CacheUsage(ANSWER_HEADER, 1504, 0, 0)


@row("a request whose answer never begins writes nothing", "guess", "not published")
def test_guess_a_failed_request_writes_nothing(caching: Caching) -> None:
    asked = request(user(text(1500, **MARK)))
    caching.plan(asked)
    assert caching.send(asked).read_tokens == 0


@pytest.mark.parametrize(
    ("mark", "seconds", "is_alive"),
    [(MARK, 299.9, True), (MARK, 300, False), (MARK_1H, 3599.9, True), (MARK_1H, 3600, False)],
    ids=["5m-alive", "5m-over", "1h-alive", "1h-over"],
)
@row("an entry lives 5 minutes, or 1 hour")
def test_lifetime(caching: Caching, mark: dict[str, Any], seconds: float, is_alive: bool) -> None:
    asked = request(user(text(1500, **mark)))
    caching.send(asked)
    caching.now += seconds
    assert (caching.send(asked).read_tokens > 0) == is_alive


@row("the lifetime counts from the start of the request, not of its answer")
def test_example_of_the_answer_of_four_minutes(caching: Caching) -> None:
    asked = request(user(text(1500, **MARK)))
    slow = caching.plan(asked)
    caching.now += 240
    caching.begin(slow)
    caching.now += 59
    assert caching.plan(asked).usage.read_tokens > 0  # type: ignore[union-attr]
    caching.now += 240
    assert caching.plan(asked).usage.read_tokens > 0  # type: ignore[union-attr]


@row("the lifetime counts from the start of the request, not of its answer")
def test_an_answer_that_begins_after_the_lifetime_leaves_nothing(caching: Caching) -> None:
    asked = request(user(text(1500, **MARK)))
    slow = caching.plan(asked)
    caching.now += 300
    caching.begin(slow)
    assert caching.send(asked).read_tokens == 0


@pytest.mark.parametrize(("mark", "pause"), [(MARK, 200), (MARK_1H, 3000)], ids=["5m", "1h"])
@row("a read refreshes an entry for its lifetime, at no cost")
def test_refresh(caching: Caching, mark: dict[str, Any], pause: float) -> None:
    asked = request(user(text(1500, **mark)))
    caching.send(asked)
    for _ in range(4):
        caching.now += pause
        assert caching.send(asked) == CacheUsage(ANSWER_HEADER, 1504, 0, 0)


@row("a block marked before and not now is still found, and refreshed")
def test_marks_move_on(caching: Caching) -> None:
    opening, answer = text(1500), assistant(text(20, "day"))
    caching.send(request(user(opening | MARK)))
    caching.now += 200
    longer = request(user(opening), answer, user(text(30, "river", **MARK)))
    assert caching.send(longer).read_tokens == 1504
    caching.now += 200
    assert caching.send(request(user(opening | MARK))).read_tokens == 1504


@row("a breakpoint before the hit lives on with it", "guess", "no more than hinted at")
def test_guess_a_marked_system_prompt_stays_while_the_conversation_is_read(
    caching: Caching,
) -> None:
    system = [text(1500, "day", **MARK)]
    talk = request(user(text(100, **MARK)), system=system)
    caching.send(talk)
    caching.now += 200
    caching.send(talk)
    caching.now += 200
    assert caching.send(request(user("Something new."), system=system)).read_tokens == 1500


@row("a breakpoint before the hit that ran out is written again", "guess", "no more than hinted at")
def test_guess_a_system_prompt_that_ran_out_is_added_back_unbilled(caching: Caching) -> None:
    system = [text(1500, "day", **MARK)]
    talk = request(user(text(100, **MARK_1H)), system=[text(1500, "day")])
    caching.send(talk)
    caching.now += 1000
    again = caching.send(talk | {"system": system})
    assert again == CacheUsage(ANSWER_HEADER, 1604, 0, 0)
    assert caching.send(request(user("Something new."), system=system)).read_tokens == 1500


@pytest.mark.parametrize(
    ("model", "minimum"), [(SONNET, 1024), (HAIKU, 4096), ("claude-opus-4-6", 4096)]
)
@row("below the model's minimum nothing is cached: both counts 0, no error")
def test_minimum(caching: Caching, model: str, minimum: int) -> None:
    short = request(user("Hello."), system=[text(minimum - 1, **MARK)], model=model)
    long = request(user("Hello."), system=[text(minimum, **MARK)], model=model)
    for _ in range(2):
        usage = caching.send(short)
        assert (usage.read_tokens, usage.write_5m_tokens) == (0, 0)
    assert caching.send(long).write_5m_tokens == minimum
    assert caching.send(long).read_tokens == minimum


@row("a model whose minimum is unknown has 512 tokens", "guess", "not published")
def test_guess_minimum_of_a_model_without_a_published_one(caching: Caching) -> None:
    for tokens, written in ((511, 0), (512, 512)):
        system = [text(tokens, **MARK)]
        asked = request(user("Hello."), system=system, model="claude-fable-5-2")
        assert caching.send(asked).write_5m_tokens == written


@row("a breakpoint below the minimum is passed over, a later one counts")
def test_short_breakpoint_before_a_long_one(caching: Caching) -> None:
    system = [text(1000, **MARK_1H)]
    usage = caching.send(request(user(text(500, "river", **MARK)), system=system))
    assert usage == CacheUsage(ANSWER_HEADER, 0, 1504, 0)
    assert caching.send(request(user("Hello."), system=system)).read_tokens == 0


@row("caches are apart by workspace and by model")
def test_isolation(caching: Caching) -> None:
    asked = request(user(text(4200, **MARK)))
    caching.send(asked)
    assert caching.send(asked, "another").read_tokens == 0
    assert caching.send(asked | {"model": HAIKU}).read_tokens == 0
    assert caching.send(asked | {"model": "claude-sonnet-4-5-20250929"}).read_tokens > 0


LONG, SHORT = MARK_1H, MARK


@pytest.mark.parametrize(
    ("written", "marks", "expected"),
    [
        ((), (LONG, LONG, SHORT), CacheUsage(3, 0, 1000, 3004)),
        ((0,), (LONG, LONG, SHORT), CacheUsage(3, 2004, 1000, 1000)),
        ((0, 1), (LONG, LONG, SHORT), CacheUsage(3, 3004, 1000, 0)),
        ((0, 1, 2), (LONG, LONG, SHORT), CacheUsage(3, 4004, 0, 0)),
        ((1,), (LONG, None, SHORT), CacheUsage(3, 3004, 1000, 0)),
        ((0,), (LONG, None, LONG), CacheUsage(3, 2004, 0, 2000)),
        ((0,), (SHORT, SHORT, None), CacheUsage(1003, 2004, 1000, 0)),
        ((0,), (None, LONG, None), CacheUsage(1003, 2004, 0, 1000)),
    ],
    ids=[
        "nothing cached",
        "first cached",
        "all of 1h cached",
        "all cached",
        "hit between 1h and 5m",
        "1h only",
        "5m only",
        "hit on an unmarked block",
    ],
)
@row("mixed lifetimes: read A, written for 1 hour B - A, for 5 minutes C - B")
def test_mixed_lifetimes(
    caching: Caching,
    written: tuple[int, ...],
    marks: tuple[dict[str, Any] | None, ...],
    expected: CacheUsage,
) -> None:
    blocks = [text(2000, "book"), text(1000, "day"), text(1000, "river")]
    for index in written:
        caching.send(request(user(*blocks[:index], blocks[index] | MARK_1H)))
    asked = request(
        user(*[block | (mark or {}) for block, mark in zip(blocks, marks, strict=True)])
    )
    assert caching.send(asked) == expected


@row("of two writers of one prefix the longer life holds", "guess", "not published")
def test_guess_two_writers_of_one_prefix(caching: Caching) -> None:
    for first, second in ((MARK, MARK_1H), (MARK_1H, MARK)):
        asked = [request(user(text(1500, f"book{first}", **mark))) for mark in (first, second)]
        plans = [caching.plan(each) for each in asked]
        for plan in plans:
            caching.begin(plan)
        for _ in range(2):
            caching.now += 3599
            assert caching.send(asked[0]).read_tokens > 0


@row("the order of keys in a tool call's input counts")
def test_keys_of_a_call_in_another_order(caching: Caching) -> None:
    def ask(arguments: dict[str, Any]) -> dict[str, Any]:
        call = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": arguments}
        result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "A book."}
        return marked(request(user(text(1500)), assistant(call), user(result)))

    caching.send(ask({"a": 1, "b": 2}))
    assert caching.send(ask({"a": 1, "b": 2})).read_tokens > 0
    assert caching.send(ask({"b": 2, "a": 1})).read_tokens == 0


@row("a text block is the same as its string, and as the SDK sends back what it got")
def test_other_ways_to_write_the_same_text(caching: Caching) -> None:
    talk = [user(text(1500)), assistant(text(20, "day")), user("Go on.")]
    caching.send(marked(request(*talk)))
    spelled = [
        user(text(1500)["text"]),
        assistant(text(20, "day", citations=None)),
        user({"type": "text", "text": "Go on."}),
    ]
    assert caching.send(marked(request(*spelled))).write_5m_tokens == 0


@row("who speaks is part of the prompt; messages in a row of one speaker are one")
def test_speakers(caching: Caching) -> None:
    opening, said = text(1500), text(9, "day")
    written = caching.send(marked(request(user(opening), user(said)))).write_5m_tokens
    assert caching.send(marked(request(user(opening, said)))).read_tokens == written
    assert caching.send(marked(request(user(opening), assistant(said)))).read_tokens == 0


@row("automatic: a top-level mark stands on the last block and moves on with the conversation")
def test_automatic_breakpoint(caching: Caching) -> None:
    first = caching.send(marked(request(user(text(1500)))))
    assert first == CacheUsage(ANSWER_HEADER, 0, 1504, 0)
    talk = [user(text(1500)), assistant("A book."), user(text(50, "day"))]
    second = caching.send(marked(request(*talk)))
    assert second.read_tokens == 1504
    assert second.input_tokens == ANSWER_HEADER
    assert second.write_5m_tokens > 50


@row("automatic: of one hour where it says so")
def test_automatic_breakpoint_of_an_hour(caching: Caching) -> None:
    usage = caching.send(request(user(text(1500)), **MARK_1H))
    assert usage == CacheUsage(ANSWER_HEADER, 0, 0, 1504)


@row("automatic: passes over blocks that cannot be marked; without any, nothing is cached")
def test_automatic_breakpoint_walks_back(caching: Caching) -> None:
    thinking = {"type": "thinking", "thinking": "Hm. " * 400, "signature": "s"}
    usage = caching.send(request(user(text(1500)), assistant(thinking), **MARK))
    assert usage.write_5m_tokens == 1504
    assert usage.input_tokens > 400
    assert caching.plan(request(assistant(thinking), **MARK)) is None


@row("automatic: with explicit breakpoints; a no-op on a block marked already")
def test_automatic_and_explicit(caching: Caching) -> None:
    system = [text(1500, "day", **MARK_1H)]
    usage = caching.send(marked(request(user(text(100, **MARK)), system=system)))
    assert usage == CacheUsage(ANSWER_HEADER, 0, 104, 1500)


@row("a request without a mark neither reads nor writes")
def test_no_mark(caching: Caching) -> None:
    caching.send(request(user(text(1500, **MARK))))
    assert caching.plan(request(user(text(1500)))) is None


@row("a mark inside a tool result counts for the result", "guess", "not published")
def test_guess_mark_inside_a_result(caching: Caching) -> None:
    call = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}}
    content = [text(1500, **MARK), text(20)]
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": content}
    usage = caching.send(request(user("Hello."), assistant(call), user(result)))
    assert usage.input_tokens == ANSWER_HEADER
    assert usage.write_5m_tokens > 1500


@row("pre-warming: max_tokens 0 writes, and reads, like any request")
def test_prewarm(caching: Caching) -> None:
    system = [text(5120, **MARK)]
    warm = request(user("warmup"), system=system, model=OPUS) | {"max_tokens": 0}
    # The page's example says 8 tokens of input, by a newer tokenizer.
    assert caching.send(warm) == CacheUsage(USER_HEADER + ANSWER_HEADER + 2, 0, 5120, 0)
    caching.now += 200
    assert caching.send(warm).read_tokens == 5120
    caching.now += 200
    assert caching.send(request(user("Hello."), system=system, model=OPUS)).read_tokens == 5120


@pytest.mark.parametrize(
    ("model", "is_kept"), [(SONNET, False), (HAIKU, False), (KEEPS_THINKING, True), (OPUS, True)]
)
@row("thinking of earlier turns: cached where the model keeps it, else gone with all behind it")
def test_example_of_thinking_with_tools(caching: Caching, model: str, is_kept: bool) -> None:
    def think(number: int) -> dict[str, Any]:
        return {"type": "thinking", "thinking": f"Thought {number}.", "signature": "s"}

    question = user(text(4200))
    call = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "Rain."}
    asking = {"model": model, "thinking": ENABLED, "tools": [TOOL]}
    loop = [question, assistant(think(1), call), user(result)]

    first = caching.send(marked(request(question, **asking)))
    second = caching.send(marked(request(*loop, **asking)))
    answer = assistant(think(2), text(9, "day"))
    third = caching.send(marked(request(*loop, answer, user("And tomorrow?"), **asking)))

    assert second.read_tokens == first.write_5m_tokens
    written = second.read_tokens + second.write_5m_tokens
    assert third.read_tokens == (written if is_kept else first.write_5m_tokens)


@row(
    "entries are bounded; the one used longest ago goes first", "guess", "a bound of the simulator"
)
def test_guess_bounded_memory() -> None:
    caching = Caching(max_entries=2)
    first, second, third = [request(user(text(1500, salt, **MARK))) for salt in ("a", "b", "c")]
    caching.send(first)
    caching.send(second)
    caching.send(first)
    caching.send(third)
    assert caching.plan(first).usage.read_tokens > 0  # type: ignore[union-attr]
    assert caching.plan(second).usage.read_tokens == 0  # type: ignore[union-attr]
    assert caching.plan(third).usage.read_tokens > 0  # type: ignore[union-attr]


def test_tokens_are_counted_only_where_they_are_not_known() -> None:
    """A breakpoint at the end costs no count, nor does one whose prefix was cached before."""
    asked = request(
        user(text(100, "river")), assistant("A book."), user(text(9)), system=[text(1500, **MARK)]
    )
    counted: list[dict[str, Any]] = []
    caching = Caching(on_count=counted.append)
    caching.send(asked | MARK)
    assert [begun["messages"] for begun in counted] == [[]]
    caching.now += 10_000
    caching.send(asked | MARK)
    assert len(counted) == 1
