"""The secrets of a gateway (virtual keys, the admin token, keys of upstreams) are found nowhere
afterwards: no file, no route, no command, no log, not even after a kill."""

import base64
import json
import logging
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from harness.command_line import CommandLine
from tanzaku.transport import (
    HttpRequest,
    HttpResponse,
    RunningServer,
    ThreadedServer,
    get_header,
    serve,
)

UPSTREAM_KEY = "sk-ant-api03-UpStReAm_0123456789-abcdefghij"
OTHER_KEY = "sk-ant-api03-oThErKeY_0123456789-abcdefghij"
CONFIG = """
upstreams:
  api: {kind: anthropic, url: $URL, keys: [env:UP, "file:other.key"], retry: {max_retries: 1, backoff_s: [0]}}
  sim: {kind: simulator}
routes:
  - name: both
    when: {model: "claude-haiku-*"}
    to: api
    fall_back: sim
  - name: rest
    to: sim
keys: {required: true}
telemetry: {log: json}
"""
# As `tanzaku serve`, and every logger says all it has to say.
LOUD = """
import logging, os, sys
from pathlib import Path
from tanzaku.server import Server, ServerOptions
logging.getLogger().setLevel(logging.DEBUG)
options = ServerOptions(config=Path(sys.argv[1]), environment=dict(os.environ), faults_by_header=True)
Server(ledger=Path(sys.argv[2]), options=options).run(on_ready=lambda url: print(url, flush=True))
"""
MESSAGE: dict[str, Any] = {
    "model": "claude-haiku-4-5",
    "max_tokens": 20,
    "messages": [{"role": "user", "content": "Hello"}],
}


async def tell_the_key(request: HttpRequest) -> HttpResponse:
    """A relay that repeats the key it was given in its refusals, and now and then says nothing."""
    key = get_header(request.headers, b"x-api-key") or b""
    if b"Hang up" in request.body:
        raise ConnectionResetError
    message = f"invalid x-api-key: {key.decode()}"
    error = {"type": "error", "error": {"type": "authentication_error", "message": message}}
    headers = [(b"content-type", b"application/json"), (b"x-debug-key", key)]
    return HttpResponse(401, headers, json.dumps(error).encode())


@contextmanager
def running(folder: Path, ledger: Path, seen: list[str]) -> Iterator[subprocess.Popen[str]]:
    """The loud server in a process of its own; what it printed goes to `seen`."""
    with (folder / "stderr").open("a") as errors:
        process = subprocess.Popen(
            [sys.executable, "-c", LOUD, str(folder / "gateway.yaml"), str(ledger)],
            env={**os.environ, "UP": UPSTREAM_KEY},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    try:
        yield process
    finally:
        process.kill()
        seen.append(process.communicate(timeout=30)[0])


class Client:
    """Sends what is asked and remembers every answer, head and body."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.heard: list[str] = []

    def __call__(
        self, target: str, body: Any = None, *, method: str | None = None, **headers: str
    ) -> tuple[int, str]:
        raw = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(
            self.url + target,
            raw,
            {"content-type": "application/json", "anthropic-version": "2023-06-01", **named},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                status, head, text = answer.status, str(answer.headers), answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                status, head, text = error.code, str(error.headers), error.read().decode()
        # An upstream that does not know a model names it, and its answers pass unchanged.
        if status != 404 or not target.startswith("/v1/"):
            self.heard.append(head + text)
        return status, text


def drive(send: Client, key: str, gone: str, admin: str) -> None:
    """Everything a caller can do right and wrong, with secrets where they belong and where not."""
    wrong = key[:-4] + "AAAA"
    messages = "/v1/messages"
    for headers in (
        {"x_api_key": key}, {"authorization": f"Bearer {key}"}, {"x_api_key": gone}, {},
        {"x_api_key": wrong}, {"x_api_key": key, "cookie": key, "authorization": f"Basic {key}"},
        {"x_api_key": key, "user_agent": key, "tanzaku_run": key, "anthropic_beta": key},
        {"x_api_key": admin}, {"tanzaku_admin_token": admin, "x_api_key": key},
        {"authorization": f"Bearer {admin}"}, {"x_api_key": key, "tanzaku_fault": "529"},
        {"x_api_key": key, "x_secret": UPSTREAM_KEY},
    ):  # fmt: skip
        send(messages, MESSAGE, **headers)
    own = {"x_api_key": key}
    sonnet = MESSAGE | {"model": "claude-sonnet-4-5"}
    assert send(messages, sonnet, **own)[0] == 200
    assert send(messages, sonnet | {"stream": True}, **own)[0] == 200
    hanging = MESSAGE | {"messages": [{"role": "user", "content": "Hang up"}]}
    assert send(messages, hanging, **own)[0] == 200  # the simulator stands in
    for secret in (key, admin, UPSTREAM_KEY, base64.b64encode(key.encode()).decode()):
        send(messages, MESSAGE | {"model": secret}, **own)
        send(messages, sonnet | {"system": f"My key is {secret}."}, **own)
        send(messages, b"{" + secret.encode(), **own)
        send(f"/v1/models/{secret}", **own)
        send(f"/v1/{secret}", **own)
        send(f"/v1/models?key={secret}", **own)
        send(f"/v1/models?key={''.join(f'%{ord(char):02x}' for char in secret)}", **own)
        send(f"/nowhere/{secret}")
        send(f"/_tanzaku/{secret}")
        send(f"/_tanzaku/keys?token={secret}")
        send(f"/_tanzaku/keys/{secret}", tanzaku_admin_token=admin)
        send("/_tanzaku/keys", {"name": secret}, tanzaku_admin_token=admin)
        send("/_tanzaku/keys", tanzaku_admin_token=secret + "x")


def look(send: Client, admin: str) -> None:
    """Every path of Tanzaku's own that shows something, with the admin token."""
    proof = {"tanzaku_admin_token": admin}
    assert send("/_tanzaku/config/reload", {}, **proof)[0] == 200
    for target in ("keys", "budgets", "routes", "metrics", "faults", "scenario", "health"):
        assert send(f"/_tanzaku/{target}", **proof)[0] == 200
    assert send("/_tanzaku/routes/explain", MESSAGE, **proof)[0] == 200
    status, listed = send("/_tanzaku/exchanges?limit=1000", **proof)
    assert status == 200
    for exchange in json.loads(listed)["exchanges"]:
        assert send(f"/_tanzaku/exchanges/{exchange['exchange_id']}", **proof)[0] == 200
    for record in json.loads(send("/_tanzaku/keys", **proof)[1])["keys"]:
        assert send(f"/_tanzaku/keys/{record['id']}", **proof)[0] == 200


def read_files(folder: Path) -> dict[str, bytes]:
    """Every file there but the two where a secret has its place."""
    own = ("other.key", ".admin-token")
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.name: path.read_bytes() for path in files if not path.name.endswith(own)}


def list_forms(secret: str) -> list[bytes]:
    """The secret as it is, in base64 at each offset, and with every character or none but the
    safe ones encoded for a URL."""
    raw = secret.encode()
    shifted = (base64.b64encode(b"x" * lead + raw)[4:-4] for lead in range(3))
    everything = "".join(f"%{byte:02x}" for byte in raw)
    return [
        raw, raw[len("sk-tzk-") :], quote(secret, safe="").encode(), everything.encode(),
        everything.upper().encode(), *shifted,
    ]  # fmt: skip


@pytest.mark.requirement("K4")
def test_no_secret_of_a_gateway_is_found_anywhere(
    tmp_path: Path, tanzaku: CommandLine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "tanzaku.transport")  # the relay's own trace of hanging up
    ledger, seen = tmp_path / "ledger.db", []
    (tmp_path / "other.key").touch(0o600)
    (tmp_path / "other.key").write_text(OTHER_KEY)

    def open_relay() -> Any:
        return serve(tell_the_key, max_body_bytes=1 << 20)

    relay: ThreadedServer[RunningServer] = ThreadedServer(open_relay)
    with relay as up:
        (tmp_path / "gateway.yaml").write_text(CONFIG.replace("$URL", up.url))
        with running(tmp_path, ledger, seen) as process:
            assert process.stdout
            send = Client(process.stdout.readline().strip())
            admin = (tmp_path / "ledger.db.admin-token").read_text().strip()
            proof = {"tanzaku_admin_token": admin}
            keys = []
            for _ in range(2):
                made = json.loads(send("/_tanzaku/keys", {"team": "web"}, **proof)[1])
                keys.append((made["id"], made["key"]))
            (key_id, key), (gone_id, gone) = keys
            rotate = f"/_tanzaku/keys/{key_id}/rotate"
            new: str = json.loads(send(rotate, {"grace_s": 600}, **proof)[1])["key"]
            send(f"/_tanzaku/keys/{gone_id}/revoke", {}, **proof)
            send.heard.clear()  # the four answers that hand out a key have said it
            drive(send, key, gone, admin)
            relayed = [text for text in send.heard if UPSTREAM_KEY in text or OTHER_KEY in text]
            send.heard = [text for text in send.heard if text not in relayed]
            look(send, admin)
            assert relayed
            files = {f"live {name}": found for name, found in read_files(tmp_path).items()}
            process.send_signal(signal.SIGKILL)
        with running(tmp_path, ledger, seen) as process:
            assert process.stdout
            look(Client(process.stdout.readline().strip()), admin)
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=40) == 0
    shown = json.loads(tanzaku.run("log", "--json", "--limit", "1000", "--ledger", str(ledger)))
    commands = [["log"], ["cost", "--by", "key"]]
    commands += [
        ["log", "show", exchange["exchange_id"], *more]
        for exchange in shown[:: len(shown) // 8]
        for more in (["--json"], ["--as", "curl"], ["--as", "har"])
    ]
    ran = [tanzaku.run(*words, "--ledger", str(ledger)) for words in commands]
    said = [*send.heard, *seen, json.dumps(shown), *ran]
    found = (
        read_files(tmp_path) | files | {f"said {at}": text.encode() for at, text in enumerate(said)}
    )
    assert b"claude-haiku-4-5" in found["stderr"]
    assert b"401" in found["stderr"]
    assert b"claude-sonnet-4-5" in found["live ledger.db"] + found["live ledger.db-wal"]
    assert b"key_audit" in found["ledger.db.keys"] + files.get("live ledger.db.keys-wal", b"")
    for secret in (key, gone, new, admin, UPSTREAM_KEY, OTHER_KEY):
        places = {
            name for name, text in found.items() for form in list_forms(secret) if form in text
        }
        assert places == set(), secret
