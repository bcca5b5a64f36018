"""Who goes next, and what goes back into a limit when a call ends, step by step."""

import math
from collections import Counter

from tanzaku.gateway.shaping import Lane, LimitState, Ticket

NOW = 1_800_000_000.0


def build_ticket(key: str = "a", read: int = 100, written: int = 100) -> Ticket:
    return Ticket(key, math.inf, (read, written))


def go(lane: Lane, ticket: Ticket, now: float = NOW) -> Ticket:
    assert lane.enter(now, ticket)
    return ticket


def learn(lane: Lane, now: float = NOW, *, used: tuple[int, int] = (100, 100), **left: int) -> None:
    """A call goes, says what is left of each limit (600 a minute, or that many), and ends."""
    ticket = go(lane, build_ticket(), now)
    states = {
        kind.replace("_", "-"): LimitState(max(600, amount), amount, None)
        for kind, amount in left.items()
    }
    lane.room.learn(now, ticket, states)  # type: ignore[arg-type]  # the kinds are spelt above
    lane.room.finish(now, ticket, *used)


def test_what_a_prompt_did_not_use_is_there_again_at_once() -> None:
    lane = Lane()
    learn(lane, input_tokens=600_000)
    big = go(lane, build_ticket(read=500_000))
    waiting = build_ticket(read=500_000)
    assert not lane.enter(NOW, waiting)
    assert lane.grant(NOW) == []
    lane.room.finish(NOW, big, 1000, 1)
    assert lane.grant(NOW) == [waiting]


def test_what_a_prompt_used_more_is_taken() -> None:
    lane = Lane()
    learn(lane, used=(1, 1), input_tokens=600_000)
    big = go(lane, build_ticket(read=500_000))
    lane.room.finish(NOW, big, 500_000, 1)
    waiting = build_ticket(read=500_000)
    assert not lane.enter(NOW, waiting)


def test_a_call_given_up_before_it_was_sent_gives_its_request_back() -> None:
    lane = Lane()
    learn(lane, requests=1)
    given_up, waiting = go(lane, build_ticket()), build_ticket()
    assert not lane.enter(NOW, waiting)
    lane.leave(NOW, given_up)
    assert lane.grant(NOW) == [waiting]


def test_answers_to_come_are_reckoned_with_before_they_are_there() -> None:
    """Calls that write a hundred tokens in ten seconds, where six hundred a minute come in."""
    lane = Lane()
    first = go(lane, build_ticket())
    lane.room.learn(NOW, first, {"output-tokens": LimitState(600, 600, None)})
    lane.room.finish(NOW + 10, first, 100, 100)
    later = NOW + 100
    under_way = []
    for _ in range(12):
        ticket = build_ticket()
        if lane.enter(later, ticket):
            under_way.append(ticket)
    # Six hundred are there, a hundred come in while those are written, and a hundred and fifty in
    # the time that those who come after may have to wait.
    assert len(under_way) == 9
    lane.room.finish(later, under_way[0], None, 0)
    assert len(lane.grant(later)) == 1


def test_a_limit_that_is_overdrawn_is_waited_for_until_it_has_come_in_again() -> None:
    lane = Lane()
    ticket = go(lane, build_ticket())
    # All six hundred are there in ninety seconds: three hundred are missing now.
    lane.room.learn(NOW, ticket, {"output-tokens": LimitState(600, 0, NOW + 90)})
    lane.room.finish(NOW, ticket, None, 0)
    assert not lane.enter(NOW, build_ticket())
    at = lane.find_next_time(NOW)
    assert at is not None
    assert 30 < at - NOW < 30.2


def test_a_small_limit_is_waited_for_no_longer_than_it_takes() -> None:
    lane = Lane()
    ticket = go(lane, build_ticket())
    # Five requests a minute, of which one is back in three seconds and all in fifty-one.
    lane.room.learn(NOW, ticket, {"requests": LimitState(5, 0, NOW + 51)})
    lane.room.finish(NOW, ticket, None, 0)
    assert not lane.enter(NOW, build_ticket())
    at = lane.find_next_time(NOW)
    assert at is not None
    assert round(at - NOW, 6) == 3


def test_a_small_call_does_not_overtake_a_large_one_that_waits() -> None:
    lane = Lane()
    learn(lane, requests=10_000, input_tokens=600_000)
    go(lane, build_ticket(read=400_000))
    large, small = build_ticket("a", read=400_000), build_ticket("b", read=1)
    assert not lane.enter(NOW, large)
    assert not lane.enter(NOW, small)
    at = lane.find_next_time(NOW)
    assert at is not None
    assert lane.grant(at - 1) == []
    assert lane.grant(at) == [large]
    assert lane.grant(at + 0.001) == [small]


def serve(lane: Lane, last: Ticket) -> Ticket:
    lane.room.finish(NOW, last, None, 0)
    (ticket,) = lane.grant(NOW)
    return ticket


def test_a_key_that_comes_late_does_not_make_up_for_the_time_before() -> None:
    lane = Lane(cap=1)
    last = go(lane, build_ticket("z"))
    for _ in range(40):
        lane.enter(NOW, build_ticket("a"))
    for _ in range(20):
        last = serve(lane, last)
    for _ in range(20):
        lane.enter(NOW, build_ticket("b"))
    keys = []
    for _ in range(10):
        last = serve(lane, last)
        keys.append(last.key)
    assert Counter(keys) == {"a": 5, "b": 5}


def test_a_key_that_asks_again_and_again_is_given_no_more_than_one_that_asked_for_all_at_once() -> (
    None
):
    lane = Lane(cap=1)
    last = go(lane, build_ticket("z"))
    for _ in range(40):
        lane.enter(NOW, build_ticket("patient"))
    lane.enter(NOW, build_ticket("again"))
    keys = []
    for _ in range(20):
        last = serve(lane, last)
        keys.append(last.key)
        if last.key == "again":
            lane.enter(NOW, build_ticket("again"))
    assert Counter(keys) == {"patient": 10, "again": 10}


def test_a_call_that_its_upstream_refused_is_not_charged_for_twice() -> None:
    lane = Lane(cap=1)
    last = go(lane, build_ticket("z"))
    for _ in range(40):
        lane.enter(NOW, build_ticket("a"))
        lane.enter(NOW, build_ticket("b"))
    lane.room.finish(NOW, last, None, 0)
    done: Counter[str] = Counter()
    refused = set()
    while done.total() < 40:
        (ticket,) = lane.grant(NOW)
        if ticket.key == "a" and ticket not in refused:
            refused.add(ticket)
            assert lane.refuse(NOW, ticket, {}, 0.0)
        else:
            done[ticket.key] += 1
            lane.room.finish(NOW, ticket, None, 0)
    assert abs(done["a"] - done["b"]) <= 1
