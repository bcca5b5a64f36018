"""Where an exchange stands in a trace: W3C Trace Context (www.w3.org/TR/trace-context, level 1).

All of it follows from the client's `traceparent` and the exchange's id, so nothing need be kept
between the call to the upstream, which is told of the span, and the span's end.
"""

import re
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from tanzaku.transport import HeaderList

TRACEPARENT: Final = b"traceparent"
# A later version may append fields; ff is none, and neither id may be zero.
_FORM: Final = re.compile(
    rb"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?"
)
_SAMPLED: Final = 1


@dataclass(frozen=True, slots=True)
class SpanPlace:
    """The ids of an exchange's span; `parent_id` None where the trace begins with it. `flags` are
    those of the trace."""

    trace_id: int
    span_id: int
    parent_id: int | None
    flags: int

    @property
    def is_sampled(self) -> bool:
        """Whether the span is wanted: no client said otherwise."""
        return bool(self.flags & _SAMPLED)


def find_place(traceparent: bytes | None, exchange_id: str) -> SpanPlace:
    """The span's place below the client's, or at the top of a trace of its own where that is
    missing or malformed."""
    digest = blake2b(exchange_id.encode(), digest_size=24).digest()
    span_id = int.from_bytes(digest[16:])
    found = None if traceparent is None else _FORM.fullmatch(traceparent)
    if found is None or (found[1] == b"00" and found[5] is not None):
        return SpanPlace(int.from_bytes(digest[:16]), span_id, None, _SAMPLED)
    return SpanPlace(int(found[2], 16), span_id, int(found[3], 16), int(found[4], 16))


def find_traceparent(headers: HeaderList) -> bytes | None:
    """The one `traceparent` among header lines; of several none counts."""
    found = [value for name, value in headers if name == TRACEPARENT]
    return found[0] if len(found) == 1 else None


def point_upstream(headers: HeaderList, exchange_id: str) -> HeaderList:
    """`headers` as the upstream gets them: its spans hang below the exchange's. Those of a trace
    that is not sampled stay as they are."""
    place = find_place(find_traceparent(headers), exchange_id)
    if not place.is_sampled:
        return headers
    parent = f"00-{place.trace_id:032x}-{place.span_id:016x}-{place.flags:02x}".encode()
    others = [line for line in headers if line[0] != TRACEPARENT]
    if place.parent_id is None:
        # The state belongs to a trace that does not go on.
        others = [line for line in others if line[0] != b"tracestate"]
    return [*others, (TRACEPARENT, parent)]
