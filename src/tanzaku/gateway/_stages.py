"""What passes between the stages of a call: admit, reserve, screen, cache, route, attempt, settle.

Each stage is a room of its own below this folder and knows only what stands here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal, Protocol

from tanzaku.gateway._retry import RetryPolicy
from tanzaku.transport import Handler, HttpRequest


@dataclass(frozen=True, slots=True)
class Asked:
    """A request with what was read of it, once.

    `params` is the JSON object in the body, empty when there is none; `body` its decoded bytes,
    empty for what is not read (uploads). `labels` are the client's `tanzaku-*` headers without
    that prefix. `now` is Unix seconds, `is_message` a POST to /v1/messages.
    """

    request: HttpRequest
    path: str
    params: Mapping[str, Any]
    body: bytes
    labels: Mapping[str, str]
    now: float
    is_message: bool

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


class Door(Protocol):
    """Who may enter: virtual keys."""

    def admit(self, asked: Asked) -> Caller:
        """Who asks; ApiError 401 or 403 for who may not ask that."""
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


type Trouble = Literal["429", "529", "5xx", "timeout", "connect"]
"""What another upstream may do better: a status (5xx is every other one from 500 on), no answer in
time, or no answer at all."""

EVERY_TROUBLE: Final[frozenset[Trouble]] = frozenset({"429", "529", "5xx", "timeout", "connect"})


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


class Routes(Protocol):
    """Which upstreams a call goes to."""

    def plan(self, asked: Asked, caller: Caller) -> Sequence[Target]:
        """The targets in the order they are tried: the next one where the one before met trouble
        that it lists, before its first byte. At least one; ApiError 404 or 503 otherwise.
        """
        ...


class OneTarget:
    """Routes that all lead to one upstream."""

    def __init__(self, name: str, send: Handler, retry: RetryPolicy | None = None) -> None:
        self._targets = (Target(name, send, retry=retry),)

    def plan(self, asked: Asked, caller: Caller) -> Sequence[Target]:
        """The one target, whatever is asked."""
        del asked, caller
        return self._targets
