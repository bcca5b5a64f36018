"""The recording format: what is written is read again, and what is wrong says where."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tanzaku.core import UserError
from tanzaku.exchange import (
    Frame,
    RecordedExchange,
    RecordedRequest,
    RecordedResponse,
    RecordingError,
    decode_recording,
    encode_exchange,
    encode_recording_header,
    load_recording,
)

ROOT = Path(__file__).parents[3]
SCHEMA = json.loads((ROOT / "docs/schemas/recording.schema.json").read_text(encoding="utf-8"))
HEADER = encode_recording_header(1_767_225_600.0)

NAMES = st.text(st.characters(codec="ascii", categories=["Ll", "Nd"]), min_size=1, max_size=8)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)
NUMBERS = st.floats(0, 1e6).map(lambda ms: round(ms, 3))
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
HEADERS = st.lists(st.tuples(NAMES, st.text(st.characters(min_codepoint=32, max_codepoint=126))))
EVENTS = st.dictionaries(TEXTS, JSON, max_size=3).map(lambda event: event | {"type": "ping"})


@st.composite
def responses(draw: st.DrawFn) -> RecordedResponse:
    kind = draw(st.sampled_from(["body", "events", "text"]))
    contents: dict[str, st.SearchStrategy[Any]] = {
        "body": JSON,
        "text": TEXTS,
        "events": st.lists(EVENTS | TEXTS, max_size=4),
    }
    content = draw(contents[kind])
    if kind == "events":
        times = sorted(draw(NUMBERS) for _ in content)
        is_timed = draw(st.booleans())
        content = [
            Frame(ms if is_timed else None, event) for ms, event in zip(times, content, strict=True)
        ]
    return RecordedResponse(draw(st.integers(100, 599)), draw(HEADERS), kind, content)


EXCHANGES = st.builds(
    RecordedExchange,
    at=st.integers(0, 4_000_000_000_000).map(lambda ms: ms / 1000),
    upstream=NAMES,
    request=st.builds(
        RecordedRequest,
        method=st.sampled_from(["GET", "POST"]),
        target=st.sampled_from(["/v1/messages", "/v1/models?limit=1"]),
        headers=HEADERS,
        body=JSON,
    ),
    response=responses(),
    ttft_ms=st.none() | NUMBERS,
    total_ms=st.none() | NUMBERS,
    usage=st.none() | st.just({"input_tokens": 3}),
    cut=st.sampled_from([None, "client", "upstream"]),
    line=st.just(0),
    keys=st.just({}),
)


@given(exchange=EXCHANGES)
def test_a_line_is_read_as_it_was_written(exchange: RecordedExchange) -> None:
    line = encode_exchange(exchange)
    assert line.count(b"\n") == 1
    (read,) = decode_recording(HEADER + line, "r").exchanges
    fields = ("at", "upstream", "request", "response", "ttft_ms", "total_ms", "usage", "cut")
    assert [getattr(read, name) for name in fields] == [getattr(exchange, name) for name in fields]
    assert read.line == 2
    assert read.keys == {"exact": read.normalise().exact, "anchor": read.normalise().anchor}


@given(exchange=EXCHANGES)
def test_what_is_written_is_what_the_schema_publishes(exchange: RecordedExchange) -> None:
    validator = jsonschema_rs.validator_for(SCHEMA)
    for line in (HEADER, encode_exchange(exchange)):
        validator.validate(json.loads(line))


def test_a_line_is_read_by_people() -> None:
    request = RecordedRequest("POST", "/v1/messages", [], {"messages": [{"content": "你好"}]})
    response = RecordedResponse(200, [], "events", [Frame(12.5, {"type": "ping"})])
    line = encode_exchange(RecordedExchange(0.0, "anthropic", request, response)).decode()
    assert "你好" in line
    assert json.loads(line)["response"]["events"] == [[12.5, {"type": "ping"}]]
    assert json.loads(line)["at"] == "1970-01-01T00:00:00.000Z"


def build_line(**changes: Any) -> dict[str, Any]:
    """A valid line with some fields changed; `a__b` is the field `b` of `a`, `...` takes it out."""
    line: dict[str, Any] = {
        "at": "2026-01-01T00:00:00.000Z",
        "upstream": "simulator",
        "request": {"method": "GET", "target": "/v1/models", "headers": [], "body": None},
        "response": {"status": 200, "headers": [], "body": {}},
    }
    for path, value in changes.items():
        *parents, name = path.split("__")
        holder = line
        for parent in parents:
            holder = holder[parent]
        holder[name] = value
        if value is ...:
            del holder[name]
    return line


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"at": "yesterday"}, "at"),
        ({"at": 5}, "at"),
        ({"upstream": ...}, "upstream"),
        ({"request": []}, "request"),
        ({"request__method": 1}, "request.method"),
        ({"request__target": ...}, "request.target"),
        ({"request__headers": [["a"]]}, "request.headers"),
        ({"response": ...}, "response"),
        ({"response__status": 99}, "response.status"),
        ({"response__status": "200"}, "response.status"),
        ({"response__status": True}, "response.status"),
        ({"response__headers": [["a", 1]]}, "response.headers"),
        ({"response__body": ...}, "response"),
        ({"response__text": "both"}, "response"),
        ({"response__body": ..., "response__text": 1}, "response.text"),
        ({"response__body": ..., "response__events": {}}, "response.events"),
        ({"response__body": ..., "response__events": [[1]]}, "response.events[0]"),
        ({"response__body": ..., "response__events": [[1, 2]]}, "response.events[0]"),
        (
            {"response__body": ..., "response__events": [[-1, {"type": "ping"}]]},
            "response.events[0][0]",
        ),
        (
            {"response__body": ..., "response__events": [["1", {"type": "p"}]]},
            "response.events[0][0]",
        ),
        ({"response__body": ..., "response__events": [[1, {}]]}, "response.events[0][1].type"),
        ({"cut": "middle"}, "cut"),
        ({"usage": [1]}, "usage"),
        ({"total_ms": -5}, "total_ms"),
        ({"ttft_ms": True}, "ttft_ms"),
    ],
)
def test_a_field_that_is_wrong_is_named_with_its_line(changes: Any, field: str) -> None:
    line = build_line(**changes)
    data = HEADER + json.dumps(build_line()).encode() + b"\n" + json.dumps(line).encode() + b"\n"
    with pytest.raises(RecordingError, match=r"^talk.jsonl:3: ") as caught:
        decode_recording(data, "talk.jsonl")
    assert f"`{field}`" in str(caught.value)
    assert not jsonschema_rs.is_valid(SCHEMA, line)
    assert jsonschema_rs.is_valid(SCHEMA, build_line())


def test_events_that_go_back_in_time_are_refused() -> None:
    events = [[5, {"type": "ping"}], [4, {"type": "ping"}]]
    line = json.dumps(build_line(response__body=..., response__events=events)).encode()
    with pytest.raises(RecordingError, match=r"r:2: `response.events\[1\]\[0\]`.*>= 5"):
        decode_recording(HEADER + line + b"\n", "r")


def test_a_header_that_would_break_the_wire_is_refused() -> None:
    for value in ("a\r\nset-cookie: b", "日", "\x7f"):
        line = json.dumps(build_line(response__headers=[["x", value]])).encode()
        with pytest.raises(RecordingError, match=r"response\.headers"):
            decode_recording(HEADER + line, "r")


@pytest.mark.parametrize("line", [b"{", b"[1,]", b"nothing", b'{"a": NaN}', b"5", b"[" * 100_000])
def test_a_line_that_is_no_object_of_json_is_named(line: bytes) -> None:
    with pytest.raises(RecordingError, match=r"^r:2: "):
        decode_recording(HEADER + line + b"\n" + HEADER, "r")


def test_half_a_character_is_refused_for_it_could_not_be_sent() -> None:
    line = json.dumps(build_line(response__body="\ud83d")).encode()
    with pytest.raises(RecordingError, match=r"^r:2: this line is no JSON"):
        decode_recording(HEADER + line, "r")
    paired = json.dumps(build_line(response__body="\U0001f600")).encode()
    assert decode_recording(HEADER + paired, "r").exchanges[0].response.content == "\U0001f600"


@pytest.mark.parametrize("size", [1, 40, -1])
def test_a_last_line_that_was_torn_is_left_out_and_told(size: int) -> None:
    whole = json.dumps(build_line()).encode()
    recording = decode_recording(HEADER + whole + b"\n" + whole[:size], "r")
    assert (len(recording.exchanges), recording.torn_line) == (1, 3)


def test_a_last_line_without_its_line_break_counts() -> None:
    recording = decode_recording(HEADER + json.dumps(build_line()).encode(), "r")
    assert (len(recording.exchanges), recording.torn_line) == (1, None)


def test_empty_lines_are_passed_over_and_counted() -> None:
    recording = decode_recording(HEADER + b"\n\n" + json.dumps(build_line()).encode(), "r")
    assert [exchange.line for exchange in recording.exchanges] == [4]


@pytest.mark.parametrize("data", [b"", b"hello\n", b"{}\n", b"\x00\xff", b'{"tanzaku_rec'])
def test_another_file_is_no_recording(data: bytes) -> None:
    with pytest.raises(RecordingError, match=r"^r:1: this is no recording"):
        decode_recording(data, "r")


def test_a_format_of_the_future_is_refused_by_its_number() -> None:
    with pytest.raises(RecordingError, match=r"^r:1: format 2 is not known, only 1"):
        decode_recording(b'{"tanzaku_recording": 2}\n', "r")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"absent\.jsonl cannot be read"):
        load_recording(tmp_path / "absent.jsonl")
