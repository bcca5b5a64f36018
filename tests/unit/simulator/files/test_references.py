"""Files that messages name: which are refused, and what is counted for the others."""

import asyncio
import base64
import struct
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from harness.shelved import Shelved
from tanzaku.catalog import count_tokens
from tanzaku.wire import ApiError

WORKSPACE = "wrkspc_default"


def run[T](use: Callable[[Shelved], Awaitable[T]]) -> T:
    async def whole() -> T:
        return await use(Shelved())

    return asyncio.run(whole())


async def put(it: Shelved, content: bytes, mime_type: str, key: str = "k") -> str:
    return await it.library.put_generated(
        content, filename="f", mime_type=mime_type, workspace=WORKSPACE, key=key
    )


def ask(*blocks: dict[str, Any]) -> dict[str, Any]:
    """A request with a text and `blocks`."""
    content = [{"type": "text", "text": "What is this?"}, *blocks]
    return {
        "model": "claude-haiku-4-5",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "Hi"}, {"role": "user", "content": content}],
    }


def name(use: str, file_id: str) -> dict[str, Any]:
    if use == "container_upload":
        return {"type": use, "file_id": file_id}
    return {"type": use, "source": {"type": "file", "file_id": file_id}}


def wrap(block: dict[str, Any], place: str) -> dict[str, Any]:
    match place:
        case "result":
            return {"type": "tool_result", "tool_use_id": "toolu_1", "content": [block]}
        case "document":
            return {"type": "document", "source": {"type": "content", "content": [block]}}
        case _:
            return block


@pytest.mark.fidelity(
    "files",
    "a message that names an unknown file is 404",
    "documented",
    "build-with-claude/files",
)
@pytest.mark.parametrize("place", ["message", "result", "document"])
@pytest.mark.parametrize("use", ["document", "image", "container_upload"])
def test_a_message_cannot_name_a_file_that_is_not_there(use: str, place: str) -> None:
    request = ask(wrap(name(use, "file_gone"), place))
    error = run(lambda it: it.library.check_references(request, WORKSPACE))
    assert error is not None
    assert (error.status, error.error_type) == (404, "not_found_error")
    assert error.message == "File `file_gone` not found."


def test_what_only_looks_like_a_reference_is_none() -> None:
    call = {"type": "tool_use", "id": "toolu_1", "name": "t", "input": name("image", "file_gone")}
    request = ask(call, {"type": "document", "source": {"type": "text", "data": "x"}})
    assert run(lambda it: it.library.check_references(request, WORKSPACE)) is None


@pytest.mark.fidelity(
    "files",
    "a file of the wrong type for its block is 400",
    "documented",
    "build-with-claude/files (the text on images is a guess)",
)
@pytest.mark.parametrize(
    ("use", "mime_type", "message"),
    [
        ("document", "application/pdf", None),
        ("document", "text/plain; charset=utf-8", None),
        ("document", "image/png", "Unsupported document file format: image/png. Only PDF and "
         "plaintext documents are supported."),
        ("image", "image/webp", None),
        ("image", "application/pdf", "Unsupported image file format: application/pdf. Supported "
         "image formats are JPEG, PNG, GIF, and WebP."),
        ("container_upload", "application/zip", None),
    ],
)  # fmt: skip
def test_a_file_must_be_what_its_block_is_for(
    use: str, mime_type: str, message: str | None
) -> None:
    async def check(it: Shelved) -> ApiError | None:
        file_id = await put(it, b"x", mime_type)
        return await it.library.check_references(ask(name(use, file_id)), WORKSPACE)

    error = run(check)
    assert (None if error is None else error.message) == message
    assert error is None or error.status == 400


@pytest.mark.fidelity(
    "files",
    "a message that names an expired file, or another workspace's, is refused",
    "documented",
    "build-with-claude/files",
)
def test_a_message_cannot_name_an_expired_file_or_one_of_another_workspace() -> None:
    async def check(it: Shelved) -> None:
        body = b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nx\r\n--b\r\n'
        body += b'Content-Disposition: form-data; name="expires_in_seconds"\r\n\r\n3600\r\n--b--'
        lines = [(b"content-type", b"multipart/form-data; boundary=b")]
        file_id = (await it.ask("POST", "/v1/files", body, lines)).json["id"]
        request = ask(name("document", file_id))
        assert await it.library.check_references(request, WORKSPACE) is None
        other = await it.library.check_references(request, "wrkspc_other")
        assert other is not None
        assert other.message == f"File `{file_id}` not found."
        it.clock.advance(3600.0)
        expired = await it.library.check_references(request, WORKSPACE)
        assert expired is not None
        assert (expired.status, expired.error_code) == (404, "file_expired")

    run(check)


PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", 560, 280) + b"\x08\x02\0\0\0"
PDF = b"%PDF-1.4 /Type /Page /Type /Page /Type /Pages"
TEXT = "Tanzaku are strips of paper. 短冊\n" * 50


@pytest.mark.parametrize("place", ["message", "result", "document"])
@pytest.mark.parametrize(
    ("use", "content", "mime_type", "source"),
    [
        ("image", PNG, "image/png",
         {"type": "base64", "media_type": "image/png", "data": base64.b64encode(PNG).decode()}),
        ("document", PDF, "application/pdf",
         {"type": "base64", "media_type": "application/pdf",
          "data": base64.b64encode(PDF).decode()}),
        ("document", TEXT.encode(), "text/plain; charset=utf-8",
         {"type": "text", "media_type": "text/plain", "data": TEXT}),
    ],
    ids=["image", "pdf", "text"],
)  # fmt: skip
def test_a_file_counts_as_its_content_would(
    use: str, content: bytes, mime_type: str, source: dict[str, Any], place: str
) -> None:
    async def read(it: Shelved) -> tuple[dict[str, Any], dict[str, Any]]:
        file_id = await put(it, content, mime_type)
        request = ask(wrap(name(use, file_id), place))
        return request, await it.library.read_references(request, WORKSPACE)

    request, inlined = run(read)
    expected = ask(wrap({"type": use, "source": source}, place))
    assert inlined == expected
    assert request != expected
    assert count_tokens(inlined, "claude-haiku-4-5") == count_tokens(expected, "claude-haiku-4-5")


def test_what_cannot_be_read_stays_as_it_was() -> None:
    async def read(it: Shelved) -> None:
        zipped = await put(it, b"PK", "application/zip", "z")
        huge = await put(it, bytes(17 * 1024 * 1024), "image/png", "h")
        request = ask(
            name("document", "file_gone"),
            name("document", zipped),
            name("image", huge),
            name("container_upload", zipped),
        )
        assert await it.library.read_references(request, WORKSPACE) == request

    run(read)


def test_of_an_endless_text_16_mebibytes_are_read() -> None:
    async def read(it: Shelved) -> int:
        file_id = await put(it, b"words " * 5_000_000, "text/plain")
        inlined = await it.library.read_references(ask(name("document", file_id)), WORKSPACE)
        return len(inlined["messages"][1]["content"][1]["source"]["data"])

    assert run(read) == 16 * 1024 * 1024
