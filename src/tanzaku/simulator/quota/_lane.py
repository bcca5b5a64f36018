"""The buckets a request has to pass."""

from collections.abc import Iterator
from dataclasses import dataclass

from tanzaku.simulator._cache import CacheUsage
from tanzaku.simulator.quota._bucket import Bucket
from tanzaku.simulator.quota._ramp import Ramp
from tanzaku.simulator.quota._settings import Capacity


@dataclass(frozen=True, slots=True)
class Lane:
    """What requests of one model class, one workspace and one speed have to pass; each tuple holds
    the bucket of the organization, that of the workspace, both or none."""

    requests: tuple[Bucket, ...]
    inputs: tuple[Bucket, ...]
    outputs: tuple[Bucket, ...]
    cache_reads_count: bool
    is_fast: bool
    ramp: Ramp | None

    def find_short(self, now: float, input_tokens: int) -> Bucket | None:
        """A bucket that has not what a request needs; all are refilled if there is none."""
        for bucket in self.requests:
            if bucket.refill(now) < 1:
                return bucket
        for bucket in self.inputs:
            if bucket.refill(now) < input_tokens:
                return bucket
        for bucket in self.outputs:
            if bucket.refill(now) < 1:
                return bucket
        return None

    def iter_needs(self, now: float, input_tokens: int) -> Iterator[tuple[Bucket, int]]:
        """Every bucket, refilled, with what a request needs of it."""
        for buckets, need in ((self.requests, 1), (self.inputs, input_tokens), (self.outputs, 1)):
            for bucket in buckets:
                bucket.refill(now)
                yield bucket, need

    def draw(self, now: float, input_tokens: int) -> None:
        """Take what a request takes that has room."""
        for bucket in self.requests:
            bucket.level -= 1
        for bucket in self.inputs:
            bucket.level -= input_tokens
        if self.ramp is not None:
            self.ramp.add(now, input_tokens)

    def correct_input(self, now: float, too_much: int) -> None:
        """Put back input tokens, or take (a negative number) what was taken too little."""
        for bucket in self.inputs:
            bucket.refill(now)
            bucket.put_back(too_much)
        if self.ramp is not None:
            self.ramp.add(now, -too_much)

    def draw_output(self, now: float, tokens: int) -> None:
        """Take the output tokens of an answer, even those that are not there."""
        for bucket in self.outputs:
            bucket.refill(now)
            bucket.level -= tokens

    def count_input(self, usage: CacheUsage) -> int:
        """The tokens of a prompt that count against the limits."""
        tokens = usage.input_tokens + usage.write_5m_tokens + usage.write_1h_tokens
        return tokens + usage.read_tokens if self.cache_reads_count else tokens


class Commitment:
    """What an organization has of the Priority Tier for one model.

    A request is served from it while there are its input tokens and an output token. Tokens count
    by their price: read from the cache 0.1, written for five minutes 1.25, for an hour 2. That
    `inference_geo: "us"` makes each 1.1 is left out.
    """

    def __init__(self, capacity: Capacity) -> None:
        self.inputs = Bucket(capacity.input_tokens, "input tokens", "organization")
        self.outputs = Bucket(capacity.output_tokens, "output tokens", "organization")

    def take(self, now: float, input_tokens: int) -> bool:
        """Take the input tokens if they are there."""
        if self.inputs.refill(now) < input_tokens or self.outputs.refill(now) < 1:
            return False
        self.inputs.level -= input_tokens
        return True

    def correct_input(self, now: float, estimate: int, usage: CacheUsage) -> None:
        """Replace an estimated prompt by the real one."""
        drawn = (
            usage.input_tokens
            + 0.1 * usage.read_tokens
            + 1.25 * usage.write_5m_tokens
            + 2 * usage.write_1h_tokens
        )
        self.inputs.refill(now)
        self.inputs.put_back(estimate - drawn)

    def draw_output(self, now: float, tokens: int) -> None:
        """Take the output tokens of an answer, even those that are not there."""
        self.outputs.refill(now)
        self.outputs.level -= tokens
