"""Virtual keys as people manage them: the command line against a running gateway, the SDK through
it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anthropic
import pytest

from harness.command_line import CommandLine, Serving

CONFIG = "upstreams: {sim: {kind: simulator}}\nkeys: {required: true}\n"
QUESTION: dict[str, Any] = {
    "model": "claude-haiku-4-5",
    "max_tokens": 20,
    "messages": [{"role": "user", "content": "Hello"}],
}

type Serve = Callable[..., Serving]


class Gateway:
    """A served gateway that needs keys, and `tanzaku keys` against it."""

    def __init__(self, tanzaku: CommandLine, serve: Serve, folder: Path) -> None:
        self.tanzaku = tanzaku
        self.config = folder / "gateway.yaml"
        self.config.write_text(CONFIG)
        serving = serve("--config", str(self.config))
        self.url, self.process = serving.url, serving.process

    def keys(self, *words: str, exit_code: int = 0) -> str:
        return self.tanzaku.run("keys", *words, "--url", self.url, exit_code=exit_code)

    def read(self, *words: str) -> Any:
        return json.loads(self.keys(*words, "--json"))

    def ask(self, key: str, **more: Any) -> anthropic.types.Message:
        with anthropic.Anthropic(base_url=self.url, api_key=key, max_retries=0) as client:
            return client.messages.create(**QUESTION | more)


@pytest.fixture
def gateway(tanzaku: CommandLine, serve: Serve, tmp_path: Path) -> Gateway:
    return Gateway(tanzaku, serve, tmp_path)


def test_a_key_is_made_used_limited_rotated_and_revoked(gateway: Gateway) -> None:
    key = gateway.keys("create", "--name", "bot", "--team", "web", "--tag", "a").splitlines()[0]
    assert gateway.ask(key).type == "message"
    (record,) = gateway.read("list")
    key_id = record["id"]
    assert (record["name"], record["team"], record["tags"]) == ("bot", "web", ["a"])
    assert record["status"] == "good"

    gateway.keys("change", key_id, "--model", "claude-sonnet-*", "--max-tokens", "10")
    with pytest.raises(anthropic.PermissionDeniedError, match="claude-haiku-4-5, only claude-sonn"):
        gateway.ask(key)
    gateway.keys("change", key_id, "--clear", "models")
    with pytest.raises(anthropic.PermissionDeniedError, match="10 max_tokens at most, not 20"):
        gateway.ask(key)
    gateway.keys("change", key_id, "--clear", "max_tokens", "--owner", "ann")

    new = gateway.keys("rotate", key_id, "--grace", "600").splitlines()[0]
    assert new != key
    assert gateway.ask(key).type == gateway.ask(new).type == "message"
    gateway.keys("revoke", key_id)
    for one in (key, new):
        with pytest.raises(anthropic.AuthenticationError):
            gateway.ask(one)

    shown = gateway.keys("show", key_id)
    assert [line.split()[1] for line in shown.splitlines() if " from 127.0.0.1" in line] == [
        *("create", "change", "change", "change", "rotate", "revoke")
    ]
    listed = gateway.keys("list")
    assert "revoked" in listed
    for told in (shown, listed, json.dumps(gateway.read("show", key_id))):
        assert key not in told
        assert new not in told


def test_a_key_is_wanted_and_the_ledger_knows_whose_call_it_was(gateway: Gateway) -> None:
    for key in ("sk-ant-api03-x", "sk-tzk-x"):
        with pytest.raises(anthropic.AuthenticationError, match="Invalid bearer token"):
            gateway.ask(key)
    made = gateway.read("create", "--owner", "ann", "--team", "web")
    with anthropic.Anthropic(
        base_url=gateway.url, api_key=made["key"], max_retries=0,
        default_headers={"tanzaku-team": "ops", "tanzaku-key": "key_forged"},
    ) as client:  # fmt: skip
        client.messages.create(**QUESTION)
    newest = json.loads(gateway.tanzaku.run("log", "--json", "--limit", "1"))[0]
    assert (newest["labels"]["key"], newest["labels"]["team"]) == (made["id"], "web")
    assert newest["labels"]["owner"] == "ann"


def test_the_admin_token_is_a_file_for_the_owner_or_a_variable_never_a_word(
    gateway: Gateway, tanzaku: CommandLine, tmp_path: Path
) -> None:
    path = next(tmp_path.rglob("ledger.db.admin-token"))
    assert path.stat().st_mode & 0o777 == 0o600
    for command in ("create", "list", "show", "change", "rotate", "revoke"):
        said = tanzaku.run("keys", command, "--help")
        assert "--url" in said
        assert "--token" not in said
        assert "--admin" not in said
    path.chmod(0o644)
    assert "chmod 600" in gateway.keys("list", exit_code=2)
    path.chmod(0o600)
    tanzaku.environment = {"TANZAKU_ADMIN_TOKEN": "not-the-token-of-it"}
    assert "401" in gateway.keys("list", exit_code=1)
    tanzaku.environment = {}
    token = path.read_text().strip()
    path.unlink()
    assert "no admin token" in gateway.keys("list", exit_code=2)
    tanzaku.environment = {"TANZAKU_ADMIN_TOKEN": token}
    assert gateway.read("list") == []


@pytest.mark.parametrize(
    ("words", "exit_code", "said"),
    [
        (["show", "key_none"], 1, "no key of that id"),
        (["revoke", "../budgets"], 1, "404"),
        (["change", "key_none"], 2, "Nothing to change"),
        (["change", "key_none", "--clear", "tags", "--tag", "a"], 2, "Leave one of the two out"),
        (["create", "--ip", "10.0.0.1/8"], 1, "no network"),
        (["create", "--path", "v1"], 1, "no path"),
        (["create", "--name", "sk-tzk-abcdefgh"], 1, "must not hold a secret"),
        (["create", "--days", "0"], 2, "--days"),
        (["rotate", "key_none", "--grace", "99999999"], 2, "--grace"),
    ],
)
def test_what_cannot_be_is_said(
    gateway: Gateway, words: list[str], exit_code: int, said: str
) -> None:
    assert said in gateway.keys(*words, exit_code=exit_code)


def test_keys_outlive_a_server_that_is_killed(
    tanzaku: CommandLine, serve: Serve, tmp_path: Path
) -> None:
    first = Gateway(tanzaku, serve, tmp_path)
    made, gone = first.read("create"), first.read("create")
    new = first.read("rotate", made["id"], "--grace", "0")
    first.keys("revoke", gone["id"])
    first.process.kill()
    first.process.wait(timeout=20)
    second = Gateway(tanzaku, serve, tmp_path)
    assert second.ask(new["key"]).type == "message"
    for key in (made["key"], gone["key"]):
        with pytest.raises(anthropic.AuthenticationError):
            second.ask(key)
