"""What a file is called and what it is."""

from typing import Final

from tanzaku.wire import ApiError

DOCUMENT_TYPES: Final = ("application/pdf", "text/plain")
IMAGE_TYPES: Final = ("image/jpeg", "image/png", "image/gif", "image/webp")
DETECTED_BYTES: Final = 4096
"""How much of a file is enough to tell its type."""

_UNKNOWN = "application/octet-stream"
_EXTENSIONS = {
    "application/json": ".json",
    "application/pdf": ".pdf",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/zip": ".zip",
    "image/gif": ".gif",
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/webp": ".webp",
    "text/csv": ".csv",
    "text/html": ".html",
    "text/markdown": ".md",
    "text/plain": ".txt",
}
_TYPES = {extension: kind for kind, extension in _EXTENSIONS.items()} | {".jpeg": "image/jpeg"}
_SIGNATURES = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
# platform.claude.com build-with-claude/files, 2026-09-26: "Invalid filename (400)".
_FORBIDDEN = frozenset('<>:"|?*\\/') | {chr(number) for number in range(32)}
_MOST_CHARACTERS = 255


def choose_filename(given: str | None, mime_type: str) -> str:
    """The last component of a part's filename; without one, `unnamed` and the extension of the
    type, where that is known (SDK 2.12 resources/files.py).

    ApiError 400 for a name the documentation forbids; the texts are guesses, and so is that only
    a slash parts components.
    """
    name = (given or "").rpartition("/")[2]
    if not name:
        return "unnamed" + _EXTENSIONS.get(read_plain_type(mime_type), "")
    if len(name) > _MOST_CHARACTERS:
        raise ApiError.invalid_request(
            f"file: filename must be between 1 and {_MOST_CHARACTERS} characters"
        )
    if not _FORBIDDEN.isdisjoint(name):
        raise ApiError.invalid_request("file: filename contains forbidden characters")
    return name


def detect_type(head: bytes, filename: str | None) -> str:
    """The type of a file that came without one: by its first bytes, then by its extension, then
    `text/plain` for UTF-8. That the type is detected is documented, how is a guess."""
    for signature, kind in _SIGNATURES:
        if head.startswith(signature):
            return kind
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    _, dot, extension = (filename or "").rpartition(".")
    if dot and f".{extension.lower()}" in _TYPES:
        return _TYPES[f".{extension.lower()}"]
    return "text/plain" if _is_text(head) else _UNKNOWN


def read_plain_type(mime_type: str) -> str:
    """`text/plain` of `Text/Plain; charset=utf-8`."""
    return mime_type.partition(";")[0].strip().lower()


def _is_text(head: bytes) -> bool:
    if b"\0" in head:
        return False
    try:
        head.decode()
    except UnicodeDecodeError as error:
        # A character that the cut has halved is none of the text's fault.
        return len(head) == DETECTED_BYTES and error.start > DETECTED_BYTES - 4
    return True
