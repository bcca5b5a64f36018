"""A request's body: JSON, text, a file or a form."""

import json
import mimetypes
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from tanzaku.core import InputFileError
from tanzaku.core.plain_yaml import Entry, Place
from tanzaku.workbench.project._documents import find_file
from tanzaku.workbench.project._entries import FileText
from tanzaku.workbench.project._headers import Value
from tanzaku.workbench.project._templates import Template
from tanzaku.workbench.project._variables import Scope

BODY_KEYS: Final = ("body", "raw", "file", "form")
JSON_TYPE: Final = "application/json"
MAX_FILE_BYTES: Final = 32 << 20
_URLENCODED: Final = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class BodyPlan:
    """`make` gives the bytes and what kind they are, unless `content_type` says it."""

    make: Callable[[Scope], tuple[bytes, str]]
    content_type: Value | None

    def build(self, scope: Scope) -> tuple[bytes, str]:
        """The bytes and their content type, empty for none."""
        body, kind = self.make(scope)
        return body, self.content_type.fill(scope) if self.content_type else kind


@dataclass(frozen=True, slots=True)
class _Part:
    name: str
    content: Value | bytes
    filename: str = ""
    content_type: str = ""


def parse_body(fields: Mapping[str, Entry], root: Path) -> BodyPlan:
    """The body of a request's `fields`; InputFileError when it has two."""
    given = [key for key in BODY_KEYS if key in fields]
    if len(given) > 1:
        raise InputFileError(
            "{place}: a request has one of {keys}; `{other}` stands here too.",
            place=fields[given[1]].name_place,
            keys=", ".join(BODY_KEYS),
            other=given[0],
        )
    entry = fields.get("content_type")
    content_type = Value(entry) if entry else None
    return BodyPlan(_parse_make(given, fields, root, content_type), content_type)


def _parse_make(
    given: list[str], fields: Mapping[str, Entry], root: Path, content_type: Value | None
) -> Callable[[Scope], tuple[bytes, str]]:
    if not given:
        return lambda _: (b"", "")
    entry = fields[given[0]]
    if given == ["body"]:
        template = Template(inline_texts(entry, root))
        return lambda scope: (encode_json(template.fill(scope), entry.place), JSON_TYPE)
    if given == ["raw"]:
        entry.as_text()
        raw = Value(entry)
        return lambda scope: (raw.fill(scope).encode(), "text/plain; charset=utf-8")
    if given == ["file"]:
        path = find_file(entry, root)
        content, kind = _read_bytes(path, entry.place), _guess_type(path.name)
        return lambda _: (content, kind)
    parts = [
        _parse_part(name, one, root)
        for name, several in entry.as_mapping().items()
        for one in (several.content if isinstance(several.content, list) else [several])
    ]
    if fields.get("content_type") and fields["content_type"].content == _URLENCODED:
        return lambda scope: (_encode_urls(parts, scope, entry.place), _URLENCODED)
    if content_type is not None:
        raise InputFileError(
            "{place}: a form is sent as multipart/form-data, or as {urlencoded}.",
            hint="Leave `content_type` out.",
            place=content_type.place,
            urlencoded=_URLENCODED,
        )
    return lambda scope: _encode_multipart(parts, scope)


def encode_json(value: Any, place: Place) -> bytes:
    """Compact UTF-8, Chinese as itself."""
    try:
        return json.dumps(
            value, ensure_ascii=False, separators=(",", ":"), allow_nan=False
        ).encode()
    except (ValueError, TypeError, RecursionError):
        raise InputFileError("{place}: the value cannot be sent as JSON.", place=place) from None


def inline_texts(body: Entry, root: Path) -> Entry:
    """`body` with the files that stand for texts read in: `{file: prompts/x.md}` as the value of
    `system`, `content` or `text`, anywhere below the body's `system` and `messages`."""
    if not isinstance(body.content, dict):
        return body
    content = {
        name: _inline(one, root, name == "system") if name in {"system", "messages"} else one
        for name, one in body.content.items()
    }
    return Entry(body.key, body.place, body.name_place, content)


def _inline(entry: Entry, root: Path, is_text: bool) -> Entry:
    content: Any = entry.content
    if isinstance(content, dict):
        if is_text and content.keys() == {"file"}:
            path = find_file(content["file"], root)
            text = _read_text(path, content["file"].place)
            top = Place(str(path), 1, 1)
            return FileText(entry.key, top, top, text)
        content = {
            name: one if name == "input" else _inline(one, root, name in {"content", "text"})
            for name, one in content.items()
        }
    elif isinstance(content, list):
        content = [_inline(one, root, False) for one in content]
    return Entry(entry.key, entry.place, entry.name_place, content)


def _read_text(path: Path, place: Place) -> str:
    try:
        text = _read_bytes(path, place).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputFileError(
            "{file}: is not UTF-8 text: byte {at} cannot be read.", file=path, at=error.start
        ) from None
    # The last line break is the editor's.
    return text.replace("\r\n", "\n").removesuffix("\n")


def _read_bytes(path: Path, place: Place) -> bytes:
    if path.stat().st_size > MAX_FILE_BYTES:
        raise InputFileError(
            "{place}: {file} is larger than {most} bytes.",
            place=place,
            file=path.name,
            most=MAX_FILE_BYTES,
        )
    return path.read_bytes()


def _guess_type(name: str) -> str:
    return mimetypes.MimeTypes().guess_type(name)[0] or "application/octet-stream"


def _parse_part(name: str, entry: Entry, root: Path) -> _Part:
    if not isinstance(entry.content, dict):
        return _Part(name, Value(entry))
    fields = entry.as_fields(("file", "content_type", "filename"), ("file",))
    path = find_file(fields["file"], root)
    return _Part(
        name,
        _read_bytes(path, fields["file"].place),
        fields["filename"].as_text() if "filename" in fields else path.name,
        fields["content_type"].as_text() if "content_type" in fields else _guess_type(path.name),
    )


def _encode_urls(parts: list[_Part], scope: Scope, place: Place) -> bytes:
    pairs: list[tuple[str, str]] = []
    for part in parts:
        if isinstance(part.content, bytes):
            raise InputFileError(
                "{place}: a file cannot be sent as {urlencoded}.",
                place=place,
                urlencoded=_URLENCODED,
            )
        pairs.append((part.name, part.content.fill(scope)))
    return urlencode(pairs).encode()


def _encode_multipart(parts: list[_Part], scope: Scope) -> tuple[bytes, str]:
    """RFC 7578. The boundary follows from the content, so that the same form has the same bytes."""
    pieces: list[tuple[bytes, bytes]] = []
    for part in parts:
        head = f'content-disposition: form-data; name="{_escape(part.name)}"'
        if isinstance(part.content, bytes):
            head += f'; filename="{_escape(part.filename)}"\r\ncontent-type: {part.content_type}'
            content = part.content
        else:
            content = part.content.fill(scope).encode()
        pieces.append((head.encode(), content))
    digest = sha256()
    for head_bytes, content in pieces:
        digest.update(b"%d:%d:" % (len(head_bytes), len(content)) + head_bytes + content)
    boundary = digest.hexdigest()[:32]
    lines = [
        b"--%s\r\n%s\r\n\r\n%s\r\n" % (boundary.encode(), head_bytes, content)
        for head_bytes, content in pieces
    ]
    body = b"".join(lines) + b"--%s--\r\n" % boundary.encode()
    return body, f"multipart/form-data; boundary={boundary}"


def _escape(text: str) -> str:
    # As browsers do (the WHATWG's multipart encoding).
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
