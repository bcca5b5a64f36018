"""Collecting, against rules said plainly."""

import math

from hypothesis import given
from hypothesis import strategies as st

from tanzaku.gateway.batching._deferred import Deferred, Group
from tanzaku.gateway.batching._desk import BRACKETS, Desk, measure
from tanzaku.gateway.batching._settings import BatchingSettings

ROOM = 1000 - len(b"".join(BRACKETS))
GROUPS = [Group("one", ()), Group("two", ())]
SETTINGS = BatchingSettings(collect_s=60, margin_s=30, max_requests=4, max_bytes=1000)

# Seconds until the call, its group, its size, seconds to its deadline, whether it is taken back.
CALLS = st.lists(
    st.tuples(
        st.integers(0, 40),
        st.integers(0, 1),
        st.integers(1, 1200),
        st.none() | st.integers(10, 200),
        st.booleans(),
    ),
    max_size=40,
)


def find_latest(call: Deferred) -> float:
    latest = call.made_at + 60
    return latest if call.deadline is None else min(latest, call.deadline - 30)


@given(CALLS)
def test_each_call_goes_out_once_in_time_and_in_no_batch_too_large(
    calls: list[tuple[int, int, int, int | None, bool]],
) -> None:
    desk = Desk(SETTINGS)
    expected: dict[str, Deferred] = {}
    sent: dict[str, float] = {}
    now = 1000.0

    def seal() -> None:
        waiting = [call for call in expected.values() if call.id not in sent]
        for group, batch in list(desk.seal_due(now)):
            tray = [call for call in waiting if call.group == group]
            is_due = any(find_latest(call) <= now for call in tray)
            is_full = len(tray) >= 4 or sum(map(measure, tray)) >= ROOM
            assert is_due or is_full
            assert {call.group for call in batch} == {group}
            assert len(batch) <= 4
            body = sum(map(measure, batch)) - 1 + len(b"".join(BRACKETS))
            assert body <= 1000 or len(batch) == 1
            waiting = [call for call in waiting if call not in batch]
            for call in batch:
                assert call.id not in sent
                sent[call.id] = now

    for number, (after, group, size, deadline_s, is_canceled) in enumerate(calls):
        end = now + after
        while desk.next_due_at() <= end:
            now = max(now, desk.next_due_at())
            seal()
        now = end
        deadline = None if deadline_s is None else now + deadline_s
        call = Deferred(f"c{number}", GROUPS[group], "", now, deadline, size)
        desk.put(call)
        if is_canceled:
            assert desk.take(call)
            assert not desk.take(call)
        else:
            expected[call.id] = call
    while desk.next_due_at() < math.inf:
        now = max(now, desk.next_due_at())
        seal()
    assert sent.keys() == expected.keys()
    for call_id, call in expected.items():
        assert sent[call_id] <= max(call.made_at, find_latest(call))


@given(st.lists(st.none() | st.integers(0, 100), max_size=30), st.integers(0, 100))
def test_deadlines_that_have_come_are_named_once(deadlines: list[int | None], now: int) -> None:
    desk = Desk(SETTINGS)
    for number, deadline in enumerate(deadlines):
        at = None if deadline is None else float(deadline)
        desk.remind(Deferred(f"c{number}", GROUPS[0], "", 0.0, at, 1))
    past = {f"c{number}" for number, at in enumerate(deadlines) if at is not None and at <= now}
    assert set(desk.pop_late(now)) == past
    assert list(desk.pop_late(now)) == []
