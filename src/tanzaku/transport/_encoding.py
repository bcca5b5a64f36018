"""Compressed request bodies, inflated under a bound."""

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
    codings = [
        coding.strip().lower()
        for name, value in headers
        if name == b"content-encoding"
        for coding in value.split(b",")
        if coding.strip()
    ]
    match codings:
        case [] | [b"identity"]:
            if len(body) > limit:
                raise _too_large(limit)
            return body
        case [b"gzip" | b"x-gzip"]:
            return _inflate(body, 16 + zlib.MAX_WBITS, limit)
        case [b"deflate"]:
            return _inflate(body, zlib.MAX_WBITS, limit)
        case _:
            named = b", ".join(codings).decode("latin-1")
            raise BodyEncodingError("unsupported", f"content-encoding {named!r} is not supported")


async def decode_body_aside(headers: HeaderList, body: bytes, limit: int) -> bytes:
    """`decode_body` for the event loop: what takes long to inflate is inflated in a thread."""
    if len(body) < _ASIDE_BYTES or get_header(headers, b"content-encoding") is None:
        return decode_body(headers, body, limit)
    return await asyncio.to_thread(decode_body, headers, body, limit)


def _inflate(body: bytes, window_bits: int, limit: int) -> bytes:
    pieces: list[bytes] = []
    size = 0
    members = 1
    inflater = zlib.decompressobj(window_bits)
    rest = body
    while True:
        try:
            piece = inflater.decompress(rest, _STEP_BYTES)
        except zlib.error as error:
            raise BodyEncodingError("invalid", "the body is not what it claims") from error
        pieces.append(piece)
        size += len(piece)
        if size > limit or (size > _RATIO_FREE_BYTES and size > _MAX_RATIO * len(body)):
            raise _too_large(limit)
        rest = inflater.unconsumed_tail
        if inflater.eof:
            rest = inflater.unused_data
            if not rest:
                return b"".join(pieces)
            members += 1
            if window_bits == zlib.MAX_WBITS or members > _MAX_MEMBERS:
                raise BodyEncodingError("invalid", "bytes follow the compressed body")
            inflater = zlib.decompressobj(window_bits)
        elif not rest and not piece:
            raise BodyEncodingError("invalid", "the compressed body is cut off")


def _too_large(limit: int) -> BodyEncodingError:
    return BodyEncodingError("too_large", f"the body is larger than {limit} bytes once decoded")
