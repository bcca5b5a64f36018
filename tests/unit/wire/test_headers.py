"""Credentials and betas as callers send them."""

import pytest

from tanzaku.wire import (
    RATE_LIMIT_HEADERS,
    TIER_LIMIT_HEADERS,
    Credential,
    find_betas,
    find_credential,
)

KEY = (b"x-api-key", b"sk-1")
TOKEN = (b"authorization", b"Bearer sk-2")


@pytest.mark.parametrize(
    ("headers", "credential"),
    [
        ([KEY], Credential("x-api-key", "sk-1")),
        ([TOKEN], Credential("bearer", "sk-2")),
        ([(b"authorization", b"bearer   sk-2 ")], Credential("bearer", "sk-2")),
        ([TOKEN, (b"authorization", b"Bearer sk-3")], Credential("bearer", "sk-2")),
        ([TOKEN, KEY], Credential("x-api-key", "sk-1")),
        ([KEY, TOKEN], Credential("x-api-key", "sk-1")),
        ([(b"x-api-key", b" "), TOKEN], Credential("bearer", "sk-2")),
        ([(b"authorization", b"Basic c2s=")], None),
        ([(b"authorization", b"Bearer ")], None),
        ([(b"authorization", b"Bearer")], None),
        ([(b"accept", b"*/*")], None),
        ([], None),
    ],
)
def test_the_credential_is_found_in_either_header_and_the_key_wins_as_a_guess(
    headers: list[tuple[bytes, bytes]], credential: Credential | None
) -> None:
    assert find_credential(headers) == credential


def test_a_secret_is_not_shown() -> None:
    assert "sk-1" not in repr(find_credential([KEY]))


@pytest.mark.parametrize(
    ("values", "betas"),
    [
        ([], []),
        ([b""], []),
        ([b"a-1"], ["a-1"]),
        ([b"a-1,b-2 , c-3"], ["a-1", "b-2", "c-3"]),
        ([b"b-2", b"a-1, b-2,", b",,c-3"], ["b-2", "a-1", "c-3"]),
    ],
)
def test_betas_are_comma_joined_or_repeated(values: list[bytes], betas: list[str]) -> None:
    headers = [(b"anthropic-beta", value) for value in values]
    assert find_betas([*headers, (b"anthropic-version", b"2023-06-01")]) == betas


def test_limits_are_told_in_the_headers_of_the_api() -> None:
    assert RATE_LIMIT_HEADERS["input-tokens"] == (
        b"anthropic-ratelimit-input-tokens-limit",
        b"anthropic-ratelimit-input-tokens-remaining",
        b"anthropic-ratelimit-input-tokens-reset",
    )
    assert TIER_LIMIT_HEADERS["fast-output-tokens"].reset == b"anthropic-fast-output-tokens-reset"
