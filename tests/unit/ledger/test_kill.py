"""No acknowledged exchange is lost when the writer is killed at any instant."""

import random
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import apsw
import pytest

from harness.old_ledgers import SCHEMAS, write_large_ledger
from tanzaku.core import VirtualClock
from tanzaku.ledger import Ledger

CHILD = Path(__file__).with_name("writer_child.py")


def run_until_killed(
    path: Path, first: int, at_a_time: int, after: int | float, checkpoint_pages: int = 0
) -> list[str]:
    """What the child said until the kill: `after` that many words, or that many seconds."""
    process = subprocess.Popen(
        [sys.executable, CHILD, path, str(first), str(at_a_time), str(checkpoint_pages)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with process:
        assert process.stdout is not None
        said = []
        if isinstance(after, int):
            said = [process.stdout.readline() for _ in range(after)]
        else:
            threading.Event().wait(after)
        process.kill()
        said += process.stdout.readlines()
    return [line.decode().strip() for line in said if line.endswith(b"\n")]


def check_kept(path: Path, acknowledged: set[str]) -> None:
    """Everything acknowledged is there with its answer, and the file is sound."""
    connection = apsw.Connection(str(path))
    assert connection.pragma("integrity_check") == "ok"
    assert connection.pragma("foreign_key_check") is None
    rows = connection.execute(
        "SELECT exchange_id FROM started JOIN settled USING (seq) "
        "WHERE length(request_body) = 600 AND length(response_body) = 600"
    ).fetchall()
    connection.close()
    assert acknowledged - {row[0] for row in rows} == set()


def kill_writers(path: Path, chance: random.Random, kills: int, checkpoint_pages: int) -> None:
    acknowledged: set[str] = set()
    for kill in range(kills):
        at_a_time = chance.choice([1, 8, 64])
        words = chance.choice([1, 50, 500, 1500]) + chance.randrange(200)
        said = run_until_killed(path, 1_000_000 * kill, at_a_time, words, checkpoint_pages)
        assert len(said) >= words
        acknowledged |= set(said)
        if chance.random() < 0.5:
            check_kept(path, acknowledged)
    with Ledger.open(path, clock=VirtualClock()) as ledger:
        assert ledger.totals().exchanges >= len(acknowledged)
    check_kept(path, acknowledged)


def test_six_kills_lose_no_acknowledged_exchange(path: Path) -> None:
    kill_writers(path, random.Random(6), 6, checkpoint_pages=0)


@pytest.mark.full
@pytest.mark.parametrize("seed", range(4))
def test_sixty_kills_lose_no_acknowledged_exchange(seed: int, path: Path) -> None:
    kill_writers(path, random.Random(seed), 15, checkpoint_pages=0)


@pytest.mark.full
@pytest.mark.parametrize("seed", range(4))
def test_sixty_kills_of_a_writer_that_always_checkpoints_lose_nothing(
    seed: int, path: Path
) -> None:
    kill_writers(path, random.Random(seed), 15, checkpoint_pages=1)


@pytest.mark.full
@pytest.mark.parametrize("version", SCHEMAS)
def test_kills_while_migrating_leave_the_old_ledger_or_the_new(version: int, path: Path) -> None:
    chance = random.Random(30)
    old = path.with_name("old.db")
    kept = write_large_ledger(old, version, 30_000)
    versions = set()
    # The first is killed before it can have begun, the second once it is done.
    for after in (0.02, 1, *(chance.uniform(0.15, 0.8) for _ in range(13))):
        for file in path.parent.glob("ledger.db*"):
            file.unlink()
        shutil.copy(old, path)
        run_until_killed(path, 0, 0, after)
        connection = apsw.Connection(str(path))
        versions.add(connection.pragma("user_version"))
        connection.close()
        check_kept(path, kept)
        with Ledger.open(path, clock=VirtualClock()) as ledger:
            assert ledger.totals().exchanges == len(kept)
        for backup in path.parent.glob("*.backup"):
            check_kept(backup, kept)
    assert versions == {version, 3}
