"""What was settled is what is read back, credentials excepted."""

import asyncio
import copy
from collections.abc import Callable
from contextlib import AbstractContextManager
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tanzaku.core import VirtualClock
from tanzaku.exchange import Attempt, Cost, Exchange, ExchangeError, Settlement, Timings
from tanzaku.ledger import Ledger, LedgerError, Place

type MakePlace = Callable[[], AbstractContextManager[Place]]

# PostgreSQL's texts have no NUL: there is a test of its own for that.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
# What a URL may have as its path and query: only the first `?` parts them.
PATHS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0?"), max_size=20)
TIMES = st.floats(0, 4e9)
HEADERS = st.lists(
    st.tuples(st.sampled_from(["content-type", "request-id", "anthropic-version"]), TEXTS),
    max_size=4,
)
AMOUNTS = st.integers(-(2**63), 2**63 - 1).map(lambda n: Decimal(n).scaleb(-12))
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2**53) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
USAGES = st.builds(
    lambda extra, tokens: {**extra, "input_tokens": tokens},
    st.dictionaries(st.just("server_tool_use") | st.just("iterations"), JSON_VALUES),
    st.integers(0, 2**40),
)
SETTLEMENTS = st.builds(
    Settlement,
    settled_at=TIMES,
    status=st.integers(100, 599),
    route=TEXTS,
    response_headers=HEADERS,
    response_body=st.binary(max_size=50),
    timings=st.builds(Timings, st.none() | TIMES, TIMES),
    attempts=st.lists(
        st.builds(
            Attempt, TEXTS, TIMES, TIMES, st.none() | st.integers(100, 599), st.none() | TEXTS
        ),
        max_size=2,
    ),
    request_id=st.none() | TEXTS,
    response_model=st.none() | TEXTS,
    stop_reason=st.none() | TEXTS,
    usage=st.none() | USAGES,
    cost=st.none() | st.builds(Cost, AMOUNTS, st.dictionaries(TEXTS, AMOUNTS, max_size=3)),
    unpriced=st.none() | TEXTS,
    error=st.none() | st.builds(ExchangeError, TEXTS, TEXTS),
    rule=st.none() | TEXTS,
)
EXCHANGES = st.builds(
    Exchange,
    exchange_id=st.uuids().map(str),
    started_at=TIMES,
    method=st.sampled_from(["GET", "POST"]),
    path=PATHS,
    query=TEXTS,
    request_headers=HEADERS,
    request_body=st.binary(max_size=50),
    model=st.none() | TEXTS,
    is_stream=st.booleans(),
    api_version=st.none() | TEXTS,
    reserved_usd=st.none() | AMOUNTS,
    labels=st.dictionaries(TEXTS, TEXTS, max_size=3),
    settlement=SETTLEMENTS,
)


def settle(ledger: Ledger, exchange: Exchange) -> None:
    asyncio.run(ledger.settle(exchange))


@settings(max_examples=40, deadline=None)
@given(exchanges=st.lists(EXCHANGES, min_size=1, max_size=6, unique_by=lambda e: e.exchange_id))
def test_every_field_comes_back_as_it_was_settled(
    make_place: MakePlace, exchanges: list[Exchange]
) -> None:
    async def settle_all(ledger: Ledger) -> None:
        for exchange in exchanges:
            ledger.start(exchange)
        await asyncio.gather(*(ledger.settle(exchange) for exchange in exchanges))

    before = copy.deepcopy(exchanges)
    with make_place() as place, Ledger.open(place, clock=VirtualClock()) as ledger:
        asyncio.run(settle_all(ledger))
        assert [ledger.get_exchange(e.exchange_id) for e in exchanges] == before


def test_the_list_has_everything_but_headers_and_bodies(
    place: Place, build_exchange: Callable[..., Exchange]
) -> None:
    with Ledger.open(place, clock=VirtualClock()) as ledger:
        settle(ledger, build_exchange(1))
        (listed,) = ledger.list_exchanges()
    expected = build_exchange(
        1, request_headers=[], request_body=b"", response_headers=[], response_body=b""
    )
    assert listed == expected


CREDENTIALS = ["authorization", "X-Api-Key", "cookie", "Set-Cookie", "proxy-authorization"]


@pytest.mark.parametrize("name", CREDENTIALS)
def test_a_credential_header_never_reaches_the_disk(
    name: str, path: Path, build_exchange: Callable[..., Exchange]
) -> None:
    canary = "sk-ant-CANARY-7261"
    headers = [(name, canary), ("accept", "kept-7261")]
    with Ledger.open(path, clock=VirtualClock()) as ledger:
        settle(ledger, build_exchange(1, request_headers=headers, response_headers=headers))
        while_open = b"".join(file.read_bytes() for file in path.parent.iterdir())
    closed = b"".join(file.read_bytes() for file in path.parent.iterdir())
    for stored in (while_open, closed):
        assert canary.encode() not in stored
        assert stored.count(b"kept-7261") >= 2


@pytest.mark.parametrize(
    "amount",
    ["0.0000000000001", "1.0000000000001", "9223372.036854775808", "1e30", "NaN", "Infinity"],
)
@pytest.mark.parametrize("field", ["cost", "reserved_usd"])
def test_an_amount_that_does_not_fit_is_refused_and_leaves_no_trace(
    amount: str, field: str, place: Place, build_exchange: Callable[..., Exchange]
) -> None:
    usd = Decimal(amount)
    exchange = build_exchange(1, **{field: Cost(usd, {}) if field == "cost" else usd})
    with Ledger.open(place, clock=VirtualClock()) as ledger:
        with pytest.raises(LedgerError, match=r"1e-12"):
            settle(ledger, exchange)
        assert ledger.list_exchanges() == []


def test_a_lone_surrogate_from_json_is_kept_where_json_is_and_replaced_in_text(
    place: Place, build_exchange: Callable[..., Exchange]
) -> None:
    exchange = build_exchange(
        1, response_model="m\ud800", usage={"input_tokens": 1, "note": "\ud800"}
    )
    with Ledger.open(place, clock=VirtualClock()) as ledger:
        settle(ledger, exchange)
        settled = ledger.get_exchange("exch_000001").settlement
    assert settled is not None
    assert (settled.response_model, settled.usage) == ("m?", {"input_tokens": 1, "note": "\ud800"})


def test_no_text_stops_a_row_not_even_in_a_label_that_is_searched(
    place: Place, build_exchange: Callable[..., Exchange]
) -> None:
    """A NUL and half a character, which PostgreSQL has in neither texts nor JSON."""
    labels = {"team": "a\0b", "tags": "x,\ud800", "path": "\\u0000"}
    exchange = build_exchange(1, path="/v1\0", labels=labels)
    with Ledger.open(place, clock=VirtualClock()) as ledger:
        settle(ledger, exchange)
        settle(ledger, build_exchange(2, labels={"team": "b", "tags": "x"}))
        assert ledger.get_exchange("exch_000001").labels["path"] == "\\u0000"
        teams = [row.key for row in ledger.sum_costs(by="team")]
        assert len(teams) == 2
        assert "b" in teams
        assert len(ledger.list_exchanges(tag="x")) == 2
