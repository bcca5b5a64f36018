"""Header names of the Claude API (lower case, as bytes) and what is read out of them.

Source: the SDK 2.12.0 and the pages api/overview, api/rate-limits, api/errors, api/versioning.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

REQUEST_ID = b"request-id"
ANTHROPIC_VERSION = b"anthropic-version"
ANTHROPIC_BETA = b"anthropic-beta"
ORGANIZATION_ID = b"anthropic-organization-id"
WORKSPACE_ID = b"anthropic-workspace-id"
RETRY_AFTER = b"retry-after"
RETRY_AFTER_MS = b"retry-after-ms"
SHOULD_RETRY = b"x-should-retry"
API_KEY = b"x-api-key"
AUTHORIZATION = b"authorization"

VERSION_2023_01_01 = "2023-01-01"
VERSION_2023_06_01 = "2023-06-01"
VERSION_2026_10_21 = "2026-10-21"
API_VERSIONS = (VERSION_2023_01_01, VERSION_2023_06_01, VERSION_2026_10_21)
"""Every `anthropic-version` that exists, oldest first."""


class LimitHeaders(NamedTuple):
    """The three headers of one limit: two integers, and an RFC 3339 time in UTC."""

    limit: bytes
    remaining: bytes
    reset: bytes


def _name_limit(kind: str) -> LimitHeaders:
    return LimitHeaders(*(f"anthropic-{kind}-{part}".encode() for part in LimitHeaders._fields))


RATE_LIMIT_HEADERS = {
    kind: _name_limit(f"ratelimit-{kind}")
    for kind in ("requests", "tokens", "input-tokens", "output-tokens")
}
"""Kind of limit → its headers. `tokens` shows the most restrictive token limit in force."""

TIER_LIMIT_HEADERS = {
    kind: _name_limit(kind)
    for kind in (
        "priority-input-tokens",
        "priority-output-tokens",
        "fast-input-tokens",
        "fast-output-tokens",
    )
}
"""The same for the priority tier and the fast speed; sent only when they apply."""


@dataclass(frozen=True, slots=True)
class Credential:
    """What a caller proved itself with. The secret stays out of `repr`."""

    source: Literal["x-api-key", "bearer"]
    secret: str = field(repr=False)


def find_credential(headers: Iterable[tuple[bytes, bytes]]) -> Credential | None:
    """The credential of a request (names in lower case), or None.

    SDK 0.x sends `x-api-key`, 2.x `Authorization: Bearer`. When both arrive `x-api-key` wins (a
    guess: one third-party test); an empty value counts as none (a guess too).
    """
    bearer: Credential | None = None
    for name, value in headers:
        if name == API_KEY and value.strip():
            return Credential("x-api-key", value.strip().decode("latin-1"))
        if name == AUTHORIZATION and bearer is None:
            scheme, _, token = value.strip().partition(b" ")
            if scheme.lower() == b"bearer" and token.strip():
                bearer = Credential("bearer", token.strip().decode("latin-1"))
    return bearer


def find_betas(headers: Iterable[tuple[bytes, bytes]]) -> list[str]:
    """The beta names of a request, in order and once each: comma-joined, repeated, or both."""
    names = (
        beta.strip().decode("latin-1")
        for name, value in headers
        if name == ANTHROPIC_BETA
        for beta in value.split(b",")
    )
    return list(dict.fromkeys(name for name in names if name))
