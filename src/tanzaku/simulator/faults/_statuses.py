"""Every error status of the Claude API as a fault of its own.

Statuses and codes: SDK 2.12.0 `_error_classes.py`; types: page api/errors. A text is the API's
where `is_known`; the others are guesses.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a status fault answers. `retry_after_s` is the header in whole seconds, None for none
    (the API sends none with a spend cap). The error's type follows from the status."""

    status: int
    message: str
    is_known: bool = True
    error_code: str | None = None
    retry_after_s: int | None = None


_LIMIT_PAGE = "For details, refer to: https://docs.claude.com/en/api/rate-limits"

REFUSALS = {
    "invalid-request": Refusal(400, "max_tokens: Field required"),
    "low-credit": Refusal(400, "Your credit balance is too low to access the Anthropic API."),
    "own-spend-limit": Refusal(400, "You have reached your specified API usage limits."),
    "authentication": Refusal(401, "invalid x-api-key"),
    "billing": Refusal(402, "Your account has a billing problem.", is_known=False),
    "permission": Refusal(403, "Your API key may not use this resource.", is_known=False),
    "not-found": Refusal(404, "Not found"),
    "request-timeout": Refusal(408, "Request timed out", is_known=False),
    "conflict": Refusal(409, "The request conflicts with another one.", is_known=False),
    "precondition-failed": Refusal(412, "Precondition failed", is_known=False),
    "too-large": Refusal(413, "Request exceeds the maximum size"),
    "unprocessable": Refusal(422, "Unprocessable entity", is_known=False),
    "rate-limit": Refusal(
        429,
        f"This request would exceed your organization's rate limit. {_LIMIT_PAGE}",
        retry_after_s=1,
    ),
    "ramp-limit": Refusal(
        429,
        f"This request would exceed a limit on how fast your usage may grow. {_LIMIT_PAGE}",
        is_known=False,
        error_code="ramp_limit_exceeded",
        retry_after_s=1,
    ),
    "spend-limit": Refusal(
        429,
        "You have reached your API usage limits: the monthly limit of your organization.",
        is_known=False,
        error_code="enforced_spend_limit_reached",
    ),
    "contract-spend-limit": Refusal(
        429,
        "You have reached your API usage limits: the spend limit of your contract.",
        is_known=False,
        error_code="contract_spend_limit_reached",
    ),
    "headers-too-large": Refusal(431, "Request header fields too large", is_known=False),
    "client-closed": Refusal(499, "Client closed request", is_known=False),
    "internal": Refusal(500, "Internal server error"),
    "not-implemented": Refusal(501, "Not implemented", is_known=False),
    "bad-gateway": Refusal(502, "Bad gateway", is_known=False),
    "unavailable": Refusal(503, "Service unavailable", is_known=False),
    "gateway-timeout": Refusal(504, "Gateway timeout", is_known=False),
    "overloaded": Refusal(529, "Overloaded"),
}
"""Name of the fault → its answer."""

_BY_STATUS = {refusal.status: name for name, refusal in reversed(REFUSALS.items())}
_BY_STATUS[400] = "low-credit"


def name_status(status: int) -> str | None:
    """The fault that is usual for `status`, or None."""
    return _BY_STATUS.get(status)
