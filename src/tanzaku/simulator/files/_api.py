"""`/v1/files` and what is below it."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote

from tanzaku.core import Clock
from tanzaku.simulator._families import refuse_method
from tanzaku.simulator._pages import cut_page
from tanzaku.simulator._replies import Head, reply_json
from tanzaku.simulator.files._library import FileLibrary, NewFile
from tanzaku.simulator.files._multipart import FormPart, parse_form
from tanzaku.simulator.files._names import DETECTED_BYTES, choose_filename, detect_type
from tanzaku.simulator.files._record import FileRecord
from tanzaku.transport import HttpRequest, HttpResponse, get_header
from tanzaku.wire import (
    ApiError,
    DeletedFile,
    find_betas,
    parse_query,
    parse_upload,
)

MAX_FILE_BYTES = 500 * 1024 * 1024
MAX_UPLOAD_BODY_BYTES = MAX_FILE_BYTES + 64 * 1024
"""A file of the largest size with its form around it."""

_PATH = "/v1/files"
_ROUTE = re.compile(rf"{_PATH}(?:/(?P<name>[^/]+)(?P<content>/content)?)?")
_RULE = "files"
_BETA = "files-api-2025-04-14"
_PAGE = "page_"
_MOST_TYPE_CHARACTERS = 255


class FilesApi:
    """Takes, shows, lists, deletes and sends the files of a library.

    A request with the beta `files-api-2025-04-14` gets the shapes of that beta.
    """

    def __init__(self, library: FileLibrary, *, clock: Clock) -> None:
        self._library = library
        self._clock = clock

    async def __call__(self, request: HttpRequest, body: bytes, head: Head) -> HttpResponse:
        """Answer a request below /v1/files; ApiError for whatever is wrong with it.

        `body` is the request's without its content-encoding. `head.request_id` must be new: the id
        of a file follows from it.
        """
        await self._library.load()
        head.rule = _RULE
        path, _, query = request.target.partition("?")
        route = _ROUTE.fullmatch(path)
        if route is None:
            raise ApiError.not_found()
        is_beta = _BETA in find_betas(request.headers)
        match (request.method, route["name"], route["content"]):
            case ("POST", None, None):
                record = await self._upload(request, body, head, is_beta=is_beta)
                return reply_json(record.describe(is_beta=is_beta), head)
            case ("GET", None, None):
                list_files = self._list_as_in_beta if is_beta else self._list
                return reply_json(list_files(query, _name_workspace(head)), head)
            case ("GET", str(name), None):
                return reply_json(self._find(name, head).describe(is_beta=is_beta), head)
            case ("DELETE", str(name), None):
                return reply_json(await self._delete(self._find(name, head)), head)
            case ("GET", str(name), "/content"):
                return self._download(self._find(name, head), head)
            case _:
                item = ("GET",) if route["content"] else ("GET", "DELETE")
                raise refuse_method(*(item if route["name"] else ("GET", "POST")))

    async def _upload(
        self, request: HttpRequest, body: bytes, head: Head, *, is_beta: bool
    ) -> FileRecord:
        parts = parse_form(get_header(request.headers, b"content-type"), body)
        new = _read_form(parts, body, needs_type=is_beta)
        if new.end - new.begin > MAX_FILE_BYTES:
            raise ApiError.request_too_large()
        return await self._library.keep(
            new, head.request_id, _name_workspace(head), downloadable=False
        )

    def _list(self, query: str, workspace: str) -> dict[str, Any]:
        wanted = parse_query(query, "files")
        files = self._find_files(wanted, workspace)
        if wanted.get("ids") is not None:
            asked = set(wanted["ids"])
            chosen = [one for one in files if one.id in asked]
            return {"data": [one.describe(is_beta=False) for one in chosen], "next_page": None}
        places = self._library.places
        cursor = wanted.get("page")
        if cursor is not None:
            place = places.get(cursor.removeprefix(_PAGE))
            if place is None or not cursor.startswith(_PAGE):
                # The text is a guess.
                raise ApiError.invalid_request("page: invalid page cursor")
            files = [one for one in files if places[one.id] < place]
        page = files[: wanted["limit"]]
        return {
            "data": [one.describe(is_beta=False) for one in page],
            "next_page": f"{_PAGE}{page[-1].id}" if len(files) > len(page) else None,
        }

    def _list_as_in_beta(self, query: str, workspace: str) -> dict[str, Any]:
        wanted = parse_query(query, "old files")
        files = self._find_files(wanted, workspace)
        page = cut_page(files, self._library.places, wanted)
        return page.show([one.describe(is_beta=True) for one in page.items])

    def _find_files(self, wanted: Mapping[str, Any], workspace: str) -> list[FileRecord]:
        """No file has a scope: sessions, which give one, are not simulated."""
        return [] if "scope_id" in wanted else self._library.list_files(workspace)

    async def _delete(self, record: FileRecord) -> DeletedFile:
        await self._library.delete(record)
        return {"id": record.id, "type": "file_deleted"}

    def _download(self, record: FileRecord, head: Head) -> HttpResponse:
        error = record.check_download(self._clock.now())
        if error is not None:
            raise error
        # Only the content type is known of the real service. The rest keeps a page that a tool has
        # made from being shown under this server's name.
        head.more += [
            (b"content-length", b"%d" % record.size_bytes),
            (b"content-disposition", b"attachment; " + _encode_filename(record.filename)),
            (b"x-content-type-options", b"nosniff"),
        ]
        content_type = (b"content-type", record.mime_type.encode("latin-1", "replace"))
        return HttpResponse(200, head.to_headers(content_type), self._library.iter_content(record))

    def _find(self, name: str, head: Head) -> FileRecord:
        file_id = unquote(name)
        record = self._library.find(file_id, _name_workspace(head))
        if record is None:
            raise ApiError.unknown_file(file_id)
        return record


def _read_form(parts: list[FormPart], body: bytes, *, needs_type: bool) -> NewFile:
    """The texts are guesses; that the beta needs a type is documented."""
    form: dict[str, str | bytes] = {}
    file: FormPart | None = None
    for part in parts:
        if part.name in form:
            raise ApiError.invalid_request(f"{part.name}: may be given only once")
        if part.name == "file":
            file, form["file"] = part, b""
        else:
            form[part.name] = body[part.begin : part.end].decode("utf-8", "replace")
    read = parse_upload(form)
    assert file is not None
    mime_type = file.content_type
    if mime_type is None:
        if needs_type:
            raise ApiError.invalid_request("file: Content-Type is required")
        head_end = min(file.end, file.begin + DETECTED_BYTES)
        mime_type = detect_type(body[file.begin : head_end], file.filename)
    if len(mime_type) > _MOST_TYPE_CHARACTERS:
        raise ApiError.invalid_request("file: Content-Type is too long")
    filename = choose_filename(file.filename, mime_type)
    expires_in_s = read.get("expires_in_seconds")
    return NewFile(body, file.begin, file.end, filename, mime_type, expires_in_s)


def _encode_filename(filename: str) -> bytes:
    return b"filename*=UTF-8''" + quote(filename, safe="").encode()


def _name_workspace(head: Head) -> str:
    return (head.workspace or b"").decode("latin-1")
