"""Two hundred kills, each at another instant: what the ledger has called durable is there, once, and
adds up; what was open is closed with what was reserved."""

import http.client
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from decimal import Decimal
from pathlib import Path

import apsw
import pytest

from harness.command_line import CommandLine
from harness.killed import OLD_BELOW
from harness.old_ledgers import SCHEMAS, write_large_ledger
from tanzaku.core import SystemClock
from tanzaku.ledger import RECONCILED, Ledger, verify

pytestmark = pytest.mark.full

MODES = ("steady", "copy", "read", "prune")
KILLS = 50
STRIDE = 1_000_000


class Victim:
    """The process, and the numbers it has called durable so far."""

    def __init__(self, path: Path, first: int, mode: str) -> None:
        self.acked: list[int] = []
        self._process = subprocess.Popen(
            [sys.executable, "-m", "harness.killed", str(path), str(first), mode],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
        )
        self._is_open = threading.Event()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            # A line that the kill cut short has no end, and was never said.
            if line == "open\n":
                self._is_open.set()
            elif line.endswith("\n"):
                self.acked.append(int(line))
        self._is_open.set()

    def kill_after(self, seconds: float, *, once_open: bool) -> None:
        if once_open:
            assert self._is_open.wait(30)
        time.sleep(seconds)
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._reader.join()
        assert self._process.stdout
        self._process.stdout.close()


def read_rows(path: Path) -> dict[str, tuple[str | None, int | None, int | None]]:
    """exchange_id → (error type, cost, reserved), read without the product."""
    connection = apsw.Connection(str(path))
    rows = connection.execute(
        "SELECT exchange_id, error_type, cost_picousd, reserved_picousd FROM exchange"
    ).fetchall()
    connection.close()
    kept = {row[0]: (row[1], row[2], row[3]) for row in rows}
    assert len(kept) == len(rows)
    return kept


@pytest.mark.parametrize("mode", MODES)
def test_no_kill_takes_what_was_durable(mode: str, tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    chance = random.Random(MODES.index(mode))
    acked: set[int] = set()
    for kill in range(KILLS):
        victim = Victim(path, (kill + 1) * STRIDE, mode)
        # One in five dies while it opens, reconciles or makes the file.
        once_open = kill % 5 > 0
        victim.kill_after(chance.random() * (0.12 if once_open else 0.4), once_open=once_open)
        acked |= set(victim.acked)
        for partial in tmp_path.glob("copy-*"):
            partial.unlink()
    with Ledger.open(path, clock=SystemClock()):
        pass
    verdict = verify(path)
    assert verdict.faults == ()
    assert verdict.unsettled == 0
    rows = read_rows(path)
    assert len(acked) > KILLS * 5
    # By `prune` the old ones may be gone; nothing else ever is.
    bound = [n for n in acked if mode != "prune" or n >= OLD_BELOW]
    assert mode != "prune" or len(rows) < len(acked)
    missing = [n for n in bound if f"exch_{n:012d}" not in rows]
    assert missing == []
    for number in bound:
        error, cost, _ = rows[f"exch_{number:012d}"]
        assert (error, cost) == (None, (number % 97 + 1) * 10**6)
    for error, cost, reserved in rows.values():
        if error == RECONCILED:
            assert cost == reserved
    total = sum(cost or 0 for _, cost, _ in rows.values())
    assert verdict.total_usd == Decimal(total) / 10**12


@pytest.mark.parametrize("version", SCHEMAS)
def test_a_kill_while_an_old_ledger_is_brought_up_to_date_leaves_one_that_opens(
    version: int, tmp_path: Path
) -> None:
    chance = random.Random(version)
    for kill in range(10):
        path = tmp_path / f"old-{kill}.db"
        kept = write_large_ledger(path, version, 500)
        victim = Victim(path, STRIDE, "steady")
        victim.kill_after(0.1 + chance.random() * 0.25, once_open=False)
        with Ledger.open(path, clock=SystemClock()):
            pass
        assert verify(path).faults == ()
        assert set(read_rows(path)) >= kept | {f"exch_{n:012d}" for n in victim.acked}


BODY = json.dumps(
    {
        "model": "claude-haiku-4-5",
        "max_tokens": 30,
        "messages": [{"role": "user", "content": "Count to five."}],
    }
)


def call_until_gone(url: str, is_stream: bool, acked: list[str]) -> None:
    """Ask again and again; keep the id of every answer that came whole."""
    body = json.dumps(json.loads(BODY) | {"stream": is_stream})
    host, _, port = url.removeprefix("http://").partition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=60)
    headers = {
        "content-type": "application/json",
        "anthropic-version": "2023-06-01",
        "x-api-key": "k",
    }
    try:
        while True:
            connection.request("POST", "/v1/messages", body, headers)
            answer = connection.getresponse()
            whole = answer.read()
            assert answer.status == 200
            if not is_stream or b"event: message_stop" in whole:
                acked.append(answer.headers["tanzaku-exchange-id"])
    except (OSError, http.client.HTTPException):
        pass  # killed
    finally:
        connection.close()


def test_no_kill_of_a_server_takes_an_answered_call(tmp_path: Path) -> None:
    """Clients of a real server: what they got whole is kept, priced, and adds up."""
    path = tmp_path / "ledger.db"
    chance = random.Random(4)
    acked: list[str] = []
    for kill in range(20):
        before = len(acked)
        server = CommandLine(tmp_path).start("serve", "--port", "0", "--ledger", str(path))
        assert server.stdout
        url = next(line for line in server.stdout if "ANTHROPIC_BASE_URL=" in line)
        url = url.rpartition("=")[2].strip()
        clients = [
            threading.Thread(target=call_until_gone, args=(url, number % 2 == 0, acked))
            for number in range(6)
        ]
        for client in clients:
            client.start()
        # Its first second goes into loading; every fifth dies in it.
        while kill % 5 and len(acked) < before + 10 and server.poll() is None:
            time.sleep(0.005)
        time.sleep(chance.random() * 0.3)
        server.kill()
        for client in clients:
            client.join()
        server.communicate()
    with Ledger.open(path, clock=SystemClock()) as ledger:
        assert ledger.totals().unsettled == 0
    verdict = verify(path)
    assert verdict.faults == ()
    rows = read_rows(path)
    assert len(acked) == len(set(acked)) > 200
    assert set(acked) - set(rows) == set()
    assert {rows[name][0] for name in acked} == {None}
    assert all((rows[name][1] or 0) > 0 for name in acked)
    left = [row for row in rows.values() if row[0] == RECONCILED]
    # No client had more than one call open at a kill.
    assert len(left) <= 20 * 6
    assert all(cost == reserved for _, cost, reserved in left)
    assert verdict.total_usd == Decimal(sum(cost or 0 for _, cost, _ in rows.values())) / 10**12
