"""Breakpoints against the simulator's prompt cache: what they cost, what they save, what they risk."""

import asyncio
import itertools
import json
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from tanzaku.catalog import get_model, resolve_rates
from tanzaku.gateway._stages import ANYONE, Target
from tanzaku.gateway.placement import PlacementSettings, PromptPlacer
from tanzaku.wire import VERSION_2023_06_01, validate

EIGHTH = Decimal("1.125")


def talk(kit: Any, turns: int, *, words: int = 700, **changes: Any) -> list[dict[str, Any]]:
    """The requests of one conversation."""
    messages: list[dict[str, Any]] = []
    requests = []
    for turn in range(turns):
        messages = [*messages, {"role": "user", "content": kit.write(f"question {turn}", words)}]
        requests.append({**kit.ask("", **changes), "messages": messages})
        messages = [*messages, {"role": "assistant", "content": f"answer {turn}"}]
    return requests


def test_a_conversation_is_read_from_the_cache_from_its_third_turn_on(kit: Any) -> None:
    stand = kit.Stand()
    system = kit.write("system", 2000)
    usages = stand.play(*((30, params) for params in talk(kit, 8, system=system)))
    reads = [usage["cache_read_input_tokens"] for usage in usages]
    assert reads[:2] == [0, 0]
    assert all(later > earlier for earlier, later in itertools.pairwise(reads[1:]))
    assert stand.placed_usd < stand.plain_usd * Decimal("0.5")


@pytest.mark.parametrize("model", ["claude-haiku-4-5", "claude-haiku-5-5", "claude-sonnet-4-5"])
def test_a_shared_beginning_is_written_at_second_sight_and_then_read(kit: Any, model: str) -> None:
    stand = kit.Stand()
    system = kit.write("system", 4200)
    usages = stand.play(*((60, kit.ask(f"question {n}", system, model=model)) for n in range(12)))
    assert [bool(usage["cache_creation_input_tokens"]) for usage in usages] == [
        turn == 1 for turn in range(12)
    ]
    assert all(usage["cache_read_input_tokens"] for usage in usages[2:])
    assert stand.placed_usd < stand.plain_usd * Decimal("0.4")


def test_what_is_never_seen_again_is_left_alone(kit: Any) -> None:
    stand = kit.Stand()
    stand.play(*((20, kit.ask(kit.write(f"text {n}", 1500))) for n in range(30)))
    assert not any(stand.marks)


def test_at_first_sight_nothing_is_placed_unless_always(kit: Any) -> None:
    system = kit.write("system", 2000)
    for place, marked in (("seen", False), ("always", True)):
        stand = kit.Stand(PlacementSettings(place=place))
        stand.play((0, kit.ask("question", system)))
        assert bool(stand.marks[0]) is marked


def test_a_prompt_that_comes_again_too_late_is_not_written(kit: Any) -> None:
    stand = kit.Stand()
    system = kit.write("system", 2000)
    stand.play(*((301, kit.ask(f"question {n}", system)) for n in range(10)))
    assert not any(stand.marks)
    assert stand.placed_usd == stand.plain_usd


def test_an_hour_is_asked_for_where_it_may_be_and_pays(kit: Any) -> None:
    system = kit.write("system", 2000)
    spent = {}
    for longest in ("5m", "1h"):
        stand = kit.Stand(PlacementSettings(longest=longest))
        stand.play(*((1200, kit.ask(f"question {n}", system)) for n in range(40)))
        spent[longest] = stand.placed_usd / stand.plain_usd
        assert {mark.ttl for marks in stand.marks for mark in marks} == (
            {"1h"} if longest == "1h" else set()
        )
    assert spent["1h"] < Decimal("0.4")
    assert spent["5m"] == 1


@pytest.mark.parametrize("model", ["claude-haiku-4-5", "claude-haiku-5-5", "claude-sonnet-4-5"])
@pytest.mark.parametrize("above", [-1, 0])
def test_no_prefix_under_the_minimum_is_marked(kit: Any, model: str, above: int) -> None:
    """The number of words is sought at which the simulator begins to write at all."""
    least = get_model(model).cache_minimum_tokens
    assert least is not None

    async def measure(words: int) -> int:
        return await kit.count(
            {"messages": [], "system": "a" + " a" * words}, model
        ) - await kit.count({"messages": []}, model)

    words = least
    while asyncio.run(measure(words)) < least:
        words += 1
    while asyncio.run(measure(words - 1)) >= least:
        words -= 1
    stand = kit.Stand(PlacementSettings(place="always"))
    [usage] = stand.play((0, kit.ask("q", "a" + " a" * (words + above), model=model)))
    systems = [mark for mark in stand.marks[0] if mark.path == ("system",)]
    assert bool(systems) is (above == 0)
    if systems:
        assert usage["cache_creation_input_tokens"] >= least


RESULT = [{"type": "tool_result", "tool_use_id": "toolu_01A", "content": "found"}]
CALL = [{"type": "tool_use", "id": "toolu_01A", "name": "map", "input": {}}]


def test_never_more_than_four_marks_and_the_api_would_take_them_all(kit: Any) -> None:
    stand = kit.Stand(PlacementSettings(place="always", longest="1h"))
    tool = {"name": "map", "description": kit.write("map", 900), "input_schema": {"type": "object"}}
    changes = {"tools": [tool], "system": [{"type": "text", "text": kit.write("system", 900)}]}
    requests = talk(kit, 5, **changes)
    loop = [*requests[-1]["messages"], {"role": "assistant", "content": CALL}]
    requests.append({**requests[-1], "messages": [*loop, {"role": "user", "content": RESULT}]})
    stand.play(*((400 if n == 3 else 100, params) for n, params in enumerate(requests)))
    assert max(len(marks) for marks in stand.marks) == 4
    for body in stand.bodies:
        params = json.loads(body)
        assert not validate(params, get_model(kit.MODEL), VERSION_2023_06_01)
        ttls = [mark.get("ttl", "5m") for mark in find_marks(params)]
        assert ttls == sorted(ttls, key=["1h", "5m"].index)


def find_marks(value: Any) -> list[Any]:
    """Every `cache_control`, in the order of the prompt."""
    if isinstance(value, dict):
        names = ("tools", "system", "messages")
        found = [value["cache_control"]] if "cache_control" in value else []
        keys = [*(n for n in names if n in value), *(n for n in value if n not in names)]
        return found + [
            mark for key in keys if key != "cache_control" for mark in find_marks(value[key])
        ]
    return [mark for one in value for mark in find_marks(one)] if isinstance(value, list) else []


LEFT_ALONE: dict[str, Any] = {
    "its own mark": {
        "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}]
    },
    "an automatic mark": {"cache_control": {"type": "ephemeral"}},
    "a mark inside a result": {
        "messages": [
            {
                "role": "user",
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": "t",
                        "content": [
                            {"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}
                        ],
                    }
                ],
            }
        ]
    },
    "server tools": {"tools": [{"type": "web_search_20260318", "name": "web_search"}]},
    "a warmed cache": {"max_tokens": 0},
    "nonsense": {"messages": [7]},
    "no messages": {"messages": None},
    "an unknown model": {"model": "claude-unheard-of"},
}


@pytest.mark.parametrize("what", LEFT_ALONE)
def test_some_requests_are_left_as_they_are(kit: Any, what: str) -> None:
    async def go() -> None:
        stand = kit.Stand()
        placer = PromptPlacer(PlacementSettings(place="always"), kit.count)
        params = {**kit.ask("question", kit.write("system", 2000)), **LEFT_ALONE[what]}
        asked, request = kit.read_as(params, stand.clock)
        target = Target("sim", stand.plain)
        assert await placer.place("exch_1", asked, ANYONE, target, request) is None

    asyncio.run(go())


def test_thinking_and_empty_texts_are_never_marked(kit: Any) -> None:
    async def go() -> None:
        stand = kit.Stand()
        placer = PromptPlacer(PlacementSettings(place="always"), kit.count)
        thinking = {"type": "thinking", "thinking": kit.write("thought", 900), "signature": "s"}
        answer = [{"type": "text", "text": kit.write("answer", 900)}, thinking]
        messages = [
            {"role": "user", "content": kit.write("question", 900)},
            {"role": "assistant", "content": answer},
            {"role": "user", "content": [{"type": "text", "text": ""}]},
        ]
        params = kit.ask("") | {"messages": messages}
        asked, request = kit.read_as(params, stand.clock)
        placed = await placer.place("exch_1", asked, ANYONE, Target("sim", stand.plain), request)
        assert placed is not None
        assert [mark.path for mark in placed.marks] == [("messages", 1, "content", 0)]
        assert placed.header == (b"tanzaku-cache-placed", b"1; messages.1.content.0 5m")

    asyncio.run(go())


def build_traffic(kit: Any, seed: int) -> list[tuple[float, dict[str, Any]]]:
    """Conversations and single questions, a few shared beginnings, gaps around both lifetimes."""
    chance = Random(seed)
    systems = [kit.write(f"system {n}", chance.choice([300, 900, 2000])) for n in range(3)]
    open_talks: list[tuple[str, list[dict[str, Any]]]] = []
    steps = []
    for n in range(60):
        gap_s = chance.choice([0, 1, 20, 120, 299, 301, 900, 3599, 3700])
        if open_talks and chance.random() < 0.5:
            system, messages = chance.choice(open_talks)
        else:
            system, messages = chance.choice([*systems, kit.write(f"new {n}", 700)]), []
            open_talks.append((system, messages))
        if messages:
            messages.append({"role": "assistant", "content": "ok"})
        messages.append(
            {"role": "user", "content": kit.write(f"q {n}", chance.choice([5, 300, 900]))}
        )
        steps.append((gap_s, {**kit.ask("", system), "messages": list(messages)}))
    return steps


@pytest.mark.parametrize("longest", ["5m", "1h"])
@pytest.mark.parametrize("seed", range(8))
def test_at_no_time_is_more_lost_than_an_eighth(kit: Any, seed: int, longest: Any) -> None:
    stand = kit.Stand(PlacementSettings(longest=longest))
    worst = Decimal(0)

    async def go() -> None:
        nonlocal worst
        for gap_s, params in build_traffic(kit, seed):
            await stand.send(params, gap_s)
            worst = max(worst, stand.placed_usd / stand.plain_usd)
        await stand.plain.close()
        await stand.placed.close()

    asyncio.run(go())
    assert worst <= EIGHTH
    assert any(stand.marks)


@pytest.mark.parametrize("upstream", ["forgets at once", "never writes"])
def test_an_upstream_that_keeps_nothing_costs_an_eighth_and_one_prompt(
    kit: Any, upstream: str
) -> None:
    """The worst there is: a prompt that comes again every minute, and never from the cache."""

    async def go() -> tuple[int, int, int]:
        stand = kit.Stand()
        placer = PromptPlacer(PlacementSettings(), kit.count)
        target = Target("sim", stand.plain)
        plain = placed_cost = largest = 0
        for n in range(200):
            stand.clock.advance(60)
            asked, request = kit.read_as(kit.ask(f"q {n}", kit.write("s", 2000)), stand.clock)
            placed = await placer.place(f"exch_{n}", asked, ANYONE, target, request)
            total = await kit.count(asked.params, kit.MODEL)
            written = total if placed is not None and upstream == "forgets at once" else 0
            usage = {"input_tokens": total - written, "cache_creation_input_tokens": written}
            placer.observe(kit.settle(n, usage))
            plain += 4 * total
            placed_cost += 4 * (total - written) + 5 * written
            largest = max(largest, total)
        return plain, placed_cost, largest

    plain, placed_cost, largest = asyncio.run(go())
    rates = resolve_rates(kit.MODEL).base
    assert rates.cache_write_5m == rates.input * Decimal("1.25")
    assert placed_cost <= Decimal(plain) * EIGHTH + largest


def test_calls_at_the_same_time_write_once(kit: Any) -> None:
    async def go() -> list[bool]:
        stand = kit.Stand()
        placer = PromptPlacer(PlacementSettings(), kit.count)
        target = Target("sim", stand.plain)
        system, placed = kit.write("system", 2000), []
        for n in range(6):
            # What was paid before leaves enough to stake for all of them.
            asked, request = kit.read_as(kit.ask(f"before {n}"), stand.clock)
            await placer.place(f"exch_{n}", asked, ANYONE, target, request)
            placer.observe(kit.settle(n, {"input_tokens": 1_000_000}))
        for n in range(6):
            asked, request = kit.read_as(kit.ask(f"q {n}", system), stand.clock)
            placed.append(await placer.place(f"exch_{n}", asked, ANYONE, target, request))
            if n == 0:
                total = await kit.count(asked.params, kit.MODEL)
                placer.observe(kit.settle(n, {"input_tokens": total}))
        return [one is not None for one in placed]

    assert asyncio.run(go()) == [False, True, False, False, False, False]


def test_what_another_upstream_answered_is_no_longer_at_stake(kit: Any) -> None:
    async def go() -> list[bool]:
        stand = kit.Stand()
        placer = PromptPlacer(PlacementSettings(), kit.count)
        system, placed = kit.write("system", 2000), []
        for n in range(30):
            stand.clock.advance(60)
            asked, request = kit.read_as(kit.ask(f"q {n}", system), stand.clock)
            target = Target("sim", stand.plain)
            placed.append(await placer.place(f"exch_{n}", asked, ANYONE, target, request))
            total = await kit.count(asked.params, kit.MODEL)
            name = "cache_creation_input_tokens" if n else "input_tokens"
            usage = {"input_tokens": 0, name: total}
            placer.observe(kit.settle(n, usage, "another" if n else "sim"))
        return [one is not None for one in placed]

    assert asyncio.run(go()) == [False] + [True] * 29


def test_calls_under_way_are_at_stake_together(kit: Any) -> None:
    """Twenty prompts come again at once, each in a cache of its own; should none be read, what was
    paid before still bounds the loss."""

    async def go() -> tuple[int, int]:
        stand = kit.Stand()
        placer = PromptPlacer(PlacementSettings(), kit.count)
        target = Target("sim", stand.plain)
        asked = [
            kit.read_as(kit.ask("q", kit.write(f"s {n}", 900)), stand.clock) for n in range(20)
        ]
        paid = risked = 0
        for n, (one, request) in enumerate(asked):
            await placer.place(f"exch_{n}", one, ANYONE, target, request)
            total = await kit.count(one.params, kit.MODEL)
            placer.observe(kit.settle(n, {"input_tokens": total}))
            paid += total
        for n, (one, request) in enumerate(asked):
            placed = await placer.place(f"again_{n}", one, ANYONE, target, request)
            if placed is not None:
                risked += await kit.count(one.params, kit.MODEL)
        return paid, risked

    paid, risked = asyncio.run(go())
    assert 0 < risked / 4 <= (paid + paid / 20) / 8


def test_four_marks_are_the_most_though_five_places_would_pay(kit: Any) -> None:
    """Tools that grew, after a shorter list of them was kept alive by other calls."""
    stand = kit.Stand(PlacementSettings(place="always"))
    tools = [
        {
            "name": f"t{n}",
            "description": kit.write(f"t {n}", 900),
            "input_schema": {"type": "object"},
        }
        for n in range(2)
    ]
    few = [kit.ask(kit.write(f"few {n}", 600), tools=tools[:1]) for n in range(3)]
    first, second = talk(kit, 2, tools=tools, system=kit.write("system", 900))
    stand.play((0, few[0]), (0, first), (150, few[1]), (150, few[2]), (10, second))
    assert [len(marks) for marks in stand.marks] == [2, 4, 2, 2, 4]
    assert stand.marks[-1][0].path == ("tools", 0)
