"""The official SDK, sync and async, works with files as it does with the live API."""

import asyncio
import io

import anthropic
import pytest
from anthropic.types import FileExpiredError, FileNotDownloadableError

from harness.shelved import Shelved, serve_shelved


def connect(url: str) -> anthropic.Anthropic:
    return anthropic.Anthropic(api_key="k", base_url=url, max_retries=0)


@pytest.mark.fidelity(
    "files", "upload, list, retrieve, download and delete with the SDK", "exact", "SDK 2.12.0"
)
def test_the_sync_sdk_uploads_lists_retrieves_downloads_and_deletes() -> None:
    shelved = Shelved()
    with serve_shelved(shelved) as (url, server), connect(url) as client:
        uploaded = client.files.upload(
            file=("ré\u2014sumé.pdf", io.BytesIO(b"%PDF-1.7 \r\n--"), "application/pdf"),
            expires_in_seconds=3600,
        )
        assert (uploaded.filename, uploaded.size_bytes) == ("ré\u2014sumé.pdf", 13)
        assert uploaded.expires_at is not None
        assert (uploaded.expires_at - uploaded.created_at).total_seconds() == 3600
        more = [client.files.upload(file=b"bytes alone") for _ in range(4)]
        named = {(one.filename, one.mime_type) for one in more}
        assert named == {("unnamed", "application/octet-stream")}
        ids = [one.id for one in [uploaded, *more]][::-1]
        assert [one.id for one in client.files.list(limit=2)] == ids
        assert [one.id for one in client.files.list(ids=[ids[3], ids[1], "file_gone"])] == [
            ids[1],
            ids[3],
        ]
        assert client.files.retrieve_metadata(uploaded.id) == uploaded
        with pytest.raises(FileNotDownloadableError):
            client.files.download(uploaded.id)
        made = server.call(
            shelved.library.put_generated(
                b"\x89PNG plot",
                filename="plot.png",
                mime_type="image/png",
                workspace="wrkspc_default",
                key="k",
            )
        )
        assert client.files.download(made).read() == b"\x89PNG plot"
        assert client.files.delete(made).type == "file_deleted"
        with pytest.raises(anthropic.NotFoundError, match=f"File `{made}` not found."):
            client.files.retrieve_metadata(made)
        server.call(shelved.advance(3600.0))
        with pytest.raises(FileExpiredError):
            client.files.download(uploaded.id)


def test_the_async_sdk_does_the_same() -> None:
    async def use() -> None:
        shelved = Shelved()
        async with (
            shelved.open() as running,
            anthropic.AsyncAnthropic(api_key="k", base_url=running.url, max_retries=0) as client,
        ):
            ids = [
                (await client.files.upload(file=("a.csv", b"1,2", "text/csv"))).id for _ in "xyz"
            ]
            assert [one.id async for one in client.files.list(limit=1)] == ids[::-1]
            with pytest.raises(anthropic.BadRequestError):
                await client.files.download(ids[0])
            assert (await client.beta.files.delete(ids[0])).id == ids[0]
            assert (await client.beta.files.retrieve_metadata(ids[1])).mime_type == "text/csv"

    asyncio.run(use())


def test_a_large_upload_of_the_sdk_arrives_whole() -> None:
    content = bytes(range(256)) * 80_000
    shelved = Shelved()
    with serve_shelved(shelved) as (url, _), connect(url) as client:
        uploaded = client.files.upload(file=("big.bin", content, "application/octet-stream"))
    assert uploaded.size_bytes == len(content)

    async def read() -> bytes:
        record = shelved.library.find(uploaded.id, "wrkspc_default")
        assert record is not None
        return b"".join([piece async for piece in shelved.library.iter_content(record)])

    assert asyncio.run(read()) == content
