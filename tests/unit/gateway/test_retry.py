"""The retry decision against the SDK's documented rules; nothing here waits or connects."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tanzaku.gateway import RetryPolicy
from tanzaku.gateway._retry import Verdict
from tanzaku.transport import HeaderList

NOW = 1_792_000_000.0
IN_NINE_SECONDS = b"Wed, 14 Oct 2026 17:46:49 GMT"


def judge(
    status: int, headers: HeaderList | None = None, *, retries: int = 0, policy: RetryPolicy
) -> Verdict:
    return policy.judge_answer(retries, status, headers or [], NOW, Random(1))


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529, 599])
def test_a_passing_trouble_is_tried_again(status: int) -> None:
    assert judge(status, policy=RetryPolicy(backoff_s=(1,))).wait_s == 1


@pytest.mark.parametrize("status", [200, 304, 400, 401, 402, 403, 404, 413, 422, 499])
def test_an_answer_that_stands_is_not_tried_again(status: int) -> None:
    assert judge(status, policy=RetryPolicy(backoff_s=(1,))) == Verdict(None)


@pytest.mark.parametrize(
    ("status", "wish", "wait_s"),
    [(400, b"true", 1), (429, b"false", None), (529, b"false", None), (429, b"maybe", 1)],
)
def test_x_should_retry_beats_the_status_both_ways(
    status: int, wish: bytes, wait_s: float | None
) -> None:
    verdict = judge(status, [(b"x-should-retry", wish)], policy=RetryPolicy(backoff_s=(1,)))
    assert verdict == Verdict(wait_s)


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ([(b"retry-after", b"7")], 7),
        ([(b"retry-after", b"0.25")], 0.25),
        ([(b"retry-after-ms", b"1500")], 1.5),
        ([(b"retry-after-ms", b"1500"), (b"retry-after", b"7")], 1.5),
        ([(b"retry-after-ms", b"soon"), (b"retry-after", b"7")], 7),
        ([(b"retry-after", IN_NINE_SECONDS)], 9),
        ([(b"retry-after", b"60")], 60),
        ([(b"retry-after", b"0")], 3),
        ([(b"retry-after", b"-1")], 3),
        ([(b"retry-after", b"soon")], 3),
        ([(b"retry-after", b"nan")], 3),
        ([(b"retry-after", "\u00e9".encode())], 3),
        ([(b"retry-after", b"Wed, 14 Oct 2020 17:46:49 GMT")], 3),
        ([], 3),
    ],
)
def test_the_upstreams_own_pause_is_honoured_else_the_back_off(
    headers: HeaderList, wait_s: float
) -> None:
    assert judge(429, headers, policy=RetryPolicy(backoff_s=(3,))).wait_s == wait_s


@pytest.mark.parametrize("pause", [b"60.5", b"86400", b"inf"])
def test_a_pause_over_the_cap_gives_up_without_calling_the_retries_used_up(pause: bytes) -> None:
    verdict = judge(429, [(b"retry-after", pause)], policy=RetryPolicy(longest_wait_s=60))
    assert verdict == Verdict(None, is_exhausted=False)


def test_fixed_pauses_follow_the_list_and_repeat_its_last() -> None:
    policy = RetryPolicy(max_retries=5, backoff_s=(1, 2, 4))
    waits = [judge(529, retries=retries, policy=policy).wait_s for retries in range(6)]
    assert waits == [1, 2, 4, 4, 4, None]


@given(retries=st.integers(0, 40), seed=st.integers())
def test_the_default_pause_is_the_sdks_with_its_jitter(retries: int, seed: int) -> None:
    policy = RetryPolicy(max_retries=50)
    whole = min(8.0, 0.5 * 2**retries)
    wait_s = policy.judge_answer(retries, 529, [], NOW, Random(seed)).wait_s
    assert wait_s is not None
    assert 0.75 * whole <= wait_s <= whole
    assert policy.judge_failure(retries, Random(seed)).wait_s == wait_s


@pytest.mark.parametrize(
    ("max_retries", "retries", "verdict"),
    [
        (2, 1, Verdict(1)),
        (2, 2, Verdict(None, is_exhausted=True)),
        (0, 0, Verdict(None, is_exhausted=False)),
    ],
)
def test_used_up_retries_are_told_from_none_allowed(
    max_retries: int, retries: int, verdict: Verdict
) -> None:
    policy = RetryPolicy(max_retries=max_retries, backoff_s=(1,))
    assert judge(529, retries=retries, policy=policy) == verdict
    assert policy.judge_failure(retries, Random(1)) == verdict
