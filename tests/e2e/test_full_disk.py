"""A server whose disk fills up: by either policy it says so, and goes on once there is room."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import anthropic
import pytest

from harness.command_line import CommandLine, Serving
from harness.disks import Disk, FileSizeLimit, SmallFileSystem, open_disk
from tanzaku.ledger import Ledger

Serve = Callable[..., Serving]
Start = Callable[[str], "Server"]
PATIENCE_S = 60.0
ASK_EVERY_S = 0.25
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

    def __init__(self, disk: Disk, serve: Serve, policy: str, clients: ExitStack) -> None:
        config = disk.folder.parent / "gateway.yaml"
        config.write_text(f"upstreams:\n  sim: {{kind: simulator}}\nledger: {{policy: {policy}}}\n")
        self.ledger = disk.folder / "ledger.db"
        serving = serve("--config", str(config), "--ledger", str(self.ledger))
        self.process = serving.process
        self._sdk = clients.enter_context(
            anthropic.Anthropic(base_url=serving.url, api_key="k", max_retries=0)
        )
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
        """A journal that has room left takes some more calls, and storage that took none is tried again
        once a second. The server tells the time; it logs each refusal, so it is not asked at once."""
        told = self._look()
        ask_at, gives_up_at = 0.0, told["uptime_s"] + PATIENCE_S
        while told["status"] != health:
            assert told["uptime_s"] < gives_up_at, told
            if told["uptime_s"] >= ask_at:
                ask_at = told["uptime_s"] + ASK_EVERY_S
                self.ask()
            told = self._look()

    @property
    def health(self) -> str:
        return str(self._look()["status"])

    def _look(self) -> dict[str, Any]:
        told: Any = self._sdk.get("/_tanzaku/health", cast_to=object)
        return dict(told)

    def end(self) -> set[str]:
        """The ids of the exchanges that were kept with their answers."""
        self.process.terminate()
        assert self.process.wait(40) == 0
        with Ledger.read(self.ledger) as ledger:
            listed = ledger.list_exchanges(limit=1000)
        return {one.exchange_id for one in listed if one.settlement and one.settlement.cost}


@pytest.fixture
def start(disk: Disk, serve: Serve) -> Iterator[Start]:
    """Start a server by a policy."""
    with ExitStack() as clients:
        yield lambda policy: Server(disk, serve, policy, clients)


def test_by_strict_nothing_is_answered_that_is_not_kept(disk: Disk, start: Start) -> None:
    server = start("strict")
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
    disk: Disk, start: Start, tanzaku: CommandLine
) -> None:
    server = start("best_effort")
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
