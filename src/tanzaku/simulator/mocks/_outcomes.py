"""What a set says: a result, an error or no answer at all, and after how long."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from tanzaku.core import InputFileError
from tanzaku.core.plain_yaml import Entry
from tanzaku.simulator.mocks import _keys
from tanzaku.simulator.mocks._arguments import InputSchema
from tanzaku.simulator.mocks._templates import Filling, read_text, read_value

MAX_LATENCY_S = 86_400
MAX_SPREAD = 3
_DEFAULT_STATUS = 500


@dataclass(frozen=True, slots=True)
class MockResult:
    """The tool did it: any JSON value."""

    value: Any


@dataclass(frozen=True, slots=True)
class MockFailure:
    """The tool says no. `message` is what a model would read; over HTTP `status`, `body` (JSON)
    and the header `retry-after` are the answer."""

    message: str
    status: int
    body: Any
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class MockTimeout:
    """The tool did not answer, and whoever waited gave up after `waited_s` seconds."""

    tool: str
    waited_s: float

    @property
    def message(self) -> str:
        return f"{self.tool} did not answer within {self.waited_s:g} s"


type MockAnswer = MockResult | MockFailure | MockTimeout


@dataclass(frozen=True, slots=True)
class Latency:
    """Log-normal, in seconds: `median`, and as `spread` the standard deviation of the logarithm
    (0: always the median)."""

    median_s: float = 0.0
    spread: float = 0.0

    def draw(self, chance: Random) -> float:
        drawn = self.median_s * chance.lognormvariate(0, self.spread)
        return min(drawn, MAX_LATENCY_S)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One thing a tool may do. Without `answer` it never answers."""

    answer: Callable[[Filling], MockResult | MockFailure] | None
    latency: Latency = Latency()


def read_outcome(fields: dict[str, Entry], schema: InputSchema, latency: Latency) -> Outcome | None:
    """The outcome among `fields`, None where there is none; `latency` for one that has no own."""
    stated = [name for name in ("result", "error", "hang") if name in fields]
    if not stated:
        return None
    for name in stated[1:]:
        raise InputFileError(
            "{place}: `{name}` cannot stand beside `{other}`.",
            place=fields[name].name_place,
            name=name,
            other=stated[0],
        )
    if "latency_s" in fields:
        latency = read_latency(fields["latency_s"])
    if "result" in fields:
        result = read_value(fields["result"], schema)
        return Outcome(lambda filling: MockResult(result(filling)), latency)
    if "error" in fields:
        return Outcome(_read_error(fields["error"], schema), latency)
    _check_hang(fields["hang"])
    return Outcome(None, latency)


def read_latency(entry: Entry) -> Latency:
    """`0.2`, or `{median: 0.2, spread: 0.4}`."""
    if not isinstance(entry.content, dict):
        return Latency(entry.as_number(0, MAX_LATENCY_S))
    fields = entry.as_fields(_keys.LATENCY, needed=("median",))
    spread = fields["spread"].as_number(0, MAX_SPREAD) if "spread" in fields else 0.0
    return Latency(fields["median"].as_number(0, MAX_LATENCY_S), spread)


def _check_hang(entry: Entry) -> None:
    if not entry.as_bool():
        raise InputFileError(
            "{place}: `hang` is `true` or not there.",
            hint="An answer that comes too late is a result with a long `latency_s`.",
            place=entry.place,
        )


def _read_error(entry: Entry, schema: InputSchema) -> Callable[[Filling], MockFailure]:
    """A text, or `message` with what HTTP makes of it."""
    if not isinstance(entry.content, dict):
        message = read_text(entry, schema)
        return lambda filling: fail(message(filling), _DEFAULT_STATUS)
    fields = entry.as_fields(_keys.ERROR, needed=("message",))
    message = read_text(fields["message"], schema)
    status = fields["status"].as_integer(400, 599) if "status" in fields else _DEFAULT_STATUS
    wait_s = None
    if "retry_after_s" in fields:
        wait_s = fields["retry_after_s"].as_number(0, MAX_LATENCY_S)
    if "body" not in fields:
        return lambda filling: fail(message(filling), status, wait_s)
    body = read_value(fields["body"], schema)
    return lambda filling: MockFailure(message(filling), status, body(filling), wait_s)


def fail(message: str, status: int, retry_after_s: float | None = None) -> MockFailure:
    """A failure with the plainest body there is."""
    return MockFailure(message, status, {"error": {"message": message}}, retry_after_s)
