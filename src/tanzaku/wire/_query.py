"""Query strings of the list calls, and the form of an upload."""

from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import parse_qsl

from tanzaku.wire._errors import ApiError
from tanzaku.wire._schema import Fields, read_fields

type ListCall = Literal["batches", "files", "models", "old files"]

_FIELDS: dict[ListCall, Fields] = {
    "batches": "list batches",
    "files": "list files",
    "models": "list models",
    "old files": "list old files",
}
_LISTS = ("ids", "lifecycle")
_DEFAULT_LIMIT = 20


def parse_query(query: str, call: ListCall) -> dict[str, Any]:
    """The parameters of a list call: `BatchListParam`, `FileListParam`, `ModelListParam` or
    `OldFileListParam`.

    `limit` is always there, 20 when not given. Brackets behind a name are optional, `ids` holds
    each id once, of any other value given twice the last counts, and `beta`, which older SDKs send,
    is passed over. ApiError 400 for the rest; that unknown parameters are refused, and the text on
    `ids` with `page` or `limit`, are guesses.
    """
    values: dict[str, Any] = {}
    for pair, value in parse_qsl(query, keep_blank_values=True):
        name = pair.removesuffix("[]")
        if name in _LISTS:
            known: list[str] = values.setdefault(name, [])
            if value not in known:
                known.append(value)
        elif name != "beta":
            values[name] = value
    read = read_fields(values, _FIELDS[call])
    if "ids" in read and read.keys() & {"page", "limit"}:
        raise ApiError.invalid_request("ids: cannot be combined with `page` or `limit`")
    return {"limit": _DEFAULT_LIMIT, **read}


def parse_upload(form: Mapping[str, str | bytes]) -> dict[str, Any]:
    """The parts of an upload's form by name, as `FileUploadParam`. ApiError 400 where one is missing,
    unknown or out of range. `file` may be empty bytes where its content is kept elsewhere.
    """
    return read_fields(form, "upload")
