"""The shape of a request, checked by pydantic, whose messages are the API's own."""

from collections.abc import Collection, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from pydantic_core import ErrorDetails, ValidationError

from tanzaku.wire._beta import FIELDS, TYPES, is_unlocked
from tanzaku.wire._errors import ApiError
from tanzaku.wire._params.constraints import OTHER_BRANCH, STRING_BRANCH
from tanzaku.wire._params.queries import (
    BatchListParam,
    FileListParam,
    FileUploadParam,
    ModelListParam,
)
from tanzaku.wire._params.request import (
    BatchCreateParam,
    MessageCountTokensParam,
    MessageCreateParam,
)
from tanzaku.wire._violation import EXTRA, Violation

if TYPE_CHECKING:
    from pydantic.plugin._schema_validator import PluggableSchemaValidator
    from pydantic_core import SchemaValidator

# Through an alias, because an adapter takes a configuration for everything below it only where its
# own type could not have one.
type _MessageCreate = MessageCreateParam
type _MessageCountTokens = MessageCountTokensParam
type _BatchCreate = BatchCreateParam
type _BatchList = BatchListParam
type _FileList = FileListParam
type _FileUpload = FileUploadParam
type _ModelList = ModelListParam

type Body = Literal["messages", "count_tokens", "batch"]
type Fields = Literal["list batches", "list files", "list models", "upload"]

_TYPES: dict[Body | Fields, Any] = {
    "messages": _MessageCreate,
    "count_tokens": _MessageCountTokens,
    "batch": _BatchCreate,
    "list batches": _BatchList,
    "list files": _FileList,
    "list models": _ModelList,
    "upload": _FileUpload,
}


def check_shape(
    request: Mapping[str, Any],
    body: Body,
    *,
    betas: Collection[str] = (),
    removed: Collection[str] = (),
) -> list[Violation]:
    """What is missing, of a wrong type, out of range or not known.

    `removed` are fields of the body that the request's version no longer has.
    """
    refused = [
        name
        for name in request
        if name in removed or (name in FIELDS and not is_unlocked(FIELDS[name], betas))
    ]
    found: list[Violation] = []
    try:
        _build_validator(body).validate_python(request)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=True)
        found = [
            _read(detail, betas)
            for detail in details
            if detail["loc"][:1] not in {(name,) for name in refused} and not _is_aside(detail)
        ]
    found.extend(Violation(name, EXTRA) for name in refused)
    return found


def read_fields(values: Mapping[str, Any], fields: Fields) -> dict[str, Any]:
    """`values`, which came as text, in their types. ApiError 400 for the first that is refused."""
    try:
        read: dict[str, Any] = _build_validator(fields).validate_python(values, strict=False)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ApiError.from_violation(_read(first, ())) from error
    return read


@cache
def _build_validator(kind: Body | Fields) -> "SchemaValidator | PluggableSchemaValidator":
    from pydantic import TypeAdapter

    return TypeAdapter(_TYPES[kind], config={"extra": "forbid", "strict": True}).validator


def _is_aside(detail: ErrorDetails) -> bool:
    """Whether this is what the form that was not meant says of a string or another value."""
    is_string = isinstance(detail["input"], str)
    return detail["loc"][-1:] == ((OTHER_BRANCH if is_string else STRING_BRANCH),)


def _read(detail: ErrorDetails, betas: Collection[str]) -> Violation:
    parts = [str(part) for part in detail["loc"] if part not in (STRING_BRANCH, OTHER_BRANCH)]
    path, message = ".".join(parts), detail["msg"]
    kind = detail["type"]
    if kind == "union_tag_not_found":
        return Violation(f"{path}.type", "Field required", is_guess=True)
    if kind == "model_attributes_type":
        return Violation(path, "Input should be a valid dictionary", is_guess=True)
    if kind == "union_tag_invalid":
        message = _name_tags(detail["ctx"], betas)
    return Violation(path, message)


def _name_tags(context: Mapping[str, Any], betas: Collection[str]) -> str:
    tags = context["expected_tags"].split(", ")
    open_tags = [
        tag
        for tag in sorted(tags)
        if (stems := TYPES.get(tag.strip("'"))) is None or is_unlocked(stems, betas)
    ]
    return (
        f"Input tag '{context['tag']}' found using 'type' does not match any of the expected "
        f"tags: {', '.join(open_tags)}"
    )
