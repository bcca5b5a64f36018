"""What a virtual key makes at an upstream that it shares with others is its own: batches, files."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from random import Random
from typing import Any, override

import pytest

from tanzaku.core import VirtualClock
from tanzaku.gateway import Gateway, OneTarget, Stages
from tanzaku.gateway.keys import Keyring, Owners
from tanzaku.ledger import Ledger, LedgerError, MemoryShelf, Shelf, ShelfRow
from tanzaku.simulator import Simulator
from tanzaku.transport import (
    BrokenUploadError,
    HeaderList,
    HttpRequest,
    HttpResponse,
    Upload,
    read_all,
    read_upload,
)

BATCHES = "/v1/messages/batches"
FILES = "/v1/files"
FORM = (
    b'--b\r\ncontent-disposition: form-data; name="file"; filename="a.txt"\r\n'
    b"content-type: text/plain\r\n\r\nhello\r\n--b--\r\n"
)
JSON = (b"content-type", b"application/json")
BETA = (b"anthropic-beta", b"files-api-2025-04-14")
HELLO: dict[str, Any] = {
    "model": "claude-haiku-4-5",
    "max_tokens": 9,
    "messages": [{"role": "user", "content": "Hello"}],
}


def build_batch(*params: dict[str, Any]) -> bytes:
    items = [{"custom_id": f"r{at}", "params": one} for at, one in enumerate(params or (HELLO,))]
    return json.dumps({"requests": items}).encode()


def name_file(file_id: str) -> dict[str, Any]:
    block = {"type": "document", "source": {"type": "file", "file_id": file_id}}
    return HELLO | {"messages": [{"role": "user", "content": [block]}]}


class Told:
    """An answer, read."""

    def __init__(self, status: int, body: bytes) -> None:
        self.status = status
        self.body = body

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def ids(self) -> list[str]:
        return [one["id"] for one in self.json["data"]]

    def is_unknown(self) -> bool:
        """As the API says of what does not exist."""
        return self.status == 404 and self.json["error"]["type"] == "not_found_error"


class World:
    """A gateway with virtual keys over the simulator, which others can reach too."""

    def __init__(self, ledger: Ledger, clock: VirtualClock) -> None:
        self.ledger, self.clock = ledger, clock
        self.simulator = Simulator(seed=1, clock=clock, shelf=MemoryShelf())
        self.key_shelf = MemoryShelf()
        self.work: Shelf = MemoryShelf()
        self.asked: list[HttpRequest] = []
        self.chance = Random(1)
        self.keys: dict[str, tuple[str, str]] = {}
        self.start()

    def start(self, *, needs_key: bool = True) -> None:
        """A new process over the same shelves."""
        self.ring = Keyring(self.key_shelf, self.clock, needs_key=needs_key)
        stages = Stages(door=self.ring, owners=Owners(self.work, self.ring, self.clock))
        routes = OneTarget("sim", self._ask)
        self.gateway = Gateway(
            routes, ledger=self.ledger, clock=self.clock, stages=stages, chance=self.chance
        )

    async def restart(self, *, needs_key: bool = True) -> None:
        await self.ring.close()
        self.start(needs_key=needs_key)
        await self.ring.open()

    async def _ask(self, request: HttpRequest) -> HttpResponse:
        self.asked.append(request)
        await read_upload(request)
        return await self.simulator(request)

    async def create_keys(self, *names: str, **more: Any) -> None:
        for name in names:
            record, key = await self.ring.create({"name": name, "paths": ["/*"], **more})
            self.keys[name] = (record.id, key)

    async def ask(
        self,
        name: str | None,
        method: str,
        target: str,
        body: bytes = b"",
        *more: tuple[bytes, bytes],
        upload: Upload | None = None,
    ) -> Told:
        """`name` is a key's, "" for someone without, None for one past the gateway."""
        key = self.keys[name][1] if name else "sk-ant-api03-x"
        head: HeaderList = [
            (b"x-api-key", key.encode()),
            (b"anthropic-version", b"2023-06-01"),
            *(more or ([JSON] if body or upload else [])),
        ]
        request = HttpRequest(method, target, head, body, upload=upload)
        answer = await (self.simulator if name is None else self.gateway)(request)
        return Told(answer.status, await read_all(answer))

    async def batch(self, name: str | None, *params: dict[str, Any]) -> str:
        made: str = (await self.ask(name, "POST", BATCHES, build_batch(*params))).json["id"]
        return made

    async def file(self, name: str | None) -> str:
        form = (b"content-type", b"multipart/form-data; boundary=b")
        made: str = (await self.ask(name, "POST", FILES, FORM, form)).json["id"]
        return made


@asynccontextmanager
async def open_world() -> AsyncIterator[World]:
    clock = VirtualClock()
    with Ledger.open(None, clock=clock) as ledger:
        world = World(ledger, clock)
        await world.ring.open()
        await world.create_keys("ann", "bob")
        await world.create_keys("cat", "dan", team="web")
        yield world
        await world.ring.close()
        await world.simulator.close()


def use(work: Callable[[World], Awaitable[None]]) -> None:
    async def run() -> None:
        async with open_world() as world:
            await work(world)

    asyncio.run(run())


BY_ID = [
    ("GET", BATCHES + "/{batch}"),
    ("GET", BATCHES + "/{batch}/results"),
    ("POST", BATCHES + "/{batch}/cancel"),
    ("DELETE", BATCHES + "/{batch}"),
    ("GET", FILES + "/{file}"),
    ("GET", FILES + "/{file}/content"),
    ("DELETE", FILES + "/{file}"),
]


@pytest.mark.parametrize(("method", "target"), BY_ID)
def test_another_key_is_told_that_there_is_no_such_thing(method: str, target: str) -> None:
    async def work(world: World) -> None:
        names = {"batch": await world.batch("ann"), "file": await world.file("ann")}
        never = {"batch": "msgbatch_never", "file": "file_never"}
        asked = len(world.asked)
        told = await world.ask("bob", method, target.format(**names))
        assert told.is_unknown()
        assert len(world.asked) == asked
        # In the words in which the API says it of what never was.
        (way,) = [kind for kind in names if f"{{{kind}}}" in target]
        truth = await world.ask(None, method, target.format(**never))
        own = told.json["error"]["message"].replace(names[way], never[way])
        assert own == truth.json["error"]["message"]
        # Its owner is told whatever the upstream says.
        assert not (await world.ask("ann", "GET", f"{BATCHES}/{names['batch']}")).is_unknown()
        assert not (await world.ask("ann", "GET", f"{FILES}/{names['file']}")).is_unknown()

    use(work)


def test_a_team_shares_what_its_keys_made() -> None:
    async def work(world: World) -> None:
        batch, file = await world.batch("cat"), await world.file("cat")
        assert (await world.ask("dan", "GET", f"{BATCHES}/{batch}")).status == 200
        assert (
            await world.ask("dan", "POST", "/v1/messages", _dump(name_file(file)))
        ).status == 200
        assert (await world.ask("dan", "GET", BATCHES)).ids == [batch]
        assert (await world.ask("bob", "GET", BATCHES)).ids == []
        assert (await world.ask("dan", "DELETE", f"{FILES}/{file}")).status == 200
        assert await world.work.read_all("owned_file") == []
        # A key that joins the team later brings along nothing, and sees what the team has.
        await world.ring.change(world.keys["bob"][0], {"team": "web"})
        assert (await world.ask("bob", "GET", f"{BATCHES}/{batch}")).status == 200

    use(work)


def test_keys_without_a_team_are_no_team() -> None:
    async def work(world: World) -> None:
        batch = await world.batch("ann")
        await world.ring.change(world.keys["ann"][0], {"team": "web"})
        assert (await world.ask("cat", "GET", f"{BATCHES}/{batch}")).is_unknown()
        assert (await world.ask("ann", "GET", f"{BATCHES}/{batch}")).status == 200
        assert (await world.ask("bob", "GET", f"{BATCHES}/{batch}")).is_unknown()

    use(work)


@pytest.mark.parametrize("beta", [[], [BETA]], ids=["files", "beta"])
def test_a_list_has_the_pages_of_what_is_ones_own(beta: list[tuple[bytes, bytes]]) -> None:
    async def work(world: World) -> None:
        made: dict[str | None, list[str]] = {"ann": [], "bob": [], None: []}
        for name in ("ann", "bob", None, "ann", "bob", "bob", "ann", None, "ann", "ann"):
            made[name].insert(0, await world.file(name))
        seen: list[str] = []
        query = "?limit=2"
        while True:
            page = await world.ask("ann", "GET", FILES + query, b"", *beta)
            seen += page.ids
            assert len(page.ids) <= 2
            if not (page.json["has_more"] if beta else page.json["next_page"]):
                break
            place = f"after_id={page.json['last_id']}" if beta else f"page={page.json['next_page']}"
            query = f"?limit=2&{place}"
        assert seen == made["ann"]
        assert (await world.ask("bob", "GET", FILES, b"", *beta)).ids == made["bob"]

    use(work)


def test_a_list_that_the_upstream_refuses_is_refused_in_its_words() -> None:
    async def work(world: World) -> None:
        for query in ("?limit=0", "?limit=x", "?after_id=msgbatch_never"):
            truth = await world.ask(None, "GET", BATCHES + query)
            told = await world.ask("ann", "GET", BATCHES + query)
            assert (told.status, told.json["error"]) == (400, truth.json["error"])

    use(work)


def test_what_no_key_made() -> None:
    async def work(world: World) -> None:
        batch, file = await world.batch(None), await world.file(None)
        # It may hold the deferred calls of all.
        assert (await world.ask("ann", "GET", f"{BATCHES}/{batch}")).is_unknown()
        assert (await world.ask("ann", "GET", BATCHES)).ids == []
        # Who was given the id of a file may use it, and no more.
        assert (await world.ask("ann", "GET", f"{FILES}/{file}")).status == 200
        assert (
            await world.ask("ann", "POST", "/v1/messages", _dump(name_file(file)))
        ).status == 200
        assert (await world.ask("ann", "DELETE", f"{FILES}/{file}")).is_unknown()
        assert (await world.ask("ann", "GET", FILES)).ids == []
        assert (await world.ask("ann", "GET", f"{FILES}?ids[]={file}")).ids == []

    use(work)


def _dump(value: Any) -> bytes:
    return json.dumps(value).encode()


def spell_escaped(file_id: str) -> bytes:
    return _dump(name_file(file_id)).replace(b'"file_id"', b'"\\u0066ile\\u005Fid"')


def spell_twice(file_id: str) -> bytes:
    named = b'"file_id": "%b"' % file_id.encode()
    return _dump(name_file(file_id)).replace(named, named + b', "file_id": "file_never"')


@pytest.mark.parametrize(
    ("path", "build"),
    [
        ("/v1/messages", lambda file_id: _dump(name_file(file_id))),
        ("/v1/messages", spell_escaped),
        ("/v1/messages", spell_twice),
        ("/v1/messages", lambda file_id: _dump(name_file(file_id)).decode().encode("utf-16")),
        ("/v1/messages/count_tokens", lambda file_id: _dump(name_file(file_id))),
        (BATCHES, lambda file_id: build_batch(HELLO, name_file(file_id))),
        ("/v1/another", lambda file_id: _dump({"a": [{"file_id": file_id}]})),
    ],
    ids=["message", "escaped", "twice", "utf-16", "count", "batch", "unknown"],
)
def test_a_file_of_another_key_cannot_be_used(path: str, build: Callable[[str], bytes]) -> None:
    async def work(world: World) -> None:
        file_id = await world.file("ann")
        asked = len(world.asked)
        told = await world.ask("bob", "POST", path, build(file_id))
        assert told.status in {404} | ({400} if build(file_id).startswith(b"\xff") else set())
        assert len(world.asked) == asked
        text = (b"content-type", b"text/plain")
        if not build(file_id).startswith(b"\xff"):
            assert (await world.ask("bob", "POST", path, build(file_id), text)).is_unknown()
        await world.ask("ann", "POST", path, build(file_id))
        assert len(world.asked) == asked + (not build(file_id).startswith(b"\xff"))

    use(work)


def test_a_large_batch_breaks_off_where_it_names_a_file_of_another_key() -> None:
    async def work(world: World) -> None:
        file_id = await world.file("ann")
        batch = build_batch(HELLO, name_file(file_id))

        def upload() -> Upload:
            upload = Upload(len(batch), lambda is_held: None)
            for at in range(0, len(batch), 50):
                upload.feed(batch[at : at + 50])
            upload.end()
            return upload

        with pytest.raises(BrokenUploadError) as broken:
            await world.ask("bob", "POST", BATCHES, upload=upload())
        assert broken.value.status == 404
        assert (await world.ask(None, "GET", BATCHES)).ids == []
        made = (await world.ask("ann", "POST", BATCHES, upload=upload())).json["id"]
        assert (await world.ask("ann", "GET", BATCHES)).ids == [made]

    use(work)


CROOKED = [
    "/v1/messages/batches/{batch}/",
    "/v1//messages/batches/{batch}",
    "//v1/messages/batches/{batch}",
    "/v1/messages//batches/{batch}/results",
    "/v1/messages%2fbatches/{batch}",
    "/v1/messages/%62atches/{batch}",
    "/v1/messages/%2562atches/{batch}",
    "/v1/messages/./batches/{batch}",
    "/v1/x/../messages/batches/{batch}",
    "/v1/models/%2e%2e/messages/batches/{batch}",
    "/V1/Messages/BATCHES/{batch}",
    "/v1\\messages\\batches\\{batch}",
    "/v1/messages;a=b/batches/{batch}",
    "/v1/messages/batches/{batch}%00",
    "/v1/messages/batches;a/{batch}",
    "/v1/messages/batches/",
    "/v1/files/",
    "/v1/files/{file}/content/",
    "/v1/%66iles/{file}",
    "/v1/files#/{file}",
    "/v1/files/%66ile_{tail}",
    "/v1/files/{file}/%252e%252e/%252e%252e/models",
    "/v1/messages/batches/%6dsgbatch_{tail}",
]


@pytest.mark.parametrize("target", CROOKED)
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_no_other_spelling_leads_there(method: str, target: str) -> None:
    async def work(world: World) -> None:
        batch, file = await world.batch("ann"), await world.file("ann")
        tail = (batch if "batch" in target else file).partition("_")[2]
        asked = len(world.asked)
        told = await world.ask("bob", method, target.format(batch=batch, file=file, tail=tail))
        assert told.status in (403, 404)
        assert len(world.asked) == asked

    use(work)


def test_paths_that_only_begin_alike_pass() -> None:
    async def work(world: World) -> None:
        for path in ("/v1/filesystems", "/v1/files-of/x", "/v1/messages/batches_of", "/v1/models"):
            await world.ask("bob", "GET", path)
            assert world.asked[-1].path == path

    use(work)


def test_what_is_owned_outlives_process_rotation_and_revocation() -> None:
    async def work(world: World) -> None:
        batch, file = await world.batch("cat"), await world.file("ann")
        _, new = await world.ring.rotate(world.keys["ann"][0], 0)
        world.keys["ann"] = (world.keys["ann"][0], new)
        await world.ring.revoke(world.keys["cat"][0])
        await world.restart()
        assert (await world.ask("ann", "GET", f"{FILES}/{file}")).status == 200
        assert (await world.ask("bob", "GET", f"{FILES}/{file}")).is_unknown()
        assert (await world.ask("cat", "GET", f"{BATCHES}/{batch}")).status == 401
        assert (await world.ask("dan", "GET", f"{BATCHES}/{batch}")).status == 200
        await world.create_keys("cat")
        assert (await world.ask("cat", "GET", f"{BATCHES}/{batch}")).is_unknown()

    use(work)


def test_where_no_key_is_asked_for_everything_is_as_it_was() -> None:
    async def work(world: World) -> None:
        await world.restart(needs_key=False)
        batch, file = await world.batch("ann"), await world.file("ann")
        for target in (BATCHES, f"{BATCHES}/{batch}", FILES, f"{FILES}/{file}", f"{FILES}/{file}/"):
            truth = await world.ask(None, "GET", target)
            told = await world.ask("bob", "GET", target)
            assert told.status == truth.status
            assert told.status != 200 or told.body == truth.body
            assert world.asked[-1].target == target
        await world.batch("")
        assert [row.id for row in await world.work.read_all("owned_batch")] == [batch]
        used = await world.ask("bob", "POST", "/v1/messages", _dump(name_file(file)))
        assert used.status == 200
        # What a key made meanwhile is its own from the day on that keys are asked for.
        world.ring.needs_key = True
        assert (await world.ask("bob", "GET", f"{BATCHES}/{batch}")).is_unknown()
        assert (await world.ask("ann", "GET", f"{BATCHES}/{batch}")).status == 200

    use(work)


class FailingShelf(MemoryShelf):
    """Keeps nothing and finds nothing while `is_broken`."""

    is_broken = False

    @override
    async def put(self, *rows: ShelfRow) -> None:
        if self.is_broken:
            raise LedgerError("full")
        await super().put(*rows)

    @override
    async def get(self, kind: str, id: str, part: int = 0) -> ShelfRow | None:
        if self.is_broken:
            raise LedgerError("broken")
        return await super().get(kind, id, part)


def test_a_shelf_that_fails_opens_nothing_and_loses_nothing() -> None:
    async def work(world: World) -> None:
        world.work = shelf = FailingShelf()
        await world.restart()
        kept = await world.batch("ann")
        shelf.is_broken = True
        unkept = await world.batch("ann")
        for name in ("ann", "bob"):
            told = await world.ask(name, "GET", f"{BATCHES}/{kept}")
            assert (told.status, told.json["error"]["type"]) == (503, "api_error")
        assert (await world.ask("ann", "GET", f"{BATCHES}/{unkept}")).status == 200
        assert (await world.ask("bob", "GET", f"{BATCHES}/{unkept}")).is_unknown()
        shelf.is_broken = False
        await world.batch("ann")
        await world.restart()
        assert (await world.ask("ann", "GET", f"{BATCHES}/{unkept}")).status == 200

    use(work)


def test_who_gets_an_id_can_use_it_at_once_and_nobody_sees_it_before() -> None:
    async def work(world: World) -> None:
        async def make(name: str) -> None:
            batch = await world.batch(name)
            assert (await world.ask(name, "GET", f"{BATCHES}/{batch}")).status == 200

        async def look() -> None:
            for _ in range(20):
                assert (await world.ask("dan", "GET", BATCHES)).ids == []

        await asyncio.gather(*(make(name) for name in ("ann", "bob") * 10), look())
        assert len((await world.ask("ann", "GET", BATCHES)).ids) == 10

    use(work)


def test_a_key_of_few_paths_is_refused_before_anything_is_looked_for() -> None:
    async def work(world: World) -> None:
        batch = await world.batch("ann")
        await world.create_keys("eve", paths=["/v1/messages"])
        told = await world.ask("eve", "GET", f"{BATCHES}/{batch}")
        assert (told.status, told.json["error"]["type"]) == (403, "permission_error")

    use(work)
