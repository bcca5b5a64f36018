"""How long answers take: on a virtual clock, against the distributions they are drawn from."""

import asyncio
import json
import math
import statistics
from random import Random

import pytest

from tanzaku.catalog import get_model
from tanzaku.core import UserError, VirtualClock
from tanzaku.simulator import PaceSettings, Simulator, SimulatorSettings, parse_pace
from tanzaku.simulator._pace import Pacemaker
from tanzaku.transport import HttpRequest, HttpResponse

HAIKU = get_model("claude-haiku-4-5")
HEADERS = [(b"x-api-key", b"k"), (b"anthropic-version", b"2023-06-01")]


def build_request(prompt: str, **fields: object) -> HttpRequest:
    body = {
        "model": "claude-haiku-4-5",
        "max_tokens": 300,
        "messages": [{"role": "user", "content": prompt}],
    }
    return HttpRequest("POST", "/v1/messages", HEADERS, json.dumps(body | fields).encode())


async def run_to_end(clock: VirtualClock, response: HttpResponse) -> list[tuple[float, bytes]]:
    """The chunks of a stream with the times at which they came, in steps of a millisecond."""
    assert not isinstance(response.body, bytes)
    chunks: list[tuple[float, bytes]] = []

    async def read() -> None:
        assert not isinstance(response.body, bytes)
        chunks.extend([(clock.monotonic(), chunk) async for chunk in response.body])

    task = asyncio.create_task(read())
    while not task.done():
        await asyncio.sleep(0)
        clock.advance(0.001)
    await task
    return chunks


@pytest.mark.fidelity(
    "pace",
    "first token and speed are log-normal around the catalogue's medians",
    "guess",
    "catalog",
)
def test_durations_follow_the_catalogue() -> None:
    pacemaker = Pacemaker(PaceSettings(full_load_factor=1))
    first, rests = [], []
    for number in range(4000):
        track = pacemaker.begin(HAIKU, 0, b"%d" % number, 0)
        first.append(track.ttft_s())
        rests.append(track.rest_s(97))
        pacemaker.end()
    assert statistics.median(first) == pytest.approx(HAIKU.pace.ttft_ms / 1000, rel=0.05)
    spread = statistics.stdev(map(math.log, first))
    assert spread == pytest.approx(HAIKU.pace.ttft_spread, rel=0.05)
    assert statistics.median(rests) == pytest.approx(97 / HAIKU.pace.tokens_per_s, rel=0.05)


def test_gaps_add_up_to_the_speed_of_the_answer() -> None:
    track = Pacemaker(PaceSettings(full_load_factor=1)).begin(HAIKU, 0, b"key", 0)
    gaps = [track.gap_s(2) for _ in range(20_000)]
    assert sum(gaps) == pytest.approx(track.rest_s(40_000), rel=0.02)
    assert min(gaps) > 0


def test_the_same_seed_and_request_take_the_same_time() -> None:
    def draw(seed: int, key: bytes, occurrence: int) -> list[float]:
        track = Pacemaker(PaceSettings()).begin(HAIKU, seed, key, occurrence)
        return [track.ttft_s(), *(track.gap_s(1) for _ in range(5))]

    assert draw(1, b"a", 0) == draw(1, b"a", 0)
    assert len({tuple(draw(*case)) for case in [(1, b"a", 0), (2, b"a", 0), (1, b"b", 0), (1, b"a", 1)]}) == 4  # fmt: skip


@pytest.mark.fidelity("pace", "slower in step with answers under way", "guess", "no source")
def test_answers_under_way_slow_each_other_down_evenly_up_to_full_load() -> None:
    pacemaker = Pacemaker(PaceSettings(full_load=101, full_load_factor=3))
    chance = Random(5)
    for under_way in range(1, 250):
        pacemaker.begin(HAIKU, 0, b"%d" % chance.randrange(9), 0)
        share = min(1, (under_way - 1) / 100)
        assert pacemaker.stretch() == pytest.approx(1 + 2 * share)
    for _ in range(249):
        pacemaker.end()
    assert pacemaker.stretch() == 1


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("instant", None),
        ("fast", PaceSettings(speed=10)),
        ("realistic", PaceSettings()),
    ],
)
def test_paces_by_name(text: str, wanted: PaceSettings | None) -> None:
    assert parse_pace(text) == wanted


@pytest.mark.parametrize(
    "text",
    ["slow", "", "ttft", "ttft=x", "ttft=-1", "tps=0", "tps=nan", "load=0.5", "ttft=1;tps=2", "ttft=inf"],
)  # fmt: skip
def test_a_pace_that_is_none_is_refused_with_the_way_out(text: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_pace(text)
    assert "realistic" in caught.value.hint


def test_own_figures_without_spread_are_met_to_the_millisecond() -> None:
    clock = VirtualClock()
    settings = SimulatorSettings(pace=parse_pace("ttft=400,tps=50"))
    simulator = Simulator(clock=clock, settings=settings)

    async def scenario() -> tuple[list[tuple[float, bytes]], int]:
        response = await simulator(build_request("Count from 1 to 40.", stream=True))
        began = clock.monotonic()
        chunks = [(at - began, chunk) for at, chunk in await run_to_end(clock, response)]
        last = json.loads(chunks[-1][1].split(b"event: message_delta\ndata: ")[1].split(b"\n")[0])
        return chunks, last["usage"]["output_tokens"]

    chunks, tokens = asyncio.run(scenario())
    assert chunks[0][1].startswith(b"event: message_start")
    assert chunks[0][0] == pytest.approx(0.4, abs=0.002)
    step = tokens / len(chunks) / 50
    for number, (at, _) in enumerate(chunks):
        assert at == pytest.approx(0.4 + number * step, abs=0.002)


def test_a_whole_answer_comes_after_its_while_and_a_stream_holds_the_same_bytes() -> None:
    clock = VirtualClock()
    paced = Simulator(clock=clock, settings=SimulatorSettings(pace=parse_pace("ttft=100,tps=100")))
    instant = Simulator(clock=clock)

    async def scenario() -> None:
        whole = asyncio.create_task(paced(build_request("Hello")))
        began = clock.monotonic()
        while not whole.done():
            await asyncio.sleep(0)
            clock.advance(0.001)
        body = whole.result().body
        assert isinstance(body, bytes)
        assert body == (await instant(build_request("Hello"))).body
        tokens = json.loads(body)["usage"]["output_tokens"]
        assert clock.monotonic() - began == pytest.approx(0.1 + tokens / 100, abs=0.003)
        stream = await paced(build_request("Hello", stream=True))
        chunks = await run_to_end(clock, stream)
        at_once = await instant(build_request("Hello", stream=True))
        assert b"".join(chunk for _, chunk in chunks) == at_once.body

    asyncio.run(scenario())


def test_what_a_stream_writes_to_the_cache_can_be_read_once_it_has_begun() -> None:
    clock = VirtualClock()
    simulator = Simulator(clock=clock, settings=SimulatorSettings(pace=parse_pace("ttft=1000")))
    system = [{"type": "text", "text": "word " * 6000, "cache_control": {"type": "ephemeral"}}]

    async def read_usage(body: list[tuple[float, bytes]]) -> tuple[int, int]:
        start = json.loads(body[0][1].split(b"data: ")[1].split(b"\n")[0])
        usage = start["message"]["usage"]
        return usage["cache_creation_input_tokens"] > 0, usage["cache_read_input_tokens"] > 0

    async def scenario() -> list[tuple[int, int]]:
        together = [
            await simulator(build_request(prompt, stream=True, system=system)) for prompt in "ab"
        ]
        seen = [await read_usage(await run_to_end(clock, response)) for response in together]
        later = await simulator(build_request("c", stream=True, system=system))
        seen.append(await read_usage(await run_to_end(clock, later)))
        await simulator.close()
        return seen

    assert asyncio.run(scenario()) == [(True, False), (True, False), (False, True)]
