"""The calls of the Files API, in process and on a clock that stands still."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from harness.shelved import DAY_S, FILES, Shelved, Told
from tanzaku.ledger import FileShelf, MemoryShelf
from tanzaku.simulator.files import FileLibrary, FilesApi

INVALID = "invalid_request_error"
BETA = [(b"anthropic-beta", b"other, files-api-2025-04-14")]


def run[T](use: Callable[[Shelved], Awaitable[T]], shelf: Any = None) -> T:
    async def whole() -> T:
        return await use(Shelved(shelf))

    return asyncio.run(whole())


def build_form(
    content: bytes = b"hello",
    filename: str | None = "a.txt",
    content_type: str | None = "text/plain",
    **fields: str,
) -> bytes:
    disposition = 'form-data; name="file"'
    if filename is not None:
        disposition += f'; filename="{filename}"'
    lines = [f"Content-Disposition: {disposition}"]
    if content_type is not None:
        lines.append(f"Content-Type: {content_type}")
    parts = [("\r\n".join(lines)).encode() + b"\r\n\r\n" + content]
    for name, value in fields.items():
        parts.append(f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}'.encode())
    return b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + b"--b--\r\n"


async def upload(it: Shelved, headers: Any = (), target: str = FILES, **form: Any) -> Told:
    lines = [(b"content-type", b"multipart/form-data; boundary=b"), *headers]
    return await it.ask("POST", target, build_form(**form), lines)


@pytest.mark.fidelity(
    "files",
    "an upload is answered with its metadata; it is not downloadable",
    "documented",
    "build-with-claude/files",
)
def test_an_upload_is_answered_with_its_metadata() -> None:
    async def use(it: Shelved) -> None:
        told = await upload(
            it, content=b"%PDF-1.7", filename="x.pdf", content_type="application/pdf"
        )
        file_id = told.json["id"]
        assert told.json == {
            "type": "file",
            "id": file_id,
            "size_bytes": 8,
            "created_at": "2026-01-01T00:00:00Z",
            "filename": "x.pdf",
            "mime_type": "application/pdf",
            "downloadable": False,
            "expires_at": None,
        }
        assert file_id.startswith("file_01")
        assert (await it.ask("GET", f"{FILES}/{file_id}")).json == told.json

    run(use)


@pytest.mark.requirement("L6")
@pytest.mark.fidelity(
    "files",
    "of a filename the last component is kept; without one it is unnamed with its extension",
    "documented",
    "SDK resources/files.py",
)
@pytest.mark.parametrize(
    ("filename", "content_type", "expected"),
    [
        ("dir/sub/report.pdf", "application/pdf", "report.pdf"),
        (None, "application/pdf", "unnamed.pdf"),
        ("", "image/png", "unnamed.png"),
        ("dir/", "text/plain; charset=utf-8", "unnamed.txt"),
        (None, "application/x-own", "unnamed"),
        ("漢字.txt", "text/plain", "漢字.txt"),
        ("a" * 255, "text/plain", "a" * 255),
    ],
)
def test_what_a_file_is_called(filename: str | None, content_type: str, expected: str) -> None:
    told = run(lambda it: upload(it, filename=filename, content_type=content_type))
    assert (told.json["filename"], told.json["mime_type"]) == (expected, content_type)


@pytest.mark.requirement("L6")
@pytest.mark.fidelity(
    "files", "forbidden filenames are refused", "documented", "build-with-claude/files"
)
@pytest.mark.parametrize("filename", ["a" * 256, "a:b", "a\\\\b", "a|b", "what?", "a\tb", "<a>"])
def test_a_forbidden_filename_is_refused_with_a_guessed_text(filename: str) -> None:
    told = run(lambda it: upload(it, filename=filename))
    assert told.error[:2] == (400, INVALID)
    assert "filename" in told.error[2]


@pytest.mark.fidelity(
    "files", "the type is detected when it is left out", "documented", "build-with-claude/files"
)
@pytest.mark.parametrize(
    ("content", "filename", "expected"),
    [
        (b"%PDF-1.4 ...", "x.txt", "application/pdf"),
        (b"\x89PNG\r\n\x1a\n....", None, "image/png"),
        (b"\xff\xd8\xff\xe0", "photo", "image/jpeg"),
        (b"GIF89a", None, "image/gif"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", None, "image/webp"),
        (b"a,b\n1,2\n", "table.CSV", "text/csv"),
        (b"plain words", "readme", "text/plain"),
        ("漢".encode() * 3000, None, "text/plain"),
        (b"\x00\x01\x02", "data", "application/octet-stream"),
        (b"\xfe\xff\xfe" * 2000, None, "application/octet-stream"),
    ],
)
def test_how_the_type_is_detected_is_a_guess(
    content: bytes, filename: str | None, expected: str
) -> None:
    told = run(lambda it: upload(it, content=content, filename=filename, content_type=None))
    assert told.json["mime_type"] == expected


@pytest.mark.fidelity(
    "files",
    "files expire after one hour to 90 days, when asked",
    "documented",
    "build-with-claude/files",
)
@pytest.mark.parametrize(
    ("seconds", "message"),
    [
        ("3599", "expires_in_seconds: Input should be greater than or equal to 3600"),
        ("7776001", "expires_in_seconds: Input should be less than or equal to 7776000"),
        ("soon", "expires_in_seconds: Input should be a valid integer"),
        ("", "expires_in_seconds: Input should be a valid integer"),
    ],
)
def test_a_file_expires_no_sooner_and_no_later_than_allowed(seconds: str, message: str) -> None:
    told = run(lambda it: upload(it, expires_in_seconds=seconds))
    assert told.error[0] == 400
    assert told.error[2].startswith(message)
    for allowed, day in (("3600", "2026-01-01T01:00:00Z"), ("7776000", "2026-04-01T00:00:00Z")):
        taken = run(lambda it, allowed=allowed: upload(it, expires_in_seconds=allowed))
        assert taken.json["expires_at"] == day


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"--b--", "file: Field required"),
        (build_form(purpose="x"), "purpose: Extra inputs are not permitted"),
        (build_form()[:-7] + build_form(), "file: may be given only once"),
        (build_form(content_type="a/" + "b" * 254), "file: Content-Type is too long"),
    ],
    ids=["no file", "an unknown field", "two files", "a long type"],
)
def test_a_wrong_form_is_refused(body: bytes, message: str) -> None:
    lines = [(b"content-type", b"multipart/form-data; boundary=b")]
    told = run(lambda it: it.ask("POST", FILES, body, lines))
    assert told.error == (400, INVALID, message)


@pytest.mark.fidelity(
    "files",
    "unknown files are 404, uploads are not downloadable",
    "exact",
    "build-with-claude/files; the text on downloads from a public report of 2026-06",
)
def test_an_upload_cannot_be_downloaded_and_an_unknown_file_is_not_found() -> None:
    async def use(it: Shelved) -> None:
        file_id = (await upload(it)).json["id"]
        refused = await it.ask("GET", f"{FILES}/{file_id}/content")
        assert refused.error == (400, INVALID, "File is not downloadable")
        assert refused.json["error"]["details"] == {"error_code": "file_not_downloadable"}
        gone = f"{FILES}/file_gone"
        for method, target in (("GET", gone), ("DELETE", gone), ("GET", f"{gone}/content")):
            told = await it.ask(method, target)
            assert told.error == (404, "not_found_error", "File `file_gone` not found.")

    run(use)


@pytest.mark.fidelity(
    "files", "what a tool made can be downloaded", "documented", "build-with-claude/files"
)
@pytest.mark.parametrize("size", [0, 1, 8 * 1024 * 1024, 20 * 1024 * 1024 + 1])
def test_what_a_tool_made_can_be_downloaded(size: int) -> None:
    content = bytes(range(251)) * (size // 251 + 1)
    content = content[:size]

    async def use(it: Shelved) -> None:
        file_id = await it.library.put_generated(
            content,
            filename="plot é.png",
            mime_type="image/png",
            workspace="wrkspc_default",
            key="k",
        )
        shown = (await it.ask("GET", f"{FILES}/{file_id}")).json
        assert (shown["downloadable"], shown["size_bytes"]) == (True, size)
        told = await it.ask("GET", f"{FILES}/{file_id}/content")
        assert told.status == 200
        assert told.body == content
        assert told.headers[b"content-type"] == b"image/png"
        assert told.headers[b"content-length"] == b"%d" % size
        assert told.headers[b"x-content-type-options"] == b"nosniff"
        disposition = told.headers[b"content-disposition"]
        assert disposition == b"attachment; filename*=UTF-8''plot%20%C3%A9.png"

    run(use)


@pytest.mark.fidelity(
    "files",
    "an expired file's content is 404 file_expired, its metadata stays for 30 days",
    "documented",
    "build-with-claude/files (the text is a guess)",
)
def test_an_expired_file_is_still_shown_for_30_days() -> None:
    async def use(it: Shelved) -> None:
        file_id = (await upload(it, expires_in_seconds="3600")).json["id"]
        url = f"{FILES}/{file_id}"
        it.clock.advance(3599.0)
        assert (await it.ask("GET", f"{url}/content")).status == 400
        it.clock.advance(1.0)
        expired = await it.ask("GET", f"{url}/content")
        assert (expired.status, expired.error[1]) == (404, "not_found_error")
        assert expired.json["error"]["details"] == {"error_code": "file_expired"}
        it.clock.advance(30 * DAY_S - 0.5)
        assert (await it.ask("GET", url)).json["expires_at"] == "2026-01-01T01:00:00Z"
        assert [one["id"] for one in (await it.ask("GET", FILES)).json["data"]] == [file_id]
        it.clock.advance(0.5)
        assert (await it.ask("GET", url)).status == 404
        assert (await it.ask("GET", FILES)).json["data"] == []
        await upload(it)
        for kind in ("file", "file_content"):
            assert len(await it.shelf.read_all(kind)) == 1

    run(use)


@pytest.mark.fidelity(
    "files", "a deleted file is gone at once", "documented", "build-with-claude/files"
)
@pytest.mark.parametrize("expires", [{}, {"expires_in_seconds": "3600"}])
def test_a_deleted_file_is_gone_with_its_content(expires: dict[str, str]) -> None:
    async def use(it: Shelved) -> None:
        file_id = (await upload(it, **expires)).json["id"]
        it.clock.advance(7200.0)
        deleted = await it.ask("DELETE", f"{FILES}/{file_id}")
        assert deleted.json == {"id": file_id, "type": "file_deleted"}
        assert (await it.ask("GET", f"{FILES}/{file_id}")).status == 404
        assert await it.shelf.read_all("file") == await it.shelf.read_all("file_content") == []

    run(use)


@pytest.mark.fidelity(
    "files", "lists are newest first, by cursor or by ids", "documented", "build-with-claude/files"
)
def test_files_are_listed_newest_first_by_cursor_or_by_ids() -> None:
    async def use(it: Shelved) -> None:
        ids = [(await upload(it)).json["id"] for _ in range(5)][::-1]

        async def page(query: str) -> tuple[list[str], str | None]:
            listed = (await it.ask("GET", f"{FILES}?{query}")).json
            assert set(listed) == {"data", "next_page"}
            return [one["id"] for one in listed["data"]], listed["next_page"]

        assert await page("beta=true") == (ids, None)
        first, cursor = await page("limit=2")
        assert first == ids[:2]
        assert cursor is not None
        assert cursor.startswith("page_")
        await it.ask("DELETE", f"{FILES}/{ids[1]}")
        second, cursor = await page(f"limit=2&page={cursor}")
        assert second == ids[2:4]
        assert await page(f"limit=2&page={cursor}") == (ids[4:], None)
        asked = f"ids[]={ids[4]}&ids%5B%5D=file_gone&ids[]={ids[0]}&ids[]={ids[1]}"
        assert await page(asked) == ([ids[0], ids[4]], None)
        for query in ("page=page_x", f"page={ids[0]}", "after_id=x", f"ids[]={ids[0]}&limit=2"):
            assert (await it.ask("GET", f"{FILES}?{query}")).error[:2] == (400, INVALID)

    run(use)


@pytest.mark.fidelity(
    "files",
    "with files-api-2025-04-14 the shapes are those of that beta",
    "documented",
    "build-with-claude/files (migration)",
)
def test_the_old_beta_gets_its_old_shapes() -> None:
    async def use(it: Shelved) -> None:
        made = [
            (await upload(it, headers=BETA, target=f"{FILES}?beta=true")).json for _ in range(3)
        ]
        assert all("expires_at" not in one for one in made)
        ids = [one["id"] for one in made][::-1]
        assert "expires_at" not in (await it.ask("GET", f"{FILES}/{ids[0]}", b"", BETA)).json
        listed = (await it.ask("GET", f"{FILES}?limit=2&after_id={ids[0]}", b"", BETA)).json
        assert [one["id"] for one in listed.pop("data")] == ids[1:]
        assert listed == {"has_more": False, "first_id": ids[1], "last_id": ids[2]}
        assert (await upload(it, headers=BETA, content_type=None)).error[0] == 400

    run(use)


@pytest.mark.parametrize("headers", [[], BETA], ids=["now", "old beta"])
def test_no_file_is_of_a_scope_as_sessions_are_not_simulated(headers: Any) -> None:
    async def use(it: Shelved) -> None:
        await upload(it)
        named = await it.ask("GET", f"{FILES}?scope_id=sesn_1", b"", headers)
        assert (named.status, named.json["data"]) == (200, [])
        every = await it.ask("GET", FILES, b"", headers)
        assert len(every.json["data"]) == 1

    run(use)


@pytest.mark.fidelity(
    "files", "files are isolated by workspace", "documented", "build-with-claude/files"
)
def test_a_workspace_does_not_see_another_s_files() -> None:
    async def use(it: Shelved) -> None:
        other = [(b"anthropic-workspace-id", b"wrkspc_other")]
        file_id = (await upload(it, headers=other)).json["id"]
        assert (await it.ask("GET", FILES)).json["data"] == []
        assert (await it.ask("DELETE", f"{FILES}/{file_id}")).status == 404
        assert (await it.ask("GET", f"{FILES}/{file_id}", b"", other)).status == 200

    run(use)


@pytest.mark.fidelity(
    "files", "beyond the storage limit uploads are refused", "documented", "SDK _error_classes.py"
)
def test_beyond_the_quota_an_upload_is_refused_until_something_expires() -> None:
    async def use(it: Shelved) -> None:
        library = FileLibrary(shelf=it.shelf, clock=it.clock, quota_bytes=10)
        it.files = FilesApi(library, clock=it.clock)
        assert (await upload(it, content=b"123456", expires_in_seconds="3600")).status == 200
        refused = await upload(it, content=b"12345")
        assert refused.error[:2] == (400, INVALID)
        assert refused.json["error"]["details"] == {"error_code": "storage_quota_exceeded"}
        assert (await upload(it, content=b"1234")).status == 200
        it.clock.advance(3600.0)
        assert (await upload(it, content=b"12345")).status == 200

    run(use)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("PUT", FILES, 405),
        ("POST", f"{FILES}/file_1", 405),
        ("DELETE", f"{FILES}/file_1/content", 405),
        ("GET", f"{FILES}/file_1/other", 404),
        ("GET", f"{FILES}/", 404),
    ],
)
def test_other_paths_and_methods_are_refused(method: str, path: str, status: int) -> None:
    told = run(lambda it: it.ask(method, path))
    assert (told.status, told.json["type"]) == (status, "error")


def test_files_are_there_after_a_restart(tmp_path: Any) -> None:
    async def first(it: Shelved) -> list[str]:
        made = await it.library.put_generated(
            b"x" * 9_000_000, filename="x", mime_type="a/b", workspace="wrkspc_default", key="k"
        )
        uploaded = (await upload(it, expires_in_seconds="3600")).json["id"]
        gone = (await upload(it)).json["id"]
        await it.ask("DELETE", f"{FILES}/{gone}")
        it.shelf.close()
        return [uploaded, made]

    async def second(it: Shelved) -> list[str]:
        listed = (await it.ask("GET", FILES)).json["data"]
        assert listed[0]["expires_at"] == "2026-01-01T01:00:00Z"
        told = await it.ask("GET", f"{FILES}/{listed[1]['id']}/content")
        assert told.body == b"x" * 9_000_000
        it.shelf.close()
        return [one["id"] for one in listed]

    ids = run(first, FileShelf.open(tmp_path / "shelf.db"))
    assert run(second, FileShelf.open(tmp_path / "shelf.db")) == ids


def test_an_upload_after_a_restart_takes_no_earlier_file_s_id() -> None:
    shelf = MemoryShelf()
    ids = {run(upload, shelf).json["id"] for _ in range(3)}
    assert len(ids) == 3


def test_content_of_an_upload_that_was_cut_off_is_cleared_away() -> None:
    shelf = MemoryShelf()

    async def use(it: Shelved) -> None:
        file_id = (await upload(it)).json["id"]
        await shelf.drop("file", file_id)
        await Shelved(shelf).ask("GET", FILES)
        assert await shelf.read_all("file_content") == []

    run(use, shelf)


@pytest.mark.full
@pytest.mark.fidelity("files", "500 MB a file, else 413", "documented", "build-with-claude/files")
def test_a_file_of_more_than_500_megabytes_is_too_large() -> None:
    most = 500 * 1024 * 1024

    async def use(it: Shelved) -> None:
        taken = await upload(it, content=bytes(most))
        assert taken.json["size_bytes"] == most
        refused = await upload(it, content=bytes(most + 1))
        assert refused.error == (413, "request_too_large", "Request exceeds the maximum size")
        it.shelf.close()

    run(use, FileShelf.open(None))
