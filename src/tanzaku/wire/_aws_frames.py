"""AWS event-stream frames (`application/vnd.amazon.eventstream`), as Bedrock streams them.

A frame: total length and headers length (4 bytes each), their CRC-32, headers, payload, CRC-32 of
all before. A header: name length (1 byte), name, type, value; only strings (type 7, length in 2
bytes) are written. Source: the AWS SDK reference, "Event stream encoding".
"""

import binascii
import struct
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from tanzaku.wire._errors import StreamError

_PRELUDE = struct.Struct(">III")
_OVERHEAD = 16
_STRING = 7
# Bytes of a header value by its type, where that is fixed: booleans, integers, timestamp, UUID.
_FIXED_SIZES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
_VARIABLE = frozenset({6, _STRING})
_MOST_BYTES = 24 * 1024 * 1024


class AwsFrame(NamedTuple):
    """One frame: its string headers (`:event-type`, `:message-type`, ...) and its payload."""

    headers: Mapping[str, str]
    payload: bytes


def encode_aws_frame(headers: Mapping[str, str], payload: bytes) -> bytes:
    """The bytes of a frame."""
    lines = b"".join(
        struct.pack(f">B{len(name)}sBH", len(name), name.encode(), _STRING, len(value.encode()))
        + value.encode()
        for name, value in headers.items()
    )
    lengths = struct.pack(">II", _OVERHEAD + len(lines) + len(payload), len(lines))
    head = lengths + struct.pack(">I", binascii.crc32(lengths))
    whole = head + lines + payload
    return whole + struct.pack(">I", binascii.crc32(whole))


class AwsFrameDecoder:
    """Turns bytes, cut anywhere, into frames."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, chunk: bytes) -> Iterator[AwsFrame]:
        """Yield each frame that `chunk` completes. StreamError for bytes that are no frame."""
        self._held += chunk
        while len(self._held) >= _PRELUDE.size:
            total, head_size, checksum = _PRELUDE.unpack_from(self._held)
            if checksum != binascii.crc32(self._held[:8]):
                raise StreamError("an event-stream frame has a wrong prelude checksum")
            if not _OVERHEAD + head_size <= total <= _MOST_BYTES:
                raise StreamError("an event-stream frame has an impossible length")
            if len(self._held) < total:
                return
            frame, self._held = self._held[:total], self._held[total:]
            if binascii.crc32(frame[:-4]) != int.from_bytes(frame[-4:]):
                raise StreamError("an event-stream frame has a wrong checksum")
            body = _PRELUDE.size + head_size
            yield AwsFrame(_read_headers(frame[_PRELUDE.size : body]), frame[body:-4])

    @property
    def has_partial(self) -> bool:
        """Whether bytes of a frame that has not ended are held: the stream was cut."""
        return bool(self._held)


def _read_headers(raw: bytes) -> dict[str, str]:
    headers: dict[str, str] = {}
    at = 0
    try:
        while at < len(raw):
            name_size = raw[at]
            name = raw[at + 1 : at + 1 + name_size].decode()
            at += 1 + name_size
            kind = raw[at]
            at += 1
            if kind in _VARIABLE:
                size = int.from_bytes(raw[at : at + 2])
                at += 2
            else:
                size = _FIXED_SIZES[kind]
            if kind == _STRING:
                headers[name] = raw[at : at + size].decode()
            at += size
    except (IndexError, KeyError, UnicodeDecodeError) as error:
        raise StreamError("an event-stream frame has a malformed header") from error
    return headers
