"""POST /v1/messages and /v1/messages/count_tokens."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from tanzaku.catalog import UnpricedUsageError, price
from tanzaku.core import Clock, derive_id
from tanzaku.exchange import TRACE_HEADER, VIOLATIONS_HEADER
from tanzaku.simulator._answer import Answer, encode_events, encode_frames
from tanzaku.simulator._brain import Brain, Endpoint, Prepared
from tanzaku.simulator._cache import CachePlan, CacheUsage
from tanzaku.simulator._caching import Caching
from tanzaku.simulator._diagnose import Fingerprint
from tanzaku.simulator._kept import Kept
from tanzaku.simulator._occurrences import Occurrences, digest_request
from tanzaku.simulator._pace import Pacemaker
from tanzaku.simulator._paced import PacedStream, join_frames, wait_whole
from tanzaku.simulator._replies import Head, reply_events, reply_json
from tanzaku.simulator._settings import SimulatorSettings
from tanzaku.simulator._threads import Threads, Turn, can_begin
from tanzaku.transport import HeaderList, HttpResponse
from tanzaku.wire import parse_body

if TYPE_CHECKING:
    from tanzaku.ledger import Shelf
    from tanzaku.simulator.files import FileLibrary
    from tanzaku.simulator.quota import Admission, Quota

_TRACE = TRACE_HEADER.encode()
_VIOLATIONS = VIOLATIONS_HEADER.encode()
_MAX_KEPT_BODY_BYTES = 16 * 1024
_MARK = b"cache_control"
_THREAD = b'"thread"'
_FILE = b'"file_id"'
_DAY_S = 86_400


@dataclass(slots=True)
class Call:
    """What of a request the Messages API reads beside its body. `workspace` is the one that the
    request is for."""

    headers: HeaderList
    body: bytes
    version: bytes
    betas: list[str]
    workspace: str
    organization: bytes


@dataclass(slots=True)
class _Turn:
    """One request on its way to its answer."""

    call: Call
    prepared: Prepared
    thread: Turn | None
    occurrence: int
    admission: "Admission | None" = None
    plan: CachePlan | None = None
    fingerprint: Fingerprint | None = None


class MessagesApi:
    """Answers valid requests, accounts for the prompt cache, holds threads, keeps the pace."""

    def __init__(
        self,
        brain: Brain,
        settings: SimulatorSettings,
        *,
        seed: int,
        clock: Clock,
        occurrences: Occurrences,
        quota: "Quota | None",
    ) -> None:
        self.shelf: Shelf
        self._brain = brain
        self._quota = quota
        self._seed = seed
        self._clock = clock
        self._occurrences = occurrences
        self._pacemaker = None if settings.pace is None else Pacemaker(settings.pace)
        self._caching = Caching(brain)
        self._threads = Threads()
        self._keeps_no_account = quota is None and settings.pace is None
        self._kept = Kept()

    @cached_property
    def library(self) -> "FileLibrary":
        """The files that requests may name; they are on `shelf`."""
        from tanzaku.simulator.files import FileLibrary

        return FileLibrary(shelf=self.shelf, clock=self._clock)

    async def create(self, call: Call) -> HttpResponse:
        """A message, as JSON or as events. Raises ApiError, or ToldError for a scenario's error."""
        # Models retire from one day to the next.
        day = b"%d" % (self._clock.now() // _DAY_S)
        kept_as = (call.body, call.version, ",".join(call.betas).encode(), day)
        prepared = self._kept.get(kept_as)
        if prepared is not None:
            occurrence = self._occurrences.next(prepared.key)
            return await self._reply(call, prepared, occurrence, None)
        thread: Turn | None = None
        if call.body.find(_THREAD) >= 0:  # it takes a fifth of what `in` does
            prepared, thread = await self._begin_thread(call)
        else:
            prepared = await self._read(call, parse_body(call.body))
        occurrence = self._occurrences.next(prepared.key)
        response = await self._reply(call, prepared, occurrence, thread)
        if occurrence and thread is None and _may_keep(call.body):
            self._kept.put(kept_as, prepared)
        return response

    async def _reply(
        self, call: Call, prepared: Prepared, occurrence: int, thread: Turn | None
    ) -> HttpResponse:
        is_accounted = (
            prepared.prefix is not None or prepared.request.get("diagnostics") is not None
        )
        if self._keeps_no_account and thread is None and not is_accounted:
            return self._reply_at_once(call, prepared, occurrence)
        turn = _Turn(call, prepared, thread, occurrence)
        try:
            return await self._answer(turn)
        except BaseException:
            self._settle_thread(turn, None)
            self._finish(turn, {"output_tokens": 0})
            raise

    async def count(self, call: Call) -> HttpResponse:
        """The number of a prompt's tokens."""
        prepared = await self._check(call, parse_body(call.body), endpoint="count_tokens")
        key = digest_request(b"count_tokens", prepared.key)
        request_id = derive_id("req", self._seed, key, self._occurrences.next(key))
        head = self._head(call, prepared, request_id, "catalog")
        if self._quota is not None:
            from tanzaku.simulator.quota import Refusal

            let_in = self._quota.call(self._clock.now(), "count_tokens", prepared.model.id)
            if isinstance(let_in, Refusal):
                raise let_in.to_error()
            head.more += let_in
        return reply_json({"input_tokens": prepared.input_tokens}, head)

    def _reply_at_once(self, call: Call, prepared: Prepared, occurrence: int) -> HttpResponse:
        """What `_answer` gives where nothing keeps account of the answer and nothing slows it."""
        answer, trace = self._brain.answer(prepared, call.headers)
        is_stream = bool(prepared.request.get("stream"))
        body = answer.encode(self._seed, prepared.key, occurrence, is_stream=is_stream)
        request_id = derive_id("req", self._seed, prepared.key, occurrence)
        head = self._head(call, prepared, request_id, answer.rule, trace)
        return reply_events(body, head) if is_stream else reply_json(body, head)

    async def _answer(self, turn: _Turn) -> HttpResponse:
        prepared = turn.prepared
        now = self._clock.now()
        turn.plan = self._caching.plan(now, turn.call.workspace, prepared)
        if self._quota is not None:
            turn.admission = _admit(self._quota, now, turn)
        answer, trace = self._brain.answer(prepared, turn.call.headers)
        message = answer.stamp(self._seed, prepared.key, turn.occurrence)
        if turn.plan is not None:
            await self._account(turn, turn.plan, message, answer, now)
        if prepared.request.get("diagnostics") is not None:
            message["diagnostics"], turn.fingerprint = self._caching.diagnose(
                now, turn.call.workspace, prepared, turn.call.betas
            )
        request_id = derive_id("req", self._seed, prepared.key, turn.occurrence)
        head = self._head(turn.call, prepared, request_id, answer.rule, trace)
        if turn.admission is not None:
            _correct(turn.admission, turn, message, head, now)
        if self._pacemaker is not None:
            return await self._answer_slowly(turn, answer, message, head, self._pacemaker)
        self._begin(turn, message)
        self._finish(turn, message["usage"])
        if prepared.request.get("stream"):
            return reply_events(encode_events(message), head)
        return reply_json(message, head)

    async def _answer_slowly(
        self,
        turn: _Turn,
        answer: Answer,
        message: dict[str, Any],
        head: Head,
        pacemaker: Pacemaker,
    ) -> HttpResponse:
        prepared = turn.prepared
        track = pacemaker.begin(prepared.model, self._seed, prepared.key, turn.occurrence)
        tokens = message["usage"]["output_tokens"]
        if not prepared.request.get("stream"):
            await wait_whole(tokens, pacemaker, track, self._clock)
            self._begin(turn, message)
            self._finish(turn, message["usage"])
            return reply_json(message, head)
        stream = PacedStream(
            join_frames(encode_frames(message)),
            tokens,
            track,
            self._clock,
            on_begin=lambda: self._begin(turn, message),
            on_end=self._end_stream(turn, message["usage"], pacemaker),
        )
        return reply_events(stream, head)

    def _end_stream(
        self, turn: _Turn, usage: dict[str, Any], pacemaker: Pacemaker
    ) -> Callable[[int], None]:
        def end(tokens: int) -> None:
            pacemaker.end()
            self._settle_thread(turn, None)
            self._finish(turn, usage | {"output_tokens": tokens})

        return end

    def _finish(self, turn: _Turn, usage: dict[str, Any]) -> None:
        """The answer is over: its tokens and its cost count against the limits."""
        if turn.admission is None:
            return
        cost = Decimal(0)
        if "input_tokens" in usage:
            # What has no known price cannot count against the spend cap.
            with suppress(UnpricedUsageError):
                cost = price(turn.prepared.model.id, usage, day=self._brain.today()).total_usd
        turn.admission.finish(self._clock.now(), usage["output_tokens"], cost)

    def _begin(self, turn: _Turn, message: dict[str, Any]) -> None:
        """The answer begins: what it wrote to the cache can be read, its thread goes on from it."""
        if turn.plan is not None:
            self._caching.commit(turn.plan, self._clock.now())
        if turn.fingerprint is not None:
            self._caching.remember(
                self._clock.now(), turn.call.workspace, message["id"], turn.fingerprint
            )
        self._settle_thread(turn, message)

    def _settle_thread(self, turn: _Turn, message: dict[str, Any] | None) -> None:
        if turn.thread is not None:
            self._threads.settle(turn.thread, message)
            turn.thread = None

    async def _begin_thread(self, call: Call) -> tuple[Prepared, Turn | None]:
        parsed = parse_body(call.body)
        if not can_begin(parsed):
            return await self._read(call, parsed), None
        turn = self._threads.begin(parsed)
        try:
            return await self._read(call, turn.request, is_continued=True), turn
        except BaseException:
            self._threads.settle(turn, None)
            raise

    async def _read(
        self,
        call: Call,
        parsed: dict[str, Any],
        *,
        endpoint: Endpoint = "messages",
        is_continued: bool = False,
    ) -> Prepared:
        prepared = await self._check(call, parsed, endpoint=endpoint)
        # Earlier turns of a thread may be marked as well.
        if is_continued or call.body.find(_MARK) >= 0:
            await self._caching.mark(prepared, call.workspace, len(call.body))
        return prepared

    async def _check(self, call: Call, parsed: dict[str, Any], *, endpoint: Endpoint) -> Prepared:
        names_files = call.body.find(_FILE) >= 0
        return await self._brain.prepare(
            parsed,
            len(call.body),
            call.version.decode("latin-1"),
            call.betas,
            endpoint=endpoint,
            read_files=partial(self._read_files, call.workspace) if names_files else None,
        )

    async def _read_files(self, workspace: str, parsed: dict[str, Any]) -> dict[str, Any]:
        """A request of the right shape with the contents of its files. Raises ApiError for one that
        it may not use."""
        error = await self.library.check_references(parsed, workspace)
        if error is not None:
            raise error
        return await self.library.read_references(parsed, workspace)

    async def _account(
        self, turn: _Turn, plan: CachePlan, message: dict[str, Any], answer: Answer, now: float
    ) -> None:
        """Put into the usage what the prompt read and wrote; what a script tells beats it."""
        usage = plan.usage
        if message["usage"].get("server_tool_use"):
            usage = await self._caching.follow_server_turns(
                now, plan, turn.prepared, message["content"], len(turn.call.body)
            )
        message["usage"] = message["usage"] | usage.to_usage() | answer.told_usage

    async def answer_item(self, call: Call, params: dict[str, Any]) -> dict[str, Any]:
        """The message that answers one request of a batch; `call.body` are its params as JSON.
        Raises ApiError or ToldError."""
        prepared = await self._read(call, params, endpoint="batches")
        turn = _Turn(call, prepared, None, self._occurrences.next(prepared.key))
        answer, _ = self._brain.answer(prepared, call.headers)
        message = answer.stamp(self._seed, prepared.key, turn.occurrence)
        now = self._clock.now()
        turn.plan = self._caching.plan(now, call.workspace, prepared)
        if turn.plan is not None:
            await self._account(turn, turn.plan, message, answer, now)
        message["usage"] = message["usage"] | {"service_tier": "batch"}
        self._begin(turn, message)
        return message

    def _head(
        self, call: Call, prepared: Prepared, request_id: str, rule: str, trace: str = ""
    ) -> Head:
        head = Head(request_id, rule, call.organization, call.workspace.encode())
        if trace:
            head.more.append((_TRACE, trace.encode()))
        if prepared.waived:
            head.more.append((_VIOLATIONS, prepared.waived))
        return head


def _may_keep(body: bytes) -> bool:
    """What a file id means depends on more than the bytes around it."""
    return len(body) <= _MAX_KEPT_BODY_BYTES and body.find(_FILE) < 0


def _admit(quota: "Quota", now: float, turn: _Turn) -> "Admission":
    """Let a message in. Raises ApiError 429 or 529, or 400 for a spend limit of one's own."""
    from tanzaku.simulator.quota import Refusal

    prepared = turn.prepared
    cached = 0 if turn.plan is None else turn.plan.usage.read_tokens
    admission = quota.admit(
        now,
        prepared.model,
        prepared.input_tokens - cached,
        workspace=turn.call.workspace,
        is_fast=prepared.request.get("speed") == "fast",
        service_tier=prepared.request.get("service_tier") or "auto",
    )
    if isinstance(admission, Refusal):
        raise admission.to_error()
    return admission


def _correct(
    admission: "Admission", turn: _Turn, message: dict[str, Any], head: Head, now: float
) -> None:
    """Count what was read from the cache rightly, and say what is left."""
    tokens = turn.prepared.input_tokens
    admission.correct(now, CacheUsage(tokens, 0, 0, 0) if turn.plan is None else turn.plan.usage)
    if admission.service_tier == "priority":
        message["usage"] = message["usage"] | {"service_tier": "priority"}
    head.more += admission.headers(now)
