"""One exchange as a virtual user lived it."""

from dataclasses import dataclass
from typing import Literal

type ErrorClass = Literal[
    "connect",
    "tls",
    "timeout_first_token",
    "timeout_idle",
    "rate_limited",
    "overloaded",
    "client_error",
    "server_error",
    "stream_error",
    "truncated",
    "broken",
    "cancelled",
]
"""`rate_limited`: 429. `overloaded`: 529. `client_error` and `server_error`: any other 4xx, 5xx.
`stream_error`: an `error` event after 200. `truncated`: a stream without `message_stop`. `broken`:
no HTTP, or a connection that closed within an answer."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the answer's `usage` says, never what a tokenizer here would."""

    input: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    output: int = 0


@dataclass(slots=True)
class Sample:
    """The instants of one exchange, all of `time.perf_counter_ns` (or of a virtual clock, in ns).

    `scheduled_ns`: when the plan wanted it; a closed user's plan wants it when its think time is
    over. `sent_ns`: its bytes were handed to the socket of a ready connection. `opened_ns`: the
    first byte of the body. `first_ns`: the first content delta whose text, thinking or
    `partial_json` is not empty; of an answer in one piece, its end. `first_output_ns`: the first
    of them that is not thinking. `last_ns`: the last of them. `ended_ns`: message_stop, or the
    body's end. 0 for what did not happen.

    `user` counts from 0 over all workers, `journey` is the place in the workload's mix. `status` is
    0 when no answer came. `gaps_ns` are those between consecutive content deltas.
    """

    journey: int
    step: str
    user: int
    scheduled_ns: int
    sent_ns: int = 0
    opened_ns: int = 0
    first_ns: int = 0
    first_output_ns: int = 0
    last_ns: int = 0
    ended_ns: int = 0
    status: int = 0
    error: ErrorClass | None = None
    retry_after_s: float | None = None
    model: str | None = None
    tokens: Tokens = Tokens()
    usage: dict[str, object] | None = None
    gaps_ns: tuple[int, ...] | list[int] = ()
