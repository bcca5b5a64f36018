"""Which files a request names, found without reading the request."""

import json
import re
from collections.abc import Awaitable, Callable, Iterator
from typing import Final, override

from tanzaku.transport import BrokenUploadError, Upload
from tanzaku.wire import ApiError

# Each letter also as JSON may escape it. In a text within JSON a quote has a backslash before it,
# so that none of what people or models write is taken for a name.
_NAME: Final = b'"%b"' % b"".join(b"(?:%c|\\\\u00%02x)" % (letter, letter) for letter in b"file_id")
_TEXT: Final = rb'"(?:[^"\\]|\\.)*"'
_NAMED: Final = re.compile(rb"(?is:%b\s*:\s*(%b))" % (_NAME, _TEXT))
_BEGUN: Final = re.compile(rb'(?is:%b\s*(?::\s*(?:"(?:[^"\\]|\\.)*\\?)?)?)\Z' % _NAME)
_SPACE: Final = re.compile(rb"\s+")
_LONGEST_NAME: Final = len(b'""') + 6 * len(b"file_id")
_LONGEST_HELD: Final = 4096


def may_name_files(body: bytes) -> bool:
    """Whether it is worth while to look for files in `body`."""
    # `find` takes a fifth of what `in` does.
    return body.find(b'"file_id"') >= 0 or body.find(b"\\u00") >= 0


def find_files(body: bytes) -> Iterator[str]:
    """The value of every `file_id` in a JSON text, however its letters are escaped."""
    for found in _NAMED.finditer(body):
        try:
            yield str(json.loads(found[1]))
        except ValueError:
            continue  # no JSON, which the upstream will say


class FileScanner:
    """Finds the files that a JSON text names while it comes in, holding next to nothing of it."""

    def __init__(self) -> None:
        self._begun = b""
        self._found: set[str] = set()

    def feed(self, chunk: bytes) -> set[str]:
        """The files that are named now and were not before. Raises ApiError for a value without
        end."""
        text = self._begun + chunk
        fresh = set(find_files(text)) - self._found
        self._found |= fresh
        begun = _BEGUN.search(text)
        self._begun = text[-_LONGEST_NAME:] if begun is None else _SPACE.sub(b" ", begun[0])
        if len(self._begun) > _LONGEST_HELD:
            raise ApiError.invalid_request("file_id: too long")
        return fresh


class ScreenedUpload(Upload):
    """An upload that breaks off, before its end, where it names a file that `check` raises ApiError
    for."""

    def __init__(self, source: Upload, check: Callable[[str], Awaitable[None]]) -> None:
        super().__init__(source.size, lambda is_held: None)
        self._source = source
        self._check = check
        self._scanner = FileScanner()

    @override
    async def __anext__(self) -> bytes:
        chunk = await anext(self._source)
        try:
            for file_id in self._scanner.feed(chunk):
                await self._check(file_id)
        except ApiError as error:
            raise BrokenUploadError(error.status, error.message) from error
        return chunk
