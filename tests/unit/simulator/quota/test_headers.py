"""The limit headers, read by a reader of its own: names and formats of page api/rate-limits."""

import re
from datetime import UTC, datetime

import pytest

from tanzaku.catalog import get_model
from tanzaku.simulator.quota import Admission
from unit.simulator.quota.conftest import OpenQuota, let_in, refused

NOW = datetime(2026, 11, 23, 10, 0, 0, tzinfo=UTC).timestamp()
HAIKU = get_model("claude-haiku-4-5")
OPUS = get_model("claude-opus-4-8")
FAMILIES = ("requests", "tokens", "input-tokens", "output-tokens")

type Trio = tuple[int, int, float]


def read_trios(pairs: tuple[tuple[bytes, bytes], ...]) -> dict[str, Trio]:
    """Family → limit, remaining, and seconds from NOW to reset; strict about every form."""
    headers = {name.decode("ascii"): value.decode("ascii") for name, value in pairs}
    assert len(headers) == len(pairs)
    trios: dict[str, Trio] = {}
    for name in headers:
        family = re.fullmatch(r"anthropic-(?:ratelimit-)?([a-z-]+)-limit", name)
        if family is None:
            assert re.fullmatch(r"anthropic-[a-z-]+-(remaining|reset)|retry-after", name)
            continue
        stem = name.removesuffix("-limit")
        limit, remaining = headers[f"{stem}-limit"], headers[f"{stem}-remaining"]
        assert re.fullmatch(r"0|[1-9][0-9]*", limit)
        assert re.fullmatch(r"0|[1-9][0-9]*", remaining)
        reset = headers[f"{stem}-reset"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", reset)
        trios[family[1]] = (
            int(limit),
            int(remaining),
            datetime.fromisoformat(reset).timestamp() - NOW,
        )
    assert len(trios) * 3 + ("retry-after" in headers) == len(headers)
    return trios


def show(admission: Admission, now: float = NOW) -> dict[str, Trio]:
    return read_trios(admission.headers(now))


@pytest.mark.fidelity(
    "rate limits",
    "anthropic-ratelimit-* headers: limit, remaining (tokens to the nearest thousand), reset",
    "documented",
    "api/rate-limits, 2026-09-02",
)
def test_an_answer_shows_all_four_families(open_quota: OpenQuota) -> None:
    quota = open_quota("start")
    admission = let_in(quota.admit(NOW, HAIKU, 100_400))
    assert show(admission) == {
        "requests": (1_000, 999, 1),
        "input-tokens": (2_000_000, 1_900_000, 4),
        "output-tokens": (400_000, 400_000, 0),
        "tokens": (2_400_000, 2_300_000, 4),
    }
    admission.finish(NOW, 300_600)
    assert show(admission) == {
        "requests": (1_000, 999, 1),
        "input-tokens": (2_000_000, 1_900_000, 4),
        "output-tokens": (400_000, 99_000, 46),
        "tokens": (2_400_000, 1_999_000, 46),
    }
    assert show(admission, NOW + 30) == {
        "requests": (1_000, 1_000, 30),
        "input-tokens": (2_000_000, 2_000_000, 30),
        "output-tokens": (400_000, 299_000, 46),
        "tokens": (2_400_000, 2_299_000, 46),
    }


@pytest.mark.parametrize(
    ("tokens", "remaining"),
    [(499, 10_000), (500, 10_000), (501, 9_000), (9_500, 1_000), (9_501, 0), (10_000, 0)],
)
def test_remaining_tokens_are_rounded_to_the_nearest_thousand(
    open_quota: OpenQuota, tokens: int, remaining: int
) -> None:
    quota = open_quota({"each_model": {"input_tokens": 10_000}})
    assert show(let_in(quota.admit(NOW, HAIKU, tokens)))["input-tokens"][1] == remaining


def test_remaining_is_never_negative_and_never_above_the_limit(open_quota: OpenQuota) -> None:
    quota = open_quota({"each_model": {"input_tokens": 1_500, "output_tokens": 100}})
    admission = let_in(quota.admit(NOW, HAIKU, 0))
    assert show(admission)["input-tokens"][:2] == (1_500, 1_500)
    admission.finish(NOW, 5_000)
    assert show(admission) == {
        "input-tokens": (1_500, 1_500, 0),
        "output-tokens": (100, 0, 3_000),
        "tokens": (1_600, 1_600, 3_000),
    }


@pytest.mark.fidelity(
    "rate limits",
    "the Evaluation tier, limits of concurrent connections, of web search, of workspaces outside "
    "Messages",
    "not done",
    "no figures are published",
)
def test_what_is_not_limited_has_no_headers(open_quota: OpenQuota) -> None:
    assert let_in(open_quota({}).admit(NOW, HAIKU, 10**9)).headers(NOW) == ()
    # Nobody here knows the figures of Mythos.
    mythos = get_model("claude-mythos-5")
    assert let_in(open_quota("start").admit(NOW, mythos, 10**9)).headers(NOW) == ()


def test_a_refusal_carries_the_headers_and_whole_seconds_to_wait(open_quota: OpenQuota) -> None:
    quota = open_quota({"each_model": {"requests": 10, "input_tokens": 10_000}})
    let_in(quota.admit(NOW, HAIKU, 9_900))
    refusal = refused(quota.admit(NOW, HAIKU, 4_000))
    pairs = refusal.to_error().headers
    assert dict(pairs)[b"retry-after"] == b"24"
    assert read_trios(pairs) == {
        "requests": (10, 9, 6),
        "input-tokens": (10_000, 0, 60),
        "tokens": (10_000, 0, 60),
    }


WORKSPACE = {"input_tokens": 30_000}
ORGANIZATION = {"input_tokens": 40_000, "output_tokens": 8_000}


@pytest.mark.fidelity(
    "rate limits",
    "anthropic-ratelimit-tokens-*: the workspace's limit where it has fewer left, else the sum",
    "documented",
    "api/rate-limits, 2026-09-02",
)
def test_the_tokens_trio_shows_the_most_restrictive_limit(open_quota: OpenQuota) -> None:
    quota = open_quota(
        {"each_model": ORGANIZATION, "workspaces": {"wrkspc_a": {"each_model": WORKSPACE}}}
    )
    mine = let_in(quota.admit(NOW, HAIKU, 10_000, workspace="wrkspc_a"))
    assert show(mine)["tokens"] == (30_000, 20_000, 20)
    other = let_in(quota.admit(NOW, HAIKU, 25_000, workspace="wrkspc_b"))
    assert show(other)["tokens"] == (48_000, 13_000, 53)
    assert show(mine)["tokens"] == (48_000, 13_000, 53)
    other.finish(NOW, 8_000)
    assert show(mine)["tokens"] == (48_000, 5_000, 60)


@pytest.mark.fidelity(
    "rate limits",
    "the other trios show the workspace's limit where it has fewer left",
    "guess",
    "the page says it of the tokens trio alone",
)
def test_guess_every_trio_shows_whichever_limit_has_less_left(open_quota: OpenQuota) -> None:
    figures = {"requests": 5, "input_tokens": 40_000}
    quota = open_quota(
        {
            "each_model": figures,
            "workspaces": {"wrkspc_a": {"each_model": figures | {"input_tokens": 30_000}}},
        }
    )
    mine = let_in(quota.admit(NOW, HAIKU, 1_000, workspace="wrkspc_a"))
    assert show(mine)["requests"] == (5, 4, 12)
    assert show(mine)["input-tokens"] == (30_000, 29_000, 2)
    let_in(quota.admit(NOW, HAIKU, 35_000, workspace="wrkspc_b"))
    assert show(mine)["requests"] == (5, 3, 24)
    assert show(mine)["input-tokens"] == (40_000, 4_000, 54)


@pytest.mark.fidelity(
    "rate limits",
    "anthropic-fast-* headers and limits of fast mode, apart from the standard ones",
    "documented",
    "build-with-claude/fast-mode, 2026-05-29",
)
def test_a_fast_answer_shows_fast_modes_limits(open_quota: OpenQuota) -> None:
    quota = open_quota(
        {
            "tier": "start",
            "fast": {"claude-opus-4-8": {"input_tokens": 20_000, "output_tokens": 4_000}},
        }
    )
    admission = let_in(quota.admit(NOW, OPUS, 5_000, is_fast=True))
    admission.finish(NOW, 2_000)
    assert show(admission) == {
        "requests": (1_000, 999, 1),
        "fast-input-tokens": (20_000, 15_000, 15),
        "fast-output-tokens": (4_000, 2_000, 30),
    }
    standard = show(let_in(quota.admit(NOW, OPUS, 0)))
    assert standard["input-tokens"][1] == 2_000_000
    assert standard["output-tokens"][1] == 400_000
    assert standard["requests"][1] == 998


@pytest.mark.parametrize(
    ("call", "limit"),
    [("count_tokens", 2_000), ("batches", 1_000), ("files", 500)],
)
@pytest.mark.fidelity(
    "rate limits",
    "count_tokens, batches and files: requests a minute of their own, shown as the requests trio",
    "guess",
    "the limits are documented (api/rate-limits, token-counting, files), the headers are not",
)
def test_guess_other_endpoints_show_their_own_requests(
    open_quota: OpenQuota, call: str, limit: int
) -> None:
    quota = open_quota("start")
    for left in range(limit - 1, -1, -1):
        pairs = quota.call(NOW, call)
        assert isinstance(pairs, tuple)
        assert read_trios(pairs)["requests"][:2] == (limit, left)
    refusal = refused(quota.call(NOW, call, "claude-haiku-4-5-20251001"))
    assert refusal.message.startswith(
        f"This request would exceed your organization's rate limit of {limit:,} requests per minute"
    )
    assert dict(refusal.to_error().headers)[b"retry-after"] == b"1"
    assert read_trios(refusal.to_error().headers)["requests"] == (limit, 0, 60)
    let_in(quota.admit(NOW, HAIKU, 1))
