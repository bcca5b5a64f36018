"""Why a request is not let in, as a value and as the API's error.

The texts of rate limits and of the ramp limit are those of public reports of 2026. These agree but
for the advice at the end, which changed over the year; the one that named a seller of higher limits
is taken, since the later one speaks of tiers that no longer exist. Guesses: the texts where a
workspace's own limit, the batch queue or an endpoint other than Messages is concerned.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from tanzaku.simulator.quota._bucket import Bucket
from tanzaku.simulator.quota._headers import HeaderPairs
from tanzaku.wire import RETRY_AFTER, ApiError, get_error_type

type Reason = Literal[
    "requests",
    "input tokens",
    "output tokens",
    "fast mode input tokens",
    "fast mode output tokens",
    "ramp",
    "spend cap",
    "spend limit",
    "batch queue",
    "overload",
]

_DETAILS = "For details, refer to: https://docs.claude.com/en/api/rate-limits."
_ADVICE = (
    "You can see the response headers for current usage. Please reduce the prompt length or the "
    "maximum tokens requested, or try again later. You may also contact sales at "
    "https://claude.com/contact-sales to discuss your options for a rate limit increase."
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that is not let in; it counts for nothing.

    `retry_after_s` is None where the API names no time to wait. `format_headers` gives the headers
    that go with the error, as of the time of the refusal when called at once.
    """

    reason: Reason
    status: int
    message: str
    retry_after_s: int | None = None
    error_code: str | None = None
    format_headers: Callable[[], HeaderPairs] | None = None

    def to_error(self) -> ApiError:
        """What the API answers."""
        headers = () if self.format_headers is None else self.format_headers()
        if self.retry_after_s is not None:
            headers = ((RETRY_AFTER, b"%d" % self.retry_after_s), *headers)
        return ApiError(
            self.status,
            get_error_type(self.status),
            self.message,
            error_code=self.error_code,
            headers=headers,
        )


def describe_limit(bucket: Bucket, organization: str, model: str | None) -> str:
    """The message of a 429 for a limit a minute."""
    return (
        f"This request would exceed your {bucket.owner}'s rate limit of {bucket.limit:,} "
        f"{bucket.unit} per minute ({_describe_who(organization, model)}). {_DETAILS} {_ADVICE}"
    )


def describe_ramp(allowance: int, next_allowance: int, organization: str, model: str) -> str:
    """The message of a 429 for usage that grows too fast."""
    return (
        "This request would exceed your organization's maximum usage increase rate for input "
        f"tokens per minute ({_describe_who(organization, model)}). Your current limit is "
        f"{allowance:,} input tokens per minute, and will increase to {next_allowance:,} at the "
        "next minute boundary. Please scale up your input tokens usage more gradually to stay "
        f"within the acceleration limit. {_DETAILS}"
    )


def describe_queue(limit: int, organization: str) -> str:
    """The message of a 429 for a batch that the queue has no room for."""
    return (
        f"This request would exceed your organization's limit of {limit:,} batch requests in the "
        f"processing queue ({_describe_who(organization, None)}). {_DETAILS}"
    )


def _describe_who(organization: str, model: str | None) -> str:
    return f"org: {organization}" if model is None else f"org: {organization}, model: {model}"
