"""The error envelope, as the API writes it and as its SDK reads it."""

import json
from dataclasses import dataclass
from typing import override

import anthropic
import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tanzaku.wire import (
    ERROR_STATUSES,
    ERROR_TYPES,
    ApiError,
    Credential,
    get_error_type,
    parse_error_body,
)


def ask_sdk(error: ApiError) -> anthropic.APIStatusError:
    """What the SDK makes of an answer with `error`."""

    def answer(_: httpx2.Request) -> httpx2.Response:
        headers = [*error.headers, (b"content-type", b"application/json")]
        return httpx2.Response(error.status, headers=headers, content=error.body("req_1"))

    transport = httpx2.MockTransport(answer)
    with (
        httpx2.Client(transport=transport) as http,
        anthropic.Anthropic(api_key="k", max_retries=0, http_client=http) as client,
        pytest.raises(anthropic.APIStatusError) as raised,
    ):
        client.models.retrieve("m")
    return raised.value


SDK_CLASSES = {
    400: anthropic.BadRequestError,
    401: anthropic.AuthenticationError,
    403: anthropic.PermissionDeniedError,
    404: anthropic.NotFoundError,
    409: anthropic.ConflictError,
    429: anthropic.RateLimitError,
    500: anthropic.InternalServerError,
}


@pytest.mark.parametrize("status", sorted(ERROR_TYPES))
def test_the_sdk_reads_type_message_and_request_id(status: int) -> None:
    seen = ask_sdk(ApiError(status, ERROR_TYPES[status], "what happened"))
    assert isinstance(seen, SDK_CLASSES.get(status, anthropic.APIStatusError))
    assert (seen.status_code, seen.type) == (status, ERROR_TYPES[status])
    assert seen.body == {
        "type": "error",
        "error": {"type": ERROR_TYPES[status], "message": "what happened"},
        "request_id": "req_1",
    }


def test_the_sdk_picks_its_class_by_the_error_code() -> None:
    error = ApiError(404, "not_found_error", "gone", error_code="file_expired")
    assert type(ask_sdk(error)).__name__ == "FileExpiredError"


def test_a_rate_limit_tells_the_seconds_to_wait() -> None:
    seen = ask_sdk(ApiError.rate_limit("slow down", retry_after_s=7))
    assert seen.response.headers["retry-after"] == "7"
    assert "retry-after" not in ask_sdk(ApiError.rate_limit("cap reached")).response.headers


@pytest.mark.parametrize(
    ("error", "status", "error_type", "message"),
    [
        (
            ApiError.missing_credential(),
            401,
            "authentication_error",
            "x-api-key header is required",
        ),
        (
            ApiError.invalid_credential(Credential("x-api-key", "s")),
            401,
            "authentication_error",
            "invalid x-api-key",
        ),
        (
            ApiError.invalid_credential(Credential("bearer", "s")),
            401,
            "authentication_error",
            "Invalid bearer token",
        ),
        (
            ApiError.missing_version(),
            400,
            "invalid_request_error",
            "anthropic-version: header is required",
        ),
        (ApiError.unknown_model("claude-9"), 404, "not_found_error", "model: claude-9"),
        (ApiError.not_found(), 404, "not_found_error", "Not found"),
        (
            ApiError.request_too_large(),
            413,
            "request_too_large",
            "Request exceeds the maximum size",
        ),
        (ApiError.internal(), 500, "api_error", "Internal server error"),
        (ApiError.overloaded(), 529, "overloaded_error", "Overloaded"),
    ],
)
def test_the_common_errors_have_the_apis_words(
    error: ApiError, status: int, error_type: str, message: str
) -> None:
    assert (error.status, error.error_type, str(error)) == (status, error_type, message)


def test_a_body_is_spelled_as_the_api_spells_it() -> None:
    assert ApiError.overloaded().body("req_1") == (
        b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},'
        b'"request_id":"req_1"}'
    )


def test_a_broken_stream_ends_with_null_details() -> None:
    assert ApiError.overloaded().event("req_1") == {
        "type": "error",
        "error": {"details": None, "type": "overloaded_error", "message": "Overloaded"},
        "request_id": "req_1",
    }
    coded = ApiError(529, "overloaded_error", "x", error_code="compaction_unavailable")
    assert coded.event("r")["error"]["details"] == {"error_code": "compaction_unavailable"}


def test_each_type_has_one_status() -> None:
    assert {ERROR_STATUSES[ERROR_TYPES[status]] for status in ERROR_TYPES} == set(ERROR_TYPES)


@pytest.mark.parametrize(
    ("status", "error_type"),
    [(422, "invalid_request_error"), (499, "invalid_request_error"), (503, "api_error")],
)
def test_a_status_outside_the_table_gets_the_type_of_its_hundred_as_a_guess(
    status: int, error_type: str
) -> None:
    assert get_error_type(status) == error_type


@given(
    status=st.sampled_from(sorted(ERROR_TYPES)),
    message=st.text(),
    code=st.none() | st.text(min_size=1),
)
def test_a_body_reads_back_as_the_error(status: int, message: str, code: str | None) -> None:
    error = ApiError(status, ERROR_TYPES[status], message, error_code=code)
    for body in (error.body("req_1"), json.dumps(error.event("req_1")).encode()):
        read = parse_error_body(body)
        assert (read.status, read.error_type) == (status, ERROR_TYPES[status])
        assert (read.message, read.error_code, read.request_id) == (message, code, "req_1")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<html>Bad gateway</html>", "<html>Bad gateway</html>"),
        (b"", ""),
        (b'{"error":"no"}', '{"error":"no"}'),
        (b"null", "null"),
        (b"\xff", "\ufffd"),
        (b"x" * 9000, "x" * 500),
    ],
)
def test_an_answer_that_no_claude_api_wrote_becomes_an_error_of_its_status(
    body: bytes, message: str
) -> None:
    read = parse_error_body(body, 502)
    assert (read.status, read.error_type, read.message) == (502, "api_error", message)


def test_the_answers_status_counts_before_the_types() -> None:
    assert parse_error_body(ApiError.overloaded().body("r"), 503).status == 503


@dataclass
class Refusal:
    status: int
    error_type: str

    @override
    def __str__(self) -> str:
        return "max_tokens: Field required"


def test_a_violation_becomes_the_error_of_its_text() -> None:
    error = ApiError.from_violation(Refusal(400, "invalid_request_error"))
    assert (error.status, error.message) == (400, "max_tokens: Field required")
