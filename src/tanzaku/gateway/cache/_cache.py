"""The response cache: what was answered once, and what is being answered now."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Final

from tanzaku.core import Clock
from tanzaku.gateway._stages import Asked, Caller, Target
from tanzaku.gateway.cache._flight import Ask, Flight, Ride
from tanzaku.gateway.cache._keeper import Keeper
from tanzaku.gateway.cache._key import build_key
from tanzaku.gateway.cache._settings import CacheSettings
from tanzaku.gateway.cache._shape import reshape
from tanzaku.gateway.cache._store import Answer, AnswerStore, Entry, measure
from tanzaku.gateway.cache._wish import CACHE_HEADER, Wish, read_wish
from tanzaku.transport import HeaderList, HttpResponse

_LARGEST_BYTES: Final = 4 * 1024 * 1024
_RESHAPED_HERE: Final = 128 * 1024
_AGE: Final = b"age"


class ResponseCache:
    """Answers for requests that are the same in every byte that counts (`build_key`).

    Of those under way at the same time one asks the upstream, and the others get what it gets:
    the bytes so far at once, the rest as it comes; errors too, which are not kept. Only complete
    messages with status 200 and up to 4 MiB are kept. `counts` has how often each of `hit`,
    `miss` and `bypass` was answered.
    """

    def __init__(self, settings: CacheSettings, clock: Clock, keeper: Keeper | None = None) -> None:
        self.settings = settings
        self.counts: Counter[str] = Counter()
        self.store = AnswerStore(settings.most_bytes)
        self.flights: dict[bytes, Flight] = {}
        self.keeper = keeper
        self.clock = clock

    async def load(self) -> None:
        """Take in what an earlier process kept. LedgerError when it cannot be read."""
        if self.keeper is not None:
            async for key, entry in self.keeper.load(self.clock.now()):
                self._take_in(key, entry)

    async def close(self) -> None:
        """Return when all that is kept is written."""
        if self.keeper is not None:
            await self.keeper.close()

    def open(self, asked: Asked, caller: Caller, targets: Sequence[Target]) -> "Opened | None":
        """The call as the cache sees it, None where nobody asked for the cache. ApiError 400 for
        a header that asks for what there is not."""
        wish = read_wish(asked, caller, self.settings)
        if wish is None:
            return None
        key = None
        if wish.mode != "no-store":
            key = build_key(asked, caller, self.settings.scope, targets)
        return Opened(self, key, wish, is_stream=asked.params.get("stream") is True)

    def keep(self, key: bytes, answer: Answer, ttl_s: float) -> None:
        """Keep an answer from now on."""
        now = self.clock.now()
        entry = Entry(now, now + ttl_s, measure(answer.body), answer)
        if self.keeper is not None:
            self.keeper.put(key, entry)
        self._take_in(key, entry)

    def _take_in(self, key: bytes, entry: Entry) -> None:
        for gone in self.store.keep(key, entry):
            if self.keeper is not None:
                self.keeper.drop(gone)


class Opened:
    """One call that asked for the cache."""

    def __init__(
        self, cache: ResponseCache, key: bytes | None, wish: Wish, *, is_stream: bool
    ) -> None:
        self.is_free = False
        """Once answered: whether it cost nothing, because no upstream was asked for it."""
        self._cache = cache
        self._key = key
        self._wish = wish
        self._is_stream = is_stream

    async def answer(self, ask: Ask) -> HttpResponse:
        """The answer, with `tanzaku-cache: hit`, `miss` or `bypass`, a hit's with its `age`.

        `ask` asks the upstream and may be awaited in a task of its own; what it raises is raised
        here, and for no other call: of those that waited for it one asks in turn. Cancelled, or
        closed before the body's end, a call that leads returns only when the others have got what
        they wait for, so that it can be charged with the whole.
        """
        key = self._key
        if key is None:
            return self._mark(await ask(), b"bypass")
        if self._wish.mode == "on":
            kept = await self._find_kept(key)
            if kept is not None:
                return kept
            tried: Flight | None = None
            while (flight := self._find_flight(key)) is not tried and flight is not None:
                shared = await self._follow(flight)
                if shared is not None:
                    return shared
                if flight.is_coded:
                    return self._mark(await ask(), b"bypass")
                tried = flight
        return await self._lead(key, ask)

    def _find_flight(self, key: bytes) -> Flight | None:
        flight = self._cache.flights.get(key)
        return flight if flight is not None and flight.can_carry else None

    async def _find_kept(self, key: bytes) -> HttpResponse | None:
        cache = self._cache
        now = cache.clock.now()
        entry = cache.store.find(key, self._wish.ttl_s, now)
        if entry is None:
            return None
        if entry.answer is None and cache.keeper is not None:
            entry.answer = await cache.keeper.fetch(key)
        if entry.answer is None:
            return None
        shaped = await self._reshape(entry.answer)
        if shaped is None:
            return None
        return self._give(200, shaped.headers, shaped.body, int(now - entry.stored_at))

    async def _lead(self, key: bytes, ask: Ask) -> HttpResponse:
        cache, ttl_s = self._cache, self._wish.ttl_s

        def end(flight: Flight) -> None:
            # One that a refresh has overtaken is older than what is kept by now.
            if cache.flights.get(key) is flight:
                del cache.flights[key]
                answer = flight.take_answer()
                if answer is not None and len(answer.body) <= _LARGEST_BYTES:
                    cache.keep(key, answer, ttl_s)

        flight = cache.flights[key] = Flight(ask, end)
        flight.riders += 1
        try:
            await flight.wait_for_head()
        except asyncio.CancelledError:
            flight.leave()
            await flight.wait_for_end()
            raise
        assert flight.head is not None
        status, headers = flight.head
        body = flight.board(leads=True)
        return self._mark(HttpResponse(status, list(headers), body), b"miss")

    async def _follow(self, flight: Flight) -> HttpResponse | None:
        """What the flight brings; None where that is nothing, or nothing this call can read."""
        flight.riders += 1
        is_riding = False
        try:
            while flight.head is None and not flight.is_over:
                await flight.wait()
            if flight.head is None or flight.is_coded:
                return None
            status, headers = flight.head
            if status != 200 or flight.is_stream == self._is_stream:
                body = flight.board(leads=False)
                is_riding = isinstance(body, Ride)
                return self._give(status, headers, body, 0)
            await flight.wait_for_end()
            answer = flight.take_answer()
            shaped = None if answer is None else await self._reshape(answer)
            if shaped is None:
                return None
            return self._give(status, shaped.headers, shaped.body, 0)
        finally:
            if not is_riding:
                flight.leave()

    async def _reshape(self, answer: Answer) -> Answer | None:
        """The answer in the shape that was asked for, None where it cannot be had."""
        try:
            if answer.is_stream == self._is_stream or len(answer.body) <= _RESHAPED_HERE:
                return reshape(answer, is_stream=self._is_stream)
            return await asyncio.to_thread(reshape, answer, is_stream=self._is_stream)
        except ValueError:
            return None

    def _give(
        self, status: int, headers: HeaderList, body: bytes | Ride, age_s: int
    ) -> HttpResponse:
        self.is_free = True
        answer = HttpResponse(status, [*headers, (_AGE, b"%d" % age_s)], body)
        return self._mark(answer, b"hit")

    def _mark(self, answer: HttpResponse, state: bytes) -> HttpResponse:
        self._cache.counts[state.decode()] += 1
        headers = [line for line in answer.headers if line[0] != CACHE_HEADER]
        answer.headers = [*headers, (CACHE_HEADER, state)]
        return answer
