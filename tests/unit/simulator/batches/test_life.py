"""The life of a batch, told by the clock alone."""

import math
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tanzaku.simulator._chance import Chance
from tanzaku.simulator.batches import BatchLife
from tanzaku.wire import ApiError

T0 = 1_795_000_000.0
DAY_S = 86_400.0
COUNTS = ("processing", "succeeded", "errored", "canceled", "expired")


def show(life: BatchLife, now: float) -> dict[str, Any]:
    return dict(life.describe("msgbatch_1", now, "URL"))


def run_until(life: BatchLife, now: float) -> None:
    """What whoever works a batch off does: answers what is due, and ends what is over."""
    while life.done < life.due(now):
        life.record("succeeded")
    if life.ended_at is None and now >= life.ends_at:
        while life.done < life.total:
            life.record(life.leftover)
        life.end()


@pytest.mark.fidelity(
    "batches",
    "counts other than processing stay 0 until the whole batch has ended",
    "documented",
    "SDK types/messages/message_batch.py",
)
def test_requests_count_as_processing_until_all_are_done() -> None:
    life = BatchLife(10, T0, duration_s=100.0)
    run_until(life, T0 + 99.0)
    assert life.done == 9
    assert show(life, T0 + 99.0) == {
        "id": "msgbatch_1",
        "type": "message_batch",
        "processing_status": "in_progress",
        "request_counts": dict(zip(COUNTS, (10, 0, 0, 0, 0), strict=True)),
        "ended_at": None,
        "created_at": "2026-11-18T11:06:40Z",
        "expires_at": "2026-11-19T11:06:40Z",
        "archived_at": None,
        "cancel_initiated_at": None,
        "results_url": None,
    }
    run_until(life, T0 + 250.0)
    ended = show(life, T0 + 250.0)
    assert ended["request_counts"] == dict(zip(COUNTS, (0, 10, 0, 0, 0), strict=True))
    assert ended["processing_status"] == "ended"
    assert ended["ended_at"] == "2026-11-18T11:08:20Z"
    assert ended["results_url"] == "URL"


@pytest.mark.fidelity(
    "batches",
    "a canceled batch is canceling, then ended, with what was sent before",
    "documented",
    "build-with-claude/batch-processing",
)
def test_what_was_sent_before_a_cancel_is_kept() -> None:
    life = BatchLife(10, T0, duration_s=100.0, cancel_takes_s=25.0)
    life.cancel("msgbatch_1", T0 + 42.0)
    canceling = show(life, T0 + 42.0)
    assert canceling["processing_status"] == "canceling"
    assert canceling["cancel_initiated_at"] == "2026-11-18T11:07:22Z"
    assert life.due(T0 + 99.0) == 4
    run_until(life, T0 + 66.9)
    assert show(life, T0 + 66.9)["processing_status"] == "canceling"
    run_until(life, T0 + 67.0)
    ended = show(life, T0 + 67.0)
    assert ended["request_counts"] == dict(zip(COUNTS, (0, 4, 0, 6, 0), strict=True))
    assert ended["ended_at"] == "2026-11-18T11:07:47Z"


def test_a_cancel_before_anybody_looked_leaves_nothing_of_an_instant_batch() -> None:
    life = BatchLife(3, T0)
    life.cancel("msgbatch_1", T0)
    run_until(life, T0)
    assert show(life, T0)["request_counts"] == dict(zip(COUNTS, (0, 0, 0, 3, 0), strict=True))


def test_that_a_second_cancel_changes_nothing_is_a_guess() -> None:
    life = BatchLife(3, T0, duration_s=100.0, cancel_takes_s=25.0)
    life.cancel("msgbatch_1", T0 + 1)
    life.cancel("msgbatch_1", T0 + 20)
    assert life.ends_at == T0 + 26


@pytest.mark.fidelity("batches", "an ended batch cannot be canceled", "guess", "none")
@pytest.mark.parametrize("has_run", [True, False])
def test_an_ended_batch_cannot_be_canceled_with_a_guessed_text(has_run: bool) -> None:
    life = BatchLife(3, T0, duration_s=100.0)
    if has_run:
        run_until(life, T0 + 100)
    with pytest.raises(ApiError, match="msgbatch_1 cannot be canceled because it has already"):
        life.cancel("msgbatch_1", T0 + 100)


@pytest.mark.fidelity(
    "batches",
    "what was not sent after 24 hours is expired",
    "documented",
    "build-with-claude/batch-processing",
)
def test_what_was_not_sent_within_a_day_expires() -> None:
    life = BatchLife(100, T0, duration_s=2 * DAY_S)
    run_until(life, T0 + DAY_S - 1)
    assert show(life, T0 + DAY_S - 1)["processing_status"] == "in_progress"
    run_until(life, T0 + 1.5 * DAY_S)
    ended = show(life, T0 + 1.5 * DAY_S)
    assert ended["request_counts"] == dict(zip(COUNTS, (0, 50, 0, 0, 50), strict=True))
    assert ended["ended_at"] == ended["expires_at"]


@pytest.mark.fidelity(
    "batches",
    "results are there for 29 days after creation",
    "documented",
    "build-with-claude/batch-processing",
)
def test_results_are_there_for_29_days() -> None:
    life = BatchLife(1, T0)
    run_until(life, T0)
    last = T0 + 29 * DAY_S - 0.001
    assert life.has_results(last)
    assert show(life, last)["archived_at"] is None
    archived = show(life, T0 + 29 * DAY_S)
    assert not life.has_results(T0 + 29 * DAY_S)
    assert archived["archived_at"] == "2026-12-17T11:06:40Z"
    assert archived["results_url"] is None
    assert archived["request_counts"]["succeeded"] == 1


@pytest.mark.parametrize(
    ("total", "low_s", "high_s"), [(1, 180, 661), (1_195, 215, 696), (100_000, 3_180, 3_661)]
)
def test_how_long_a_batch_takes_is_a_guess(total: int, low_s: float, high_s: float) -> None:
    for number in range(50):
        real = BatchLife.begin(total, T0, 1.0, Chance(number))
        assert low_s <= real.duration_s <= high_s
        fast = BatchLife.begin(total, T0, 60.0, Chance(number))
        assert fast.duration_s == pytest.approx(real.duration_s / 60)
        assert fast.cancel_takes_s == pytest.approx(25 / 60)
        assert BatchLife.begin(total, T0, math.inf, Chance(number)) == BatchLife(total, T0)


@given(
    total=st.integers(1, 100_000),
    duration_s=st.floats(0.001, 3 * DAY_S),
    created_at=st.floats(1e9, 4e9),
    share=st.floats(0, 1.2),
)
def test_what_is_due_grows_to_everything(
    total: int, duration_s: float, created_at: float, share: float
) -> None:
    life = BatchLife(total, created_at, duration_s)
    then = created_at + duration_s * share
    assert 0 <= life.due(created_at) <= life.due(then) <= life.due(then + duration_s) <= total
    everything = total if created_at + duration_s <= life.expires_at else life.due(life.expires_at)
    assert life.due(life.ends_at) == everything
    next_at = life.next_due_at(1)
    assert created_at <= next_at <= life.ends_at
    if next_at < life.ends_at:
        assert life.due(next_at) >= 1


EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.floats(0, 40_000)),
        st.tuples(st.just("answer"), st.integers(0, 5)),
        st.tuples(st.just("cancel"), st.just(0)),
        st.tuples(st.just("catch up"), st.just(0)),
    ),
    max_size=25,
)


@given(
    total=st.integers(1, 30),
    duration_s=st.sampled_from([0.0, 0.5, 300.0, 40_000.0, 200_000.0]),
    events=EVENTS,
)
def test_the_counts_add_up_at_any_time(
    total: int, duration_s: float, events: list[tuple[str, float]]
) -> None:
    life = BatchLife(total, T0, duration_s, cancel_takes_s=min(duration_s, 25.0))
    now, order = T0, ["in_progress", "canceling", "ended"]
    seen = [show(life, now)]
    for event, size in events:
        match event:
            case "wait":
                now += size
            case "answer":
                for _ in range(int(size)):
                    if life.ended_at is None and life.done < life.due(now):
                        life.record("errored" if life.done % 3 else "succeeded")
            case "cancel":
                try:
                    life.cancel("msgbatch_1", now)
                except ApiError:
                    assert now >= life.ends_at
            case _:
                run_until(life, now)
        seen.append(show(life, now))
    for before, after in pairwise(seen):
        counts = after["request_counts"]
        assert sum(counts.values()) == total
        assert counts["processing"] == (0 if after["processing_status"] == "ended" else total)
        assert order.index(before["processing_status"]) <= order.index(after["processing_status"])
        if before["processing_status"] == "ended":
            assert before["request_counts"] == counts
