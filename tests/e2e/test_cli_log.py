"""`tanzaku log`: followed beside a running server, and written as code that really sends the same."""

import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, override
from urllib.parse import parse_qs

import anthropic
import pytest

from harness.command_line import TANZAKU, CommandLine
from tanzaku.ledger import Ledger
from tanzaku.server import Server

NASTY = 'it\'s $HOME `id` "x" \\ \n\t你好 🀄 %s {} !'
ASKED: dict[str, Any] = {
    "model": "claude-haiku-4-5",
    "max_tokens": 20,
    "messages": [{"role": "user", "content": NASTY}],
    "metadata": {"user_id": "u" * 90},
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Server(ledger=tmp_path / "ledger.db") as server:
        yield server


def ask(server: Server, **changes: Any) -> None:
    with anthropic.Anthropic(base_url=server.url, api_key="k", max_retries=0) as client:
        client.messages.create(
            **ASKED | changes,
            extra_body={"temperature": 0.5},
            extra_headers={"anthropic-version": "2023-06-01"},
        )


@contextmanager
def listen() -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    """The URL of a server that keeps what it is sent."""
    kept: list[tuple[dict[str, str], bytes]] = []

    class Keeper(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            kept.append(({k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(200)
            self.end_headers()

        @override
        def log_message(self, format: str, *args: Any) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Keeper) as keeper:
        thread = threading.Thread(target=keeper.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{keeper.server_port}", kept
        keeper.shutdown()
        thread.join()


def write_as(server: Server, shape: str) -> str:
    exchange_id = server.exchanges[0].exchange_id
    path = server.ledger.path
    line = CommandLine(path.parent)
    return line.run("log", "show", exchange_id, "--as", shape, "--ledger", str(path))


@pytest.mark.needs("curl")
def test_the_curl_command_sends_the_same_bytes_and_the_key_of_the_environment(
    server: Server,
) -> None:
    ask(server)
    command = write_as(server, "curl")
    with listen() as (url, kept):
        environment = os.environ | {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "sk-of-mine"}
        subprocess.run(["sh", "-c", command], env=environment, check=True, timeout=30)
    headers, body = kept[0]
    sent = server.ledger.get_exchange(server.exchanges[0].exchange_id)
    assert body == sent.request_body
    assert json.loads(body)["messages"][0]["content"] == NASTY
    assert headers["x-api-key"] == "sk-of-mine"
    assert headers["anthropic-version"] == sent.api_version


@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "stream"])
def test_the_python_code_asks_the_same_through_the_official_sdk(
    server: Server, is_stream: bool
) -> None:
    ask(server, **{"stream": True} if is_stream else {})
    code = write_as(server, "python")
    environment = os.environ | {"ANTHROPIC_BASE_URL": server.url, "ANTHROPIC_API_KEY": "k"}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=60)
    second, first = (server.ledger.get_exchange(e.exchange_id) for e in server.exchanges[:2])
    assert first.settlement is not None
    assert second.settlement is not None
    assert json.loads(second.request_body) == json.loads(first.request_body)
    assert second.settlement.status == 200


def test_a_query_is_kept_and_asked_again(server: Server) -> None:
    more = {"note": "a b", "access_token": "canary-5518"}
    ask(server, extra_query=more)
    (first,) = server.exchanges
    assert first.path == "/v1/messages"
    assert first.query == "note=a%20b&access_token=[redacted]"
    code = write_as(server, "python")
    environment = os.environ | {"ANTHROPIC_BASE_URL": server.url, "ANTHROPIC_API_KEY": "k"}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=60)
    assert parse_qs(server.exchanges[0].query) == parse_qs(first.query)
    (entry,) = json.loads(write_as(server, "har"))["log"]["entries"]
    assert {pair["name"]: pair["value"] for pair in entry["request"]["queryString"]} == {
        "note": "a b",
        "access_token": "[redacted]",
    }
    assert entry["request"]["url"].partition("?")[2] == server.exchanges[0].query


def test_the_typescript_code_holds_the_same_request(server: Server) -> None:
    ask(server)
    code = write_as(server, "typescript")
    body = code.partition("client.messages.create(")[2].partition(', {"headers": ')[0]
    assert json.loads(body) == json.loads(
        server.ledger.get_exchange(server.exchanges[0].exchange_id).request_body
    )
    assert "sk-" not in code


def test_the_archive_holds_both_sides(server: Server) -> None:
    ask(server)
    entry = json.loads(write_as(server, "har"))["log"]["entries"][0]
    exchange = server.ledger.get_exchange(server.exchanges[0].exchange_id)
    assert exchange.settlement is not None
    assert entry["request"]["postData"]["text"].encode() == exchange.request_body
    assert entry["response"]["content"]["text"].encode() == exchange.settlement.response_body
    assert entry["response"]["status"] == 200
    assert not any(header["name"] == "x-api-key" for header in entry["request"]["headers"])


def test_a_call_that_is_no_message_has_no_sdk_call(server: Server) -> None:
    with anthropic.Anthropic(base_url=server.url, api_key="k") as client:
        client.models.list()
    exchange_id = server.exchanges[0].exchange_id
    path = server.ledger.path
    words = ("log", "show", exchange_id, "--as", "python", "--ledger", str(path))
    with CommandLine(path.parent).start(*words) as process:
        assert "no Messages request" in process.communicate()[1]
        assert process.returncode == 2


def test_a_follower_sees_each_call_once_as_it_ends(server: Server) -> None:
    ask(server)
    words = [TANZAKU, "log", "--follow", "--json", "--ledger", str(server.ledger.path)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    try:
        # What was there before it came is not shown; when it came is seen by what it shows.
        seen: list[str] = []
        made: list[str] = []
        while not seen:
            ask(server)
            made.append(server.exchanges[0].exchange_id)
            reading = threading.Thread(target=lambda: seen.append(process.stdout.readline()))
            reading.start()
            reading.join(1.5)
            while reading.is_alive():
                ask(server)
                made.append(server.exchanges[0].exchange_id)
                reading.join(1.5)
        for _ in range(2):
            ask(server)
            made.append(server.exchanges[0].exchange_id)
        first = json.loads(seen[0])["exchange_id"]
        rest = made[made.index(first) + 1 :]
        followed = [json.loads(process.stdout.readline())["exchange_id"] for _ in rest]
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()
    assert followed == rest


def test_lists_can_be_cut_down_by_team_tag_and_failure(server: Server) -> None:
    with anthropic.Anthropic(base_url=server.url, api_key="k", max_retries=0) as client:
        for team, tags in (("blue", "a,b"), ("red", "b"), ("blue", "ab")):
            labels = {"tanzaku-team": team, "tanzaku-tags": tags}
            client.messages.create(**ASKED, extra_headers=labels)
        with pytest.raises(anthropic.BadRequestError):
            client.messages.create(**ASKED | {"max_tokens": -1})

    def count(*words: str) -> int:
        path = server.ledger.path
        told = CommandLine(path.parent).run("log", "--json", *words, "--ledger", str(path))
        return len(json.loads(told))

    assert (count(), count("--team", "blue"), count("--tag", "b"), count("--tag", "a")) == (
        4, 2, 2, 1,
    )  # fmt: skip
    assert (count("--failed"), count("--failed", "--team", "red")) == (1, 0)
    with Ledger.read(server.ledger.path) as reader:
        assert {row.key: row.exchanges for row in reader.sum_costs(by="tag")} == {
            "-": 1, "a": 1, "ab": 1, "b": 2,
        }  # fmt: skip
