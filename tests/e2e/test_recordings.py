"""`tanzaku recordings` from outside."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import anthropic
import pytest

from harness.command_line import CommandLine, Serving
from tanzaku.core import SystemClock
from tanzaku.simulator.replay import Replay
from tanzaku.transport import HttpRequest, read_all

Serve = Callable[..., Serving]
KEY = "sk-ant-api03-c4n4ryC4N4RYc4n4ry"


def record_two(tanzaku: CommandLine, serve: Serve) -> Path:
    with anthropic.Anthropic(base_url=serve().url, api_key=KEY) as client:
        for text in ("What is a tanzaku?", f"短冊? My key is {KEY}."):
            client.messages.create(
                model="claude-haiku-4-5",
                max_tokens=60,
                messages=[{"role": "user", "content": text}],
            )
    file = tanzaku.data / "talk.jsonl"
    assert "2 exchanges written" in tanzaku.run("recordings", "export", str(file))
    return file


def test_a_ledger_becomes_a_recording_that_can_be_read_and_played(
    tanzaku: CommandLine, serve: Serve
) -> None:
    file = record_two(tanzaku, serve)
    assert KEY not in file.read_text(encoding="utf-8")
    shown = tanzaku.run("recordings", "show", str(file))
    assert "What is a tanzaku?" in shown
    assert "短冊? My key is [redacted]." in shown
    rows = json.loads(tanzaku.run("recordings", "show", "--json", str(file)))
    assert [row["line"] for row in rows] == [2, 3]
    assert "2 exchanges, 0 to mend" in tanzaku.run("recordings", "check", str(file))

    async def ask() -> bytes:
        replay = Replay.load(file, clock=SystemClock(), mode="strict")
        message = {"role": "user", "content": "What is a tanzaku?"}
        body = json.dumps({"model": "claude-haiku-4-5", "messages": [message]}).encode()
        return await read_all(await replay(HttpRequest("POST", "/v1/messages", [], body)))

    (kept, *_) = json.loads(tanzaku.run("log", "--json", "--limit", "2"))[::-1]
    answer = json.loads(asyncio.run(ask()))
    assert answer["usage"] == kept["usage"]


def test_what_one_server_recorded_another_replays(tanzaku: CommandLine, serve: Serve) -> None:
    file = tanzaku.data / "talk.jsonl"

    def ask(url: str) -> anthropic.types.Message:
        with (
            anthropic.Anthropic(base_url=url, api_key=KEY, max_retries=0) as client,
            client.messages.stream(
                model="claude-haiku-4-5",
                max_tokens=200,
                messages=[{"role": "user", "content": "Tell me about Kyoto."}],
            ) as stream,
        ):
            return stream.get_final_message()

    recording = serve("--record", str(file), "--ledger", str(tanzaku.data / "a.db"))
    first = ask(recording.url)
    recording.process.terminate()
    assert recording.process.wait(timeout=30) == 0
    words = ("--replay", str(file), "--replay-mode", "strict", "--seed", "99")
    replaying = serve(*words, "--ledger", str(tanzaku.data / "b.db"))
    assert ask(replaying.url) == first
    with pytest.raises(anthropic.NotFoundError, match="has been played"):
        ask(replaying.url)


def test_an_export_overwrites_nothing(tanzaku: CommandLine, serve: Serve) -> None:
    file = record_two(tanzaku, serve)
    before = file.read_bytes()
    assert "exists already" in tanzaku.run("recordings", "export", str(file), exit_code=2)
    assert file.read_bytes() == before


def test_a_check_finds_a_credential_and_a_torn_line_in_either_language(
    tanzaku: CommandLine, serve: Serve
) -> None:
    file = record_two(tanzaku, serve)
    text = file.read_text(encoding="utf-8").replace("What is a tanzaku?", f"Use {KEY}!")
    file.write_text(text + '{"at": "20', encoding="utf-8")
    said = tanzaku.run("recordings", "check", str(file), exit_code=1)
    assert f"{file}:2: Something here looks like a credential." in said
    assert f"{file}:2: The keys are not those of the request." in said
    assert f"{file}:4: Line 4 was torn" in said
    assert "此处有内容像是凭据" in tanzaku.run(
        "--lang", "zh", "recordings", "check", str(file), exit_code=1
    )
    found = json.loads(
        tanzaku.run("recordings", "check", "--json", str(file), exit_code=1).split("\n}")[0] + "\n}"
    )
    assert [(one["line"], one["kind"]) for one in found["remarks"]] == [
        (2, "credential"),
        (2, "edited"),
        (4, "torn"),
    ]


def test_a_file_that_is_no_recording_is_named(tanzaku: CommandLine) -> None:
    file = tanzaku.data / "notes.txt"
    assert "cannot be read" in tanzaku.run("recordings", "show", str(file), exit_code=2)
    file.write_text("notes\n")
    said = tanzaku.run("recordings", "show", str(file), exit_code=2)
    assert f"{file}:1: this is no recording." in said
