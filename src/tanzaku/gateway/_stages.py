"""What passes between the stages of a call: admit, reserve, screen, cache, route, attempt, settle.

Each stage is a room of its own below this folder and knows only what stands here.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal, NamedTuple, Protocol

from tanzaku.exchange import Cost
from tanzaku.gateway._answer import Outcome
from tanzaku.gateway._retry import RetryPolicy
from tanzaku.transport import Handler, HeaderList, HttpRequest, HttpResponse


@dataclass(frozen=True, slots=True)
class Asked:
    """A request with what was read of it, once.

    `params` is the JSON object in the body, empty when there is none; `body` its decoded bytes,
    empty for what is not read (uploads). `labels` are the client's `tanzaku-*` headers without
    that prefix. `now` is Unix seconds, `is_message` a POST to /v1/messages. `objection` says why no
    gateway takes such a body, empty for a good one.
    """

    request: HttpRequest
    path: str
    params: Mapping[str, Any]
    body: bytes
    labels: Mapping[str, str]
    now: float
    is_message: bool
    objection: str = ""

    @property
    def model(self) -> str | None:
        """The model asked for, as the client spelt it."""
        model = self.params.get("model")
        return model if isinstance(model, str) else None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a virtual key's public id, the team it belongs to, its tags. All empty where no
    virtual keys are in use."""

    key_id: str = ""
    team: str = ""
    owner: str = ""
    tags: tuple[str, ...] = ()


ANYONE = Caller()

WHEN = "when"
"""The label of the header `tanzaku-when`: the call may wait so long."""


class Door(Protocol):
    """Who may enter: virtual keys."""

    def identify(self, asked: Asked) -> Caller:
        """Who asks; ApiError 401 for who may not enter."""
        ...

    def check(self, asked: Asked, caller: Caller) -> None:
        """ApiError 403 for what `caller` may not ask."""
        ...


@dataclass(frozen=True, slots=True)
class Worst:
    """An upper bound of what a call can use: dollars (None = cannot be priced), tokens read and
    written."""

    usd: Decimal | None
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Used:
    """What a call did use. `usd` is zero where nothing was billed; None where it is not known, and
    the reserved worst case then stands."""

    usd: Decimal | None
    input_tokens: int = 0
    output_tokens: int = 0


class Hold(Protocol):
    """A reservation, open until it is settled. A second `settle` does nothing."""

    def settle(self, used: Used, now: float) -> None: ...


class Treasury(Protocol):
    """Budgets and limits."""

    def reserve(self, caller: Caller, asked: Asked, worst: Worst | None) -> Hold:
        """Hold the worst case against every budget and limit that covers the call; `worst` is
        None for what is no message.

        ApiError 429 when one has no room for it, 403 when a budget covers a call that cannot be
        priced.
        """
        ...

    def list_caps(self, caller: Caller) -> Sequence[tuple[str, int]]:
        """The limits of requests at one time that cover a caller: each with a name that is the same
        for all who share it."""
        ...


type Trouble = Literal["429", "529", "5xx", "timeout", "connect"]
"""What another upstream may do better: a status (5xx is every other one from 500 on), no answer in
time, or no answer at all."""

EVERY_TROUBLE: Final[frozenset[Trouble]] = frozenset({"429", "529", "5xx", "timeout", "connect"})


class Tariff(NamedTuple):
    """Whose prices hold: one of `catalog.PLATFORMS`, and on a cloud where it answers, `global` or a
    region."""

    platform: str = "anthropic"
    geo: str | None = None


LIST_PRICE: Final = Tariff()


@dataclass(frozen=True, slots=True)
class Target:
    """One upstream that a call may go to. `send` raises TransportError where no answer comes.

    `model` is what is asked of it in place of the client's model, None to leave that alone.
    `retry` says how often this upstream is asked again, None = asked once and nothing repaired.
    `on` says after which trouble the next target is tried.
    """

    name: str
    send: Handler
    model: str | None = None
    retry: RetryPolicy | None = None
    on: frozenset[Trouble] = EVERY_TROUBLE
    tariff: Tariff = LIST_PRICE


class Routes(Protocol):
    """Which upstreams a call goes to."""

    def plan(self, asked: Asked, caller: Caller) -> Sequence[Target]:
        """The targets in the order they are tried: the next one where the one before met trouble
        that it lists, before its first byte. At least one; ApiError 404 or 503 otherwise.
        """
        ...


class CachedCall(Protocol):
    """A call that asked for the response cache. `is_free` says, once it is answered, whether no
    upstream was asked for it."""

    is_free: bool

    async def answer(self, ask: Callable[[], Awaitable[HttpResponse]]) -> HttpResponse:
        """The kept answer, or what `ask` brings, which may be kept."""
        ...


class Cache(Protocol):
    """Answers that need not be asked for again."""

    def open(self, asked: Asked, caller: Caller, targets: Sequence[Target]) -> CachedCall | None:
        """The call as the cache sees it, None where nobody asked for the cache. ApiError 400 for a
        wish that cannot be met."""
        ...


class Placed(Protocol):
    """A request with cache breakpoints put in, and the header of its answer that says where."""

    @property
    def request(self) -> HttpRequest: ...
    @property
    def header(self) -> tuple[bytes, bytes]: ...


class Placer(Protocol):
    """Prompt caching without the application's help."""

    async def place(
        self, exchange_id: str, asked: Asked, caller: Caller, target: Target, request: HttpRequest
    ) -> Placed | None:
        """`request`, about to go to `target`, with breakpoints; None where it stays as it is."""
        ...


class Deferral(Protocol):
    """Calls that may wait."""

    async def defer(self, asked: Asked, caller: Caller, targets: Sequence[Target]) -> HttpResponse:
        """A ticket for a call that asks for it. ApiError where it cannot be had."""
        ...


class Turn(Protocol):
    """A call whose turn it is at an upstream's limits."""

    async def wait_again(self, status: int, headers: HeaderList) -> bool:
        """Learn from an answer's head; after a 429 that can be waited for, True once it is the
        call's turn to ask again."""
        ...

    def finish(self, usage: Mapping[str, Any] | None) -> None:
        """The call is over and used this, None where that is not known."""
        ...


class Shaper(Protocol):
    """Queues before limits: those of upstreams, and one's own on calls at one time."""

    async def turn(self, name: str, key: str, worst: Worst, deadline: float) -> Turn:
        """Return once it is the call's turn. ApiError 429 at the deadline, Unix seconds."""
        ...

    async def enter(
        self, caps: Iterable[tuple[str, int]], key: str, deadline: float
    ) -> Sequence[Turn]:
        """The same for limits of one's own on calls at one time: a turn in every one of them."""
        ...


class BatchResults(Protocol):
    """The results of a batch on their way to the client."""

    def feed(self, chunk: bytes) -> None: ...

    async def end(self) -> tuple[Outcome, Cost | None, str | None]:
        """What they say, what of it was not charged before, and why that may be too little."""
        ...


class Batches(Protocol):
    """Batches that clients make themselves."""

    def rewrite(self, body: bytes, request: HttpRequest) -> bytes:
        """A batch or a list of them, their results where the client reached this gateway."""
        ...

    def open_results(self, asked: Asked) -> BatchResults | None:
        """What reads the results that `asked` fetches, None where it fetches none."""
        ...


class Custody(Protocol):
    """A call about batches or files, of which its caller may see some."""

    async def answer(
        self, request: HttpRequest, ask: Callable[[HttpRequest], Awaitable[HttpResponse]]
    ) -> HttpResponse:
        """What `ask` brings, or what of it may be shown."""
        ...


class Owners(Protocol):
    """Whose batches and files are."""

    def concerns(self, asked: Asked, caller: Caller) -> bool:
        """Whether a call is about batches or files, or may name a file."""
        ...

    async def admit(self, asked: Asked, caller: Caller) -> Custody | None:
        """What carries the call, None where nothing is to be done about it. ApiError 404 where the
        caller may not see what it asks for or names."""
        ...


class OneTarget:
    """Routes that all lead to one upstream."""

    def __init__(self, name: str, send: Handler, retry: RetryPolicy | None = None) -> None:
        self._targets = (Target(name, send, retry=retry),)

    def plan(self, asked: Asked, caller: Caller) -> Sequence[Target]:
        """The one target, whatever is asked."""
        del asked, caller
        return self._targets
