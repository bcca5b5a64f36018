"""What reaches Vertex of a call in the Claude API's shape, with which token, and what comes back."""

import asyncio
import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tanzaku.gateway.upstreams import UpstreamSettings, build_vertex
from tanzaku.transport import (
    HttpClient,
    HttpRequest,
    HttpResponse,
    ThreadedServer,
    get_header,
    read_all,
    serve,
)

TOKEN = (b"authorization", b"Bearer a-token")
MODELS = "/v1/projects/team-7/locations/us-east5/publishers/anthropic/models"


@dataclass
class Cloud:
    """The far end: notes what came and answers as told."""

    answer: HttpResponse = field(default_factory=lambda: HttpResponse(200, [], b"{}"))
    requests: list[HttpRequest] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)

    async def send(self, request: HttpRequest, *, base_url: str) -> HttpResponse:
        self.requests.append(request)
        self.urls.append(base_url)
        return self.answer

    @property
    def request(self) -> HttpRequest:
        (request,) = self.requests
        return request


@dataclass
class Bench:
    cloud: Cloud
    settings: UpstreamSettings

    def send(
        self,
        body: bytes,
        *headers: tuple[bytes, bytes],
        path: str = "/v1/messages",
        method: str = "POST",
        times: int = 1,
        is_at_once: bool = True,
    ) -> HttpResponse:
        async def ask(handler: Any) -> HttpResponse:
            answer: HttpResponse = await handler(HttpRequest(method, path, list(headers), body))
            answer.body = await read_all(answer)
            return answer

        async def play() -> list[HttpResponse]:
            handler = build_vertex(self.settings, cast("HttpClient", self.cloud))
            if is_at_once:
                return await asyncio.gather(*(ask(handler) for _ in range(times)))
            return [await ask(handler) for _ in range(times)]

        return asyncio.run(play())[-1]


type Build = Callable[..., Bench]


@pytest.fixture
def build() -> Build:
    def build_bench(**settings: Any) -> Bench:
        given = {"region": "us-east5", "project": "team-7", "keys": ("a-token",)} | settings
        return Bench(Cloud(), UpstreamSettings("google", "vertex", **given))

    return build_bench


def ask(**fields: Any) -> bytes:
    return json.dumps(
        {"model": "claude-haiku-4-5", "max_tokens": 5, "messages": []} | fields
    ).encode()


def test_the_model_goes_into_the_path_and_every_other_value_keeps_its_bytes(build: Build) -> None:
    bench = build()
    body = (
        b'{ "model":"claude-haiku-4-5-20251001","stream" : true, "messages": [ {"role":"user",'
        b'"content":"\\u77ed \xe5\x86\x8a"} ], "temperature":1.0 }'
    )
    bench.send(
        body,
        TOKEN,
        (b"anthropic-version", b"2023-06-01"),
        (b"anthropic-beta", b"a"),
        (b"accept", b"text/event-stream"),
    )
    request = bench.cloud.request
    assert request.target == f"{MODELS}/claude-haiku-4-5@20251001:streamRawPredict"
    assert json.loads(request.body) == {
        "anthropic_version": "vertex-2023-10-16",
        "stream": True,
        "messages": [{"role": "user", "content": "短 冊"}],
        "temperature": 1,
    }
    for value in (b'[ {"role":"user","content":"\\u77ed \xe5\x86\x8a"} ]', b'"temperature":1.0'):
        assert value in request.body
    assert sorted(request.headers) == [
        (b"accept", b"application/json"),
        (b"anthropic-beta", b"a"),
        TOKEN,
        (b"content-type", b"application/json"),
    ]


def test_tokens_are_counted_in_a_place_of_their_own(build: Build) -> None:
    bench = build()
    bench.send(ask(), TOKEN, path="/v1/messages/count_tokens?beta=true")
    request = bench.cloud.request
    assert request.target == f"{MODELS}/count-tokens:rawPredict"
    assert json.loads(request.body)["model"] == "claude-haiku-4-5@20251001"
    assert json.loads(request.body)["anthropic_version"] == "vertex-2023-10-16"


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("europe-west1", "europe-west1-aiplatform.googleapis.com"),
        ("global", "aiplatform.googleapis.com"),
        ("us", "aiplatform.us.rep.googleapis.com"),
        ("eu", "aiplatform.eu.rep.googleapis.com"),
    ],
)
def test_each_region_has_its_host(build: Build, region: str, host: str) -> None:
    bench = build(region=region)
    bench.send(ask(), TOKEN)
    assert bench.cloud.urls == [f"https://{host}"]
    assert f"/locations/{region}/" in bench.cloud.request.target


@pytest.mark.parametrize(
    ("settings", "asked", "there"),
    [
        ({}, "claude-haiku-4-5", "claude-haiku-4-5@20251001"),
        ({}, "claude-haiku-4-5@20251001", "claude-haiku-4-5@20251001"),
        ({}, "us.anthropic.claude-haiku-4-5-20251001-v1:0", "claude-haiku-4-5@20251001"),
        ({}, "claude-haiku-5-5", "claude-haiku-5-5"),
        ({"models": (("ours", "claude-opus-5"),)}, "ours", "claude-opus-5"),
    ],
)
def test_the_model_goes_by_the_name_that_vertex_knows(
    build: Build, settings: dict[str, Any], asked: str, there: str
) -> None:
    bench = build(**settings)
    bench.send(ask(model=asked), TOKEN)
    assert bench.cloud.request.target == f"{MODELS}/{there}:rawPredict"


@pytest.mark.parametrize(
    ("model", "asked", "version"),
    [
        ("claude-haiku-4-5", b"2026-10-21", "vertex-2023-10-16"),
        ("claude-haiku-5-5", b"2026-10-21", "2026-10-21"),
        ("claude-haiku-5-5", b"2023-06-01", "vertex-2023-10-16"),
    ],
)
def test_the_version_is_the_newest_that_vertex_is_guessed_to_take(
    build: Build, model: str, asked: bytes, version: str
) -> None:
    bench = build()
    bench.send(ask(model=model), TOKEN, (b"anthropic-version", asked))
    assert json.loads(bench.cloud.request.body)["anthropic_version"] == version


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/v1/messages/batches"), ("GET", "/v1/models"), ("POST", "/v1/files")],
)
def test_what_vertex_has_not_is_not_found(build: Build, method: str, path: str) -> None:
    bench = build()
    answer = bench.send(ask(), TOKEN, method=method, path=path)
    error = json.loads(cast("bytes", answer.body))["error"]
    assert (answer.status, error["type"]) == (404, "not_found_error")
    assert f"Vertex AI has no {method} {path}" in error["message"]
    answer = bench.send(ask(model="gpt-9"), TOKEN)
    assert b"model: gpt-9 is not known on Vertex AI" in cast("bytes", answer.body)
    assert bench.cloud.requests == []


@pytest.mark.parametrize(
    ("status", "name", "expected", "kind"),
    [
        (429, "RESOURCE_EXHAUSTED", 429, "rate_limit_error"),
        (400, "INVALID_ARGUMENT", 400, "invalid_request_error"),
        (401, "UNAUTHENTICATED", 401, "authentication_error"),
        (403, "PERMISSION_DENIED", 403, "permission_error"),
        (404, "NOT_FOUND", 404, "not_found_error"),
        (500, "INTERNAL", 500, "api_error"),
        (503, "UNAVAILABLE", 529, "overloaded_error"),
        (504, "DEADLINE_EXCEEDED", 504, "timeout_error"),
    ],
)
@pytest.mark.parametrize("is_listed", [False, True])
def test_an_error_of_google_becomes_one_of_the_api_as_far_as_is_guessed(
    build: Build, status: int, name: str, expected: int, kind: str, is_listed: bool
) -> None:
    bench = build()
    body: Any = {"error": {"code": status, "message": "told so", "status": name}}
    raw = json.dumps([body] if is_listed else body).encode()
    bench.cloud.answer = HttpResponse(status, [(b"content-length", b"1")], raw)
    answer = bench.send(ask(), TOKEN)
    told = json.loads(cast("bytes", answer.body))
    assert (answer.status, told["error"]) == (expected, {"type": kind, "message": "told so"})
    assert get_header(answer.headers, b"request-id") == told["request_id"].encode()
    assert get_header(answer.headers, b"content-length") is None


def test_what_is_the_api_s_own_passes_untouched(build: Build) -> None:
    bench = build()
    for status, raw in (
        (529, b'{ "type":"error", "error":{"type":"overloaded_error","message":"x"} }'),
        (200, b'{ "type":"message", "usage":{ "input_tokens":3 } }'),
    ):
        headers = [(b"request-id", b"req_vrtx_1"), (b"content-length", b"%d" % len(raw))]
        bench.cloud.answer = HttpResponse(status, list(headers), raw)
        answer = bench.send(ask(), TOKEN)
        assert (answer.status, answer.headers, answer.body) == (status, headers, raw)


@dataclass
class Google:
    """Where a service account's signed wish becomes a token; each wish gets another one."""

    key: rsa.RSAPrivateKey
    url: str = ""
    lasts_s: int = 3600
    status: int = 200
    wishes: list[dict[str, Any]] = field(default_factory=list)

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        (wish,) = parse_qs(request.body.decode())["assertion"]
        signed, _, signature = wish.rpartition(".")
        self.key.public_key().verify(
            _decode(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256()
        )
        self.wishes.append(json.loads(_decode(signed.partition(".")[2])))
        told = {"access_token": f"token-{len(self.wishes)}", "expires_in": self.lasts_s}
        return HttpResponse(
            self.status,
            [(b"content-type", b"application/json")],
            json.dumps(told | {"error": "invalid_grant"} if self.status >= 400 else told).encode(),
        )


def _decode(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


@pytest.fixture
def google(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Google]:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    google = Google(rsa.generate_private_key(public_exponent=65537, key_size=2048))
    pem = google.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    with ThreadedServer(lambda: serve(google, max_body_bytes=1 << 20)) as running:
        google.url = running.url
        (tmp_path / "key.json").write_text(
            json.dumps(
                {
                    "type": "service_account",
                    "project_id": "team-7",
                    "private_key_id": "1",
                    "private_key": pem.decode(),
                    "client_email": "bot@team-7.test",
                    "client_id": "1",
                    "token_uri": f"{running.url}/token",
                }
            )
        )
        yield google


def test_a_service_account_s_key_gets_one_token_for_many_calls(
    build: Build, google: Google, tmp_path: Path
) -> None:
    bench = build(keys=(), service_account=tmp_path / "key.json")
    bench.send(ask(), times=8)
    (wish,) = google.wishes
    assert wish["iss"] == "bot@team-7.test"
    assert wish["scope"] == "https://www.googleapis.com/auth/cloud-platform"
    tokens = {get_header(request.headers, b"authorization") for request in bench.cloud.requests}
    assert (len(bench.cloud.requests), tokens) == (8, {b"Bearer token-1"})


def test_a_token_that_ends_soon_is_fetched_anew(
    build: Build, google: Google, tmp_path: Path
) -> None:
    google.lasts_s = 60
    bench = build(keys=(), service_account=tmp_path / "key.json")
    bench.send(ask(), times=2, is_at_once=False)
    tokens = [get_header(request.headers, b"authorization") for request in bench.cloud.requests]
    assert tokens == [b"Bearer token-1", b"Bearer token-2"]


def test_the_credentials_of_google_s_tools_serve(
    build: Build, google: Google, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "key.json"))
    bench = build(keys=())
    bench.send(ask())
    assert get_header(bench.cloud.request.headers, b"authorization") == b"Bearer token-1"
    assert len(google.wishes) == 1


def test_without_a_token_nothing_is_sent(build: Build, google: Google, tmp_path: Path) -> None:
    google.status = 401
    (tmp_path / "broken.json").write_text("{}")
    for name in ("key.json", "broken.json", "missing.json"):
        bench = build(keys=(), service_account=tmp_path / name)
        answer = bench.send(ask())
        assert answer.status == 401
        assert json.loads(cast("bytes", answer.body))["error"] == {
            "type": "authentication_error",
            "message": "The gateway gets no access token from Google.",
        }
        assert bench.cloud.requests == []
