"""Events and bytes: the same under any chunking, line ending, comment and ping."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tanzaku.core import canonical_json
from tanzaku.wire import (
    EventDecoder,
    MessageAssembler,
    StreamError,
    UsageReader,
    encode_event,
    split_message,
)

type Json = dict[str, Any]

PING = {"type": "ping"}
NOISE = st.sampled_from(
    [b"", b"", b": keep-alive\n\n", b":\n", b"\n", b"retry: 10\n\n", b'data: {"type":"ping"}\n\n']
)


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    borders = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[start:end] for start, end in itertools.pairwise(borders)]


def decode(chunks: list[bytes]) -> list[Json]:
    decoder = EventDecoder()
    return [event for chunk in chunks for event in decoder.feed(chunk)]


@given(
    data=st.data(),
    places=st.lists(st.integers(0, 10**6), max_size=40),
    ending=st.sampled_from([b"\n", b"\r\n", b"\r"]),
    opening=st.sampled_from([b"", b"\xef\xbb\xbf"]),
)
def test_bytes_of_events_decode_to_the_events_however_they_arrive(
    data: st.DataObject,
    messages: SearchStrategy[Json],
    places: list[int],
    ending: bytes,
    opening: bytes,
) -> None:
    message = data.draw(messages)
    events = split_message(message)
    frames = [data.draw(NOISE) + encode_event(event) for event in events]
    stream = opening + b"".join(frames).replace(b"\n", ending)
    decoded = decode(cut(stream, places))
    assert canonical_json(decoded) == canonical_json(events)

    reader = UsageReader()
    for chunk in cut(stream, places):
        reader.feed(chunk)
    assert (reader.message_id, reader.model) == (message["id"], message["model"])
    assert reader.stop_reason == message["stop_reason"]
    assert canonical_json(reader.usage) == canonical_json(message["usage"])
    assert (reader.is_complete, reader.error) == (True, None)


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r"])
@given(data=st.data())
def test_single_bytes_decode_to_the_events(
    ending: bytes, data: st.DataObject, messages: SearchStrategy[Json]
) -> None:
    events = split_message(data.draw(messages))
    stream = b"".join(map(encode_event, events)).replace(b"\n", ending)
    decoded = decode([stream[at : at + 1] for at in range(len(stream))])
    assert canonical_json(decoded) == canonical_json(events)


@given(event=st.dictionaries(st.text(), st.text()), kind=st.from_regex(r"[a-z_]+", fullmatch=True))
def test_a_frame_names_its_event_and_any_json_parser_reads_its_data(
    event: dict[str, str], kind: str
) -> None:
    event["type"] = kind
    name, data, *rest = encode_event(event).decode().split("\n")
    assert (name, rest) == (f"event: {kind}", ["", ""])
    assert json.loads(data.removeprefix("data: ")) == event


@pytest.mark.parametrize(
    ("event", "frame"),
    [
        (PING, 'event: ping\ndata: {"type":"ping"}\n\n'),
        (
            {
                "type": "content_block_delta",
                "index": 1,
                "delta": {"type": "text_delta", "text": '短冊 "\n"'},
            },
            'event: content_block_delta\ndata: {"type":"content_block_delta","index":1,'
            '"delta":{"type":"text_delta","text":"短冊 \\"\\n\\""}}\n\n',
        ),
        ({"type": "weather", "sky": 1.0}, 'event: weather\ndata: {"type":"weather","sky":1.0}\n\n'),
    ],
)
def test_an_event_is_one_compact_frame(event: Json, frame: str) -> None:
    assert encode_event(event).decode() == frame


def test_a_lone_surrogate_cannot_be_sent() -> None:
    with pytest.raises(ValueError, match="surrogates"):
        encode_event({"type": "ping", "odd": "\ud800"})


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b'data: {"type":"ping"}\n\n', []),
        (b"event: ping\n\n", []),
        (b"event: ping\ndata\n\n", []),
        (b'event: ping\ndata: {"type":"ping"}', []),
        (b'event: ping\ndata: {"type":\ndata: "ping"}\n\n', [PING]),
        (b'event: weather\ndata: {"sky":"blue"}\n\n', [{"type": "weather", "sky": "blue"}]),
        (b':x\nid: 3\nevent:ping\ndata:{"type":"ping"}\n\n', [PING]),
    ],
)
def test_frames_are_taken_and_dropped_as_the_sdk_does(stream: bytes, events: list[Json]) -> None:
    assert decode([stream]) == events


@pytest.mark.parametrize(
    ("data", "complaint"),
    [(b"[DONE]", "is not JSON"), (b"[]", "is not an object"), (b'"\xff"', "is not JSON")],
)
def test_data_that_is_no_event_is_refused(data: bytes, complaint: str) -> None:
    with pytest.raises(StreamError, match=complaint):
        decode([b"event: ping\ndata: " + data + b"\n\n"])


def test_a_cut_stream_is_known_by_its_unended_event() -> None:
    decoder = EventDecoder()
    whole = encode_event(PING)
    assert [list(decoder.feed(whole[:9])), decoder.has_partial] == [[], True]
    assert [list(decoder.feed(whole[9:])), decoder.has_partial] == [[PING], False]


def test_numbers_keep_their_spelling_from_message_to_message() -> None:
    numbers = [1, 1.0, -0.0, 10**40, 1e16, 5e-324, 0.1, True]
    block = {"type": "tool_use", "id": "t", "name": "n", "input": {"numbers": numbers}}
    message = {"content": [block], "usage": {"output_tokens": 1}}
    assembler = MessageAssembler()
    for event in decode([b"".join(map(encode_event, split_message(message)))]):
        assembler.feed(event)
    assert repr(assembler.message["content"][0]["input"]["numbers"]) == repr(numbers)
