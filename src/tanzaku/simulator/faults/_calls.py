"""Which exchanges are tries at one call: by body, client, retry count and time."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from tanzaku.exchange import Exchange

RETRY_COUNT = "x-stainless-retry-count"

_RULE = re.compile(r"fault:(.+)#[0-9]+")
_SLACK_S = 0.25
"""A client that hung up may be seen asking again before its leaving is noticed."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One exchange as the verdict looks at it. Times are Unix seconds; `ended_at` is None while it
    is under way."""

    exchange: Exchange
    fault: str | None
    retry_count: int | None

    @property
    def started_at(self) -> float:
        return self.exchange.started_at

    @property
    def ended_at(self) -> float | None:
        settled = self.exchange.settlement
        return None if settled is None else settled.settled_at

    @property
    def has_begun(self) -> bool:
        """Whether some of a good answer's body went to the client."""
        settled = self.exchange.settlement
        if settled is None or settled.status != 200:
            return False
        # Of a compressed answer nothing is kept.
        return bool(settled.response_body) or settled.error is None

    @property
    def is_billed(self) -> bool:
        """Whether the upstream answered it with tokens that cost."""
        settled = self.exchange.settlement
        return settled is not None and settled.usage is not None

    @property
    def is_good(self) -> bool:
        """Whether it was answered, and no fault happened to it."""
        settled = self.exchange.settlement
        return (
            self.fault is None
            and settled is not None
            and settled.status < 300
            and settled.error is None
        )

    def find_header(self, name: str) -> str | None:
        """A header of the answer."""
        settled = self.exchange.settlement
        return dict(settled.response_headers).get(name) if settled is not None else None


def group_calls(exchanges: Iterable[Exchange], *, resend_s: float) -> list[list[Attempt]]:
    """The tries at each call, in the order they began.

    What the SDK counts as a retry belongs to the try before it. A request without that header is a
    retry when the same client sent the same body within `resend_s` seconds after a try to which a
    fault happened; one that the SDK counts as a first try only when that try's answer had begun.
    """
    calls: dict[bytes, list[list[Attempt]]] = defaultdict(list)
    for exchange in sorted(exchanges, key=lambda exchange: exchange.started_at):
        attempt = read_attempt(exchange)
        same = calls[_digest(exchange)]
        call = _find_call(attempt, same, resend_s)
        if call is None:
            same.append([attempt])
        else:
            call.append(attempt)
    found = [call for same in calls.values() for call in same]
    return sorted(found, key=lambda call: call[0].started_at)


def read_attempt(exchange: Exchange) -> Attempt:
    """`exchange` with the fault that happened to it and the client's own count of retries."""
    rule = exchange.settlement.rule if exchange.settlement is not None else None
    match = _RULE.fullmatch(rule) if rule is not None else None
    count = dict(exchange.request_headers).get(RETRY_COUNT, "")
    is_count = count.isascii() and count.isdigit() and len(count) < 6
    return Attempt(exchange, match[1] if match else None, int(count) if is_count else None)


def _find_call(
    attempt: Attempt, same: list[list[Attempt]], resend_s: float
) -> list[Attempt] | None:
    """The call that `attempt` goes on with."""
    if attempt.retry_count:
        counted = [c for c in same if c[-1].retry_count == attempt.retry_count - 1]
        return counted[0] if counted else None
    for call in reversed(same):
        last = call[-1]
        if last.fault is None or last.ended_at is None:
            continue
        pause = attempt.started_at - last.ended_at
        is_resent = attempt.retry_count is None or last.has_begun
        if is_resent and -_SLACK_S <= pause <= resend_s:
            return call
    return None


def _digest(exchange: Exchange) -> bytes:
    """What all tries at one call have in common."""
    agent = dict(exchange.request_headers).get("user-agent", "")
    labels = sorted(exchange.labels.items())
    head = repr((exchange.method, exchange.path, agent, labels)).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(head + b"\0" + exchange.request_body, digest_size=16).digest()
