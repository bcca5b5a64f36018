"""One file over time: pure, driven by `now` (Unix seconds)."""

from dataclasses import dataclass
from typing import Any

from tanzaku.core import format_rfc3339
from tanzaku.simulator.files._names import DOCUMENT_TYPES, IMAGE_TYPES, read_plain_type
from tanzaku.simulator.files._references import FileUse
from tanzaku.wire import ApiError, get_error_type

# platform.claude.com build-with-claude/files, 2026-09-26: metadata stays for up to 30 days.
_METADATA_S = 30 * 86_400.0


@dataclass(frozen=True, slots=True)
class FileRecord:
    """What is known of a file beside its content, which is on the shelf in `parts` pieces.

    Once `expires_at` has come its content is gone; 30 days later the rest is.
    """

    id: str
    workspace: str
    filename: str
    mime_type: str
    size_bytes: int
    created_at: float
    expires_at: float | None
    downloadable: bool
    parts: int

    @property
    def forgotten_at(self) -> float | None:
        return None if self.expires_at is None else self.expires_at + _METADATA_S

    def is_expired(self, now: float) -> bool:
        return self.expires_at is not None and now >= self.expires_at

    def is_forgotten(self, now: float) -> bool:
        return self.forgotten_at is not None and now >= self.forgotten_at

    def describe(self, *, is_beta: bool) -> dict[str, Any]:
        """The file's metadata; in the shape of `files-api-2025-04-14` without its expiry."""
        metadata = {
            "type": "file",
            "id": self.id,
            "size_bytes": self.size_bytes,
            "created_at": format_rfc3339(self.created_at),
            "filename": self.filename,
            "mime_type": self.mime_type,
            "downloadable": self.downloadable,
        }
        if not is_beta:
            expires_at = self.expires_at
            metadata["expires_at"] = None if expires_at is None else format_rfc3339(expires_at)
        return metadata

    def check_content(self, now: float) -> ApiError | None:
        """Why its content is not there any more. The text is a guess."""
        if not self.is_expired(now):
            return None
        return ApiError(
            404, get_error_type(404), f"File `{self.id}` has expired.", error_code="file_expired"
        )

    def check_download(self, now: float) -> ApiError | None:
        """Why it cannot be downloaded; that its expiry is looked at first is a guess."""
        error = self.check_content(now)
        if error is None and not self.downloadable:
            code = "file_not_downloadable"
            return ApiError(400, get_error_type(400), "File is not downloadable", error_code=code)
        return error

    def check_use(self, use: FileUse, now: float) -> ApiError | None:
        """Why a message cannot use it so. The text on documents is in public reports
        (anthropic-sdk-ruby#128); that on images is a guess by its likeness."""
        error = self.check_content(now)
        if error is not None:
            return error
        kind = read_plain_type(self.mime_type)
        if use == "document" and kind not in DOCUMENT_TYPES:
            return ApiError.invalid_request(
                f"Unsupported document file format: {kind}. Only PDF and plaintext documents are "
                "supported."
            )
        if use == "image" and kind not in IMAGE_TYPES:
            return ApiError.invalid_request(
                f"Unsupported image file format: {kind}. Supported image formats are JPEG, PNG, "
                "GIF, and WebP."
            )
        return None
