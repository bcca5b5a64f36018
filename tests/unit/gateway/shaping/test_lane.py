"""A lane before the simulator's own rate limits, in virtual time."""

import heapq
import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tanzaku.catalog import get_model
from tanzaku.gateway.shaping import Lane, Ticket, parse_limits
from tanzaku.simulator.quota import Figures, Quota, QuotaSettings, Refusal

MODEL = get_model("claude-haiku-4-5")
START = 1_800_000_000.0
UPLINK_S = 0.04
QUEUE_S = 20.0
type Dated = Literal["let in", "sent"]


@dataclass
class Call:
    key: str
    at: float
    input_tokens: int
    output_tokens: int
    lasts_s: float = 5.0
    is_stream: bool = True
    waited_s: float = math.nan


@dataclass
class World:
    """A lane, the upstream it stands before, and what comes to pass, in order of time.

    `dated` says of which moment an answer's limit headers are, which no page tells: when the call
    was let in or when the answer's head was sent.
    """

    quota: Quota
    dated: Dated = "let in"
    lane: Lane = field(default_factory=Lane)
    now: float = START
    refused_upstream: int = 0
    refused: list[Call] = field(default_factory=list)
    done: list[Call] = field(default_factory=list)
    order: list[Call] = field(default_factory=list)
    _wakes_at: float = 0.0
    _events: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _count: "itertools.count[int]" = field(default_factory=itertools.count)
    _calls: dict[Ticket, Call] = field(default_factory=dict)

    def later(self, at: float, event: Callable[[], None]) -> None:
        heapq.heappush(self._events, (at, next(self._count), event))

    def run(self, calls: Iterable[Call]) -> None:
        for call in calls:
            self.later(call.at, lambda call=call: self.arrive(call))  # type: ignore[misc]
        while self._events:
            at, _, event = heapq.heappop(self._events)
            self.now = max(self.now, at)
            event()

    def arrive(self, call: Call) -> None:
        # The bound is as the gateway makes it: a token a byte, and four bytes a token.
        bound = call.input_tokens * 4 + 1000
        ticket = Ticket(call.key, call.at + QUEUE_S, (bound, 1000))
        self._calls[ticket] = call
        if self.lane.enter(self.now, ticket):
            self.send(ticket)
        self.serve()

    def serve(self) -> None:
        for ticket in self.lane.expire(self.now):
            self.refused.append(self._calls[ticket])
        for ticket in self.lane.grant(self.now):
            self.send(ticket)
        at = self.lane.find_next_time(self.now)
        if at is not None and not self.now < self._wakes_at <= at:
            self._wakes_at = max(at, self.now + 1e-3)
            self.later(self._wakes_at, self.serve)

    def send(self, ticket: Ticket) -> None:
        self.later(self.now + UPLINK_S, lambda: self.ask(ticket))

    def ask(self, ticket: Ticket) -> None:
        call = self._calls[ticket]
        # The quota guesses the size of a prompt before it counts it.
        let_in = self.quota.admit(self.now, MODEL, call.input_tokens)
        if isinstance(let_in, Refusal):
            self.refused_upstream += 1
            error = let_in.to_error()
            headers = dict(error.headers)
            wait_s = float(headers[b"retry-after"])

            def refuse() -> None:
                states = parse_limits(list(error.headers))
                if not self.lane.refuse(self.now, ticket, states, wait_s):
                    self.refused.append(call)
                self.serve()

            self.later(self.now + UPLINK_S, refuse)
            return
        self.order.append(call)
        call.waited_s = self.now - call.at
        early = list(let_in.headers(self.now))
        head_s = 0.5 if call.is_stream else call.lasts_s

        def answer() -> None:
            headers = early if self.dated == "let in" else list(let_in.headers(self.now))
            self.later(self.now + UPLINK_S, lambda: self.learn(ticket, headers))

        def end() -> None:
            let_in.finish(self.now, call.output_tokens)
            self.later(self.now + UPLINK_S, lambda: self.finish(ticket))

        self.later(self.now + head_s, answer)
        self.later(self.now + call.lasts_s, end)

    def learn(self, ticket: Ticket, headers: list[tuple[bytes, bytes]]) -> None:
        self.lane.room.learn(self.now, ticket, parse_limits(headers))
        self.serve()

    def finish(self, ticket: Ticket) -> None:
        call = self._calls[ticket]
        self.lane.room.finish(self.now, ticket, call.input_tokens, call.output_tokens)
        self.done.append(call)
        self.serve()


def build_world(dated: Dated = "let in", **figures: int) -> World:
    settings = QuotaSettings(models={MODEL.rate_pool or "": Figures(**figures)})
    return World(Quota(settings, "org"), dated)


def build_call(chance: Random, at: float, *, is_stream: bool, key: str = "") -> Call:
    """A prompt of 200 to 1,800 tokens and an answer of a quarter of that, 5 s long on average."""
    size = round(1000 * chance.uniform(0.2, 1.8))
    made = round(250 * chance.uniform(0.2, 1.8))
    key = key or f"key_{chance.randrange(3)}"
    return Call(key, at, size, made, chance.uniform(1, 9), is_stream)


def build_calls(
    chance: Random, per_minute: float, minutes: float, *, is_stream: bool, key: str = ""
) -> list[Call]:
    """Calls that come by chance."""
    calls, at = [], START
    while at < START + minutes * 60:
        calls.append(build_call(chance, at, is_stream=is_stream, key=key))
        at += chance.expovariate(per_minute / 60)
    return calls


both_kinds = pytest.mark.parametrize("is_stream", [True, False], ids=["streams", "whole answers"])
both_dates = pytest.mark.parametrize("dated", ["let in", "sent"])

# What comes above the limit is there again within the twenty seconds that a call may wait: how many
# come at once, how many twelve seconds later, how often.
FITTING = {
    "requests": ({"requests": 60}, 70, 0, 90),
    "input": ({"requests": 1000, "input_tokens": 50_000}, 54, 0, 90),
    "output": ({"requests": 1000, "output_tokens": 10_000}, 52, 5, 110),
    "all": ({"requests": 60, "input_tokens": 55_000, "output_tokens": 15_000}, 62, 0, 80),
}


def count_refused_without_lane(world: World, calls: Iterable[Call]) -> int:
    """How many the upstream refuses when each goes as it comes."""
    refused = 0
    ends: list[tuple[float, int, Callable[[], None]]] = []
    for number, call in enumerate(sorted(calls, key=lambda call: call.at)):
        while ends and ends[0][0] <= call.at:
            heapq.heappop(ends)[2]()
        let_in = world.quota.admit(call.at, MODEL, call.input_tokens)
        if isinstance(let_in, Refusal):
            refused += 1
        else:
            at = call.at + call.lasts_s
            end = partial(let_in.finish, at, call.output_tokens)
            heapq.heappush(ends, (at, number, end))
    return refused


@both_dates
@both_kinds
@pytest.mark.parametrize("case", FITTING)
def test_no_client_of_a_load_that_fits_is_refused(case: str, is_stream: bool, dated: Dated) -> None:
    figures, size, more, every_s = FITTING[case]
    chance = Random(case)
    calls = [
        build_call(chance, START + number * every_s + later_s, is_stream=is_stream)
        for number in range(10)
        for later_s, count in ((0, size), (12, more))
        for _ in range(count)
    ]
    assert count_refused_without_lane(build_world(**figures), calls) > 9
    world = build_world(dated, **figures)
    world.run(calls)
    assert world.refused == []
    assert len(world.done) == len(calls)


@both_dates
@both_kinds
@pytest.mark.parametrize(
    ("kind", "rate"), [("requests", 50), ("input_tokens", 50_000), ("output_tokens", 10_000)]
)
def test_a_limit_is_used_up_while_calls_wait_for_it(
    kind: str, rate: int, is_stream: bool, dated: Dated
) -> None:
    minutes = 10
    world = build_world(dated, **{kind: rate})
    world.run(build_calls(Random(3), 150, minutes, is_stream=is_stream))
    used = sum(1 if kind == "requests" else getattr(call, kind) for call in world.done)
    assert used >= 0.97 * rate * minutes
    # Those were asked again without their clients' knowing.
    assert world.refused_upstream <= 0.05 * len(world.done)


@both_dates
@both_kinds
def test_what_others_use_of_the_same_limit_is_seen(is_stream: bool, dated: Dated) -> None:
    """Half of it goes to calls that the lane does not know of."""
    world = build_world(dated, requests=60)
    chance = Random(8)

    def take() -> None:
        let_in = world.quota.admit(world.now, MODEL, 100)
        if not isinstance(let_in, Refusal):
            let_in.finish(world.now, 10)

    for second in range(0, 600, 2):
        world.later(START + second, take)
    calls = build_calls(chance, 120, 10, is_stream=is_stream)
    world.run(calls)
    assert 0.97 * 30 * 10 <= len(world.done) <= 1.1 * 30 * 10 + 60
    # It cannot know when others ask: about as often as it is lucky it is not.
    assert world.refused_upstream <= len(world.done)


@both_kinds
def test_a_greedy_key_takes_no_more_than_one_turn_from_another(is_stream: bool) -> None:
    world = build_world(requests=30)
    chance = Random(5)
    greedy = [
        build_call(chance, START + second, is_stream=is_stream, key="greedy")
        for second in range(600)
        for _ in range(5)
    ]
    modest = [
        build_call(chance, START + 3 + second, is_stream=is_stream, key="modest")
        for second in range(0, 600, 6)
    ]
    world.run([*greedy, *modest])
    assert {call.key for call in world.refused} == {"greedy"}
    # A request comes free every two seconds: one turn of the other's, then one's own.
    assert max(call.waited_s for call in modest) < 4 + UPLINK_S
    assert len(world.done) >= 30 * 10


costs = st.lists(st.integers(1, 50), min_size=1, max_size=20)


@given(st.dictionaries(st.sampled_from("abcd"), costs, min_size=2))
def test_keys_that_wait_are_given_the_same_up_to_one_call(queues: dict[str, list[int]]) -> None:
    lane = Lane(cap=1)
    last = Ticket("z", math.inf, (0, 0))
    assert lane.enter(START, last)
    costs_of = {}
    for key, sizes in queues.items():
        for size in sizes:
            ticket = Ticket(key, math.inf, (size, 0))
            costs_of[ticket] = size
            assert not lane.enter(START, ticket)
    given_to: Counter[str] = Counter()
    waiting = {key: len(sizes) for key, sizes in queues.items()}
    while any(waiting.values()):
        lane.room.finish(START, last, None, 0)
        (last,) = lane.grant(START)
        given_to[last.key] += costs_of[last]
        waiting[last.key] -= 1
        backlogged = [key for key, left in waiting.items() if left]
        for one, other in itertools.combinations(backlogged, 2):
            most = max(queues[one]) + max(queues[other])
            assert abs(given_to[one] - given_to[other]) <= most


events = st.lists(
    st.tuples(
        st.sampled_from(["enter", "enter", "finish", "leave", "refuse", "wait"]),
        st.integers(0, 9),
        st.sampled_from("ab"),
    ),
    max_size=60,
)


@settings(max_examples=300)
@given(st.integers(1, 3), events)
def test_as_many_are_under_way_as_may_be_while_any_waits(
    cap: int, given_events: list[tuple[str, int, str]]
) -> None:
    lane, now = Lane(cap), START
    going: list[Ticket] = []
    waiting: list[Ticket] = []
    order: dict[str, list[Ticket]] = {"a": [], "b": []}
    for event, number, key in given_events:
        if event == "enter":
            ticket = Ticket(key, now + 20, (5, 5))
            order[key].append(ticket)
            (going if lane.enter(now, ticket) else waiting).append(ticket)
        elif event == "finish" and going:
            lane.room.finish(now, going.pop(number % len(going)), None, 0)
        elif event == "leave" and waiting + going:
            ticket = (waiting + going)[number % len(waiting + going)]
            lane.leave(now, ticket)
            (going if ticket in going else waiting).remove(ticket)
        elif event == "refuse" and going:
            ticket = going.pop(number % len(going))
            if lane.refuse(now, ticket, {}, 0.0):
                waiting.append(ticket)
                order[ticket.key].remove(ticket)
                order[ticket.key].insert(0, ticket)
        elif event == "wait":
            now += number
        for ticket in lane.expire(now):
            assert ticket.deadline <= now
            waiting.remove(ticket)
        assert all(ticket.deadline > now for ticket in waiting)
        for ticket in lane.grant(now):
            first = next(one for one in order[ticket.key] if one in waiting)
            assert ticket is first
            waiting.remove(ticket)
            going.append(ticket)
        assert len(going) == cap if waiting else len(going) <= cap
        assert lane.is_waited_for == bool(waiting)
