"""What the API says with an error status when nothing else is known of the cause."""

from typing import Final

_TEXTS: Final = {
    400: "Your credit balance is too low to access the Anthropic API.",
    401: "invalid x-api-key",
    404: "Not found",
    413: "Request exceeds the maximum size",
    429: "This request would exceed your organization's rate limit. For details, refer to: "
    "https://docs.claude.com/en/api/rate-limits",
    500: "Internal server error",
    529: "Overloaded",
}
_GUESSED = "The request failed."


def get_error_text(status: int) -> str:
    """The text known to come with `status`; where none is known a guess."""
    return _TEXTS.get(status, _GUESSED)
