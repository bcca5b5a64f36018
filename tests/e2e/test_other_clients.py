"""Clients that are not Python: the TypeScript SDK and curl."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tanzaku.server import Server

TYPESCRIPT = Path(__file__).parents[1] / "clients" / "typescript"


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


def run(*words: str, cwd: Path | None = None) -> str:
    done = subprocess.run(
        words, cwd=cwd, capture_output=True, text=True, encoding="utf-8", timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.needs("typescript")
def test_the_typescript_sdk_says_hello_streams_and_uses_a_tool(server: Server) -> None:
    lines = run("node", "client.mjs", server.url, cwd=TYPESCRIPT).splitlines()
    found: dict[str, Any] = {(row := json.loads(line))["name"]: row for line in lines}
    assert found["hello"]["model"] == "claude-haiku-4-5-20251001"
    assert found["hello"]["usage"]["input_tokens"] > 0
    assert found["stream"]["pieces"] == found["stream"]["text"]
    assert all(str(n) in found["stream"]["text"] for n in range(1, 11))
    assert found["tools"]["stop_reason"] == "tool_use"
    assert found["tools"]["input"]["expression"].replace(" ", "") == "15*23"
    assert "345" in found["tools"]["text"]
    assert (found["refused"]["status"], found["refused"]["type"]) == (400, "invalid_request_error")


def curl(server: Server, body: dict[str, Any], *more: str) -> str:
    return run(
        "curl", "--silent", "--show-error", "--noproxy", "*", f"{server.url}/v1/messages",
        "--header", "x-api-key: test-key", "--header", "anthropic-version: 2023-06-01",
        "--header", "content-type: application/json", "--data", json.dumps(body), *more,
    )  # fmt: skip


@pytest.mark.needs("curl")
def test_curl_says_hello(server: Server) -> None:
    body = {
        "model": "claude-haiku-4-5",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": "你好"}],
    }
    message = json.loads(curl(server, body))
    assert (message["type"], message["stop_reason"]) == ("message", "end_turn")
    assert any("\u4e00" <= character <= "\u9fff" for character in message["content"][0]["text"])


@pytest.mark.needs("curl")
def test_curl_streams_named_events_in_order(server: Server) -> None:
    body = {
        "model": "claude-haiku-4-5",
        "max_tokens": 100,
        "stream": True,
        "messages": [{"role": "user", "content": "Hello"}],
    }
    out = curl(server, body, "--no-buffer")
    names = [line.removeprefix("event: ") for line in out.splitlines() if line.startswith("event")]
    assert names[:2] == ["message_start", "content_block_start"]
    assert names[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    assert "content_block_delta" in names


@pytest.mark.needs("curl")
def test_curl_calls_a_tool(server: Server) -> None:
    body = {
        "model": "claude-haiku-4-5",
        "max_tokens": 100,
        "tools": [
            {
                "name": "track_parcel",
                "description": "查询物流",
                "input_schema": {
                    "type": "object",
                    "properties": {"tracking_number": {"type": "string"}},
                    "required": ["tracking_number"],
                },
            }
        ],
        "messages": [{"role": "user", "content": "我的包裹 SF1234567890 到哪里了？"}],
    }
    message = json.loads(curl(server, body))
    (use,) = [block for block in message["content"] if block["type"] == "tool_use"]
    assert (use["name"], use["input"]) == ("track_parcel", {"tracking_number": "SF1234567890"})


@pytest.mark.needs("curl")
def test_curl_sees_a_missing_key_refused_as_the_api_does(server: Server) -> None:
    out = run(
        "curl", "--silent", "--noproxy", "*", f"{server.url}/v1/messages",
        "--header", "anthropic-version: 2023-06-01",
        "--header", "content-type: application/json", "--data", "{}",
        "--write-out", "\n%{http_code}",
    )  # fmt: skip
    body, status = out.rsplit("\n", 1)
    assert status == "401"
    assert json.loads(body)["error"]["type"] == "authentication_error"
