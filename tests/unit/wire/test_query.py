"""Parameters of the list calls and the form of an upload, from text."""

from typing import Any

import anthropic
import httpx2
import pytest

from tanzaku.wire import ApiError, ListCall, parse_query, parse_upload


@pytest.mark.parametrize(
    ("call", "query", "expected"),
    [
        ("batches", "", {"limit": 20}),
        ("batches", "limit=1000&after_id=msgbatch_1&beta=true", {"limit": 1000, "after_id": "msgbatch_1"}),
        ("models", "lifecycle%5B%5D=retired&lifecycle[]=active",
         {"limit": 20, "lifecycle": ["retired", "active"]}),
        ("models", "lifecycle=retired&before_id=a%2Fb&limit=1",
         {"limit": 1, "lifecycle": ["retired"], "before_id": "a/b"}),
        ("files", "page=page_x&limit=3&limit=4", {"limit": 4, "page": "page_x"}),
        ("files", "&".join(["ids[]=file_1"] * 101 + ["ids[]=file_2"]),
         {"limit": 20, "ids": ["file_1", "file_2"]}),
    ],
)  # fmt: skip
def test_a_query_is_read_in_its_types(call: ListCall, query: str, expected: dict[str, Any]) -> None:
    assert parse_query(query, call) == expected


NO_INTEGER = "limit: Input should be a valid integer, unable to parse string as an integer"


@pytest.mark.parametrize(
    ("call", "query", "expected"),
    [
        ("batches", "limit=0", "limit: Input should be greater than or equal to 1"),
        ("files", "limit=1001", "limit: Input should be less than or equal to 1000"),
        ("models", "limit=ten", NO_INTEGER),
        ("models", "limit=", NO_INTEGER),
        ("models", "lifecycle[]=old",
         "lifecycle.0: Input should be 'active', 'deprecated' or 'retired'"),
        ("batches", "page=x", "page: Extra inputs are not permitted"),
        ("files", "after_id=x", "after_id: Extra inputs are not permitted"),
        ("files", "ids[]=a&limit=2", "ids: cannot be combined with `page` or `limit`"),
        ("files", "&".join(f"ids[]=file_{n}" for n in range(101)),
         "ids: List should have at most 100 items after validation, not 101"),
    ],
)  # fmt: skip
def test_a_query_out_of_range_is_refused_with_a_guessed_text(
    call: ListCall, query: str, expected: str
) -> None:
    with pytest.raises(ApiError) as refused:
        parse_query(query, call)
    assert (refused.value.status, refused.value.error_type) == (400, "invalid_request_error")
    assert refused.value.message == expected


def test_what_the_sdk_sends_is_read_back() -> None:
    queries: list[tuple[str, str]] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        queries.append((request.url.path, request.url.query.decode()))
        return httpx2.Response(200, json={"data": [], "has_more": False, "next_page": None})

    with httpx2.Client(transport=httpx2.MockTransport(answer)) as http:
        client = anthropic.Anthropic(api_key="k", base_url="http://test", http_client=http)
        client.models.list(lifecycle=["retired", "active"], limit=5)
        client.messages.batches.list(before_id="msgbatch_1")
        client.files.list(ids=["file_1", "file_2"])
    calls: dict[str, ListCall] = {
        "/v1/models": "models",
        "/v1/messages/batches": "batches",
        "/v1/files": "files",
    }
    assert [parse_query(query, calls[path]) for path, query in queries] == [
        {"limit": 5, "lifecycle": ["retired", "active"]},
        {"limit": 20, "before_id": "msgbatch_1"},
        {"limit": 20, "ids": ["file_1", "file_2"]},
    ]


def test_an_upload_may_carry_an_expiry_in_seconds() -> None:
    assert parse_upload({"file": b"", "expires_in_seconds": "3600"}) == {
        "file": b"",
        "expires_in_seconds": 3600,
    }


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({}, "file: Field required"),
        ({"file": b"x", "expires_in_seconds": "3599"},
         "expires_in_seconds: Input should be greater than or equal to 3600"),
        ({"file": b"x", "expires_in_seconds": "7776001"},
         "expires_in_seconds: Input should be less than or equal to 7776000"),
        ({"file": b"x", "purpose": "vision"}, "purpose: Extra inputs are not permitted"),
    ],
)  # fmt: skip
def test_a_form_out_of_range_is_refused_with_a_guessed_text(
    form: dict[str, str | bytes], expected: str
) -> None:
    with pytest.raises(ApiError) as refused:
        parse_upload(form)
    assert (refused.value.status, refused.value.message) == (400, expected)
