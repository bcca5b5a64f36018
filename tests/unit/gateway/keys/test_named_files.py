"""Files that a request names are found, and what only looks like one is not."""

import asyncio
import json
from random import Random

import pytest

from tanzaku.gateway.keys._named_files import (
    FileScanner,
    ScreenedUpload,
    find_files,
    may_name_files,
)
from tanzaku.transport import BrokenUploadError, Upload
from tanzaku.wire import ApiError

SPELT = [
    b'{"file_id":"file_1"}',
    b'{"file_id" \t\r\n: \n"file_1"}',
    b'{"\\u0066ile\\u005fid":"file_1"}',
    b'{"\\u0066\\u0069\\u006C\\u0065\\u005f\\u0069\\u0064":"file_1"}',
    b'{"file_id":"\\u0066ile_1"}',
    b'{"file_id":"file_0","file_id":"file_1"}',
    '{"text":"短冊 \\" \\\\","source":{"type":"file","file_id":"file_1"}}'.encode(),
]
NOT_SPELT = [
    b'{"text":"\\"file_id\\":\\"file_1\\""}',
    b'{"file_ids":"file_1"}',
    b'{"file_id":["file_1"]}',
    b'{"file_id":null}',
    json.dumps({"text": json.dumps({"file_id": "file_1"})}).encode(),
]


@pytest.mark.parametrize("body", SPELT, ids=range(len(SPELT)))
def test_a_file_is_found_however_it_is_spelt(body: bytes) -> None:
    assert may_name_files(body)
    assert "file_1" in list(find_files(body))


@pytest.mark.parametrize("body", NOT_SPELT, ids=range(len(NOT_SPELT)))
def test_a_text_about_a_file_names_none(body: bytes) -> None:
    assert list(find_files(body)) == []


def pass_through(body: bytes, sizes: list[int]) -> bytes:
    """What of `body`, fed in pieces of `sizes` in turn, comes out of a screen against file_1."""

    async def check(file_id: str) -> None:
        if file_id == "file_1":
            raise ApiError.unknown_file(file_id)

    async def run() -> bytes:
        source = Upload(len(body), lambda is_held: None)
        at = number = 0
        while at < len(body):
            size = sizes[number % len(sizes)]
            source.feed(body[at : at + size])
            at, number = at + size, number + 1
        source.end()
        screened = ScreenedUpload(source, check)
        assert screened.size == len(body)
        return b"".join([chunk async for chunk in screened])

    return asyncio.run(run())


@pytest.mark.parametrize("body", SPELT, ids=range(len(SPELT)))
@pytest.mark.parametrize("sizes", [[1], [2], [3, 7], [1000]], ids=str)
def test_an_upload_that_names_it_breaks_off(body: bytes, sizes: list[int]) -> None:
    whole = b'{"requests":[' + b'{"custom_id":"a"},' * 50 + body + b"]}"
    with pytest.raises(BrokenUploadError) as broken:
        pass_through(whole, sizes)
    assert (broken.value.status, broken.value.reason) == (404, "File `file_1` not found.")


@pytest.mark.parametrize("seed", range(20))
def test_an_upload_that_names_none_passes_byte_for_byte(seed: int) -> None:
    chance = Random(seed)
    body = b"[" + b",".join(chance.choices([*NOT_SPELT, b'{"file_id":"file_2"}'], k=40)) + b"]"
    assert pass_through(body, [chance.randrange(1, 40) for _ in range(9)]) == body


@pytest.mark.parametrize("filler", [b" " * 9000, b"\n\t" * 9000])
def test_space_between_name_and_value_hides_nothing(filler: bytes) -> None:
    with pytest.raises(BrokenUploadError, match="file_1"):
        pass_through(b'{"file_id"' + filler + b":" + filler + b'"file_1"}', [500])


def test_a_file_that_is_named_again_and_again_is_looked_up_once() -> None:
    scanner = FileScanner()
    fresh = [scanner.feed(b'{"file_id":"file_1"},') for _ in range(9)]
    assert fresh == [{"file_1"}, *[set()] * 8]


def test_a_value_without_end_is_refused() -> None:
    with pytest.raises(BrokenUploadError, match="file_id: too long"):
        pass_through(b'{"file_id":"' + b"x" * 9000 + b'"}', [500])
