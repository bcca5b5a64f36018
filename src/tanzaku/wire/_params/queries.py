"""Query strings and the upload form."""

from typing import Annotated, Literal, NotRequired, TypedDict

from tanzaku.wire._params.constraints import Bounds

type _Limit = Annotated[int, Bounds(ge=1, le=1000)]


class BatchListParam(TypedDict):
    """A page of batches; 20 without a limit."""

    after_id: NotRequired[str]
    before_id: NotRequired[str]
    limit: NotRequired[_Limit]


class ModelListParam(TypedDict):
    """A page of models; without `lifecycle` the active and the deprecated."""

    after_id: NotRequired[str]
    before_id: NotRequired[str]
    lifecycle: NotRequired[
        Annotated[list[Literal["active", "deprecated", "retired"]], Bounds(max_length=3)]
    ]
    limit: NotRequired[_Limit]


class FileListParam(TypedDict):
    """A page of files, or those of `ids` (without `page` and `limit` then); beta: of the scope that
    has the id `scope_id`, a session's."""

    ids: NotRequired[Annotated[list[str], Bounds(max_length=100)] | None]
    limit: NotRequired[_Limit]
    page: NotRequired[str | None]
    scope_id: NotRequired[str]


class OldFileListParam(BatchListParam):
    """A page of files as the beta `files-api-2025-04-14` cuts them."""

    scope_id: NotRequired[str]


class FileUploadParam(TypedDict):
    """Parts of the multipart form. A file without an expiry stays; the longest is 90 days."""

    file: bytes
    expires_in_seconds: NotRequired[Annotated[int, Bounds(ge=3600, le=7_776_000)]]
