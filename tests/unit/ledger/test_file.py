"""The ledger's file: whose it is, what may change in it, which versions are opened."""

import asyncio
import stat
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import apsw
import pytest

from harness.old_ledgers import SCHEMAS, write_database, write_old_ledger
from tanzaku.core import TanzakuError, UserError, VirtualClock
from tanzaku.exchange import Exchange
from tanzaku.ledger import Ledger, LedgerError, sqlite_verdict


def read_schema_version(path: Path) -> object:
    connection = apsw.Connection(str(path))
    version = connection.pragma("user_version")
    connection.close()
    return version


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm", ".lock"])
def test_every_file_is_for_the_owner_only(
    suffix: str, path: Path, build_exchange: Callable[..., Exchange]
) -> None:
    with Ledger.open(path, clock=VirtualClock()) as ledger:
        asyncio.run(ledger.settle(build_exchange(1)))
        assert stat.S_IMODE(Path(f"{path}{suffix}").stat().st_mode) == 0o600


def test_an_existing_ledger_others_could_read_is_closed_to_them(path: Path) -> None:
    Ledger.open(path, clock=VirtualClock()).close()
    path.chmod(0o644)
    Ledger.open(path, clock=VirtualClock()).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_closing_leaves_one_database_file_and_the_lock(
    path: Path, build_exchange: Callable[..., Exchange]
) -> None:
    with Ledger.open(path, clock=VirtualClock()) as ledger:
        asyncio.run(ledger.settle(build_exchange(1)))
        ledger.list_exchanges()
    assert {file.name for file in path.parent.iterdir()} == {"ledger.db", "ledger.db.lock"}


def test_a_ledger_without_a_path_leaves_nothing_behind() -> None:
    with Ledger.open(None, clock=VirtualClock()) as ledger:
        folder = ledger.path.parent
        assert ledger.path.exists()
    assert not folder.exists()


@pytest.mark.parametrize("table", ["started", "settled"])
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "UPDATE {} SET seq = seq + 1"])
def test_an_event_can_neither_be_changed_nor_deleted(
    table: str, statement: str, path: Path, build_exchange: Callable[..., Exchange]
) -> None:
    with Ledger.open(path, clock=VirtualClock()) as ledger:
        asyncio.run(ledger.settle(build_exchange(1)))
    connection = apsw.Connection(str(path))
    with pytest.raises(apsw.ConstraintError, match="append-only"):
        connection.execute(statement.format(table))
    connection.close()
    with Ledger.read(path) as reader:
        assert reader.get_exchange("exch_000001") == build_exchange(1)


@pytest.mark.parametrize("version", SCHEMAS)
def test_an_older_ledger_is_backed_up_and_brought_up_to_date(version: int, path: Path) -> None:
    write_old_ledger(path, version)
    with Ledger.open(path, clock=VirtualClock()) as ledger:
        old, cut = ledger.get_exchange("exch_old"), ledger.get_exchange("exch_cut")
    (backup,) = path.parent.glob("*.backup")
    assert backup.name == f"ledger.db.v{version}-20260101T000000Z.backup"
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert (read_schema_version(backup), read_schema_version(path)) == (version, 3)
    assert old.settlement is not None
    assert old.settlement.cost is not None
    assert old.settlement.cost.parts_usd == {"input": Decimal("0.00000123")}
    assert (old.reserved_usd, old.settlement.response_body) == (Decimal("0.005"), b"\x00\xff")
    with pytest.raises(apsw.ConstraintError, match="append-only"):
        write_database(path, "DELETE FROM started")
    assert (cut.is_stream, cut.labels) == (True, {"run": "r1"})
    assert cut.settlement is not None
    assert cut.settlement.error is not None
    assert cut.settlement.error.type == "reconciled"


def test_an_empty_file_becomes_a_ledger_without_a_backup(path: Path) -> None:
    path.touch()
    with Ledger.open(path, clock=VirtualClock()) as ledger:
        assert ledger.list_exchanges() == []
    assert list(path.parent.glob("*.backup")) == []


@pytest.mark.parametrize("version", SCHEMAS)
def test_an_older_ledger_that_cannot_be_brought_up_to_date_stays_as_it_was(
    version: int, path: Path
) -> None:
    write_old_ledger(path, version)
    before = write_database(path, "CREATE TABLE mark (x)")  # another's, in the way
    with pytest.raises(UserError, match="cannot be opened"):
        Ledger.open(path, clock=VirtualClock())
    assert read_schema_version(path) == version
    connection = apsw.Connection(str(path))
    assert connection.execute("SELECT count(*) FROM started").get == 2
    assert connection.execute("SELECT group_concat(name) FROM pragma_table_info('mark')").get == "x"
    connection.close()
    assert len(before) == len(path.read_bytes())


FOREIGN = {
    "another application's database": "PRAGMA application_id = 7; CREATE TABLE t (x)",
    "a database with tables of its own": "CREATE TABLE started (x)",
    "a newer ledger": "CREATE TABLE t (x); PRAGMA application_id = 1415203669; "
    "PRAGMA user_version = 99",
}


@pytest.mark.parametrize("script", FOREIGN.values(), ids=FOREIGN.keys())
@pytest.mark.parametrize("is_writing", [True, False])
@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_a_database_that_is_not_ours_is_refused_untouched(
    script: str, is_writing: bool, journal: str, path: Path
) -> None:
    before = write_database(path, f"PRAGMA journal_mode = {journal}; {script}")
    with pytest.raises(UserError, match=r"ledger\.db") as raised:
        Ledger.open(path, clock=VirtualClock()) if is_writing else Ledger.read(path)
    assert "Nothing was changed" in raised.value.hint
    assert path.read_bytes() == before


@pytest.mark.parametrize("is_writing", [True, False])
def test_a_file_that_is_no_database_is_refused_untouched(is_writing: bool, path: Path) -> None:
    path.write_bytes(b"once upon a time " * 500)
    with pytest.raises(UserError, match="not a ledger"):
        Ledger.open(path, clock=VirtualClock()) if is_writing else Ledger.read(path)
    assert path.read_bytes() == b"once upon a time " * 500


def test_a_damaged_ledger_is_a_tanzaku_error_that_names_it(
    path: Path, build_exchange: Callable[..., Exchange]
) -> None:
    with Ledger.open(path, clock=VirtualClock()) as ledger:
        asyncio.run(ledger.settle(build_exchange(1)))
    sound = path.read_bytes()
    path.write_bytes(sound[:8192] + b"\xff" * (len(sound) - 8192))
    with pytest.raises(TanzakuError, match=r"ledger\.db"), Ledger.read(path) as reader:
        reader.get_exchange("exch_000001")


@pytest.mark.parametrize("version", SCHEMAS)
def test_reading_an_older_ledger_asks_for_the_migration(version: int, path: Path) -> None:
    before = write_old_ledger(path, version)
    with pytest.raises(UserError, match=f"older schema {version}"):
        Ledger.read(path)
    assert path.read_bytes() == before


READ_WITHOUT_RIGHTS = """
import os, sys
from pathlib import Path
from tanzaku.ledger import Ledger
if os.geteuid() == 0:
    os.setuid(65534)
with Ledger.read(Path(sys.argv[1])) as reader:
    print(reader.get_exchange("exch_000001").exchange_id, reader.totals().exchanges)
"""


def test_a_ledger_in_a_folder_that_may_not_be_written_can_be_read(
    build_exchange: Callable[..., Exchange],
) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.db"
        with Ledger.open(path, clock=VirtualClock()) as ledger:
            asyncio.run(ledger.settle(build_exchange(1)))
        path.chmod(0o444)
        path.parent.chmod(0o555)
        done = subprocess.run(
            [sys.executable, "-c", READ_WITHOUT_RIGHTS, str(path)],
            capture_output=True,
            text=True,
            check=False,
        )
        left = {file.name for file in path.parent.iterdir()}
        path.parent.chmod(0o700)
    assert (done.stdout, done.stderr) == ("exch_000001 1\n", "")
    assert left == {"ledger.db", "ledger.db.lock"}


def test_reading_a_missing_file_says_where_and_makes_none(path: Path) -> None:
    with pytest.raises(UserError, match="no ledger at ") as raised:
        Ledger.read(path)
    assert str(path) in raised.value.message
    assert "--ledger" in raised.value.hint
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("is_writing", [True, False])
def test_a_folder_is_no_ledger_and_gets_no_lock(is_writing: bool, path: Path) -> None:
    path.mkdir()
    with pytest.raises(UserError, match="not a ledger"):
        Ledger.open(path, clock=VirtualClock()) if is_writing else Ledger.read(path)
    assert list(path.parent.iterdir()) == [path]


def test_an_empty_file_is_no_ledger_to_read(path: Path) -> None:
    path.touch()
    with pytest.raises(UserError, match="no ledger at "):
        Ledger.read(path)


def test_the_folder_that_is_made_is_for_the_owner_only(path: Path) -> None:
    Ledger.open(path.parent / "new" / "ledger.db", clock=VirtualClock()).close()
    assert stat.S_IMODE((path.parent / "new").stat().st_mode) == 0o700


def test_a_folder_that_cannot_be_written_is_a_users_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be opened"):
        Ledger.open(tmp_path / "file" / "ledger.db", clock=VirtualClock())


def test_a_closed_ledger_refuses_work_and_may_be_closed_again(
    build_exchange: Callable[..., Exchange],
) -> None:
    ledger = Ledger.open(None, clock=VirtualClock())
    ledger.close()
    ledger.close()
    with pytest.raises(LedgerError, match="closed"):
        ledger.start(build_exchange(1))
    with pytest.raises(LedgerError, match="closed"):
        asyncio.run(ledger.settle(build_exchange(1)))
    with pytest.raises(LedgerError, match="closed"):
        ledger.list_exchanges()


@pytest.mark.parametrize(
    ("version", "is_sound"),
    [
        ("3.6.23", False),
        ("3.7.0", False),
        ("3.40.1", False),
        ("3.44.5", False),
        ("3.44.6", True),
        ("3.45.9", False),
        ("3.50.6", False),
        ("3.50.7", True),
        ("3.51.2", False),
        ("3.51.3", True),
        ("3.54.1", True),
        ("4.0.0", True),
    ],
)
def test_the_verdict_knows_the_corrupt_range(version: str, is_sound: bool) -> None:
    assert sqlite_verdict(version).is_sound is is_sound


def test_the_library_in_use_is_apsws_own_and_sound() -> None:
    verdict = sqlite_verdict()
    assert verdict.is_sound
    assert verdict.version == apsw.sqlite_lib_version()
    assert apsw.using_amalgamation


def test_a_ledger_is_not_opened_with_an_unsound_sqlite(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apsw, "sqlite_lib_version", lambda: "3.40.1")
    with pytest.raises(UserError, match=r"3\.40\.1"):
        Ledger.open(path, clock=VirtualClock())
    assert not path.exists()
