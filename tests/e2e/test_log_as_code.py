"""`tanzaku log show --as typescript` and `--as har`: run by Node.js, and held against the format."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import anthropic
import jsonschema_rs
import pytest

from harness.command_line import CommandLine
from tanzaku.server import Server

TYPESCRIPT = Path(__file__).parents[1] / "clients" / "typescript"
ASKED: dict[str, Any] = {
    "model": "claude-haiku-4-5",
    "max_tokens": 20,
    "messages": [{"role": "user", "content": "it's `${1 + 1}` \u202e \\ </script> 你好 \x9b"}],
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Server(ledger=tmp_path / "ledger.db") as server:
        yield server


def write_as(server: Server, shape: str) -> str:
    path = server.ledger.path
    exchange_id = server.exchanges[0].exchange_id
    return CommandLine(path.parent).run(
        "log", "show", exchange_id, "--as", shape, "--ledger", str(path)
    )


@pytest.mark.needs("typescript")
@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "stream"])
def test_the_typescript_code_asks_the_same_through_the_official_sdk(
    server: Server, tmp_path: Path, is_stream: bool
) -> None:
    with anthropic.Anthropic(base_url=server.url, api_key="k", max_retries=0) as client:
        client.messages.create(**ASKED, stream=is_stream, extra_query={"note": "a b"})
    (tmp_path / "node_modules").symlink_to(TYPESCRIPT / "node_modules")
    script = tmp_path / "again.mjs"
    script.write_text(write_as(server, "typescript"), encoding="utf-8")
    environment = os.environ | {"ANTHROPIC_BASE_URL": server.url, "ANTHROPIC_API_KEY": "k"}
    told = subprocess.run(
        ["node", str(script)], env=environment, check=True, timeout=60, capture_output=True
    )
    assert b"end_turn" in told.stdout
    second, first = (server.ledger.get_exchange(one.exchange_id) for one in server.exchanges[:2])
    assert json.loads(second.request_body) == json.loads(first.request_body)
    assert (parse_qs(second.query), second.path) == ({"note": ["a b"]}, first.path)
    assert second.settlement is not None
    assert second.settlement.status == 200


def an_object(required: dict[str, Any], **optional: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "required": list(required),
        "properties": required | optional,
        "additionalProperties": False,
    }


TEXT, NUMBER, SIZE = (
    {"type": "string"},
    {"type": "number", "minimum": 0},
    {"type": "integer", "minimum": -1},
)
PAIRS = {"type": "array", "items": an_object({"name": TEXT, "value": TEXT}, comment=TEXT)}
EMPTY = {"type": "array", "maxItems": 0}
# HTTP Archive 1.2 as w3c.github.io/web-performance/specs/HAR/Overview.html has it.
ARCHIVE = an_object({"log": an_object({
    "version": {"const": "1.2"},
    "creator": an_object({"name": TEXT, "version": TEXT}),
    "entries": {"type": "array", "items": an_object({
        "startedDateTime": {
            "type": "string",
            "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$",
        },
        "time": NUMBER,
        "request": an_object({
            "method": TEXT, "url": {"type": "string", "pattern": "^https?://"}, "httpVersion": TEXT,
            "cookies": EMPTY, "headers": PAIRS, "queryString": PAIRS,
            "headersSize": SIZE, "bodySize": SIZE,
        }, postData=an_object({"mimeType": TEXT, "text": TEXT}, params=EMPTY)),
        "response": an_object({
            "status": {"type": "integer"}, "statusText": TEXT, "httpVersion": TEXT,
            "cookies": EMPTY, "headers": PAIRS, "redirectURL": TEXT,
            "headersSize": SIZE, "bodySize": SIZE,
            "content": an_object({"size": SIZE, "mimeType": TEXT}, text=TEXT, encoding=TEXT),
        }),
        "cache": an_object({}),
        "timings": an_object({"send": NUMBER, "wait": NUMBER, "receive": NUMBER}),
    })},
})})  # fmt: skip


@pytest.mark.parametrize("ask", ["whole", "stream", "get", "refused"])
def test_an_archive_is_one_by_its_specification(server: Server, ask: str) -> None:
    with anthropic.Anthropic(base_url=server.url, api_key="k", max_retries=0) as client:
        match ask:
            case "get":
                client.models.list()
            case "refused":
                with pytest.raises(anthropic.BadRequestError):
                    client.messages.create(**ASKED | {"max_tokens": -1})
            case _:
                client.messages.create(**ASKED, stream=ask == "stream")
    archive = json.loads(write_as(server, "har"))
    jsonschema_rs.validator_for(ARCHIVE).validate(archive)
    (entry,) = archive["log"]["entries"]
    # The parts make the whole, as the specification asks.
    assert sum(entry["timings"].values()) == pytest.approx(entry["time"])
