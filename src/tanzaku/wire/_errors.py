"""Errors of the Claude API: the table of statuses and types, and the envelope.

TanzakuError
├── ApiError      what the API answers instead of a message
└── StreamError   an event stream that no Claude API could have sent

Source of the table and the texts: page api/errors and SDK 2.12.0 `types/shared/*error*`; texts
marked as a guess are in no primary source.
"""

from collections.abc import Mapping
from typing import Any, Protocol, Self

from pydantic_core import from_json, to_json

from tanzaku.core import TanzakuError
from tanzaku.wire._headers import RETRY_AFTER, Credential

ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}
"""HTTP status → `error.type`."""

ERROR_STATUSES = {error_type: status for status, error_type in ERROR_TYPES.items()}
"""`error.type` → HTTP status."""

_BODY_EXCERPT = 500


class StreamError(TanzakuError):
    """Events in an order the API cannot produce, or a frame that holds no event."""


class _Violation(Protocol):
    @property
    def status(self) -> int: ...
    @property
    def error_type(self) -> str: ...


class ApiError(TanzakuError):
    """What the API answers instead of a message.

    `headers` go with the answer beside the usual ones. `request_id` is set on an error that was
    read from an answer.
    """

    def __init__(
        self,
        status: int,
        error_type: str,
        message: str,
        *,
        error_code: str | None = None,
        headers: tuple[tuple[bytes, bytes], ...] = (),
        request_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error_type = error_type
        self.message = message
        self.error_code = error_code
        self.headers = headers
        self.request_id = request_id

    def body(self, request_id: str) -> bytes:
        """The answer's JSON body; `details` is there only with an error code."""
        error: dict[str, Any] = {"type": self.error_type, "message": self.message}
        if self.error_code is not None:
            error["details"] = {"error_code": self.error_code}
        return to_json({"type": "error", "error": error, "request_id": request_id})

    def event(self, request_id: str) -> dict[str, Any]:
        """The `error` event that ends a stream already begun; here `details` may be null."""
        details = None if self.error_code is None else {"error_code": self.error_code}
        return {
            "type": "error",
            "error": {"details": details, "type": self.error_type, "message": self.message},
            "request_id": request_id,
        }

    @classmethod
    def from_violation(cls, violation: _Violation) -> Self:
        """The error the API would answer a request with this violation with."""
        return cls(violation.status, violation.error_type, str(violation))

    @classmethod
    def invalid_request(cls, message: str) -> Self:
        return cls(400, ERROR_TYPES[400], message)

    @classmethod
    def missing_version(cls) -> Self:
        """No `anthropic-version` header."""
        return cls.invalid_request("anthropic-version: header is required")

    @classmethod
    def missing_credential(cls) -> Self:
        """Neither `x-api-key` nor a bearer token. The text is a guess."""
        return cls(401, ERROR_TYPES[401], "x-api-key header is required")

    @classmethod
    def invalid_credential(cls, credential: Credential) -> Self:
        """A key or token nobody knows."""
        text = {"x-api-key": "invalid x-api-key", "bearer": "Invalid bearer token"}
        return cls(401, ERROR_TYPES[401], text[credential.source])

    @classmethod
    def not_found(cls, message: str = "Not found") -> Self:
        return cls(404, ERROR_TYPES[404], message)

    @classmethod
    def unknown_model(cls, model: str) -> Self:
        return cls.not_found(f"model: {model}")

    @classmethod
    def unknown_batch(cls, batch_id: str) -> Self:
        """The text is a guess."""
        return cls.not_found(f"Message Batch {batch_id} not found.")

    @classmethod
    def unknown_file(cls, file_id: str) -> Self:
        """platform.claude.com build-with-claude/files, 2026-09-26."""
        return cls.not_found(f"File `{file_id}` not found.")

    @classmethod
    def request_too_large(cls) -> Self:
        return cls(413, ERROR_TYPES[413], "Request exceeds the maximum size")

    @classmethod
    def rate_limit(cls, message: str, *, retry_after_s: int | None = None) -> Self:
        """429; a spend cap carries no `retry-after`, every other limit whole seconds."""
        wait = () if retry_after_s is None else ((RETRY_AFTER, b"%d" % retry_after_s),)
        return cls(429, ERROR_TYPES[429], message, headers=wait)

    @classmethod
    def internal(cls) -> Self:
        return cls(500, ERROR_TYPES[500], "Internal server error")

    @classmethod
    def overloaded(cls) -> Self:
        return cls(529, ERROR_TYPES[529], "Overloaded")


def get_error_type(status: int) -> str:
    """`error.type` for any status >= 400; outside the table by its hundred (a guess)."""
    return ERROR_TYPES.get(status, ERROR_TYPES[400 if status < 500 else 500])


def parse_error_body(body: bytes, status: int | None = None) -> ApiError:
    """Read an error answer, or the data of an `error` event.

    `status` is the answer's; without it (an event has none) it follows from `error.type`. What is
    no envelope of the API (a proxy's page, nothing at all) gives its first 500 bytes as message.
    """
    try:
        return read_error(from_json(body), status)
    except (ValueError, TypeError, KeyError):
        known = 500 if status is None else status
        text = body[:_BODY_EXCERPT].decode("utf-8", "replace")
        return ApiError(known, get_error_type(known), text)


def read_error(envelope: Mapping[str, Any], status: int | None = None) -> ApiError:
    """The error in a parsed envelope or `error` event. KeyError or TypeError where it is none."""
    error, request_id = envelope["error"], envelope.get("request_id")
    error_type, details = str(error["type"]), error.get("details")
    code = details.get("error_code") if isinstance(details, dict) else None
    return ApiError(
        ERROR_STATUSES.get(error_type, 500) if status is None else status,
        error_type,
        str(error["message"]),
        error_code=code if isinstance(code, str) else None,
        request_id=request_id if isinstance(request_id, str) else None,
    )
