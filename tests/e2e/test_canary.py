"""A credential that a client sends is found nowhere afterwards: no file, no route, no log."""

import base64
import logging
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import quote

import anthropic
import pytest

from tanzaku.server import Server

CANARY = "sk-ant-api03-CaNaRy_0123456789-abcdefghij"
FORMS = [
    CANARY.encode(),
    base64.b64encode(CANARY.encode()).rstrip(b"="),
    quote(CANARY, safe="").encode(),
]


def drive(client: anthropic.Anthropic) -> None:
    """Both auth headers, a stream, refusals, an unknown path, a key in the query."""
    question: dict[str, Any] = {
        "model": "claude-haiku-4-5",
        "max_tokens": 20,
        "messages": [{"role": "user", "content": "Hello"}],
    }
    client.messages.create(**question, extra_headers={"x-api-key": CANARY, "cookie": CANARY})
    with client.messages.stream(**question) as stream:
        stream.get_final_message()
    mores: list[dict[str, Any]] = [{"extra_body": {"nope": 1}}, {"extra_query": {"key": CANARY}}]
    for more in mores:
        try:
            client.messages.create(**question, **more)
        except anthropic.APIStatusError:
            continue
    with pytest.raises(anthropic.NotFoundError):
        client.models.retrieve("unheard-of")


@pytest.mark.requirement("K4")
def test_no_credential_survives_a_call(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG, "tanzaku")
    with (
        Server(ledger=tmp_path / "ledger.db") as server,
        anthropic.Anthropic(base_url=server.url, api_key=CANARY, max_retries=0) as client,
    ):
        server.fail(500)
        with pytest.raises(anthropic.InternalServerError):
            drive(client)
        drive(client)
        read = [b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())]
        for exchange in server.exchanges:
            path = f"/_tanzaku/exchanges/{exchange.exchange_id}"
            for target in ("/_tanzaku/health", "/_tanzaku/exchanges", path):
                with urllib.request.urlopen(server.url + target) as answer:
                    read.append(answer.read())
        read.append(repr(server.requests).encode())
    read.append(b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()))
    out, err = capfd.readouterr()
    own_log = list(caplog.messages)
    read.append("\n".join([out, err, *own_log]).encode())
    assert b"claude-haiku-4-5" in read[0]
    assert not [form for form in FORMS for text in read if form in text]
