"""Requests to AWS over a socket, their signatures made again by the published rules alone."""

import asyncio
import hashlib
import hmac
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tanzaku.core import SystemClock
from tanzaku.gateway.upstreams import UpstreamSettings, build_bedrock
from tanzaku.transport import (
    HttpClient,
    HttpRequest,
    HttpResponse,
    ThreadedServer,
    get_header,
    read_all,
    serve,
)

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
ARN = "arn:aws:bedrock:us-east-1:1:inference-profile/us.x-v1:0"
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>\w+)/(?P<scope>(?P<day>\d{8})/(?P<region>[\w-]+)/"
    r"(?P<service>[\w-]+)/aws4_request), SignedHeaders=(?P<names>[\w;-]+), Signature=(?P<made>\w+)"
)


def sign(request: HttpRequest, secret: str) -> tuple[str, str]:
    """The signature that belongs to a request, and the one it bears (AWS Signature Version 4, "Create
    a signed request"). The path of every service but S3 is escaped once more."""
    bearing = (get_header(request.headers, b"authorization") or b"").decode()
    match = _AUTHORIZATION.fullmatch(bearing)
    assert match is not None, bearing
    headers = {name.decode(): value.decode().strip() for name, value in request.headers}
    names = match["names"].split(";")
    canonical = "\n".join(
        [
            request.method,
            quote(request.path, safe="/-_.~"),
            "",
            *(f"{name}:{headers[name]}" for name in names),
            "",
            match["names"],
            hashlib.sha256(request.body).hexdigest(),
        ]
    )
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    signed = f"AWS4-HMAC-SHA256\n{headers['x-amz-date']}\n{match['scope']}\n{hashed}"
    key = f"AWS4{secret}".encode()
    for part in match["scope"].split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, signed.encode(), "sha256").hex(), match["made"]


@dataclass
class Cloud:
    url: str = ""
    requests: list[HttpRequest] = field(default_factory=list)

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        self.requests.append(request)
        return HttpResponse(200, [], b"{}")

    def ask(self, times: int = 1, model: str = "claude-haiku-4-5", **settings: Any) -> list[bytes]:
        """What of the answers came back."""

        async def play() -> list[bytes]:
            async with HttpClient(clock=SystemClock()) as client:
                given = {"region": "us-east-1"} | settings
                handler = build_bedrock(
                    UpstreamSettings("aws", "bedrock", self.url, **given), client
                )
                body = json.dumps({"model": model, "max_tokens": 5, "text": "短冊"}).encode()
                return [
                    await read_all(await handler(HttpRequest("POST", "/v1/messages", [], body)))
                    for _ in range(times)
                ]

        return asyncio.run(play())


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Cloud]:
    """The far end, and a machine without credentials."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("AWS_BEARER_TOKEN_BEDROCK", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    cloud = Cloud()
    with ThreadedServer(lambda: serve(cloud, max_body_bytes=1 << 20)) as running:
        cloud.url = running.url
        yield cloud


@pytest.fixture
def keyed(monkeypatch: pytest.MonkeyPatch, cloud: Cloud) -> Cloud:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    return cloud


def test_the_rules_here_make_the_signature_that_aws_publishes() -> None:
    """`get-vanilla` of the AWS Signature Version 4 test suite."""
    made = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
    scope = "AKIDEXAMPLE/20150830/us-east-1/service/aws4_request"
    bearing = f"Credential={scope}, SignedHeaders=host;x-amz-date, Signature={made}"
    headers = [
        (b"host", b"example.amazonaws.com"),
        (b"x-amz-date", b"20150830T123600Z"),
        (b"authorization", f"AWS4-HMAC-SHA256 {bearing}".encode()),
    ]
    assert sign(HttpRequest("GET", "/", headers, b""), SECRET) == (made, made)


@pytest.mark.parametrize("model", ["claude-haiku-4-5", ARN])
@pytest.mark.parametrize(
    ("endpoint", "service"), [("runtime", "bedrock"), ("mantle", "bedrock-mantle")]
)
def test_a_request_is_signed_as_it_arrives(
    keyed: Cloud, endpoint: str, service: str, model: str
) -> None:
    models = () if endpoint == "runtime" else ((ARN, "anthropic.claude-x"),)
    keyed.ask(model=model, endpoint=endpoint, region="ap-northeast-1", models=models)
    (request,) = keyed.requests
    belongs, bears = sign(request, SECRET)
    assert bears == belongs
    bearing = (get_header(request.headers, b"authorization") or b"").decode()
    assert f"/ap-northeast-1/{service}/aws4_request" in bearing
    assert {"host", "x-amz-date"} <= set(
        bearing.partition("SignedHeaders=")[2].split(",")[0].split(";")
    )


def test_another_secret_or_another_byte_would_not_do(keyed: Cloud) -> None:
    keyed.ask()
    (request,) = keyed.requests
    bears = sign(request, SECRET)[1]
    assert sign(request, "another")[0] != bears
    request.body += b" "
    assert sign(request, SECRET)[0] != bears


def test_a_session_token_goes_along_and_is_signed(
    keyed: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "session-token")
    keyed.ask()
    (request,) = keyed.requests
    belongs, bears = sign(request, SECRET)
    assert bears == belongs
    assert get_header(request.headers, b"x-amz-security-token") == b"session-token"
    assert b"x-amz-security-token" in (get_header(request.headers, b"authorization") or b"")


def test_a_profile_of_the_aws_tools_serves(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "credentials").write_text(
        f"[work]\naws_access_key_id = AKIDWORK\naws_secret_access_key = {SECRET}\n"
    )
    monkeypatch.setenv("AWS_PROFILE", "work")
    cloud.ask()
    belongs, bears = sign(cloud.requests[0], SECRET)
    assert bears == belongs


def test_credentials_that_end_are_fetched_anew(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """They come from a process that gives the next ones each time, good for a minute."""
    script, count = tmp_path / "give.py", tmp_path / "count"
    script.write_text(
        "import datetime, json, pathlib\n"
        f"count = pathlib.Path({str(count)!r})\n"
        "n = len(count.read_text()) + 1 if count.exists() else 1\n"
        "count.write_text('x' * n)\n"
        "end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=60)\n"
        "print(json.dumps({'Version': 1, 'AccessKeyId': f'AKID{n}', 'SecretAccessKey': f'secret{n}',"
        " 'SessionToken': 't', 'Expiration': end.isoformat()}))\n"
    )
    (tmp_path / "config").write_text(f"[default]\ncredential_process = {sys.executable} {script}\n")
    cloud.ask(2)
    keys = []
    for request in cloud.requests:
        number = re.search(
            rb"Credential=AKID(\d+)/", get_header(request.headers, b"authorization") or b""
        )
        assert number is not None
        belongs, bears = sign(request, f"secret{int(number[1])}")
        assert bears == belongs
        keys.append(int(number[1]))
    assert keys[0] < keys[1]


def test_a_bedrock_key_of_the_environment_goes_before_a_signature(
    keyed: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "bedrock-key")
    keyed.ask()
    keyed.ask(endpoint="mantle")
    for request in keyed.requests:
        assert get_header(request.headers, b"authorization") == b"Bearer bedrock-key"
        assert get_header(request.headers, b"x-amz-date") is None


def test_without_credentials_nothing_is_sent(cloud: Cloud) -> None:
    (body,) = cloud.ask()
    assert json.loads(body)["error"] == {
        "type": "authentication_error",
        "message": "The gateway finds no AWS credentials.",
    }
    assert cloud.requests == []


def test_credentials_that_cannot_be_fetched_are_none(cloud: Cloud, tmp_path: Path) -> None:
    (tmp_path / "config").write_text(
        f"[default]\ncredential_process = {sys.executable} -c 'raise SystemExit(1)'\n"
    )
    (body,) = cloud.ask()
    assert json.loads(body)["error"]["type"] == "authentication_error"
    assert cloud.requests == []
