"""The log holds every event to the letter, and survives being cut off anywhere."""

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from harness.executed import FAILING, MESSAGE, NOON, UNKNOWN, make_case, make_execution, make_reply
from tanzaku.core import UserError
from tanzaku.wire import encode_event as encode_frame_of_claude
from tanzaku.wire import split_message
from tanzaku.workbench.assertions import Outcome
from tanzaku.workbench.runner import (
    CaseStarted,
    Event,
    EventLog,
    ReplyCame,
    Spent,
    encode_event,
    parse_event,
    read_events,
)

STREAM = b"".join(map(encode_frame_of_claude, split_message(MESSAGE)))
STREAMED = make_reply(
    STREAM,
    content_type="text/event-stream",
    frame_times_ms=[120.5 + n for n in range(STREAM.count(b"\n\n"))],
)
BINARY = make_reply(b"\xff\xfe\x00{", content_type="application/octet-stream", usage=None)
NOBODY = replace(make_reply(), problem="refused", trouble="connect")
NOBODY.exchange.settlement = None
EVENTS = make_execution(
    make_case("weather#ok", replies=[make_reply(), STREAMED]),
    make_case("weather#bad[2]", "failed", [FAILING, UNKNOWN], replies=[BINARY]),
    make_case("weather#broken", "error", [], replies=[NOBODY], reason="nobody answered"),
)


@pytest.mark.parametrize("at", range(len(EVENTS)))
def test_an_event_comes_back_as_it_was(at: int) -> None:
    line = encode_event(EVENTS[at])
    assert line.count(b"\n") == 1
    assert parse_event(line) == EVENTS[at]
    assert type(parse_event(line)) is type(EVENTS[at])


def test_what_a_reply_tells_is_told_after_the_log_too() -> None:
    event = ReplyCame(NOON, "a#b", "work[1].agent", STREAMED, 3)
    back = parse_event(encode_event(event))
    assert isinstance(back, ReplyCame)
    assert back.reply.message == STREAMED.message
    assert back.reply.message is not None
    assert back.reply.max_gap_ms == 1.0
    assert back.reply.cost_usd == Decimal("0.00105")


def test_a_line_is_readable_json() -> None:
    line = json.loads(encode_event(EVENTS[1]))
    assert line["event"] == "case_started"
    assert "名 weather#ok".encode() in encode_event(EVENTS[1])


@pytest.mark.parametrize(
    ("actual", "written"),
    [
        (float("nan"), "nan"),
        (Decimal("0.10"), "0.10"),
        ("half \ud800", "half \ud800"),
        (1 << 20_000, "an integer of 20001 bits"),
        ({1: (2, b"\xff")}, {"1": [2, {"base64": "/w=="}]}),
    ],
    ids=["nan", "decimal", "surrogate", "huge", "nested"],
)
def test_anything_found_can_be_written(actual: object, written: object) -> None:
    event = make_case("a#b", "failed", [Outcome("x", "fail", None, actual)])[-1]
    assert json.loads(encode_event(event))["outcomes"][0]["actual"] == written


def test_keys_of_a_newer_version_are_left_out() -> None:
    line = json.loads(encode_event(EVENTS[1])) | {"colour": "blue"}
    assert parse_event(json.dumps(line).encode()) == EVENTS[1]


@pytest.mark.parametrize(
    "line",
    [b"", b"[]", b"{}", b'{"event": "other"}', b'{"event": "case_started"}',
     encode_event(EVENTS[-1]).replace(b'"usd": "', b'"usd": "x')],
    ids=["empty", "list", "unnamed", "other", "fieldless", "no-decimal"],
)  # fmt: skip
def test_what_is_no_event_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_event(line)


def test_a_log_holds_what_it_was_told(tmp_path: Path) -> None:
    write(tmp_path / "new" / "events.jsonl", EVENTS)
    assert read_events(tmp_path / "new" / "events.jsonl") == EVENTS


def test_a_log_cut_off_anywhere_gives_the_events_before_and_can_go_on(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    first, second = EVENTS[0], CaseStarted(NOON, "a#b", "名", "a", "manual", [])
    whole = encode_event(first) + encode_event(second)
    for cut in range(len(encode_event(first)), len(whole)):
        path.write_bytes(whole[:cut])
        assert read_events(path) == [first]
        write(path, [second])
        assert read_events(path) == [first, second]


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"hello\n", ":1: this is no event"), (b"", ": nothing is logged"),
     (encode_event(EVENTS[0]) + b"{]\n", ":2: this is no event")],
    ids=["other", "empty", "damaged"],
)  # fmt: skip
def test_another_file_is_refused_with_its_line(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        read_events(path)
    assert caught.value.message.startswith(f"{path}{said}")


def test_a_missing_log_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"events\.jsonl: cannot be read"):
        read_events(tmp_path / "events.jsonl")


def test_spent_adds_up_after_the_log() -> None:
    ends = [parse_event(encode_event(event)) for event in EVENTS]
    total = sum((one.spent for one in ends if hasattr(one, "outcomes")), Spent())
    assert total == ends[-1].spent  # type: ignore[union-attr]


def write(path: Path, events: list[Event]) -> None:
    with EventLog(path) as log:
        for event in events:
            log(event)
