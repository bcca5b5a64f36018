"""Frames out and in, against a plain reading of the format over the whole stream."""

import itertools
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tanzaku.core import SseDecoder, SseFrame, encode_frame

FRAGMENTS = [
    b"\n",
    b"\n\n",
    b"\r",
    b"\r\n",
    b"data: x",
    b"data:y",
    b"data:  two spaces",
    b"data",
    b"data: \xe4\xbd\xa0\xe5\xa5\xbd",
    b"event: e",
    b"event:",
    b": comment",
    b"id: 7",
    b"\xef\xbb\xbf",
    b" ",
]
streams = st.lists(st.sampled_from(FRAGMENTS), max_size=30).map(b"".join)


def read_whole(stream: bytes) -> list[SseFrame]:
    """The format as WHATWG words it, on a stream that is complete."""
    frames: list[SseFrame] = []
    event, data = b"", list[bytes]()
    *lines, _unended = re.split(rb"\r\n|\r|\n", stream.removeprefix(b"\xef\xbb\xbf"))
    for line in lines:
        field, _, value = line.partition(b":")
        value = value[1:] if value.startswith(b" ") else value
        if not line:
            if data:
                frames.append(SseFrame(event.decode(), b"\n".join(data)))
            event, data = b"", []
        elif field == b"event":
            event = value
        elif field == b"data":
            data.append(value)
    return frames


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    borders = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[start:end] for start, end in itertools.pairwise(borders)]


@given(stream=streams, places=st.lists(st.integers(0, 500)))
def test_any_chunking_gives_the_frames_of_the_whole_stream(
    stream: bytes, places: list[int]
) -> None:
    decoder = SseDecoder()
    frames = [frame for chunk in cut(stream, places) for frame in decoder.feed(chunk)]
    assert frames == read_whole(stream)


@given(stream=streams)
@example(stream=b"\xef\xbb\xbfdata: x\n\n\xef\xbb\xbfdata: y\n\n")
def test_single_bytes_give_the_frames_of_the_whole_stream(stream: bytes) -> None:
    decoder = SseDecoder()
    frames = [frame for n in range(len(stream)) for frame in decoder.feed(stream[n : n + 1])]
    assert frames == read_whole(stream)


@given(event=st.from_regex(r"[a-z_]+", fullmatch=True), data=st.binary(min_size=1))
def test_an_encoded_frame_decodes_to_itself(event: str, data: bytes) -> None:
    data = data.replace(b"\n", b"").replace(b"\r", b"")
    assert list(SseDecoder().feed(encode_frame(event, data))) == [SseFrame(event, data)]


def test_a_frame_is_spelled_as_the_api_spells_it() -> None:
    assert encode_frame("ping", b'{"type":"ping"}') == b'event: ping\ndata: {"type":"ping"}\n\n'


@pytest.mark.parametrize("unended", [b"data: x", b"data: x\n", b"event: e\r\n", b"x"])
def test_a_frame_that_was_cut_is_held_and_not_yielded(unended: bytes) -> None:
    decoder = SseDecoder()
    assert list(decoder.feed(b"data: whole\n\n" + unended)) == [SseFrame("", b"whole")]
    assert decoder.has_partial


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n", b"\r\r"])
def test_nothing_is_held_after_a_whole_frame(end: bytes) -> None:
    decoder = SseDecoder()
    frames = list(decoder.feed(b"data: x" + end))
    assert (frames, decoder.has_partial) == ([SseFrame("", b"x")], False)
