"""A server whose disk fills up: by either policy it says so, and goes on once there is room."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anthropic
import pytest

from harness.command_line import CommandLine, Serving
from harness.disks import Disk, FileSizeLimit, SmallFileSystem, open_disk
from tanzaku.ledger import Ledger

Serve = Callable[..., Serving]
QUESTION: dict[str, Any] = {
    "model": "claude-haiku-4-5",
    "max_tokens": 20,
    "messages": [{"role": "user", "content": "paper " * 5000}],
}


@pytest.fixture(
    params=[
        pytest.param(FileSizeLimit, id="file size limit"),
        pytest.param(SmallFileSystem, id="small file system", marks=pytest.mark.full),
    ]
)
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    with open_disk(request.param, tmp_path / "disk") as disk:
        yield disk


class Server:
    """A gateway with its ledger on the disk; `answered` are the ids of the whole answers."""

    def __init__(self, disk: Disk, serve: Serve, policy: str) -> None:
        config = disk.folder.parent / "gateway.yaml"
        config.write_text(f"upstreams:\n  sim: {{kind: simulator}}\nledger: {{policy: {policy}}}\n")
        self.ledger = disk.folder / "ledger.db"
        serving = serve("--config", str(config), "--ledger", str(self.ledger))
        self.process = serving.process
        self._sdk = anthropic.Anthropic(base_url=serving.url, api_key="k", max_retries=0)
        self.answered: list[str] = []

    def ask(self) -> int:
        """The status; 0 where no answer came through."""
        try:
            raw = self._sdk.messages.with_raw_response.create(**QUESTION)
        except anthropic.APIStatusError as error:
            return error.status_code
        except anthropic.APIConnectionError:
            return 0
        self.answered.append(raw.headers["tanzaku-exchange-id"])
        return raw.status_code

    def ask_until(self, health: str) -> None:
        """A journal that has room left takes some more calls."""
        for _ in range(300):
            if self.health == health:
                return
            self.ask()
        raise AssertionError(self.health)

    @property
    def health(self) -> str:
        told: Any = self._sdk.get("/_tanzaku/health", cast_to=object)
        return str(told["status"])

    def end(self) -> set[str]:
        """The ids of the exchanges that were kept with their answers."""
        self._sdk.close()
        self.process.terminate()
        assert self.process.wait(40) == 0
        with Ledger.read(self.ledger) as ledger:
            listed = ledger.list_exchanges(limit=1000)
        return {one.exchange_id for one in listed if one.settlement and one.settlement.cost}


def test_by_strict_nothing_is_answered_that_is_not_kept(disk: Disk, serve: Serve) -> None:
    server = Server(disk, serve, "strict")
    assert (server.ask(), server.health) == (200, "ok")
    disk.fill(server.process.pid)
    server.ask_until("ledger_not_writable")
    assert {server.ask() for _ in range(5)} == {503}
    disk.free(server.process.pid)
    server.ask_until("ok")
    assert {server.ask() for _ in range(5)} == {200}
    answered = set(server.answered)
    assert answered - server.end() == set()


def test_by_best_effort_calls_go_on_and_what_is_not_kept_is_counted(
    disk: Disk, serve: Serve, tanzaku: CommandLine
) -> None:
    server = Server(disk, serve, "best_effort")
    assert (server.ask(), server.health) == (200, "ok")
    disk.fill(server.process.pid)
    server.ask_until("ledger_not_writable")
    assert {server.ask() for _ in range(5)} == {200}
    disk.free(server.process.pid)
    server.ask_until("ok")
    assert {server.ask() for _ in range(5)} == {200}
    kept = server.end()
    assert {*server.answered[:1], *server.answered[-5:]} <= kept
    verdict = json.loads(tanzaku.run("ledger", "verify", "--json", "--ledger", str(server.ledger)))
    assert verdict["lost"] == len(set(server.answered) - kept) >= 5
