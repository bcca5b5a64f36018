"""Compressed bodies, inflated under a bound."""

import asyncio
import zlib

from tanzaku.transport._http import HeaderList, get_header
from tanzaku.transport.errors import BodyEncodingError

_STEP_BYTES = 64 * 1024
_RATIO_FREE_BYTES = 1024 * 1024
_MAX_RATIO = 100
_MAX_MEMBERS = 10
_ASIDE_BYTES = 16 * 1024


def decode_body(headers: HeaderList, body: bytes, limit: int) -> bytes:
    """`body` without its content-encoding: identity, gzip (up to ten members) or deflate.

    Raises BodyEncodingError: `unsupported` (any other coding, or more than one), `invalid`
    (corrupt, truncated, bytes after the end), `too_large` (over `limit` bytes decoded, or more
    than 100 times its compressed size once past 1 MiB).
    """
    window_bits = _read_coding(headers)
    if window_bits is not None:
        return _inflate(body, window_bits, limit)
    if len(body) > limit:
        raise _too_large(limit)
    return body


class BodyDecoder:
    """`decode_body` for a body that comes in pieces, raising the same."""

    def __init__(self, headers: HeaderList, limit: int) -> None:
        window_bits = _read_coding(headers)
        self._inflater = None if window_bits is None else _Inflater(window_bits, limit)
        self._limit = limit
        self._size = 0

    def feed(self, chunk: bytes) -> bytes:
        """What can be told of the body so far, less what was told before."""
        if self._inflater is not None:
            return self._inflater.feed(chunk)
        self._size += len(chunk)
        if self._size > self._limit:
            raise _too_large(self._limit)
        return chunk

    def end(self) -> None:
        """No more comes: raises for a compressed body that is cut off."""
        if self._inflater is not None:
            self._inflater.end()


def _read_coding(headers: HeaderList) -> int | None:
    """zlib's window bits; None for a body as it is."""
    codings = [
        coding.strip().lower()
        for name, value in headers
        if name == b"content-encoding"
        for coding in value.split(b",")
        if coding.strip()
    ]
    match codings:
        case [] | [b"identity"]:
            return None
        case [b"gzip" | b"x-gzip"]:
            return 16 + zlib.MAX_WBITS
        case [b"deflate"]:
            return zlib.MAX_WBITS
        case _:
            named = b", ".join(codings).decode("latin-1")
            raise BodyEncodingError("unsupported", f"content-encoding {named!r} is not supported")


async def decode_body_aside(headers: HeaderList, body: bytes, limit: int) -> bytes:
    """`decode_body` for the event loop: what takes long to inflate is inflated in a thread."""
    if len(body) < _ASIDE_BYTES or get_header(headers, b"content-encoding") is None:
        return decode_body(headers, body, limit)
    return await asyncio.to_thread(decode_body, headers, body, limit)


def _inflate(body: bytes, window_bits: int, limit: int) -> bytes:
    inflater = _Inflater(window_bits, limit)
    decoded = inflater.feed(body)
    inflater.end()
    return decoded


class _Inflater:
    """Inflates a body that comes in pieces."""

    def __init__(self, window_bits: int, limit: int) -> None:
        self._window_bits = window_bits
        self._limit = limit
        self._inflater = zlib.decompressobj(window_bits)
        self._members = 1
        self._taken = 0
        self._size = 0

    def feed(self, chunk: bytes) -> bytes:
        pieces: list[bytes] = []
        rest = chunk
        self._taken += len(chunk)
        while True:
            if self._inflater.eof and rest:
                self._members += 1
                if self._window_bits == zlib.MAX_WBITS or self._members > _MAX_MEMBERS:
                    raise BodyEncodingError("invalid", "bytes follow the compressed body")
                self._inflater = zlib.decompressobj(self._window_bits)
            try:
                piece = self._inflater.decompress(rest, _STEP_BYTES)
            except zlib.error as error:
                raise BodyEncodingError("invalid", "the body is not what it claims") from error
            pieces.append(piece)
            size = self._size = self._size + len(piece)
            if size > self._limit or (size > _RATIO_FREE_BYTES and size > _MAX_RATIO * self._taken):
                raise _too_large(self._limit)
            rest = self._inflater.unused_data or self._inflater.unconsumed_tail
            if not rest and (self._inflater.eof or not piece):
                return b"".join(pieces)

    def end(self) -> None:
        if not self._inflater.eof:
            raise BodyEncodingError("invalid", "the compressed body is cut off")


def _too_large(limit: int) -> BodyEncodingError:
    return BodyEncodingError("too_large", f"the body is larger than {limit} bytes once decoded")
