"""Compressed request bodies: what is read, what is refused and how it is told apart."""

import asyncio
import gzip
import zlib
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tanzaku.transport import BodyEncodingError, decode_body, decode_body_aside

LIMIT = 32 << 20


def raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


@given(st.binary(max_size=5000))
def test_decoding_undoes_each_coding(body: bytes) -> None:
    for coding, packed in (
        (b"gzip", gzip.compress(body)),
        (b"GZIP ", gzip.compress(body)),
        (b"x-gzip", gzip.compress(body)),
        (b"deflate", zlib.compress(body)),
        (b"identity", body),
        (b"", body),
    ):
        assert decode_body([(b"content-encoding", coding)], packed, LIMIT) == body
    assert decode_body([], body, LIMIT) == body


def test_several_gzip_members_are_one_body() -> None:
    packed = gzip.compress(b"one ") + gzip.compress(b"two")
    assert decode_body([(b"content-encoding", b"gzip")], packed, LIMIT) == b"one two"


PACKED = gzip.compress(b"hello world", mtime=0)


@pytest.mark.parametrize(
    ("coding", "body", "kind"),
    [
        (b"br", b"x", "unsupported"),
        (b"zstd", b"x", "unsupported"),
        (b"gzip, gzip", PACKED, "unsupported"),
        (b"gzip, br", PACKED, "unsupported"),
        (b"gzip", b"", "invalid"),
        (b"gzip", b"{}", "invalid"),
        (b"gzip", PACKED[:-1], "invalid"),
        (b"gzip", PACKED[:10], "invalid"),
        (b"gzip", PACKED[:-8] + bytes(8), "invalid"),
        (b"gzip", PACKED + b"tail", "invalid"),
        (b"gzip", PACKED * 11, "invalid"),
        (b"deflate", zlib.compress(b"hello")[:-1], "invalid"),
        (b"deflate", zlib.compress(b"hello") + b"tail", "invalid"),
        (b"deflate", raw_deflate(b"hello"), "invalid"),
    ],
)
def test_what_cannot_be_decoded_is_told_apart(coding: bytes, body: bytes, kind: str) -> None:
    with pytest.raises(BodyEncodingError) as caught:
        decode_body([(b"content-encoding", coding)], body, LIMIT)
    assert caught.value.kind == kind


def test_codings_on_two_lines_count_as_two() -> None:
    headers = [(b"content-encoding", b"gzip"), (b"content-encoding", b"gzip")]
    with pytest.raises(BodyEncodingError) as caught:
        decode_body(headers, PACKED, LIMIT)
    assert caught.value.kind == "unsupported"


@pytest.mark.requirement("L1")
@pytest.mark.parametrize(
    ("coding", "pack"),
    [(b"identity", bytes), (b"gzip", gzip.compress), (b"deflate", zlib.compress)],
)
def test_the_limit_is_on_the_decoded_size(coding: bytes, pack: Callable[[bytes], bytes]) -> None:
    headers = [(b"content-encoding", coding)]
    body = bytes(range(256)) * 17
    assert decode_body(headers, pack(body), len(body)) == body
    with pytest.raises(BodyEncodingError) as caught:
        decode_body(headers, pack(body), len(body) - 1)
    assert caught.value.kind == "too_large"


@pytest.mark.requirement("L1")
def test_a_bomb_is_refused_by_its_ratio_before_the_limit() -> None:
    bomb = gzip.compress(bytes(8 << 20))
    with pytest.raises(BodyEncodingError) as caught:
        decode_body([(b"content-encoding", b"gzip")], bomb, LIMIT)
    assert caught.value.kind == "too_large"
    modest = gzip.compress(bytes(1 << 20))
    assert len(decode_body([(b"content-encoding", b"gzip")], modest, LIMIT)) == 1 << 20


def test_a_large_body_is_inflated_beside_the_loop() -> None:
    body = Random(0).randbytes(1 << 24)
    headers = [(b"content-encoding", b"gzip")]

    async def scenario() -> bytes:
        task = asyncio.create_task(decode_body_aside(headers, gzip.compress(body, 1), len(body)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not task.done()
        return await task

    assert asyncio.run(scenario()) == body


def test_a_large_body_that_is_not_what_it_claims_says_so_from_beside_the_loop() -> None:
    with pytest.raises(BodyEncodingError):
        asyncio.run(decode_body_aside([(b"content-encoding", b"gzip")], b"x" * (1 << 20), 1 << 30))
