"""The header rules as tables; RFC 9110 section 7.6.1 and requirement L4 are the oracle."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tanzaku.gateway._headers import (
    forward_request_headers,
    forward_response_headers,
    read_labels,
    strip_private_headers,
)

KEPT_IN_REQUEST = [
    (b"anthropic-version", b"2026-10-21"),
    (b"anthropic-beta", b"unheard-of-2099-01-01"),
    (b"anthropic-workspace-id", b"wrkspc_1"),
    (b"content-type", b"application/json"),
    (b"content-encoding", b"gzip"),
    (b"accept-encoding", b"gzip, deflate"),
    (b"user-agent", b"Anthropic/Python 2.12.0"),
    (b"x-stainless-retry-count", b"1"),
    (b"x-api-key", b"k"),
    (b"authorization", b"Bearer k"),
    (b"tanzaku-run", b"r1"),
    (b"x-anything-else", "caf\u00e9".encode("latin-1")),
]


@pytest.mark.parametrize("header", KEPT_IN_REQUEST)
def test_a_request_header_that_is_not_denied_goes_on_unchanged(
    header: tuple[bytes, bytes],
) -> None:
    assert forward_request_headers([header]) == [header]


@pytest.mark.requirement("L4")
@pytest.mark.parametrize(
    "name",
    [
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"host",
        b"content-length",
        b"expect",
        b"cookie",
        b"forwarded",
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"x-real-ip",
    ],
)
def test_a_denied_request_header_stops_at_the_gateway(name: bytes) -> None:
    assert forward_request_headers([(name, b"1"), (b"accept", b"*/*")]) == [(b"accept", b"*/*")]


@pytest.mark.requirement("L4")
def test_what_connection_names_stops_in_both_directions() -> None:
    headers = [(b"connection", b"close, X-Secret-Hop"), (b"x-secret-hop", b"1"), (b"a", b"b")]
    assert forward_request_headers(headers) == [(b"a", b"b")]
    assert forward_response_headers(headers) == [(b"a", b"b")]


@pytest.mark.parametrize(
    "header",
    [
        (b"request-id", b"req_011"),
        (b"retry-after", b"7"),
        (b"x-should-retry", b"true"),
        (b"anthropic-ratelimit-requests-remaining", b"0"),
        (b"anthropic-organization-id", b"00000000-0000-0000-0000-000000000000"),
        (b"content-type", b"text/event-stream; charset=utf-8"),
        (b"content-encoding", b"gzip"),
        (b"cf-ray", b"1-FRA"),
    ],
)
def test_a_response_header_goes_back_byte_for_byte(header: tuple[bytes, bytes]) -> None:
    assert forward_response_headers([header]) == [header]


@pytest.mark.requirement("L4")
def test_cookies_of_an_upstream_do_not_reach_the_client() -> None:
    assert forward_response_headers([(b"set-cookie", b"a=1"), (b"set-cookie2", b"b=2")]) == []


def test_order_and_repeated_names_are_kept() -> None:
    headers = [(b"b", b"1"), (b"a", b"2"), (b"b", b"3")]
    assert forward_request_headers(headers) == headers
    assert forward_response_headers(headers) == headers


def test_credentials_and_labels_never_reach_an_upstream_outside() -> None:
    headers = [
        (b"x-api-key", b"k"),
        (b"authorization", b"Bearer k"),
        (b"api-key", b"k"),
        (b"tanzaku-run", b"r"),
        (b"anthropic-version", b"2026-10-21"),
    ]
    assert strip_private_headers(headers) == [(b"anthropic-version", b"2026-10-21")]


def test_labels_lose_their_prefix_and_anything_else_is_no_label() -> None:
    headers = [(b"tanzaku-run", b"r1"), (b"tanzaku-step", b"2"), (b"x-tanzaku-run", b"no")]
    assert read_labels(headers) == {"run": "r1", "step": "2"}


NAMES = st.sampled_from([b"accept", b"connection", b"te", b"x-a", b"x-b", b"cookie", b"x-api-key"])
HEADERS = st.lists(st.tuples(NAMES, st.sampled_from([b"close", b"x-a", b"X-B , te", b"1"])))


@given(HEADERS)
def test_forwarding_twice_changes_nothing_more(headers: list[tuple[bytes, bytes]]) -> None:
    once = forward_request_headers(headers)
    assert forward_request_headers(once) == once
    assert [header for header in headers if header in once] == once
