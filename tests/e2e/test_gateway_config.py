"""A gateway's configuration at the command line."""

import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.command_line import CommandLine, Serving

ROOT = Path(__file__).parents[2]
GOOD = """\
upstreams:
  sim: {kind: simulator}
  spare: {kind: simulator}
routes:
  - {name: opus, when: {model: "claude-opus-*"}, to: spare}
  - {name: rest, to: sim, fall_back: [{upstream: spare, model: claude-haiku-5-5}]}
"""
LIVE = "{kind: anthropic, url: https://api.invalid, live: true, keys: [file:a.key]}"
BROKEN = [
    (
        "fallback",
        GOOD.replace("fall_back", "fallback"),
        "6:27: unknown key `fallback`",
        "fall_back",
    ),
    ("not live", GOOD.replace("{kind: simulator}", "{kind: anthropic}", 1), "2:3", "live: true"),
    ("preflight", GOOD + "preflight: {a: 1}\n", "7:12: `preflight` must be one of", ""),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.yaml"
    path.write_text(GOOD, encoding="utf-8")
    return path


def test_a_good_file_is_said_to_be_good(tanzaku: CommandLine, path: Path) -> None:
    assert "2 upstreams, 2 routes" in tanzaku.run("config", "check", str(path))


@pytest.mark.parametrize(
    ("text", "place", "hint"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN]
)
def test_a_broken_file_ends_with_2_and_starts_nothing(
    tanzaku: CommandLine, path: Path, tmp_path: Path, text: str, place: str, hint: str
) -> None:
    path.write_text(text, encoding="utf-8")
    ledger = tmp_path / "ledger.db"
    for words in (
        ("config", "check", str(path)),
        ("serve", "--port", "0", "--ledger", str(ledger), "--config", str(path)),
    ):
        said = tanzaku.run(*words, exit_code=2)
        assert f"{path}:{place}" in said
        assert hint in said
        assert "ANTHROPIC_BASE_URL" not in said
    assert list(tmp_path.iterdir()) == [path]


def test_a_broken_file_is_explained_in_chinese_too(tanzaku: CommandLine, path: Path) -> None:
    path.write_text(BROKEN[0][1], encoding="utf-8")
    said = tanzaku.run("--lang", "zh", "config", "check", str(path), exit_code=2)
    assert f"{path}:6:27" in said
    assert "未知的键 `fallback`" in said


def test_a_route_is_explained_from_the_file_alone(tanzaku: CommandLine, path: Path) -> None:
    said = tanzaku.run("route", "explain", "--config", str(path), "--model", "claude-haiku-4-5")
    lines = [line.strip() for line in said.splitlines()]
    assert lines == [
        "The route “rest” takes the call and tries:",
        "1. sim",
        "2. spare, asked for claude-haiku-5-5",
        "“opus” does not take it: model does not match",
    ]


def test_a_file_is_explained_without_its_secrets(tanzaku: CommandLine) -> None:
    relay = str(ROOT / "examples/gateway/relay.yaml")
    words = ("route", "explain", "--config", relay, "--header", "x-environment: test-7", "--json")
    explained = json.loads(tanzaku.run(*words))
    assert (explained["route"], explained["tries"][0]["upstream"]) == ("tests", "sim")
    assert "RELAY_KEY is not set" in tanzaku.run("config", "check", relay, exit_code=2)


def test_a_body_tells_the_model_and_what_the_api_would_refuse(
    tanzaku: CommandLine, path: Path, tmp_path: Path
) -> None:
    body = tmp_path / "body.json"
    body.write_text(json.dumps({"model": "claude-opus-5", "max_tokens": 9, "messages": []}))
    said = tanzaku.run("route", "explain", "--config", str(path), "--body", str(body))
    assert "The route “opus”" in said
    assert "at least one message is required" in said
    body.write_text("[")
    words = ("route", "explain", "--config", str(path), "--body", str(body))
    assert "is not JSON" in tanzaku.run(*words, exit_code=2)


def test_no_route_ends_with_1(tanzaku: CommandLine, path: Path) -> None:
    path.write_text(GOOD.partition("  - {name: rest")[0], encoding="utf-8")
    said = tanzaku.run(
        "route", "explain", "--config", str(path), "--model", "claude-haiku-4-5", exit_code=1
    )
    assert "gateway.yaml" in said


def test_a_running_server_explains_and_reads_its_file_anew(
    tanzaku: CommandLine, serve: Callable[..., Serving], path: Path, tmp_path: Path
) -> None:
    ledger = str(tmp_path / "ledger.db")
    serving = serve("--config", str(path), "--ledger", ledger)
    where = ("--url", serving.url, "--ledger", ledger)
    asked = ("route", "explain", "--model", "claude-haiku-4-5", "--json", *where)
    assert json.loads(tanzaku.run(*asked))["route"] == "rest"
    path.write_text(GOOD.replace("name: rest", "name: renamed"), encoding="utf-8")
    assert "2 upstreams, 2 routes" in tanzaku.run("config", "reload", *where)
    assert json.loads(tanzaku.run(*asked))["route"] == "renamed"
    path.write_text(BROKEN[0][1], encoding="utf-8")
    assert ":6:27: unknown key `fallback`" in tanzaku.run("config", "reload", *where, exit_code=1)
    assert json.loads(tanzaku.run(*asked))["route"] == "renamed"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (GOOD, "upstreams: sim, spare (none is live)"),
        (
            GOOD.replace("{kind: simulator}", LIVE, 1),
            "LIVE: calls to sim may cost money",
        ),
    ],
    ids=["none live", "one live"],
)
def test_the_start_names_the_upstreams_and_which_may_cost_money(
    serve: Callable[..., Serving], path: Path, tmp_path: Path, changed: str, said: str
) -> None:
    path.write_text(changed, encoding="utf-8")
    key = path.with_name("a.key")
    key.touch(0o600)
    key.write_text("sk-ant-api03-nobody", encoding="utf-8")
    banner = serve("--config", str(path), "--ledger", str(tmp_path / "ledger.db")).banner
    assert said in banner
    assert "simulator (offline" not in banner


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGHUP")
def test_sighup_reads_the_file_anew_and_a_bad_one_is_only_logged(
    tanzaku: CommandLine, serve: Callable[..., Serving], path: Path, tmp_path: Path
) -> None:
    ledger = str(tmp_path / "ledger.db")
    serving = serve("--config", str(path), "--ledger", ledger)
    asked = ("route", "explain", "--model", "claude-haiku-4-5", "--json")
    asked += ("--url", serving.url, "--ledger", ledger)
    for text, logged in (
        (GOOD.replace("name: rest", "name: renamed"), "the configuration was read anew"),
        (BROKEN[0][1], "gateway.yaml:6:27: unknown key `fallback`"),
    ):
        path.write_text(text, encoding="utf-8")
        serving.process.send_signal(signal.SIGHUP)
        assert serving.process.stderr is not None
        assert logged in serving.process.stderr.readline()
        assert json.loads(tanzaku.run(*asked))["route"] == "renamed"
