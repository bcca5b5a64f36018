"""Whether and when a live upstream is asked again: a pure decision over what came back and now.

The rules are those of the SDK's own retry engine (anthropic 2.12, `_base_client.py`): statuses
408, 409, 429 and from 500 on, connection failures and timeouts; `x-should-retry` beats the status
both ways; `retry-after-ms`, then `retry-after`, then exponential back-off with jitter.
"""

from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from random import Random

from tanzaku.transport import HeaderList, get_header

_SDK_FIRST_S = 0.5
_SDK_LONGEST_S = 8.0
_RETRIED_STATUSES = frozenset({408, 409, 429})


@dataclass(frozen=True, slots=True)
class Verdict:
    """`wait_s` is the pause before the next attempt in seconds, None = no further attempt.

    `is_exhausted` says that the answer was worth a retry and all retries are used up, so that a
    client need not try again itself.
    """

    wait_s: float | None
    is_exhausted: bool = False


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how patiently a live upstream is asked before the first byte.

    `backoff_s` are fixed pauses in seconds, the last one repeating, `(1, 2, 4)` for instance;
    empty means the SDK's own `min(8, 0.5 * 2**n)` times a jitter of 0.75 to 1. An upstream that
    asks for a longer pause than `longest_wait_s` is not asked again: its answer goes to the
    client, `retry-after` included, instead of holding the connection.
    """

    max_retries: int = 2
    backoff_s: tuple[float, ...] = ()
    longest_wait_s: float = 60.0

    def judge_answer(
        self, retries: int, status: int, headers: HeaderList, now: float, chance: Random
    ) -> Verdict:
        """The verdict on an answer after `retries` retries so far; `now` is Unix seconds."""
        if not is_worth_retry(status, headers):
            return Verdict(None)
        if retries >= self.max_retries:
            return Verdict(None, is_exhausted=self.max_retries > 0)
        asked = read_retry_after(headers, now)
        if asked is None:
            return Verdict(self._back_off(retries, chance))
        return Verdict(asked if asked <= self.longest_wait_s else None)

    def judge_failure(self, retries: int, chance: Random) -> Verdict:
        """The verdict on a connection that gave no answer at all."""
        if retries >= self.max_retries:
            return Verdict(None, is_exhausted=self.max_retries > 0)
        return Verdict(self._back_off(retries, chance))

    def _back_off(self, retries: int, chance: Random) -> float:
        if self.backoff_s:
            return self.backoff_s[min(retries, len(self.backoff_s) - 1)]
        pause = min(_SDK_LONGEST_S, _SDK_FIRST_S * 2.0**retries)
        return pause * (1 - 0.25 * chance.random())


def is_worth_retry(status: int, headers: HeaderList) -> bool:
    """Whether the SDK would try again after such an answer."""
    wish = get_header(headers, b"x-should-retry")
    if wish in (b"true", b"false"):
        return wish == b"true"
    return status in _RETRIED_STATUSES or status >= 500


def read_retry_after(headers: HeaderList, now: float) -> float | None:
    """Seconds the upstream asks to wait, None when it does not say, or says nothing usable.

    The first of `retry-after-ms` (float) and `retry-after` (float seconds or an HTTP date) that
    parses decides; it counts only when it is above zero.
    """
    asked = _parse_float(get_header(headers, b"retry-after-ms"))
    if asked is not None:
        return asked / 1000 if asked > 0 else None
    header = get_header(headers, b"retry-after")
    asked = _parse_float(header)
    if asked is None and header is not None:
        asked = _parse_date(header)
        if asked is not None:
            asked -= now
    return asked if asked is not None and asked > 0 else None


def _parse_float(value: bytes | None) -> float | None:
    if value is None:
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if number == number else None


def _parse_date(value: bytes) -> float | None:
    try:
        return parsedate_to_datetime(value.decode("ascii")).timestamp()
    except ValueError:
        return None
