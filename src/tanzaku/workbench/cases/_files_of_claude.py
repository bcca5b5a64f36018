"""What Claude's API says of files, which none of its schemas does."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tanzaku.workbench.cases._oracles import DOCUMENTED

FILE_CONTENT: Final = "/v1/files/{file_id}/content"
NOT_DOWNLOADABLE: Final[Sequence[Any]] = (
    {"status": 400},
    DOCUMENTED,
    {"jsonpath": "$.error.details.error_code", "equals": "file_not_downloadable"},
)
"""The answer for an uploaded file: only what a tool has made can be downloaded
(build-with-claude/files, SDK 2.12.0 `_error_classes.py`)."""


def names_file(value: Any) -> bool:
    """Whether a body names a file: whether that is there, no schema says."""
    if isinstance(value, Mapping):
        return "file_id" in value or any(names_file(one) for one in value.values())
    return isinstance(value, list) and any(names_file(one) for one in value)
