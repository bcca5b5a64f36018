"""What is kept, for how long, and what becomes of it: privacy, retention, crashes, copies, exports."""

import asyncio
import csv
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import apsw
import pyarrow.parquet as pq
import pytest

from tanzaku.core import UserError, VirtualClock
from tanzaku.exchange import Exchange
from tanzaku.ledger import (
    Filters,
    Ledger,
    LedgerError,
    LedgerSettings,
    Place,
    Retention,
)
from tanzaku.ledger._export import export

type Build = Callable[..., Exchange]
DAY_S = 86_400
REQUEST = {
    "model": "claude-haiku-4-5",
    "max_tokens": 10,
    "system": "Be brief, Ann.",
    "tools": [
        {
            "name": "find_order",
            "description": "Looks for Ann's orders.",
            "input_schema": {"type": "object", "properties": {"private_name": {"type": "string"}}},
        }
    ],
    "messages": [
        {"role": "user", "content": "My card is 4111."},
        {
            "role": "assistant",
            "content": [
                {
                    "type": "tool_use",
                    "id": "toolu_1",
                    "name": "find_order",
                    "input": {"card": "4111"},
                }
            ],
        },
    ],
    "metadata": {"user_id": "ann@example.test"},
}
STREAM = (
    'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_1","usage":{"input_tokens":7}}}\n\n'
    'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Dear Ann"}}\n\n'
    'event: message_stop\ndata: {"type":"message_stop"}\n\n'
)
SECRETS = ("Ann", "4111", "ann@example.test", "private_name", "Dear")


def keep(place: Place, exchanges: list[Exchange], **settings: Any) -> None:
    with Ledger.open(place, clock=VirtualClock(), settings=LedgerSettings(**settings)) as ledger:
        for exchange in exchanges:
            asyncio.run(ledger.settle(exchange))


def build_private(build_exchange: Build) -> Exchange:
    exchange = build_exchange(1, request_body=json.dumps(REQUEST).encode())
    assert exchange.settlement is not None
    exchange.settlement.response_body = STREAM.encode()
    return exchange


def test_redacted_keeps_the_shape_and_no_word(place: Place, build_exchange: Build) -> None:
    keep(place, [build_private(build_exchange)], privacy="redacted")
    if isinstance(place, Path):
        raw = place.read_bytes()
        assert not any(secret.encode() in raw for secret in SECRETS)
    with Ledger.read(place) as reader:
        kept = reader.get_exchange("exch_000001")
    body = json.loads(kept.request_body)
    assert (body["model"], body["max_tokens"]) == ("claude-haiku-4-5", 10)
    assert body["system"] == "[14 characters]"
    assert body["tools"][0]["name"] == "find_order"
    assert body["tools"][0]["input_schema"] == {"type": "object"}
    assert body["messages"][0] == {"role": "user", "content": "[16 characters]"}
    assert body["messages"][1]["content"][0]["input"] == {"card": "[4 characters]"}
    assert kept.settlement is not None
    frames = kept.settlement.response_body.decode().split("\n\n")
    assert [frame.partition("\n")[0] for frame in frames[:3]] == [
        "event: message_start", "event: content_block_delta", "event: message_stop",
    ]  # fmt: skip
    assert '"input_tokens":7' in frames[0]
    assert '"text":"[8 characters]"' in frames[1]


def test_metadata_keeps_neither_bodies_nor_values_of_headers(
    place: Place, build_exchange: Build
) -> None:
    exchange = build_private(build_exchange)
    keep(place, [exchange], privacy="metadata")
    with Ledger.read(place) as reader:
        kept = reader.get_exchange("exch_000001")
    assert kept.request_body == b""
    assert {value for _, value in kept.request_headers} <= {""}
    assert kept.settlement is not None
    assert exchange.settlement is not None
    assert kept.settlement.response_body == b""
    assert kept.settlement.usage == exchange.settlement.usage
    assert kept.settlement.cost == exchange.settlement.cost


@pytest.mark.parametrize(
    ("privacy", "kept"),
    [
        ("full", "beta=true&q=Ann&Ann&x=%41nn="),
        ("redacted", "beta=&q=&x="),
        ("metadata", "beta=&q=&x="),
    ],
)
def test_of_a_query_only_full_keeps_the_values(
    privacy: str, kept: str, place: Place, build_exchange: Build
) -> None:
    keep(place, [build_exchange(1, query="beta=true&q=Ann&Ann&x=%41nn=")], privacy=privacy)
    with Ledger.read(place) as reader:
        exchange = reader.get_exchange("exch_000001")
    assert (exchange.path, exchange.query) == ("/v1/messages", kept)


@pytest.mark.parametrize("body", [b"", b"plain words", b"\xff\xfe", b"event: x\ndata: no json\n\n"])
def test_what_cannot_be_read_is_its_length_alone(
    place: Place, build_exchange: Build, body: bytes
) -> None:
    keep(place, [build_exchange(1, request_body=body)], privacy="redacted")
    with Ledger.read(place) as reader:
        kept = reader.get_exchange("exch_000001").request_body
    length = len(body.decode("utf-8", "replace"))
    assert kept == (f"[{length} characters]".encode() if body else b"")


def crash(place: Place, exchanges: list[Exchange]) -> None:
    """Leave started exchanges behind, as a killed process does."""
    with Ledger.open(place, clock=VirtualClock()) as ledger:
        for exchange in exchanges:
            ledger.start(exchange)


def test_after_a_crash_what_was_open_is_closed_with_what_was_reserved(
    place: Place, build_exchange: Build
) -> None:
    crash(place, [
        build_exchange(1, is_settled=False, reserved_usd=Decimal("0.25")),
        build_exchange(2, is_settled=False, reserved_usd=None),
    ])  # fmt: skip
    clock = VirtualClock()
    with Ledger.open(place, clock=clock) as ledger:
        assert ledger.reconciled == 2
        first, second = (ledger.get_exchange(f"exch_00000{n}").settlement for n in (1, 2))
        assert ledger.totals().unsettled == 0
        assert ledger.totals().total_usd == Decimal("0.25")
    assert first is not None
    assert second is not None
    assert first.error is not None
    assert (first.status, first.route, first.error.type) == (0, "-", "reconciled")
    assert first.cost is not None
    assert first.cost.total_usd == Decimal("0.25")
    assert (second.cost, second.unpriced) == (None, "Nothing was reserved.")
    with Ledger.open(place, clock=clock) as ledger:
        assert ledger.reconciled == 0


def test_a_reader_closes_nothing(place: Place, build_exchange: Build) -> None:
    crash(place, [build_exchange(1, is_settled=False)])
    with Ledger.read(place) as reader:
        assert reader.totals().unsettled == 1


def test_what_is_old_goes_and_the_newest_stays(place: Place, build_exchange: Build) -> None:
    clock = VirtualClock()
    old = [build_exchange(n, started_at=clock.now() - 10 * DAY_S + n) for n in range(5)]
    new = [build_exchange(10 + n, started_at=clock.now() - DAY_S) for n in range(3)]
    keep(place, [*old, *new])
    settings = LedgerSettings(retention=Retention(keep_days=7))
    with Ledger.open(place, clock=clock, settings=settings) as ledger:
        asyncio.run(ledger.settle(build_exchange(20, started_at=clock.now())))
        asyncio.run(ledger.settle(build_exchange(21, started_at=clock.now())))
    with Ledger.read(place) as reader:
        kept = [exchange.exchange_id for exchange in reader.list_exchanges()]
        assert reader.count_exchanges() == len(kept)
    assert kept == [f"exch_{n:06d}" for n in (21, 20, 12, 11, 10)]


def test_bodies_may_go_before_their_rows_and_their_figures_stay(
    place: Place, build_exchange: Build
) -> None:
    clock = VirtualClock()
    exchange = build_exchange(1, started_at=clock.now() - 3 * DAY_S, request_body=b"old words")
    assert exchange.settlement is not None
    exchange.settlement.settled_at = clock.now() - 3 * DAY_S
    keep(place, [exchange])
    settings = LedgerSettings(retention=Retention(bodies_days=1))
    with Ledger.open(place, clock=clock, settings=settings) as ledger:
        asyncio.run(ledger.settle(build_exchange(2, started_at=clock.now(), request_body=b"new")))
        asyncio.run(ledger.settle(build_exchange(3, started_at=clock.now())))
    with Ledger.read(place) as reader:
        old, new = reader.get_exchange("exch_000001"), reader.get_exchange("exch_000002")
    assert (old.request_body, old.request_headers) == (b"", [])
    assert old.settlement is not None
    assert old.settlement.cost == exchange.settlement.cost
    assert new.request_body == b"new"


def test_pruning_leaves_the_guards_up(path: Path, build_exchange: Build) -> None:
    clock = VirtualClock()
    settings = LedgerSettings(retention=Retention(keep_days=1))
    with Ledger.open(path, clock=clock, settings=settings) as ledger:
        for n in range(3):
            asyncio.run(ledger.settle(build_exchange(n, started_at=clock.now() - 9 * DAY_S)))
    connection = apsw.Connection(str(path))
    with pytest.raises(apsw.ConstraintError, match="append-only"):
        connection.execute("DELETE FROM started")
    connection.close()


def test_exports_hold_every_exchange_once_and_its_exact_cost(
    place: Place, build_exchange: Build, tmp_path: Path
) -> None:
    exchanges = [build_exchange(n) for n in range(1203)]
    with Ledger.open(place, clock=VirtualClock()) as ledger:

        async def settle_all() -> None:
            await asyncio.gather(*(ledger.settle(exchange) for exchange in exchanges))

        asyncio.run(settle_all())
        total = ledger.totals().total_usd
    with Ledger.read(place) as reader:
        for form in ("jsonl", "csv", "parquet"):
            assert export(reader, Filters(), form, tmp_path / form) == 1203
    lines = [json.loads(line) for line in (tmp_path / "jsonl").read_text().splitlines()]
    with (tmp_path / "csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    table = pq.read_table(tmp_path / "parquet").to_pylist()
    ids = {exchange.exchange_id for exchange in exchanges}
    for found in (lines, rows, table):
        assert len(found) == 1203
        assert {row["exchange_id"] for row in found} == ids
        assert sum(Decimal(row["cost_usd"] or 0) for row in found) == total


@pytest.mark.requirement("L9")
def test_a_cell_that_a_spreadsheet_would_run_is_only_text(
    place: Place, build_exchange: Build, tmp_path: Path
) -> None:
    keep(place, [build_exchange(1, model="=HYPERLINK(1)", labels={"team": "@sum", "tags": "-1"})])
    with Ledger.read(place) as reader:
        export(reader, Filters(), "csv", tmp_path / "x.csv")
    with (tmp_path / "x.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["model"], row["team"], row["tags"]) == ("'=HYPERLINK(1)", "'@sum", "'-1")


def test_an_export_can_be_cut_down_and_can_hold_bodies(
    place: Place, build_exchange: Build, tmp_path: Path
) -> None:
    keep(place, [
        build_exchange(1, labels={"team": "blue"}, request_body=b'{"a":1}'),
        build_exchange(2, labels={"team": "red"}),
    ])  # fmt: skip
    target = tmp_path / "x.jsonl"
    with Ledger.read(place) as reader:
        assert export(reader, Filters(team="blue"), "jsonl", target, with_bodies=True) == 1
        with pytest.raises(UserError, match="exists already"):
            export(reader, Filters(), "jsonl", target)
    assert json.loads(target.read_text())["request"]["body"] == {"a": 1}


@pytest.mark.parametrize("name", ["no-folder/x.csv", "a-file/x.csv"])
def test_an_export_that_cannot_be_written_names_its_file_and_the_way_out(
    place: Place, build_exchange: Build, tmp_path: Path, name: str
) -> None:
    keep(place, [build_exchange(1)])
    (tmp_path / "a-file").touch()
    target = tmp_path / name
    with (
        Ledger.read(place) as reader,
        pytest.raises(UserError, match="cannot be written: No") as caught,
    ):
        export(reader, Filters(), "csv", target)
    assert str(caught.value).startswith(f"{target} ")
    assert "folder" in caught.value.hint


def test_by_best_effort_a_full_disk_stops_nothing_and_is_counted(
    path: Path, build_exchange: Build
) -> None:
    settings = LedgerSettings(policy="best_effort")
    with Ledger.open(path, clock=VirtualClock(), settings=settings) as ledger:
        asyncio.run(ledger.settle(build_exchange(0)))
        connection = ledger._writer._database.connection
        pages = connection.pragma("page_count")
        connection.pragma("max_page_count", pages)
        for n in range(1, 6):
            asyncio.run(ledger.settle(build_exchange(n, request_body=bytes(90_000))))
        assert not ledger.is_healthy
        assert ledger.lost == 5
        connection.pragma("max_page_count", 1 << 30)
        asyncio.run(ledger.settle(build_exchange(9)))
        assert ledger.is_healthy
        assert ledger.count_exchanges() == 2


def test_a_mistake_of_the_caller_is_one_by_any_policy(place: Place, build_exchange: Build) -> None:
    settings = LedgerSettings(policy="best_effort")
    with Ledger.open(place, clock=VirtualClock(), settings=settings) as ledger:
        asyncio.run(ledger.settle(build_exchange(1)))
        with pytest.raises(LedgerError):
            asyncio.run(ledger.settle(build_exchange(1)))
