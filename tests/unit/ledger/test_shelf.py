"""Shelves: both kinds keep rows alike, and the one in a file keeps them across processes."""

import asyncio
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from tanzaku.core import UserError, VirtualClock
from tanzaku.ledger import FileShelf, Ledger, LedgerError, MemoryShelf, Shelf, ShelfRow


@pytest.fixture(params=["memory", "file"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shelf]:
    opened: Shelf = (
        MemoryShelf() if request.param == "memory" else FileShelf.open(tmp_path / "shelf.db")
    )
    yield opened
    opened.close()


def row(id: str = "a", part: int = 0, kind: str = "batch", **fields: object) -> ShelfRow:
    values: dict[str, object] = {"created_at": 5.0, "body": f"{id}/{part}".encode(), **fields}
    return ShelfRow(kind, id, part=part, **values)  # type: ignore[arg-type]


def test_a_row_comes_back_as_it_was_put(shelf: Shelf) -> None:
    whole = ShelfRow("file", "x", 1.25, 3, b'{"name":"\xc3\xa9"}', bytes(range(256)), 2.5)

    async def use() -> None:
        await shelf.put(whole)
        assert await shelf.get("file", "x", 3) == whole
        assert await shelf.get("file", "x") is None
        assert await shelf.get("batch", "x", 3) is None

    asyncio.run(use())


def test_a_row_of_the_same_key_is_replaced_where_it_stood(shelf: Shelf) -> None:
    async def use() -> list[ShelfRow]:
        await shelf.put(row("first"), row("second"))
        await shelf.put(row("third"), row("first", created_at=9.0, facts=b"[1]"))
        return await shelf.read_all("batch")

    rows = asyncio.run(use())
    assert [(one.id, one.created_at, one.facts, one.body) for one in rows] == [
        ("first", 9.0, b"[1]", b""),
        ("second", 5.0, b"{}", b""),
        ("third", 5.0, b"{}", b""),
    ]


def test_dropping_takes_all_parts_and_nothing_else(shelf: Shelf) -> None:
    async def use() -> list[ShelfRow | None]:
        await shelf.put(row("a", 0), row("a", 1), row("ab"), row("a", kind="file"))
        await shelf.drop("batch", "a")
        await shelf.drop("batch", "never there")
        return [
            await shelf.get("batch", "a"),
            await shelf.get("batch", "a", 1),
            await shelf.get("batch", "ab"),
            await shelf.get("file", "a"),
        ]

    assert [found is not None for found in asyncio.run(use())] == [False, False, True, True]


def test_purging_drops_what_has_expired_at_that_very_moment(shelf: Shelf) -> None:
    async def use() -> list[str]:
        await shelf.put(row("stays"), row("now", expires_at=10.0), row("later", expires_at=10.5))
        await shelf.purge(10.0)
        return [one.id for one in await shelf.read_all("batch")]

    assert asyncio.run(use()) == ["stays", "later"]


def test_a_shelf_answers_several_event_loops(shelf: Shelf) -> None:
    asyncio.run(_put(shelf, row("a")))
    found = asyncio.run(_get(shelf, "a"))
    assert found is not None
    assert found.body == b"a/0"


async def _put(shelf: Shelf, *rows: ShelfRow) -> None:
    await shelf.put(*rows)


async def _get(shelf: Shelf, id: str) -> ShelfRow | None:
    return await shelf.get("batch", id)


def test_rows_put_together_are_kept_all_or_none(tmp_path: Path) -> None:
    with closing(FileShelf.open(tmp_path / "shelf.db")) as shelf:
        broken = row("b", facts="no bytes")  # a type that the file refuses
        with pytest.raises(LedgerError, match="failed"):
            asyncio.run(_put(shelf, row("a"), broken))
        assert asyncio.run(_get(shelf, "a")) is None
        asyncio.run(_put(shelf, row("c")))
        assert asyncio.run(_get(shelf, "c")) == row("c")


CHILD = """
import asyncio, os, signal, sys
from contextlib import closing
from pathlib import Path
from tanzaku.ledger import FileShelf, ShelfRow
shelf = FileShelf.open(Path(sys.argv[1]))
asyncio.run(shelf.put(ShelfRow("batch", "a", 5.0, body=b"kept")))
print("committed", flush=True)
sys.stdin.read()
"""


def test_what_was_put_outlives_a_killed_process(tmp_path: Path) -> None:
    path = tmp_path / "shelf.db"
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"committed\n"
        with pytest.raises(UserError, match=f"by process {child.pid}"):
            FileShelf.open(path)
        os.kill(child.pid, signal.SIGKILL)
    with closing(FileShelf.open(path)) as shelf:
        found = asyncio.run(_get(shelf, "a"))
    assert found is not None
    assert found.body == b"kept"


def test_a_shelf_without_a_path_leaves_nothing_behind() -> None:
    with closing(FileShelf.open(None)) as shelf:
        folder = shelf.path.parent
        asyncio.run(_put(shelf, row()))
        assert shelf.path.exists()
    assert not folder.exists()


def test_the_file_is_for_the_owner_only(tmp_path: Path) -> None:
    with closing(FileShelf.open(tmp_path / "new" / "shelf.db")) as shelf:
        assert stat.S_IMODE(shelf.path.stat().st_mode) == 0o600
        assert stat.S_IMODE(shelf.path.parent.stat().st_mode) == 0o700


def test_after_closing_every_call_says_so(tmp_path: Path) -> None:
    shelf = FileShelf.open(tmp_path / "shelf.db")
    shelf.close()
    shelf.close()
    with pytest.raises(LedgerError, match="closed"):
        asyncio.run(_get(shelf, "a"))


def _write_ledger(path: Path) -> None:
    Ledger.open(path, clock=VirtualClock()).close()


def _write_text(path: Path) -> None:
    path.write_bytes(b"a letter to a friend, long enough to be looked at as a header" * 20)


def _write_newer(path: Path) -> None:
    FileShelf.open(path).close()
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA user_version = 99")
    connection.close()


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (_write_ledger, "does not hold batches and files"),
        (_write_text, "does not hold batches and files"),
        (Path.mkdir, "does not hold batches and files"),
        (_write_newer, "has schema 99"),
    ],
    ids=["a ledger", "no database", "a folder", "a newer schema"],
)
def test_what_is_no_shelf_is_refused_and_left_as_it_was(
    write: Callable[[Path], None], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "other.db"
    write(path)
    before = None if path.is_dir() else path.read_bytes()
    with pytest.raises(UserError, match=message):
        FileShelf.open(path)
    assert (None if path.is_dir() else path.read_bytes()) == before


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be opened"):
        FileShelf.open(tmp_path / "file" / "shelf.db")
