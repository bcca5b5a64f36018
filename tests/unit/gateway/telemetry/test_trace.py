"""Where a call stands in its client's trace, and what the upstream is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.trace import get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from tanzaku.gateway.telemetry import point_upstream
from tanzaku.gateway.telemetry._trace import find_place

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01".encode()
STATE = (b"tracestate", b"vendor=1")


def read_with_sdk(value: bytes) -> tuple[str, str, int] | None:
    """What the official propagator makes of a header; None where it starts a trace of its own."""
    carrier = {"traceparent": value.decode("latin-1")}
    found = get_current_span(TraceContextTextMapPropagator().extract(carrier)).get_span_context()
    if not found.is_valid:
        return None
    return f"{found.trace_id:032x}", f"{found.span_id:016x}", int(found.trace_flags)


def tell_upstream(*lines: tuple[bytes, bytes], exchange_id: str = "exch_1") -> dict[bytes, bytes]:
    return dict(point_upstream(list(lines), exchange_id))


def test_the_upstream_hangs_below_the_call_in_the_clients_trace() -> None:
    told = tell_upstream((b"x", b"1"), (b"traceparent", PARENT), STATE)
    read = read_with_sdk(told[b"traceparent"])
    place = find_place(PARENT, "exch_1")
    assert read == (TRACE, f"{place.span_id:016x}", 1)
    assert place.parent_id == int(SPAN, 16)
    assert read[1] != SPAN
    assert (told[b"x"], told[b"tracestate"]) == (b"1", b"vendor=1")


def test_a_call_without_a_trace_begins_one_of_its_own() -> None:
    first, again, other = (
        read_with_sdk(tell_upstream(STATE, exchange_id=name)[b"traceparent"])
        for name in ("exch_1", "exch_1", "exch_2")
    )
    assert first is not None
    assert first == again != other
    assert b"tracestate" not in tell_upstream(STATE)


@pytest.mark.parametrize("flags", ["00", "02"])
def test_a_trace_that_is_not_sampled_passes_as_it_came(flags: str) -> None:
    header = f"00-{TRACE}-{SPAN}-{flags}".encode()
    assert tell_upstream((b"traceparent", header)) == {b"traceparent": header}


def test_of_two_parents_none_counts() -> None:
    lines = [(b"traceparent", PARENT), (b"traceparent", PARENT)]
    told = point_upstream(lines, "exch_1")
    assert [name for name, _ in told] == [b"traceparent"]
    assert TRACE.encode() not in told[0][1]


@given(
    st.one_of(
        st.binary(max_size=70),
        st.from_regex(
            r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-x)?", fullmatch=True
        ).map(str.encode),
        st.sampled_from(
            [
                PARENT.upper(),
                b" " + PARENT,
                PARENT + b"-1",
                b"ff" + PARENT[2:],
                b"cc" + PARENT[2:] + b"-more",
                b"00-" + b"0" * 32 + PARENT[35:],
                PARENT[:36] + b"0" * 16 + b"-01",
            ]
        ),
    )
)
def test_a_header_counts_where_the_official_reader_takes_it(header: bytes) -> None:
    # That reader strips spaces, which a header's value does not have once it is read.
    theirs = read_with_sdk(header) if header == header.strip() else None
    ours = find_place(header, "exch_1")
    assert (ours.parent_id is not None) == (theirs is not None)
    if theirs is not None:
        assert f"{ours.trace_id:032x}" == theirs[0]
        assert f"{ours.parent_id:016x}" == theirs[1]
