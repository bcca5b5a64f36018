"""AWS event-stream frames, against botocore's own reader."""

import binascii
import struct

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from tanzaku.wire import AwsFrame, AwsFrameDecoder, StreamError, encode_aws_frame

HEADERS = st.dictionaries(
    st.text(st.characters(codec="ascii", min_codepoint=33), min_size=1, max_size=20),
    st.text(max_size=40),
    max_size=5,
)
FRAMES = st.lists(st.tuples(HEADERS, st.binary(max_size=300)), max_size=5)


@given(FRAMES)
def test_botocore_reads_what_is_written(frames: list[tuple[dict[str, str], bytes]]) -> None:
    buffer = EventStreamBuffer()
    buffer.add_data(b"".join(encode_aws_frame(*frame) for frame in frames))
    assert [(message.headers, message.payload) for message in buffer] == frames


@given(FRAMES, st.data())
def test_frames_survive_any_chunking(
    frames: list[tuple[dict[str, str], bytes]], data: st.DataObject
) -> None:
    raw = b"".join(encode_aws_frame(*frame) for frame in frames)
    decoder, seen, at = AwsFrameDecoder(), list[AwsFrame](), 0
    while at < len(raw):
        size = data.draw(st.integers(1, len(raw) - at))
        seen += decoder.feed(raw[at : at + size])
        at += size
    assert [(dict(frame.headers), frame.payload) for frame in seen] == frames
    assert not decoder.has_partial


def test_headers_that_are_no_strings_are_passed_over() -> None:
    # name, type, value: a boolean, an integer of 4 bytes, a timestamp, then a string.
    lines = b"\x01a\x00\x01b\x04\x00\x00\x00\x05\x01c\x08" + bytes(8) + b"\x01d\x07\x00\x01x"
    lengths = struct.pack(">II", 16 + len(lines), len(lines))
    whole = lengths + struct.pack(">I", binascii.crc32(lengths)) + lines
    whole += struct.pack(">I", binascii.crc32(whole))
    (read,) = AwsFrameDecoder().feed(whole)
    assert read == ({"d": "x"}, b"")


@pytest.mark.parametrize("at", [0, 9, 20, -1], ids=["length", "prelude", "header", "checksum"])
def test_a_damaged_frame_is_an_error(at: int) -> None:
    raw = bytearray(encode_aws_frame({":event-type": "chunk"}, b"{}"))
    raw[at] ^= 0xFF
    with pytest.raises(StreamError):
        list(AwsFrameDecoder().feed(bytes(raw)))
