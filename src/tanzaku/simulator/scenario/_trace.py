"""Why earlier rules did not answer, as one short line of ASCII that fits in a header."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import parse_qsl, quote_plus

MAX_TRACE = 4096
_SAFE = "/:,|<>()[]{}*'\"!$@~;?."
_LEFT_OUT_LENGTH = 12


class Miss(NamedTuple):
    """A rule that did not answer, and the condition of it that did not hold."""

    rule: str
    why: str


@dataclass(frozen=True, slots=True)
class Trace:
    """What a trace held; `left_out` counts the rules it had no room for, the last ones."""

    misses: tuple[Miss, ...]
    left_out: int


def encode_trace(misses: Sequence[Miss]) -> str:
    """At most 4,096 ASCII characters. Where that is too little the wanted values go first
    (`last_user.contains: refund` → `last_user.contains`), then the last rules."""
    rows = [_encode(miss) for miss in misses]
    if sum(map(len, rows)) + len(rows) > MAX_TRACE:
        rows = [_encode(Miss(rule, why.partition(":")[0])) for rule, why in misses]
    room = MAX_TRACE - _LEFT_OUT_LENGTH
    kept: list[str] = []
    for row in rows:
        room -= len(row) + 1
        if room < 0:
            return "&".join([*kept, f"={len(rows) - len(kept)}"])
        kept.append(row)
    return "&".join(kept)


def _encode(miss: Miss) -> str:
    return f"{quote_plus(miss.rule, safe=_SAFE)}={quote_plus(miss.why, safe=_SAFE)}"


def decode_trace(text: str) -> Trace:
    """The rows of a trace; what is none of them is passed over."""
    misses: list[Miss] = []
    left_out = 0
    for rule, why in parse_qsl(text, keep_blank_values=True):
        if rule:
            misses.append(Miss(rule, why))
        elif why.isdecimal():
            left_out = int(why)
    return Trace(tuple(misses), left_out)
