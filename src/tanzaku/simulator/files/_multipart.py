"""`multipart/form-data` (RFC 7578) out of a body that is there whole.

Kept small on purpose: a form of this API has two fields. The content of a part is named by its
place in the body, so that a large file is not copied.
"""

import re
from typing import Final, NamedTuple, Never
from urllib.parse import unquote

from tanzaku.wire import ApiError

MOST_PARTS: Final = 16
MOST_HEADER_BYTES: Final = 8 * 1024

_TYPE = re.compile(rb"multipart/form-data\s*(?:;|\Z)", re.IGNORECASE)
_BOUNDARY = re.compile(rb';\s*boundary=(?:"([^"\r\n]{1,70})"|([^\s";,]{1,70}))', re.IGNORECASE)
_PADDING = re.compile(rb"[ \t]*\r\n")
_PARAMETER = re.compile(r';\s*([\w*-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s";]*))', re.ASCII)
_ESCAPED = re.compile(r"\\(.)")


class FormPart(NamedTuple):
    """`filename` and `content_type` are None where the part names none. Its content is
    `body[begin:end]`."""

    name: str
    filename: str | None
    content_type: str | None
    begin: int
    end: int


def parse_form(content_type: bytes | None, body: bytes) -> list[FormPart]:
    """The parts of a form, in order: 16 at most, with 8 KiB of headers each.

    ApiError 400 for what is no such form. All texts are guesses.
    """
    if content_type is None or _TYPE.match(content_type.strip()) is None:
        raise ApiError.invalid_request("Content-Type must be multipart/form-data")
    named = _BOUNDARY.search(content_type)
    if named is None:
        raise ApiError.invalid_request("Content-Type: no boundary found")
    delimiter = b"\r\n--" + (named[1] or named[2])
    # The first delimiter may open the body, without the line break before it.
    at = len(delimiter) - 2 if body.startswith(delimiter[2:]) else _find(body, delimiter, 0)
    parts: list[FormPart] = []
    while not body.startswith(b"--", at):
        padding = _PADDING.match(body, at)
        if padding is None:
            _refuse("no line break after a boundary")
        if len(parts) == MOST_PARTS:
            _refuse(f"more than {MOST_PARTS} parts")
        # The break that ends the boundary's line may also begin the empty one: no headers at all.
        headers_end = body.find(b"\r\n\r\n", padding.end() - 2, padding.end() + MOST_HEADER_BYTES)
        if headers_end < 0:
            _refuse("a part without the end of its headers")
        at = _find(body, delimiter, headers_end + 2)
        headers = body[padding.end() : headers_end]
        parts.append(_read_part(headers, headers_end + 4, at - len(delimiter)))
    return parts


def _find(body: bytes, delimiter: bytes, begin: int) -> int:
    """Behind the next delimiter."""
    at = body.find(delimiter, begin)
    if at < 0:
        _refuse("the last boundary is missing")
    return at + len(delimiter)


def _read_part(headers: bytes, begin: int, end: int) -> FormPart:
    try:
        lines = headers.decode().split("\r\n")
    except UnicodeDecodeError:
        _refuse("the headers of a part are not UTF-8")
    fields: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        fields[name.strip().lower()] = value.strip()
    disposition = fields.get("content-disposition", "")
    parameters = {
        name.lower(): _ESCAPED.sub(r"\1", quoted) if quoted else plain
        for name, quoted, plain in _PARAMETER.findall(disposition)
    }
    if not disposition.lower().startswith("form-data") or "name" not in parameters:
        _refuse("a part without a name")
    filename = parameters.get("filename")
    extended = parameters.get("filename*", "")
    if extended.lower().startswith("utf-8''"):
        filename = unquote(extended[7:])
    content_type = fields.get("content-type") or None
    return FormPart(parameters["name"], filename, content_type, begin, max(begin, end))


def _refuse(why: str) -> Never:
    raise ApiError.invalid_request(f"The request body is not a valid multipart form: {why}")
