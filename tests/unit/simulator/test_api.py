"""Routes, headers, errors, models, token counting."""

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest

from tanzaku.core import VirtualClock
from tanzaku.simulator import Simulator
from tanzaku.transport import HeaderList, get_header

type Send = Callable[..., Any]
type Ask = Callable[..., Any]

KEY = (b"x-api-key", b"k")
VERSION = (b"anthropic-version", b"2023-06-01")
HELLO = b'{"model":"claude-haiku-4-5","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}'


def _error(response: Any) -> tuple[int, str, str]:
    body = json.loads(response.body)
    assert body["type"] == "error"
    assert body["request_id"].encode() == get_header(response.headers, b"request-id")
    return response.status, body["error"]["type"], body["error"]["message"]


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ([VERSION], (401, "authentication_error", "x-api-key header is required")),
        (
            [VERSION, (b"x-api-key", b"")],
            (401, "authentication_error", "x-api-key header is required"),
        ),
        ([KEY], (400, "invalid_request_error", "anthropic-version: header is required")),
    ],
)
def test_missing_headers(send: Send, headers: HeaderList, error: tuple[int, str, str]) -> None:
    assert _error(send("POST", "/v1/messages", HELLO, headers)) == error


@pytest.mark.parametrize(
    "headers",
    [[KEY, VERSION], [(b"authorization", b"Bearer k"), (b"anthropic-version", b"2026-10-21")]],
)
def test_either_credential_and_version_is_accepted(send: Send, headers: HeaderList) -> None:
    response = send("POST", "/v1/messages?beta=true", HELLO, headers)
    assert response.status == 200
    request_id = get_header(response.headers, b"request-id")
    assert request_id is not None
    assert request_id.startswith(b"req_")
    assert get_header(response.headers, b"content-type") == b"application/json"


@pytest.mark.parametrize(
    "block",
    [
        {"type": "container_upload", "file_id": {}},
        {"type": "container_upload"},
        {"type": "document", "source": {"file_id": "file_1"}},
        {"type": "document", "source": "file_1"},
        {"type": "image", "source": {"type": "file", "file_id": ["file_1"]}},
        {"type": "image", "file_id": "file_1"},
        ["file_id"],
    ],
    ids=json.dumps,
)
@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens"])
def test_a_file_that_is_named_in_a_wrong_way_is_refused(send: Send, path: str, block: Any) -> None:
    body = {"model": "claude-haiku-4-5", "messages": [{"role": "user", "content": [block]}]}
    if path == "/v1/messages":
        body["max_tokens"] = 9
    told = send("POST", path, json.dumps({**body, "system": "file_id"}).encode(), [KEY, VERSION])
    status, kind, text = _error(told)
    assert (status, kind) == (400, "invalid_request_error")
    assert text.startswith("messages.0.content")


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("/v1/messages", b"POST"),
        ("/v1/models", b"GET"),
        ("/v1/files", b"GET, POST"),
        ("/v1/files/file_1/content", b"GET"),
        ("/v1/messages/batches/msgbatch_1", b"GET, DELETE"),
        ("/v1/messages/batches/msgbatch_1/cancel", b"POST"),
    ],
)
def test_a_method_that_a_path_does_not_take_is_told_those_that_it_takes(
    send: Send, path: str, allow: bytes
) -> None:
    told = send("TRACE", path, b"", [KEY, VERSION])
    assert told.status == 405
    assert get_header(told.headers, b"allow") == allow


def test_an_unknown_version_and_an_unknown_beta_are_refused(send: Send) -> None:
    unknown_version = send(
        "POST", "/v1/messages", HELLO, [KEY, (b"anthropic-version", b"2031-01-01")]
    )
    assert _error(unknown_version)[:2] == (400, "invalid_request_error")
    unknown_beta = send(
        "POST",
        "/v1/messages",
        HELLO,
        [KEY, VERSION, (b"anthropic-beta", b"no-such-beta-2020-01-01")],
    )
    status, kind, text = _error(unknown_beta)
    assert (status, kind) == (400, "invalid_request_error")
    assert "no-such-beta-2020-01-01" in text
    known = [KEY, VERSION, (b"anthropic-beta", b"interleaved-thinking-2025-05-14")]
    assert send("POST", "/v1/messages", HELLO, known).status == 200


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/v1/nothing", 404),
        ("POST", "/v1/messages/other", 404),
        ("GET", "/", 404),
        ("GET", "/v1/messages", 405),
        ("DELETE", "/v1/models", 405),
        ("GET", "/v1/models/claude-nobody-9", 404),
    ],
)
def test_unknown_paths_and_methods(send: Send, method: str, target: str, status: int) -> None:
    assert _error(send(method, target))[0] == status


@pytest.mark.parametrize(
    ("body", "start"),
    [
        (b"{", "The request body is not valid JSON: "),
        (b"[]", "The request body is not valid JSON: "),
        (b'{"model":"claude-haiku-4-5","messages":[]}', "max_tokens: Field required"),
        (HELLO[:-1] + b',"nonsense":1}', "nonsense: Extra inputs are not permitted"),
    ],
)
def test_bad_bodies_get_the_apis_400(send: Send, body: bytes, start: str) -> None:
    response = send("POST", "/v1/messages", body)
    status, kind, text = _error(response)
    assert (status, kind) == (400, "invalid_request_error")
    assert text.startswith(start)
    assert get_header(response.headers, b"x-should-retry") == b"false"


@pytest.mark.parametrize("model", ["claude-nobody-9", "claude-opus-4-1"])
def test_an_unknown_or_retired_model_is_a_404(ask: Ask, model: str) -> None:
    assert _error(ask("hi", model=model)) == (404, "not_found_error", f"model: {model}")


def test_a_model_is_retired_when_its_day_has_come(ask: Ask) -> None:
    # Sonnet 4.5 ends on 2026-11-30 by the SDK's deprecation table.
    before, after = (
        Simulator(clock=VirtualClock(day)) for day in (1_795_910_400.0, 1_796_083_200.0)
    )
    assert ask("hi", model="claude-sonnet-4-5", simulator=before).status == 200
    assert ask("hi", model="claude-sonnet-4-5", simulator=after).status == 404


@pytest.mark.parametrize(
    ("body", "coding", "status", "code"),
    [
        (gzip.compress(HELLO), b"gzip", 200, None),
        (HELLO, b"gzip", 400, "request_body_encoding_invalid"),
        (HELLO, b"br", 400, "request_body_encoding_unsupported"),
        (gzip.compress(b" " * (33 << 20)), b"gzip", 413, "request_body_too_large_after_decoding"),
    ],
    ids=["good", "not compressed", "unknown coding", "too large"],
)
def test_compressed_bodies(
    send: Send, body: bytes, coding: bytes, status: int, code: str | None
) -> None:
    response = send("POST", "/v1/messages", body, [KEY, VERSION, (b"content-encoding", coding)])
    assert response.status == status
    assert json.loads(response.body).get("error", {}).get("details", {}).get("error_code") == code


def test_count_tokens_agrees_with_the_message(ask: Ask) -> None:
    fields = {
        "system": "Be brief.",
        "tools": [{"name": "look", "input_schema": {"type": "object"}}],
    }
    counted = json.loads(
        ask("Hello there", path="/v1/messages/count_tokens", max_tokens=None, **fields).body
    )
    message = json.loads(ask("Hello there", **fields).body)
    assert counted == {"input_tokens": message["usage"]["input_tokens"]}


def test_count_tokens_refuses_what_only_messages_take(ask: Ask) -> None:
    status, _, text = _error(ask("hi", path="/v1/messages/count_tokens"))
    assert (status, text) == (400, "max_tokens: Extra inputs are not permitted")


def test_the_models_pages_cover_the_list_both_ways(send: Send) -> None:
    whole = json.loads(send("GET", "/v1/models?limit=1000").body)
    ids = [model["id"] for model in whole["data"]]
    assert not whole["has_more"]
    assert (whole["first_id"], whole["last_id"]) == (ids[0], ids[-1])
    forward: list[str] = []
    query = "limit=3"
    while True:
        page = json.loads(send("GET", f"/v1/models?{query}").body)
        forward += [model["id"] for model in page["data"]]
        if not page["has_more"]:
            break
        query = f"limit=3&after_id={page['last_id']}"
    assert forward == ids
    before = json.loads(send("GET", f"/v1/models?limit=2&before_id={ids[4]}").body)
    assert [model["id"] for model in before["data"]] == ids[2:4]
    assert before["has_more"]


def test_retired_models_are_listed_only_on_demand(send: Send) -> None:
    stages = [m["lifecycle"] for m in json.loads(send("GET", "/v1/models?limit=1000").body)["data"]]
    assert "retired" not in stages
    retired = json.loads(send("GET", "/v1/models?lifecycle%5B%5D=retired").body)["data"]
    assert {model["lifecycle"] for model in retired} == {"retired"}


def test_a_model_is_found_by_alias_with_its_abilities(send: Send) -> None:
    model = json.loads(send("GET", "/v1/models/claude-haiku-4-5").body)
    assert model["id"] == "claude-haiku-4-5-20251001"
    assert (model["max_input_tokens"], model["max_tokens"], model["line"]) == (
        200_000,
        64_000,
        "haiku",
    )
    thinking = model["capabilities"]["thinking"]["types"]
    assert thinking["enabled"]["supported"]
    assert not thinking["adaptive"]["supported"]
    assert not model["capabilities"]["effort"]["supported"]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "limit=x", "lifecycle%5B%5D=old", "after_id=nobody"]
)
def test_bad_queries_are_refused(send: Send, query: str) -> None:
    assert _error(send("GET", f"/v1/models?{query}"))[:2] == (400, "invalid_request_error")


def test_the_organization_follows_the_seed(send: Send) -> None:
    def organization(seed: int) -> bytes | None:
        response = send("GET", "/v1/models", to=Simulator(seed=seed, clock=VirtualClock()))
        return get_header(response.headers, b"anthropic-organization-id")

    assert organization(1) == organization(1)
    assert organization(1) != organization(2)
