"""Keys over HTTP: who has the admin token manages them, and what was done can be read."""

import asyncio
from typing import Any

import pytest

from harness.keyed import JSON, TOKEN, Keyed, play
from tanzaku.gateway._stages import Caller
from tanzaku.ledger import LedgerError, MemoryShelf, ShelfRow

ADMIN = (b"tanzaku-admin-token", TOKEN.encode())


@pytest.mark.requirement("K1")
def test_a_key_is_shown_once_and_never_again() -> None:
    async def scene(it: Keyed) -> None:
        status, made = await it.manage("POST", "", {"name": "bot", "team": "web"})
        key = made.pop("key")
        assert status == 200
        assert await it.enter(key) == Caller(made["id"], "web")
        path = f"/{made['id']}"
        _, rotated = await it.manage("POST", f"{path}/rotate", {"grace_s": 5})
        second = rotated.pop("key")
        for method, where, body in (
            ("GET", "", None),
            ("GET", path, None),
            ("PATCH", path, {"owner": "ann"}),
            ("POST", f"{path}/revoke", {}),
        ):
            status, told = await it.manage(method, where, body)
            assert status == 200
            assert second[-4:] in repr(told)
            for secret in (key, second, "digest"):
                assert secret not in repr(told)

    play(scene)


def test_a_key_goes_through_its_life() -> None:
    async def scene(it: Keyed) -> None:
        start = it.clock.now()
        _, made = await it.manage("POST", "", {"tags": ["a"], "expires_at": start + 90})
        path = f"/{made['id']}"
        assert (made["status"], made["expires_at"]) == ("good", start + 90)
        assert made["last_used_at"] is None
        it.clock.advance(30.5)
        await it.enter(made["key"])
        it.clock.advance(70)
        _, shown = await it.manage("GET", path)
        assert (shown["status"], shown["last_used_at"]) == ("expired", start)
        _, changed = await it.manage("PATCH", path, {"expires_at": None, "tags": []})
        assert (changed["status"], changed["tags"]) == ("good", [])
        _, rotated = await it.manage("POST", f"{path}/rotate", {"grace_s": 5})
        assert rotated["old_until"] == it.clock.now() + 5
        it.clock.advance(5)
        assert (await it.manage("GET", path))[1]["old_until"] is None
        _, revoked = await it.manage("POST", f"{path}/revoke", {})
        assert (revoked["status"], revoked["revoked_at"]) == ("revoked", it.clock.now())

    play(scene)


def test_what_was_done_is_kept_with_when_and_from_where_and_without_secrets() -> None:
    async def scene(it: Keyed) -> None:
        start = it.clock.now()
        _, made = await it.manage("POST", "", {"name": "bot"}, peer="192.0.2.1")
        _, other = await it.manage("POST", "", {"name": "another"})
        path = f"/{made['id']}"
        it.clock.advance(1)
        await it.manage("PATCH", path, {"max_tokens": 5}, peer="192.0.2.2")
        await it.manage("PATCH", path, {"max_tokens": "many"})
        _, rotated = await it.manage("POST", f"{path}/rotate", {"grace_s": 5})
        await it.manage("POST", f"{path}/revoke", {}, peer="2001:db8::1")
        _, shown = await it.manage("GET", path)
        assert shown["changes"] == [
            {"at": start, "by": "192.0.2.1", "what": "create", "changes": {"name": "bot"}},
            {"at": start + 1, "by": "192.0.2.2", "what": "change", "changes": {"max_tokens": 5}},
            {"at": start + 1, "by": "192.0.2.1", "what": "rotate", "changes": {"grace_s": 5}},
            {"at": start + 1, "by": "2001:db8::1", "what": "revoke", "changes": {}},
        ]
        kept = b"".join(row.facts for row in await it.shelf.read_all("key_audit")).decode()
        assert other["id"] in kept
        for key in (made["key"], rotated["key"]):
            assert key not in kept

    play(scene)


@pytest.mark.requirement("B7")
def test_no_page_and_no_virtual_key_manages_keys() -> None:
    async def scene(it: Keyed) -> None:
        record, key = await it.ring.create({"paths": ["/*"]})
        raw = key.encode()
        for method, path in (
            ("GET", ""),
            ("POST", ""),
            ("GET", f"/{record.id}"),
            ("PATCH", f"/{record.id}"),
            ("POST", f"/{record.id}/rotate"),
            ("POST", f"/{record.id}/revoke"),
            ("GET", "/nobody"),
        ):
            for proof in (
                [],
                [(b"x-api-key", raw)],
                [(b"authorization", b"Bearer " + raw)],
                [(b"tanzaku-admin-token", raw)],
            ):
                status, message = await it.manage(method, path, {}, headers=[JSON, *proof])
                assert (status, key in message) == (401, False)
            if method != "GET":
                for kind in (b"text/plain", b"application/x-www-form-urlencoded", b""):
                    headers = [(b"content-type", kind), ADMIN]
                    status, message = await it.manage(method, path, {}, headers=headers)
                    assert (status, message) == (400, "content-type: must be application/json")
        assert [one.id for one in it.ring.list_keys()] == [record.id]
        assert await it.enter(key) == Caller(record.id)

    play(scene)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/key_none"), ("PATCH", "/key_none"), ("POST", "/key_none/rotate"),
        ("POST", "/key_none/revoke"), ("DELETE", ""), ("PUT", ""), ("DELETE", "/{id}"),
        ("GET", "/{id}/rotate"), ("GET", "/{id}/revoke"), ("POST", "/{id}/x"), ("GET", "/a/b/c"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_not_found(method: str, path: str) -> None:
    async def scene(it: Keyed) -> None:
        record, key = await it.ring.create({})
        status, _ = await it.manage(method, path.format(id=record.id), {})
        assert status == 404
        assert await it.enter(key) == Caller(record.id)

    play(scene)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"nope": 1}, "A key has no `nope`. Known are expires_at, ips, max_tokens"),
        ({"digest": "x"}, "A key has no `digest`"),
        ({"id": "key_x"}, "A key has no `id`"),
        ({"revoked_at": None}, "A key has no `revoked_at`"),
        ({"name": 3}, "`name` of a key must be a printable text"),
        ({"name": "x" * 201}, "`name` of a key must be a printable text"),
        ({"team": "a\nb"}, "`team` of a key must be a printable text"),
        ({"owner": f"sk-tzk-{'A' * 43}"}, "`owner` of a key must not hold a secret."),
        ({"tags": ["a", "sk-ant-api03-x"]}, "`tags` of a key must not hold a secret."),
        ({"tags": "a"}, "`tags` of a key must be a list"),
        ({"tags": ["a,b"]}, "`tags` of a key must be a list"),
        ({"tags": ["a\r\nb"]}, "`tags` of a key must be a list"),
        ({"models": [""]}, "`models` of a key must be a list"),
        ({"models": [1]}, "`models` of a key must be a list"),
        ({"models": ["x"] * 101}, "`models` of a key must be a list"),
        ({"paths": ["v1"]}, "`v1` is no path."),
        ({"ips": ["10.0.0.1/8"]}, "`10.0.0.1/8` is no network."),
        ({"ips": ["localhost"]}, "`localhost` is no network."),
        ({"max_tokens": -1}, "`max_tokens` of a key must be a whole number"),
        ({"max_tokens": 1.5}, "`max_tokens` of a key must be a whole number"),
        ({"max_tokens": True}, "`max_tokens` of a key must be a whole number"),
        ({"expires_at": "tomorrow"}, "`expires_at` of a key must be a time"),
        ({"expires_at": float("inf")}, "`expires_at` of a key must be a time"),
        ({"expires_at": float("nan")}, "`expires_at` of a key must be a time"),
        ({"expires_at": 10**15}, "`expires_at` of a key must be a time"),
        ({"expires_at": 0}, "`expires_at` of a key must be a time"),
        ([], "The request body must be an object"),
    ],
    ids=range(27),
)
def test_what_a_key_cannot_hold_is_refused_and_changes_nothing(told: Any, said: str) -> None:
    async def scene(it: Keyed) -> None:
        status, message = await it.manage("POST", "", told)
        assert status == 400
        assert message.startswith(said)
        assert it.ring.list_keys() == []
        record, _ = await it.ring.create({})
        assert (await it.manage("PATCH", f"/{record.id}", told))[0] == 400
        assert it.ring.find(record.id) == record

    play(scene)


@pytest.mark.parametrize("grace", [-1, 30 * 86_400 + 1, "1h", True, None, float("nan")])
def test_a_grace_that_is_none_is_refused(grace: Any) -> None:
    async def scene(it: Keyed) -> None:
        record, key = await it.ring.create({})
        status, message = await it.manage("POST", f"/{record.id}/rotate", {"grace_s": grace})
        assert (status, message) == (400, "grace_s: must be 0 to 2592000 seconds")
        assert (await it.manage("POST", f"/{record.id}/rotate", {"grace": 5}))[0] == 400
        assert await it.enter(key) == Caller(record.id)

    play(scene)


def test_a_body_that_is_no_json_is_refused() -> None:
    async def scene(it: Keyed) -> None:
        for raw in (b"{", b"[" * 100_000, b"\xff"):
            status, message = await it.manage("POST", "", raw)
            assert status == 400
            assert message.startswith("The request body is not valid JSON")

    play(scene)


def test_a_shelf_that_fails_is_a_503_that_names_no_file() -> None:
    class Full(MemoryShelf):
        async def put(self, *rows: ShelfRow) -> None:
            raise LedgerError("/secret/place: disk full")

    async def scene(it: Keyed) -> None:
        status, message = await it.manage("POST", "", {})
        assert status == 503
        assert "/secret" not in message

    asyncio.run(scene(Keyed(Full())))
