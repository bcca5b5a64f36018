"""What counts against which limit."""

from decimal import Decimal

import pytest

from tanzaku.catalog import get_model, get_tier
from tanzaku.simulator._cache import CacheUsage
from tanzaku.simulator.quota import Admission, Refusal
from unit.simulator.quota.conftest import OpenQuota, let_in, refused

NOW = 1_795_000_020.0
DECEMBER = 1_796_083_200.0
HAIKU = get_model("claude-haiku-4-5")
COMMITTED = {"priority": {"claude-haiku-4-5": {"input_tokens": 10_000, "output_tokens": 10_000}}}
GROWING = {"each_model": {"input_tokens": 1_000_000}, "ramp": {"start": 0.2, "step": 0.1}}
HAIKU_3_5 = get_model("claude-3-5-haiku-20241022")


def read_left(admission: Admission, family: str, now: float = NOW) -> int:
    return int(dict(admission.headers(now))[f"anthropic-{family}-remaining".encode()])


@pytest.mark.fidelity(
    "rate limits",
    "input tokens are estimated first and corrected; cache reads are free, cache writes are not",
    "documented",
    "api/rate-limits, 2026-09-02",
)
def test_cache_reads_are_free_and_writes_are_not(open_quota: OpenQuota) -> None:
    quota = open_quota("start")
    admission = let_in(quota.admit(NOW, HAIKU, 1_200_000))
    assert read_left(admission, "ratelimit-input-tokens") == 800_000
    assert refused(quota.admit(NOW, HAIKU, 801_000)).reason == "input tokens"
    admission.correct(NOW, CacheUsage(1_000, 1_000_000, 150_000, 49_000))
    assert read_left(admission, "ratelimit-input-tokens") == 1_800_000
    let_in(quota.admit(NOW, HAIKU, 1_800_000))


@pytest.mark.fidelity(
    "rate limits",
    "cache reads count on Haiku 3.5",
    "documented",
    "api/rate-limits, 2026-09-02",
)
def test_cache_reads_count_where_the_models_limits_say_so(open_quota: OpenQuota) -> None:
    admission = let_in(open_quota("start").admit(NOW, HAIKU_3_5, 60_000))
    admission.correct(NOW, CacheUsage(1_000, 50_000, 9_000, 0))
    assert read_left(admission, "ratelimit-input-tokens") == 40_000


def test_what_is_put_back_into_a_full_bucket_is_lost(open_quota: OpenQuota) -> None:
    quota = open_quota({"each_model": {"input_tokens": 6_000}})
    admission = let_in(quota.admit(NOW, HAIKU, 5_000))
    admission.correct(NOW + 60, CacheUsage(0, 5_000, 0, 0))
    let_in(quota.admit(NOW + 60, HAIKU, 6_000))
    assert isinstance(quota.admit(NOW + 60, HAIKU, 1), Refusal)


def test_the_wait_is_not_a_second_longer_for_what_floats_get_wrong(open_quota: OpenQuota) -> None:
    quota = open_quota({"each_model": {"input_tokens": 22}})
    let_in(quota.admit(NOW, HAIKU, 22))
    assert refused(quota.admit(NOW, HAIKU, 11)).retry_after_s == 30
    let_in(quota.admit(NOW + 30, HAIKU, 11))


def test_an_estimate_too_low_is_made_up_for(open_quota: OpenQuota) -> None:
    quota = open_quota({"each_model": {"input_tokens": 6_000}})
    admission = let_in(quota.admit(NOW, HAIKU, 5_000))
    admission.correct(NOW, CacheUsage(12_000, 0, 0, 0))
    assert read_left(admission, "ratelimit-input-tokens") == 0
    assert refused(quota.admit(NOW, HAIKU, 100)).retry_after_s == 61


@pytest.mark.fidelity(
    "rate limits",
    "output tokens count when they were made, max_tokens never; an answer under way goes on",
    "guess",
    "api/rate-limits says that they are evaluated in real time",
)
def test_guess_output_counts_when_an_answer_ends(open_quota: OpenQuota) -> None:
    quota = open_quota({"each_model": {"output_tokens": 600}})
    first, second = (let_in(quota.admit(NOW, HAIKU, 1)) for _ in range(2))
    first.finish(NOW, 599)
    let_in(quota.admit(NOW, HAIKU, 1)).finish(NOW, 0)
    second.finish(NOW, 601)
    refusal = refused(quota.admit(NOW, HAIKU, 1))
    assert (refusal.reason, refusal.retry_after_s) == ("output tokens", 61)
    assert isinstance(quota.admit(NOW + 60, HAIKU, 1), Refusal)
    let_in(quota.admit(NOW + 61, HAIKU, 1))


@pytest.mark.fidelity(
    "rate limits",
    "a request larger than the whole limit is told to wait a minute, and refused again",
    "guess",
    "",
)
def test_guess_a_request_above_the_limit_never_passes(open_quota: OpenQuota) -> None:
    quota = open_quota({"each_model": {"input_tokens": 1_000}})
    refusal = refused(quota.admit(NOW, HAIKU, 1_001))
    assert refusal.retry_after_s == 60
    refused(quota.admit(NOW + 3_600, HAIKU, 1_001))
    let_in(quota.admit(NOW + 3_600, HAIKU, 1_000))


@pytest.mark.parametrize("tier", ["start", "build", "scale"])
@pytest.mark.fidelity(
    "rate limits",
    "tiers Start, Build and Scale: requests, input and output tokens a minute of every model class",
    "documented",
    "api/rate-limits, 2026-09-02 and 2026-10-08",
)
def test_a_tier_lets_in_its_requests_and_no_more(open_quota: OpenQuota, tier: str) -> None:
    assert HAIKU.rate_limits is not None
    quota = open_quota(tier)
    limit = HAIKU.rate_limits[tier].requests
    outcomes = [quota.admit(NOW, HAIKU, 0) for _ in range(limit + 1)]
    assert [type(each) for each in outcomes].index(Refusal) == limit
    let_in(quota.admit(NOW, get_model("claude-haiku-5-5"), 0))


def test_a_tier_holds_as_many_batch_requests_as_it_says(open_quota: OpenQuota) -> None:
    quota, limit = open_quota("build"), get_tier("build").batch_queue
    assert quota.enqueue(NOW, limit) is None
    assert isinstance(quota.enqueue(NOW, 1), Refusal)
    quota.dequeue(NOW, 10, Decimal(0))
    assert isinstance(quota.enqueue(NOW, 11), Refusal)
    assert quota.enqueue(NOW, 10) is None


@pytest.mark.fidelity(
    "rate limits",
    "requests may be enforced in finer bursts: at 1 s, 60 a minute are one a second",
    "documented",
    "api/rate-limits, 2026-09-02",
)
def test_requests_in_bursts_of_a_second(open_quota: OpenQuota) -> None:
    quota = open_quota({"each_model": {"requests": 60, "input_tokens": 1_000}, "burst_s": 1})
    let_in(quota.admit(NOW, HAIKU, 900))
    assert refused(quota.admit(NOW + 0.9, HAIKU, 1)).retry_after_s == 1
    let_in(quota.admit(NOW + 1, HAIKU, 1))


class TestPriorityTier:
    @pytest.mark.fidelity(
        "rate limits",
        "Priority Tier: served from the commitment while it lasts, burned down by price, headers",
        "documented",
        "api/service-tiers, 2026-09-02",
    )
    def test_tokens_count_by_their_price(self, open_quota: OpenQuota) -> None:
        quota = open_quota(COMMITTED)
        admission = let_in(quota.admit(NOW, HAIKU, 5_000))
        assert admission.service_tier == "priority"
        admission.correct(NOW, CacheUsage(1_000, 10_000, 800, 500))
        # 1,000 + 1,000 + 1,000 + 1,000
        assert read_left(admission, "priority-input-tokens") == 6_000
        admission.finish(NOW, 4_000)
        assert read_left(admission, "priority-output-tokens") == 6_000
        assert dict(admission.headers(NOW))[b"anthropic-priority-input-tokens-limit"] == b"10000"

    @pytest.mark.parametrize(
        ("input_tokens", "output_tokens"), [(10_000, 0), (0, 10_000)], ids=["input", "output"]
    )
    def test_beyond_the_commitment_requests_are_standard(
        self, open_quota: OpenQuota, input_tokens: int, output_tokens: int
    ) -> None:
        quota = open_quota(COMMITTED)
        let_in(quota.admit(NOW, HAIKU, input_tokens)).finish(NOW, output_tokens)
        admission = let_in(quota.admit(NOW, HAIKU, 1))
        assert admission.service_tier == "standard"
        # The headers tell that the request was eligible all the same.
        before = admission.headers(NOW)
        assert any(name.startswith(b"anthropic-priority-") for name, _ in before)
        admission.correct(NOW, CacheUsage(4_000, 0, 0, 0))
        admission.finish(NOW, 4_000)
        assert admission.headers(NOW) == before

    def test_standard_only_and_other_models_leave_it_alone(self, open_quota: OpenQuota) -> None:
        quota = open_quota(COMMITTED)
        for admission in (
            let_in(quota.admit(NOW, HAIKU, 9_000, service_tier="standard_only")),
            let_in(quota.admit(NOW, get_model("claude-haiku-5-5"), 9_000)),
        ):
            assert admission.service_tier == "standard"
            assert admission.headers(NOW) == ()
        assert let_in(quota.admit(NOW, HAIKU, 10_000)).service_tier == "priority"

    def test_a_priority_request_counts_against_the_regular_limits_too(
        self, open_quota: OpenQuota
    ) -> None:
        quota = open_quota(COMMITTED | {"each_model": {"input_tokens": 5_000}})
        assert let_in(quota.admit(NOW, HAIKU, 5_000)).service_tier == "priority"
        assert refused(quota.admit(NOW, HAIKU, 1)).reason == "input tokens"


class TestSpend:
    @pytest.mark.fidelity(
        "rate limits",
        "spending ends a calendar month in UTC; nothing is let in until the next",
        "documented",
        "api/rate-limits, 2026-09-02",
    )
    def test_costs_add_up_to_the_cap_and_a_month_starts_anew(self, open_quota: OpenQuota) -> None:
        quota = open_quota({"spend_cap_usd": 0.3})
        for _ in range(3):
            let_in(quota.admit(NOW, HAIKU, 1)).finish(NOW, 1, Decimal("0.1"))
        assert refused(quota.admit(NOW, HAIKU, 1)).reason == "spend cap"
        assert refused(quota.enqueue(NOW, 1)).reason == "spend cap"
        refused(quota.admit(DECEMBER - 1, HAIKU, 1))
        let_in(quota.admit(DECEMBER, HAIKU, 1)).finish(DECEMBER, 1, Decimal("0.3"))
        refusal = refused(quota.admit(DECEMBER, HAIKU, 1))
        assert "You will regain access on 2027-01-01 at 00:00 UTC." in refusal.message

    def test_a_workspace_spends_for_itself_and_for_its_organization(
        self, open_quota: OpenQuota
    ) -> None:
        quota = open_quota(
            {"spend_limit_usd": 3, "workspaces": {"wrkspc_a": {"spend_limit_usd": 1}}}
        )
        let_in(quota.admit(NOW, HAIKU, 1, workspace="wrkspc_a")).finish(NOW, 1, Decimal(1))
        refusal = refused(quota.admit(NOW, HAIKU, 1, workspace="wrkspc_a"))
        assert "specified workspace API usage limits" in refusal.message
        assert isinstance(quota.enqueue(NOW, 1, workspace="wrkspc_a"), Refusal)
        let_in(quota.admit(NOW, HAIKU, 1, workspace="wrkspc_b")).finish(NOW, 1, Decimal(1))
        quota.dequeue(NOW, 0, Decimal(1))
        refusal = refused(quota.admit(NOW, HAIKU, 1))
        assert refusal.message.startswith("You have reached your specified API usage limits.")
        let_in(quota.admit(DECEMBER, HAIKU, 1, workspace="wrkspc_a"))


class TestRamp:
    @pytest.mark.fidelity(
        "rate limits",
        "the ramp limit: a first share of the limit, then a step more each minute that asks for it",
        "guess",
        "only its existence (api/rate-limits) and its text are known",
    )
    def test_guess_usage_may_grow_by_a_step_a_minute(self, open_quota: OpenQuota) -> None:
        quota = open_quota(GROWING)
        sent = []
        for minute in range(10):
            now, tokens = NOW + 60 * minute, 0
            while isinstance(quota.admit(now, HAIKU, 10_000), Admission):
                tokens += 10_000
            sent.append(tokens)
        steps = [200_000, 300_000, 400_000, 500_000, 600_000, 700_000, 800_000, 900_000]
        assert sent == [*steps, 1_000_000, 1_000_000]

    def test_guess_a_minute_without_refusal_grows_from_what_it_used(
        self, open_quota: OpenQuota
    ) -> None:
        quota = open_quota(GROWING)
        let_in(quota.admit(NOW, HAIKU, 200_000))
        let_in(quota.admit(NOW + 60, HAIKU, 250_000)).correct(
            NOW + 61, CacheUsage(150_000, 0, 0, 0)
        )
        assert refused(quota.admit(NOW + 120, HAIKU, 250_001)).reason == "ramp"
        let_in(quota.admit(NOW + 120, HAIKU, 250_000))

    def test_guess_idle_minutes_start_over(self, open_quota: OpenQuota) -> None:
        quota = open_quota(GROWING)
        let_in(quota.admit(NOW, HAIKU, 200_000))
        let_in(quota.admit(NOW + 60, HAIKU, 300_000))
        assert isinstance(quota.admit(NOW + 240, HAIKU, 200_001), Refusal)

    def test_guess_a_minute_that_refused_grows_from_what_it_was_allowed(
        self, open_quota: OpenQuota
    ) -> None:
        quota = open_quota(GROWING)
        let_in(quota.admit(NOW, HAIKU, 150_000))
        assert isinstance(quota.admit(NOW, HAIKU, 60_000), Refusal)
        let_in(quota.admit(NOW + 60, HAIKU, 300_000))

    def test_guess_usage_never_grows_beyond_the_limit(self, open_quota: OpenQuota) -> None:
        quota = open_quota(GROWING | {"ramp": {"start": 1}})
        let_in(quota.admit(NOW, HAIKU, 1_000_000))
        refusal = refused(quota.admit(NOW + 30, HAIKU, 1))
        assert "Your current limit is 1,000,000 input" in refusal.message
        assert "will increase to 1,000,000 at" in refusal.message

    def test_guess_fast_requests_do_not_ramp(self, open_quota: OpenQuota) -> None:
        let_in(open_quota(GROWING).admit(NOW, get_model("claude-opus-5"), 900_000, is_fast=True))

    def test_workspaces_ramp_together(self, open_quota: OpenQuota) -> None:
        quota = open_quota(GROWING | {"workspaces": {"wrkspc_a": {"each_model": {"requests": 9}}}})
        let_in(quota.admit(NOW, HAIKU, 150_000, workspace="wrkspc_a"))
        assert refused(quota.admit(NOW, HAIKU, 60_000)).reason == "ramp"


class TestOverload:
    @pytest.mark.fidelity(
        "rate limits",
        "529 by load: a share of the messages that come while more than a number are under way",
        "guess",
        "api/errors says high traffic",
    )
    def test_guess_messages_above_the_number_are_refused(self, open_quota: OpenQuota) -> None:
        quota = open_quota({"overload": {"above": 3}})
        under_way = [let_in(quota.admit(NOW, HAIKU, 1)) for _ in range(3)]
        assert refused(quota.admit(NOW, HAIKU, 1)).reason == "overload"
        under_way[0].finish(NOW, 1)
        under_way[0].finish(NOW, 1)
        let_in(quota.admit(NOW, HAIKU, 1))
        assert isinstance(quota.admit(NOW, HAIKU, 1), Refusal)

    def test_a_share_is_refused_and_the_same_seed_refuses_the_same(
        self, open_quota: OpenQuota
    ) -> None:
        limits = {"overload": {"above": 0, "share": 0.3}, "each_model": {"requests": 100_000}}
        runs = []
        for _ in range(2):
            quota = open_quota(limits)
            runs.append([isinstance(quota.admit(NOW, HAIKU, 1), Refusal) for _ in range(2_000)])
        assert runs[0] == runs[1]
        # Six standard deviations of a binomial distribution.
        assert abs(sum(runs[0]) - 600) < 6 * 20.5

    def test_what_is_refused_counts_for_nothing(self, open_quota: OpenQuota) -> None:
        quota = open_quota({"overload": {"above": 1}, "each_model": {"requests": 2}})
        first = let_in(quota.admit(NOW, HAIKU, 1))
        for _ in range(5):
            assert refused(quota.admit(NOW, HAIKU, 1)).reason == "overload"
        first.finish(NOW, 1)
        let_in(quota.admit(NOW, HAIKU, 1))
