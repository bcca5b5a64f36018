"""The API's error for each limit, word for word, and what goes with it."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tanzaku.catalog import get_model
from tanzaku.simulator.quota import Quota, Refusal
from unit.simulator.quota.conftest import ORGANIZATION, OpenQuota, let_in, refused

NOW = 1_795_000_000.0
HAIKU = get_model("claude-haiku-4-5")
OPUS = get_model("claude-opus-5")
ADVICE = (
    " For details, refer to: https://docs.claude.com/en/api/rate-limits. You can see the response "
    "headers for current usage. Please reduce the prompt length or the maximum tokens requested, "
    "or try again later. You may also contact sales at https://claude.com/contact-sales to discuss "
    "your options for a rate limit increase."
)
WHO = f"(org: {ORGANIZATION}, model: claude-haiku-4-5-20251001)."


def read_error(refusal: Refusal) -> tuple[int, dict[str, Any]]:
    error = refusal.to_error()
    body = json.loads(error.body("req_1"))
    assert body["request_id"] == "req_1"
    return error.status, body["error"]


def exceed_requests(quota: Quota) -> Refusal:
    for _ in range(50):
        let_in(quota.admit(NOW, HAIKU, 1))
    return refused(quota.admit(NOW, HAIKU, 1))


def exceed_input(quota: Quota) -> Refusal:
    let_in(quota.admit(NOW, HAIKU, 49_000))
    return refused(quota.admit(NOW, HAIKU, 1_001))


def exceed_output(quota: Quota) -> Refusal:
    let_in(quota.admit(NOW, HAIKU, 1)).finish(NOW, 10_000)
    return refused(quota.admit(NOW, HAIKU, 1))


@pytest.mark.fidelity(
    "rate limits",
    "429 with organization, model and limit in its text",
    "exact",
    "continuedev/continue#12057 and other public reports of January to May 2026",
)
@pytest.mark.parametrize(
    ("exceed", "limit"),
    [
        (exceed_requests, "50 requests per minute"),
        (exceed_input, "50,000 input tokens per minute"),
        (exceed_output, "10,000 output tokens per minute"),
    ],
)
def test_a_limit_a_minute_is_refused_in_the_words_of_the_api(
    open_quota: OpenQuota, exceed: Callable[[Quota], Refusal], limit: str
) -> None:
    quota = open_quota(
        {"each_model": {"requests": 50, "input_tokens": 50_000, "output_tokens": 10_000}}
    )
    status, error = read_error(exceed(quota))
    assert status == 429
    assert error == {
        "type": "rate_limit_error",
        "message": f"This request would exceed your organization's rate limit of {limit} "
        f"{WHO}{ADVICE}",
    }


@pytest.mark.fidelity(
    "rate limits", "the text of a workspace's own limit", "guess", "as an organization's"
)
def test_guess_a_workspaces_limit_names_the_workspace(open_quota: OpenQuota) -> None:
    quota = open_quota({"workspaces": {"wrkspc_a": {"each_model": {"requests": 1}}}})
    let_in(quota.admit(NOW, HAIKU, 1, workspace="wrkspc_a"))
    refusal = refused(quota.admit(NOW, HAIKU, 1, workspace="wrkspc_a"))
    assert refusal.message == (
        f"This request would exceed your workspace's rate limit of 1 requests per minute {WHO}"
        f"{ADVICE}"
    )


@pytest.mark.fidelity(
    "rate limits",
    "fast mode has limits of its own, which are 0 without access to it",
    "exact",
    "build-with-claude/fast-mode, 2026-05-29; public reports of July to November 2026",
)
def test_a_tier_refuses_fast_mode_in_the_words_of_the_api(open_quota: OpenQuota) -> None:
    quota = open_quota("start")
    refusal = refused(quota.admit(NOW, OPUS, 12, is_fast=True))
    assert refusal.message == (
        "This request would exceed your organization's rate limit of 0 fast mode input tokens per "
        f"minute (org: {ORGANIZATION}, model: claude-opus-5).{ADVICE}"
    )
    headers = dict(refusal.to_error().headers)
    assert headers[b"anthropic-fast-input-tokens-limit"] == b"0"
    assert headers[b"anthropic-fast-output-tokens-limit"] == b"0"
    let_in(quota.admit(NOW, OPUS, 12))


@pytest.mark.fidelity(
    "rate limits",
    "the ramp limit: code, text, and retry-after until the next minute",
    "exact",
    "SDK 2.12 `types/shared/ramp_limit_exceeded_error.py`; a public report of 2026-03-23",
)
def test_growth_is_refused_in_the_words_of_the_api(open_quota: OpenQuota) -> None:
    quota = open_quota(
        {"each_model": {"input_tokens": 100_000}, "ramp": {"start": 0.58276, "step": 0.1}}
    )
    minute = 1_795_000_020.0
    let_in(quota.admit(minute, HAIKU, 58_276))
    refusal = refused(quota.admit(minute + 17.5, HAIKU, 1))
    assert read_error(refusal) == (
        429,
        {
            "type": "rate_limit_error",
            "message": "This request would exceed your organization's maximum usage increase rate "
            f"for input tokens per minute {WHO} Your current limit is 58,276 input tokens per "
            "minute, and will increase to 68,276 at the next minute boundary. Please scale up your "
            "input tokens usage more gradually to stay within the acceleration limit. For details, "
            "refer to: https://docs.claude.com/en/api/rate-limits.",
            "details": {"error_code": "ramp_limit_exceeded"},
        },
    )
    assert dict(refusal.to_error().headers)[b"retry-after"] == b"43"


REGAIN = "You will regain access on 2026-12-01 at 00:00 UTC."


@pytest.mark.parametrize(
    ("limits", "workspace", "expected"),
    [
        pytest.param(
            {"tier": "start", "spent_usd": 500},
            None,
            (
                429,
                {
                    "type": "rate_limit_error",
                    "message": "You have reached your API usage limits: your organization has "
                    "crossed its monthly API usage threshold, set based on your organization's API "
                    f"tier. {REGAIN}",
                    "details": {"error_code": "enforced_spend_limit_reached"},
                },
            ),
            id="the tier's cap",
            marks=pytest.mark.fidelity(
                "rate limits",
                "the tier's monthly spend cap: 429, code, text, no retry-after",
                "exact",
                "api/rate-limits, 2026-09-02",
            ),
        ),
        pytest.param(
            {"tier": "start", "spend_limit_usd": 20, "spent_usd": 20},
            None,
            (
                400,
                {
                    "type": "invalid_request_error",
                    "message": f"You have reached your specified API usage limits. {REGAIN}",
                },
            ),
            id="the organization's own limit",
            marks=pytest.mark.fidelity(
                "rate limits",
                "an organization's own spend limit: 400 and its text",
                "exact",
                "api/rate-limits; anthropics/claude-code#38035",
            ),
        ),
        pytest.param(
            {"workspaces": {"wrkspc_a": {"spend_limit_usd": 0}}},
            "wrkspc_a",
            (
                400,
                {
                    "type": "invalid_request_error",
                    "message": "You have reached your specified workspace API usage limits. "
                    f"{REGAIN}",
                },
            ),
            id="a workspace's own limit",
            marks=pytest.mark.fidelity(
                "rate limits",
                "a workspace's own spend limit: 400 and its text",
                "exact",
                "api/rate-limits; public reports of 2026",
            ),
        ),
    ],
)
def test_a_spend_limit_is_refused_in_the_words_of_the_api(
    open_quota: OpenQuota,
    limits: dict[str, Any],
    workspace: str | None,
    expected: tuple[int, dict[str, Any]],
) -> None:
    quota = open_quota(limits)
    refusal = refused(quota.admit(NOW, HAIKU, 1, workspace=workspace))
    assert read_error(refusal) == expected
    assert refusal.to_error().headers == ()


@pytest.mark.fidelity(
    "rate limits", "529 overloaded without a time to wait", "documented", "api/errors, 2026-09-02"
)
def test_an_overload_is_refused_in_the_words_of_the_api(open_quota: OpenQuota) -> None:
    quota = open_quota({"overload": {"above": 0}})
    refusal = refused(quota.admit(NOW, HAIKU, 1))
    assert read_error(refusal) == (529, {"type": "overloaded_error", "message": "Overloaded"})
    assert refusal.to_error().headers == ()


@pytest.mark.fidelity(
    "rate limits",
    "a full queue of batch requests: 429, its text, no time to wait",
    "guess",
    "api/rate-limits names the limit",
)
def test_guess_a_full_batch_queue_names_its_limit(open_quota: OpenQuota) -> None:
    quota = open_quota("start")
    assert quota.enqueue(NOW, 150_000) is None
    refusal = refused(quota.enqueue(NOW, 50_001))
    assert read_error(refusal) == (
        429,
        {
            "type": "rate_limit_error",
            "message": "This request would exceed your organization's limit of 200,000 batch "
            f"requests in the processing queue (org: {ORGANIZATION}). For details, refer to: "
            "https://docs.claude.com/en/api/rate-limits.",
        },
    )
    assert refusal.to_error().headers == ()
