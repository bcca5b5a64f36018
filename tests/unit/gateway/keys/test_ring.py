"""Keys over their life: made, changed, rotated, revoked; what is kept of them and what is not."""

import asyncio
import base64
import hashlib
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import override

import pytest

from harness.keyed import Keyed, let_others_run, play
from tanzaku.core import UserError
from tanzaku.gateway._stages import ANYONE, Caller
from tanzaku.ledger import FileShelf, LedgerError, MemoryShelf, ShelfRow
from tanzaku.transport import HttpRequest

UNKNOWN = (401, "authentication_error", "invalid x-api-key")


@pytest.mark.requirement("K1")
def test_a_key_is_a_prefix_and_32_random_bytes_and_no_two_are_alike() -> None:
    async def scene(it: Keyed) -> None:
        made = [await it.ring.create({}) for _ in range(50)]
        for record, key in made:
            assert re.fullmatch(r"sk-tzk-[A-Za-z0-9_-]{43}", key)
            assert len(base64.urlsafe_b64decode(key.removeprefix("sk-tzk-") + "=")) == 32
            assert record.shown == f"sk-tzk-…{key[-4:]}"
        assert len({key for _, key in made}) == len({record.id for record, _ in made}) == 50

    play(scene)


def test_who_has_a_key_is_known_by_it() -> None:
    async def scene(it: Keyed) -> None:
        told = {"name": "bot", "owner": "ann", "team": "web", "tags": ["a", "b"]}
        record, key = await it.ring.create(told)
        caller = Caller(record.id, "web", "ann", ("a", "b"))
        assert await it.enter(key) == caller
        bearer = (b"authorization", b"bearer " + key.encode())
        own = (b"x-api-key", key.encode())
        wrong = (b"x-api-key", b"sk-tzk-wrong")
        for lines, said in (
            ([bearer], caller),
            ([own, (b"authorization", b"Bearer x")], caller),
            ([wrong, bearer], UNKNOWN),
        ):
            assert await it.enter_with(HttpRequest("GET", "/v1/models", lines, b"")) == said

    play(scene)


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (None, (401, "authentication_error", "x-api-key header is required")),
        ("", (401, "authentication_error", "x-api-key header is required")),
        ("sk-ant-api03-x", UNKNOWN),
        ("sk-tzk-", UNKNOWN),
        ("sk-tzk-" + "A" * 43, UNKNOWN),
        ("sk-tzk-" + "A" * 100_000, UNKNOWN),
        ("sk-tzk-ü" * 5, UNKNOWN),
    ],
    ids=["none", "empty", "foreign", "prefix", "unknown", "long", "letters"],
)
def test_who_has_none_is_told_so_in_the_apis_words(
    key: str | None, said: tuple[int, str, str]
) -> None:
    async def scene(it: Keyed) -> None:
        _, real = await it.ring.create({})
        assert await it.enter(key) == said
        assert await it.enter(real[:-1]) == UNKNOWN
        assert await it.enter(real + "A") == UNKNOWN

    play(scene)


def test_where_no_key_is_needed_a_wrong_one_is_still_refused() -> None:
    async def scene(it: Keyed) -> None:
        record, key = await it.ring.create({"models": ["claude-haiku-*"]})
        assert await it.enter(None) == ANYONE
        assert await it.enter("sk-ant-api03-x") == ANYONE
        assert await it.enter(key) == Caller(record.id)
        assert await it.enter("sk-tzk-gone") == UNKNOWN
        await it.ring.revoke(record.id)
        assert await it.enter(key) == UNKNOWN
        it.ring.needs_key = True
        assert await it.enter(None) == (401, "authentication_error", "x-api-key header is required")

    play(scene, needs_key=False)


def test_a_rotated_key_lasts_for_its_grace_and_the_one_before_it_no_longer() -> None:
    async def scene(it: Keyed) -> None:
        record, first = await it.ring.create({"name": "bot"})
        rotated, second = await it.ring.rotate(record.id, 60.0)
        assert rotated.id == record.id
        assert await it.enter(first) == await it.enter(second) == Caller(record.id)
        it.clock.advance(59.9)
        assert await it.enter(first) == Caller(record.id)
        _, third = await it.ring.rotate(record.id, 60.0)
        assert await it.enter(first) == UNKNOWN
        assert await it.enter(second) == Caller(record.id)
        it.clock.advance(60.0)
        assert await it.enter(second) == UNKNOWN
        assert await it.enter(third) == Caller(record.id)
        _, fourth = await it.ring.rotate(record.id, 0.0)
        assert await it.enter(third) == UNKNOWN
        assert await it.enter(fourth) == Caller(record.id)

    play(scene)


@pytest.mark.requirement("K1")
def test_a_revoked_key_is_refused_at_once_in_both_its_forms_and_for_good() -> None:
    async def scene(it: Keyed) -> None:
        record, first = await it.ring.create({})
        _, second = await it.ring.rotate(record.id, 60.0)
        revoked = await it.ring.revoke(record.id)
        assert await it.enter(first) == await it.enter(second) == UNKNOWN
        it.clock.advance(5)
        assert (await it.ring.revoke(record.id)).revoked_at == revoked.revoked_at
        await it.ring.change(record.id, {"expires_at": None, "name": "again"})
        assert await it.enter(second) == UNKNOWN
        with pytest.raises(UserError, match="is revoked"):
            await it.ring.rotate(record.id, 60.0)

    play(scene)


class SlowShelf(MemoryShelf):
    """Puts wait for `go_on`, or fail while `is_full`."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = asyncio.Event()
        self.is_full = False

    @override
    async def put(self, *rows: ShelfRow) -> None:
        await self.go_on.wait()
        if self.is_full:
            raise LedgerError("disk full")
        await super().put(*rows)


def test_a_change_under_way_does_not_bring_a_revoked_key_back() -> None:
    async def scene(it: Keyed) -> None:
        assert isinstance(it.shelf, SlowShelf)
        it.shelf.go_on.set()
        record, key = await it.ring.create({})
        it.shelf.go_on.clear()
        changing = asyncio.create_task(it.ring.change(record.id, {"name": "new"}))
        await asyncio.sleep(0)
        revoking = asyncio.create_task(it.ring.revoke(record.id))
        await asyncio.sleep(0)
        it.shelf.go_on.set()
        await asyncio.gather(changing, revoking)
        assert await it.enter(key) == UNKNOWN
        kept = it.ring.find(record.id)
        assert kept is not None
        assert (kept.name, kept.revoked_at) == ("new", it.clock.now())

    play(scene, shelf=SlowShelf())


def test_a_use_during_a_change_is_not_forgotten() -> None:
    async def scene(it: Keyed) -> None:
        assert isinstance(it.shelf, SlowShelf)
        it.shelf.go_on.set()
        record, key = await it.ring.create({})
        it.shelf.go_on.clear()
        changing = asyncio.create_task(it.ring.change(record.id, {"name": "new"}))
        await let_others_run()
        it.clock.advance(1.0)
        await it.enter(key)
        it.shelf.go_on.set()
        await changing
        kept = it.ring.find(record.id)
        assert kept is not None
        assert (kept.name, kept.last_used_at) == ("new", it.clock.now())

    play(scene, shelf=SlowShelf())


def test_where_the_shelf_fails_a_key_is_revoked_and_nothing_else_happens() -> None:
    async def scene(it: Keyed) -> None:
        assert isinstance(it.shelf, SlowShelf)
        it.shelf.go_on.set()
        record, key = await it.ring.create({})
        it.shelf.is_full = True
        for attempt in (
            it.ring.create({"name": "more"}),
            it.ring.change(record.id, {"name": "other"}),
            it.ring.rotate(record.id, 0.0),
        ):
            with pytest.raises(LedgerError):
                await attempt
        assert [(one.id, one.name) for one in it.ring.list_keys()] == [(record.id, "")]
        assert await it.enter(key) == Caller(record.id)
        with pytest.raises(LedgerError):
            await it.ring.revoke(record.id)
        assert await it.enter(key) == UNKNOWN

    play(scene, shelf=SlowShelf())


@asynccontextmanager
async def reopened(path: Path) -> AsyncIterator[Keyed]:
    shelf = FileShelf.open(path)
    try:
        it = Keyed(shelf)
        await it.ring.open()
        yield it
        await it.ring.close()
    finally:
        shelf.close()


@pytest.mark.requirement("K1")
def test_a_restart_keeps_all_but_the_keys_themselves(tmp_path: Path) -> None:
    async def scene() -> tuple[str, ...]:
        path = tmp_path / "keys.db"
        async with reopened(path) as it:
            told = {"team": "web", "tags": ["a"], "models": ["claude-*"], "ips": ["127.0.0.0/8"]}
            record, first = await it.ring.create(told)
            gone, revoked = await it.ring.create({"name": "gone"})
            _, second = await it.ring.rotate(record.id, 60.0)
            await it.ring.revoke(gone.id)
            before = [one.to_public(it.clock.now()) for one in it.ring.list_keys()]
        assert path.stat().st_mode & 0o077 == 0
        async with reopened(path) as it:
            assert [one.to_public(it.clock.now()) for one in it.ring.list_keys()] == before
            assert await it.enter(first) == Caller(record.id, "web", "", ("a",))
            assert await it.enter(second) == Caller(record.id, "web", "", ("a",))
            assert await it.enter(revoked) == UNKNOWN
            it.clock.advance(60.0)
            assert await it.enter(first) == UNKNOWN
        return first, second, revoked

    keys = asyncio.run(scene())
    kept = b"".join(one.read_bytes() for one in tmp_path.iterdir())
    for key in keys:
        for form in (
            key,
            key.removeprefix("sk-tzk-"),
            base64.b64encode(key.encode())[:-4].decode(),
        ):
            assert form.encode() not in kept
        assert hashlib.sha256(key.encode()).hexdigest().encode() in kept


def test_the_last_use_is_kept_now_and_then_and_at_the_end() -> None:
    class Counting(MemoryShelf):
        puts = 0

        @override
        async def put(self, *rows: ShelfRow) -> None:
            self.puts += len(rows)
            await super().put(*rows)

    async def scene(it: Keyed) -> None:
        assert isinstance(it.shelf, Counting)
        await it.ring.open()
        await let_others_run()
        record, key = await it.ring.create({})
        await it.ring.create({"name": "unused"})
        made = it.shelf.puts
        assert record.last_used_at is None
        for _ in range(100):
            await it.enter(key)
        it.clock.advance(250.0)
        await it.enter(key)
        used_at = it.clock.now()
        assert it.shelf.puts == made
        it.clock.advance(60.0)
        await let_others_run()
        assert it.shelf.puts == made + 1
        it.clock.advance(300.0)
        await let_others_run()
        assert it.shelf.puts == made + 1  # nothing was used meanwhile
        await it.ring.change(record.id, {"name": "renamed"})
        other = Keyed(it.shelf)
        await other.ring.open()
        assert [one.last_used_at for one in other.ring.list_keys()] == [used_at, None]
        await other.ring.close()
        await it.enter(key)
        await it.ring.close()
        last = json.loads((await it.shelf.read_all("key"))[0].facts)
        assert last["last_used_at"] == it.clock.now()

    play(scene, shelf=Counting())


def test_a_shelf_that_fails_to_note_a_use_does_not_end_the_noting(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scene(it: Keyed) -> None:
        assert isinstance(it.shelf, SlowShelf)
        it.shelf.go_on.set()
        await it.ring.open()
        await let_others_run()
        _, key = await it.ring.create({})
        await it.enter(key)
        used_at = it.clock.now()
        for is_full in (True, False):
            it.shelf.is_full = is_full
            it.clock.advance(301.0)
            await let_others_run()
        kept = json.loads((await it.shelf.read_all("key"))[0].facts)
        assert kept["last_used_at"] == used_at
        await it.ring.close()

    play(scene, shelf=SlowShelf())
    assert "disk full" in caplog.text
