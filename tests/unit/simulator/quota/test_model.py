"""Token buckets against a reference written from the rules alone, on random traffic."""

import math
from datetime import UTC, datetime
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tanzaku.catalog import get_model
from tanzaku.simulator._cache import CacheUsage
from tanzaku.simulator.quota import Admission, Quota, Refusal, parse_limits
from unit.simulator.quota.quota_reference import ReferenceQuota, Sent

START = 1_795_000_000
KEYS = ("requests", "input_tokens", "output_tokens")
# Two models of one class, and one of another.
POOLS = {
    "claude-opus-4-8": "opus-4",
    "claude-opus-4-6": "opus-4",
    "claude-haiku-4-5": "haiku-4-5",
}
OPUS, HAIKU, DOCS = (7, 9_000, 2_400), (30, 24_000, 6_000), (4, 9_000, 1_000)
LIMITS = {
    "models": {
        "claude-opus-4-8": dict(zip(KEYS, OPUS, strict=True)),
        "claude-haiku-4-5": dict(zip(KEYS, HAIKU, strict=True)),
    },
    "workspaces": {
        "wrkspc_docs": {"models": {"claude-opus-4-6": dict(zip(KEYS, DOCS, strict=True))}}
    },
}
FAMILIES = {
    "requests": "anthropic-ratelimit-requests",
    "input tokens": "anthropic-ratelimit-input-tokens",
    "output tokens": "anthropic-ratelimit-output-tokens",
}

TOKENS = st.integers(0, 4_000) | st.sampled_from([8_999, 9_000, 9_001, 24_001])
STEPS = st.one_of(
    # Quarters of a second are exact in the clock's floats.
    st.tuples(st.just("wait"), st.integers(0, 120), st.none(), st.none()),
    st.tuples(
        st.just("send"),
        TOKENS,
        st.sampled_from(list(POOLS)),
        st.sampled_from(["wrkspc_docs", "wrkspc_other"]),
    ),
    st.tuples(st.just("correct"), TOKENS, st.integers(0, 9), st.none()),
    st.tuples(st.just("finish"), TOKENS, st.integers(0, 9), st.none()),
)


class Traffic:
    """The same steps taken by the machine and by the reference."""

    def __init__(self) -> None:
        self.quota = Quota(parse_limits(LIMITS), "org")
        self.reference = ReferenceQuota(
            {"opus-4": OPUS, "haiku-4-5": HAIKU, ("wrkspc_docs", "opus-4"): DOCS}
        )
        self.now = Fraction(START)
        self.under_way: list[tuple[Admission, Sent]] = []
        self.uncorrected: list[tuple[Admission, Sent]] = []

    def send(self, tokens: int, model: str, workspace: str) -> None:
        admission = self.quota.admit(float(self.now), get_model(model), tokens, workspace=workspace)
        expected = self.reference.admit(self.now, workspace, POOLS[model], tokens)
        if isinstance(expected, Sent):
            assert isinstance(admission, Admission)
            self.under_way.append((admission, expected))
            self.uncorrected.append((admission, expected))
            self.check_headers(admission, expected)
        else:
            assert isinstance(admission, Refusal)
            longest = {kind: self.longest(waits) for kind, waits in expected.items()}
            seconds = max(longest.values())
            assert admission.retry_after_s == (60 if math.isinf(seconds) else max(1, seconds))
            assert longest[admission.reason] == seconds

    def longest(self, waits: list[int | None]) -> float:
        return max(math.inf if wait is None else wait for wait in waits)

    def correct(self, tokens: int, index: int) -> None:
        if index < len(self.uncorrected):
            admission, sent = self.uncorrected.pop(index)
            # However a prompt is split, what was not read from the cache counts.
            written = tokens // 3
            usage = CacheUsage(tokens - written, 5_000, written // 2, written - written // 2)
            admission.correct(float(self.now), usage)
            sent.correct(self.now, tokens)
            self.check_headers(admission, sent)

    def finish(self, tokens: int, index: int) -> None:
        if index < len(self.under_way):
            admission, sent = self.under_way.pop(index)
            admission.finish(float(self.now), tokens)
            admission.finish(float(self.now), tokens)
            sent.finish(self.now, tokens)
            self.check_headers(admission, sent)

    def check_headers(self, admission: Admission, sent: Sent) -> None:
        headers = dict(admission.headers(float(self.now)))
        for kind, family in FAMILIES.items():
            limits = [limit for name, limit in sent.limits if name == kind]
            left = min(limit.left(self.now) for limit in limits)
            narrowest = [limit for limit in limits if limit.left(self.now) == left]
            shown = int(headers[f"{family}-remaining".encode()])
            if kind == "requests":
                rounded = math.floor(left)
            else:
                rounded = math.floor(left / 1000 + Fraction(1, 2)) * 1000
            assert shown in {max(0, min(rounded, limit.per_minute)) for limit in narrowest}
            reset = datetime.strptime(
                headers[f"{family}-reset".encode()].decode(), "%Y-%m-%dT%H:%M:%SZ"
            ).replace(tzinfo=UTC)
            assert reset.timestamp() in {math.ceil(limit.full_at(self.now)) for limit in narrowest}


def run_traffic(steps: list[tuple[str, int, object, object]]) -> None:
    traffic = Traffic()
    for action, amount, what, where in steps:
        match action:
            case "wait":
                traffic.now += Fraction(amount, 4)
            case "send":
                traffic.send(amount, str(what), str(where))
            case "correct":
                assert isinstance(what, int)
                traffic.correct(amount, what)
            case _:
                assert isinstance(what, int)
                traffic.finish(amount, what)


FIDELITY = pytest.mark.fidelity(
    "rate limits",
    "token buckets of requests, input and output tokens by model class, refilled continuously; "
    "workspace limits below them",
    "documented",
    "api/rate-limits, 2026-09-02",
)


@FIDELITY
@settings(max_examples=400, deadline=None, derandomize=True)
@given(st.lists(STEPS, max_size=40))
def test_random_traffic_gets_what_the_reference_gives_it(
    steps: list[tuple[str, int, object, object]],
) -> None:
    """Who is let in, which limit is named, how long to wait, what is left and when all is."""
    run_traffic(steps)


@pytest.mark.full
@settings(max_examples=4_000, deadline=None, derandomize=True)
@given(st.lists(STEPS, max_size=80))
def test_more_random_traffic_gets_what_the_reference_gives_it(
    steps: list[tuple[str, int, object, object]],
) -> None:
    run_traffic(steps)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(st.integers(0, 2_000), st.integers(0, 700)), min_size=1, max_size=60),
    st.sampled_from([60.0, 1.0, 7.5]),
)
def test_no_window_lets_through_more_than_a_full_bucket_and_its_refill(
    traffic: list[tuple[int, int]], burst_s: float
) -> None:
    limits = {
        "each_model": {"requests": 120, "input_tokens": 3_000},
        "burst_s": burst_s,
    }
    quota = Quota(parse_limits(limits), "org")
    model = get_model("claude-haiku-4-5")
    now, let_in = float(START), []
    for gap_ms, tokens in traffic:
        now += gap_ms / 1000
        if isinstance(quota.admit(now, model, tokens), Admission):
            let_in.append((now, tokens))
    for first, (opened, _) in enumerate(let_in):
        tokens_let_in = 0
        for requests, (time, tokens) in enumerate(let_in[first:], start=1):
            tokens_let_in += tokens
            window_s = time - opened + 1e-5
            assert requests <= 120 * burst_s / 60 + window_s * 2
            assert tokens_let_in <= 3_000 + window_s * 50
