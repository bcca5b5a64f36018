"""Recorded traffic reckoned anew, against prices looked up by hand and the simulator's own answers."""

import asyncio
import gc
import json
import weakref
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tanzaku.catalog import count_content, count_tokens, price
from tanzaku.core import UserError, VirtualClock
from tanzaku.gateway import Gateway, OneTarget
from tanzaku.gateway._stages import ANYONE, Asked, Target
from tanzaku.gateway.placement import PlacementSettings, PromptPlacer
from tanzaku.gateway.whatif import Past, Question, WhatIf, read_export, read_ledger
from tanzaku.ledger import Filters, Ledger, LedgerSettings, Privacy, export
from tanzaku.simulator import Simulator
from tanzaku.transport import HttpRequest, HttpResponse, read_all

HAIKU = "claude-haiku-4-5"
HAIKU_ID = "claude-haiku-4-5-20251001"
NEWER = "claude-haiku-5-5"
SONNET = "claude-sonnet-4-5"
OLD_VERSION = "2023-06-01"
WORDS = [
    "river",
    "stone",
    "letter",
    "window",
    "harbour",
    "morning",
    "paper",
    "winter",
    "garden",
    "signal",
    "copper",
    "travel",
]
NO_FILTER = Filters()


def write(name: str, words: int) -> str:
    chance = Random(name)
    return name + " " + " ".join(chance.choice(WORDS) for _ in range(words))


def ask(text: str, **changes: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": text}]
    return {"model": HAIKU, "max_tokens": 50, "messages": messages} | changes


def build_http(params: Mapping[str, Any], *labels: tuple[str, str]) -> HttpRequest:
    headers = [
        (b"content-type", b"application/json"),
        (b"x-api-key", b"k"),
        (b"anthropic-version", OLD_VERSION.encode()),
        *((name.encode(), value.encode()) for name, value in labels),
    ]
    return HttpRequest("POST", "/v1/messages", headers, json.dumps(params).encode())


async def play(
    ledger: Ledger,
    clock: VirtualClock,
    requests: Sequence[Mapping[str, Any]],
    *,
    gap_s: float = 1.0,
    labels: Sequence[tuple[str, str]] = (),
) -> None:
    """Send the requests through a gateway before a simulator, into the ledger."""
    simulator = Simulator(seed=1, clock=clock)
    gateway = Gateway(OneTarget("sim", simulator), ledger=ledger, clock=clock)
    for params in requests:
        clock.advance(gap_s)
        await read_all(await gateway(build_http(params, *labels)))
    await simulator.close()


def record(
    path: Path,
    *requests: Mapping[str, Any],
    gap_s: float = 1.0,
    labels: Sequence[tuple[str, str]] = (),
    privacy: Privacy = "full",
) -> list[Past]:
    """What a ledger has of those requests."""
    clock = VirtualClock()
    with Ledger.open(path, clock=clock, settings=LedgerSettings(privacy=privacy)) as ledger:
        asyncio.run(play(ledger, clock, requests, gap_s=gap_s, labels=labels))
    with Ledger.read(path) as reader:
        return list(read_ledger(reader, NO_FILTER))


def reckon(pasts: Sequence[Past], by: Any = "model", **question: Any) -> WhatIf:
    what_if = WhatIf(Question(**question), by)
    for past in pasts:
        what_if.take(past)
    return what_if


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


def test_the_same_model_costs_the_same_to_the_last_digit(path: Path) -> None:
    mark = {"cache_control": {"type": "ephemeral"}}
    system = [{"type": "text", "text": write("system", 4300), **mark}]
    requests = [ask(f"q {n}", system=system, stream=n % 2 == 0) for n in range(6)]
    pasts = record(path, *requests, ask("plain"))
    total = reckon(pasts, model=HAIKU).total
    assert total.exchanges == 7
    assert total.usd_then == total.usd_now == sum(past.cost_usd or 0 for past in pasts) > 0


def test_a_batch_costs_half(path: Path) -> None:
    what_if = reckon(record(path, ask("one", stream=True), ask("two")), batch=True)
    assert what_if.total.usd_then * 2 == what_if.total.usd_now > 0
    assert what_if.refusals is not None
    assert what_if.refusals.requests == 0


def test_another_model_is_reckoned_with_its_own_tokenizer_and_price(path: Path) -> None:
    requests = [
        ask(write(f"text {n}", 200), model=model) for n in range(3) for model in (HAIKU, SONNET)
    ]
    pasts = record(path, *requests)
    what_if = reckon(pasts, model=NEWER)
    expected = Decimal(0)
    for past in pasts:
        assert past.params is not None
        assert past.usage is not None
        content = json.loads(past.answer)["content"]
        ratio_in = count_tokens(past.params, NEWER) / count_tokens(past.params, past.model or "")
        ratio_out = count_content(content, NEWER) / count_content(content, past.model or "")
        usage = {
            "input_tokens": round(past.usage["input_tokens"] * ratio_in),
            "output_tokens": round(past.usage["output_tokens"] * ratio_out),
        }
        expected += price(NEWER, usage).total_usd
    assert what_if.total.usd_then == expected
    assert what_if.scale is not None
    assert what_if.scale.how == Counter(counted=6)


def test_what_is_too_long_to_count_is_told_by_the_ratio_of_the_rest(path: Path) -> None:
    pasts = record(path, ask(write("short", 300)), ask(write("long", 40_000)))
    what_if = reckon(pasts, model=NEWER)
    assert what_if.scale is not None
    assert what_if.scale.how == Counter(counted=1, by_ratio=1)
    exact = count_tokens(pasts[1].params or {}, NEWER) / count_tokens(pasts[1].params or {}, HAIKU)
    [ratio] = [one["ratio"] for one in what_if.scale.list_ratios() if one["kind"] == "input"]
    assert ratio == pytest.approx(exact, rel=0.05)


def test_a_prefix_below_the_other_models_minimum_is_no_longer_cached(path: Path) -> None:
    system = [
        {"type": "text", "text": write("system", 2000), "cache_control": {"type": "ephemeral"}}
    ]
    pasts = record(path, *(ask(f"q {n}", model=SONNET, system=system) for n in range(2)))
    assert (pasts[1].usage or {})["cache_read_input_tokens"] > 1024
    total = sum(
        price(
            HAIKU,
            {
                "input_tokens": sum(
                    v for k, v in (past.usage or {}).items() if k.endswith("input_tokens")
                ),
                "output_tokens": (past.usage or {})["output_tokens"],
            },
        ).total_usd
        for past in pasts
    )
    assert reckon(pasts, model=HAIKU).total.usd_then == total


REQUESTS = {
    "plain": ask("hello"),
    "temperature": ask("hello", temperature=0.3),
    "top_k": ask("hello", top_k=5),
    "prefill": ask("hello")
    | {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "It is"}]},
    "budget": ask("hello", max_tokens=3000, thinking={"type": "enabled", "budget_tokens": 1024}),
    "forced tool": ask(
        "hello",
        tools=[{"name": "map", "input_schema": {"type": "object"}}],
        tool_choice={"type": "tool", "name": "map"},
    ),
    "long": ask(write("long", 1000), max_tokens=60_000),
}


@pytest.mark.parametrize("target", [NEWER, "claude-sonnet-5-5", "claude-opus-5-5", SONNET])
def test_refused_are_those_the_other_model_would_refuse(path: Path, target: str) -> None:
    """The simulator is asked each request for the other model."""
    pasts = record(path, *REQUESTS.values())
    assert [past.status for past in pasts] == [200] * len(REQUESTS)
    refusals = reckon(pasts, model=target).refusals
    assert refusals is not None

    async def find_refused() -> dict[str, str]:
        simulator = Simulator(seed=1, clock=VirtualClock())
        found = {}
        for past in pasts:
            answer = await simulator(build_http({**(past.params or {}), "model": target}))
            if answer.status >= 400:
                found[past.id] = json.loads(await read_all(answer))["error"]["message"]
        await simulator.close()
        return found

    refused = asyncio.run(find_refused())
    reasons = refusals.list_reasons()
    assert {one for reason in reasons for one in reason.ids} == set(refused)
    assert refusals.requests == len(refused)
    assert set(refused.values()) <= {reason.message for reason in reasons}


def test_reasons_that_differ_in_numbers_alone_are_one(path: Path) -> None:
    pasts = record(path, *(ask("q", model=NEWER, max_tokens=n) for n in (100_000, 110_000)))
    what_if = reckon(pasts, model=HAIKU)
    assert what_if.refusals is not None
    [reason] = what_if.refusals.list_reasons()
    assert (reason.count, reason.ids) == (2, [past.id for past in pasts])
    assert "100000 > 64000" in reason.message


def test_a_prompt_longer_than_the_other_window_is_refused(path: Path) -> None:
    [past] = record(path, ask("q", model=SONNET))
    values = {name: getattr(past, name) for name in Past.__slots__}
    long = Past(**values | {"usage": {**(past.usage or {}), "input_tokens": 250_000}})
    refusals = reckon([long], model=HAIKU).refusals
    assert refusals is not None
    [reason] = refusals.list_reasons()
    assert reason.message == "prompt is too long: 250000 tokens > 200000 maximum"


def test_a_model_that_was_milder_than_the_rules_does_not_count_against_another(path: Path) -> None:
    """What the rules say of the model that did answer is no news of the other one."""
    pasts = record(path, ask("hello"))
    odd = [
        Past(**{name: getattr(past, name) for name in Past.__slots__} | {"params": params})
        for past in pasts
        for params in [{**(past.params or {}), "service_tier": "odd"}]
    ]
    what_if = reckon(odd, model=SONNET)
    assert what_if.refusals is not None
    assert what_if.refusals.requests == 0


def test_caching_is_reckoned_as_it_really_comes_out(path: Path) -> None:
    """The same traffic through the simulator with breakpoints really placed."""
    systems = [write(f"system {n}", 1500) for n in range(2)]
    requests = [ask(f"question {n}", model=NEWER, system=systems[n % 2]) for n in range(30)]
    for turn in range(6):
        messages = [
            {"role": role, "content": write(f"{role} {n}", 400)}
            for n in range(turn + 1)
            for role in ("user", "assistant")
        ][:-1]
        requests.append(ask("", model=NEWER) | {"messages": messages})
    pasts = record(path, *requests, gap_s=40)
    what_if = reckon(pasts, caching=True)
    output = sum(
        price(
            NEWER, {"input_tokens": 0, "output_tokens": (past.usage or {})["output_tokens"]}
        ).total_usd
        for past in pasts
    )
    really = asyncio.run(cost_with_breakpoints(requests, gap_s=40))
    assert float(what_if.total.usd_then - output) == pytest.approx(float(really), rel=0.03)
    assert float(really) < 0.6 * float(what_if.total.usd_now - output)
    saved = what_if.total.usd_now - what_if.total.usd_then
    assert what_if.saved_by_caching == saved


async def cost_with_breakpoints(requests: Sequence[Mapping[str, Any]], *, gap_s: float) -> Decimal:
    """What the prompts cost when the gateway places."""
    clock = VirtualClock()
    simulator = Simulator(seed=1, clock=clock)
    gone: list[Any] = []

    async def count(request: Mapping[str, Any], model: str) -> int:
        return count_tokens(request, model)

    placer = PromptPlacer(PlacementSettings(), count)
    total = Decimal(0)
    for number, params in enumerate(requests):
        clock.advance(gap_s)
        request = build_http(params)
        asked = Asked(request, "/v1/messages", params, request.body, {}, clock.now(), True)
        target = Target("sim", simulator)
        placed = await placer.place(f"exch_{number}", asked, ANYONE, target, request)
        answer: HttpResponse = await simulator(request if placed is None else placed.request)
        usage = json.loads(await read_all(answer))["usage"]
        total += price(NEWER, {**usage, "output_tokens": 0}).total_usd
        gone.append(usage)
        placer._machine.commit(placer._open.pop(f"exch_{number}")[1], usage)
    await simulator.close()
    return total


@pytest.mark.parametrize("privacy", ["redacted", "metadata"])
def test_what_was_not_kept_is_not_judged_and_said(path: Path, privacy: Any) -> None:
    turns = [
        {"role": role, "content": write(f"text {n}", 50)}
        for n in range(40)
        for role in ("user", "assistant")
    ]
    requests = [ask("", temperature=0.5) | {"messages": turns[:-1]} for _ in range(3)]
    pasts = record(path, *requests, privacy=privacy)
    same = reckon(pasts, model=SONNET, caching=True)
    assert (same.total.exchanges, same.unread, same.total.refused) == (3, 3, 0)
    assert same.replay is not None
    assert same.replay.placed == 0
    other = reckon(pasts, model=NEWER)
    assert other.total.exchanges == 0
    assert other.why == Counter(no_tokens=3)


def test_what_was_never_billed_is_left_out_and_said(path: Path) -> None:
    pasts = record(path, ask("good"), ask("bad", max_tokens=-1))
    what_if = reckon(pasts, batch=True)
    assert (what_if.total.exchanges, what_if.why) == (1, Counter(failed=1))


@pytest.mark.parametrize("by", ["day", "team", "tag", "route", "key", "model"])
def test_rows_add_up(path: Path, by: Any) -> None:
    labels = [("tanzaku-team", "blue"), ("tanzaku-tags", "a"), ("tanzaku-key", "key_1")]
    pasts = record(path, *(ask(f"q {n}") for n in range(5)), gap_s=30_000, labels=labels)
    what_if = reckon(pasts, by, batch=True)
    keys = {
        "day": ["2026-01-01", "2026-01-02"],
        "team": ["blue"],
        "tag": ["a"],
        "route": ["sim"],
        "key": ["key_1"],
        "model": [HAIKU_ID],
    }
    assert sorted(what_if.rows) == keys[by]
    assert sum(row.usd_then for row in what_if.rows.values()) == what_if.total.usd_then
    assert sum(row.exchanges for row in what_if.rows.values()) == 5


def test_an_export_says_what_its_ledger_says(path: Path, tmp_path: Path) -> None:
    requests = [
        ask(write(f"q {n}", 100), stream=n % 2 == 0, temperature=0.5, system=write("s", 2000))
        for n in range(6)
    ]
    pasts = record(path, *requests)
    with Ledger.read(path) as reader:
        export(reader, NO_FILTER, "jsonl", tmp_path / "out.jsonl", with_bodies=True)
    question = {"model": NEWER, "caching": True}
    from_ledger, from_export = (
        reckon(source, **question).to_json()
        for source in (pasts, list(read_export(tmp_path / "out.jsonl")))
    )
    assert from_export == from_ledger
    assert from_ledger["refusals"]["requests"] == 6


def test_a_line_that_is_no_exchange_is_named(tmp_path: Path) -> None:
    file = tmp_path / "out.jsonl"
    file.write_text("\n{}\n")
    with pytest.raises(UserError, match=r"out\.jsonl:2"):
        list(read_export(file))


@pytest.mark.parametrize("model", ["claude-unheard-of", ""])
def test_an_unknown_model_is_refused_at_once(model: str) -> None:
    with pytest.raises(UserError, match="Unknown model"):
        WhatIf(Question(model=model), "day")


def test_of_what_was_taken_in_nothing_stays(path: Path) -> None:
    """So that traffic of any length takes the same room."""
    [past] = record(path, ask("hello", temperature=0.5))
    alive: list[weakref.ref[Params]] = []

    def repeat() -> Iterator[Past]:
        for n in range(300):
            params = Params(past.params or {})
            alive.append(weakref.ref(params))
            values = {name: getattr(past, name) for name in Past.__slots__}
            yield Past(**values | {"params": params, "id": f"exch_{n}"})

    what_if = WhatIf(Question(NEWER, caching=True), "day")
    for one in repeat():
        what_if.take(one)
    del one
    gc.collect()
    assert what_if.total.exchanges == 300
    assert not [kept for kept in alive if kept() is not None]


class Params(dict[str, Any]):
    """One that may be watched."""

    __slots__ = ("__weakref__",)
