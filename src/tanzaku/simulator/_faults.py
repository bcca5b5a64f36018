"""Errors on order: the next requests fail as the API would fail them."""

from collections import deque
from dataclasses import dataclass

from tanzaku.core import derive_id
from tanzaku.simulator._replies import reply_error
from tanzaku.transport import HttpRequest, HttpResponse
from tanzaku.wire import RETRY_AFTER, ApiError, get_error_type

_MESSAGES = {
    400: "Your credit balance is too low to access the Anthropic API.",
    401: "invalid x-api-key",
    404: "Not found",
    413: "Request exceeds the maximum size",
    429: "This request would exceed your organization's rate limit. For details, refer to: "
    "https://docs.claude.com/en/api/rate-limits",
    500: "Internal server error",
    529: "Overloaded",
}
_GUESSED_MESSAGE = "The request failed."


@dataclass(slots=True)
class _Fault:
    error: ApiError
    times: int


class Faults:
    """A queue of errors for `POST /v1/messages`. Other threads may add to it at any time.

    `intercept` is what stands at the edge: in front of a gateway, or of a simulator.
    """

    def __init__(self, *, seed: int = 0) -> None:
        self._seed = seed
        self._queue: deque[_Fault] = deque()
        self._fired = 0

    def fail(
        self,
        status: int,
        *,
        times: int = 1,
        message: str | None = None,
        retry_after: int | None = None,
        error_type: str | None = None,
    ) -> None:
        """Answer the next `times` (>= 1) requests with `status` (400 to 599).

        `error_type` defaults to the API's type for the status, `message` to a text the API is
        known to send with it (a guess where none is known), `retry_after` is in whole seconds.
        """
        if not 400 <= status <= 599:
            raise ValueError(f"{status} is no error status (400 to 599)")
        if times < 1:
            raise ValueError("times is at least 1")
        headers = () if retry_after is None else ((RETRY_AFTER, b"%d" % retry_after),)
        error = ApiError(
            status,
            error_type or get_error_type(status),
            _MESSAGES.get(status, _GUESSED_MESSAGE) if message is None else message,
            headers=headers,
        )
        self._queue.append(_Fault(error, times))

    def intercept(self, request: HttpRequest) -> HttpResponse | None:
        """The error for this request, or None to let it pass."""
        if not self._queue or request.method != "POST" or request.path != "/v1/messages":
            return None
        fault = self._queue[0]
        fault.times -= 1
        if fault.times == 0:
            self._queue.remove(fault)
        self._fired += 1
        return reply_error(
            fault.error, derive_id("req", self._seed, "fault", self._fired), rule="fault"
        )
