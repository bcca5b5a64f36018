"""The shape of a request, checked by pydantic, whose messages are the API's own.

`pydantic_core` checks by schemas that `pydantic` makes of the types, which takes 0.1 s and its own
import. They are packed in shapes.json for the version in the lock file; with any other, they are
made. `scripts/pack_shapes.py` writes the file, `tests/unit/wire/test_shapes.py` compares it.
"""

from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pydantic_core
from pydantic_core import ErrorDetails, SchemaValidator, ValidationError, from_json

from tanzaku.wire._beta import FIELDS, TYPES, is_unlocked
from tanzaku.wire._errors import ApiError
from tanzaku.wire._params.constraints import OTHER_BRANCH, STRING_BRANCH, ByType
from tanzaku.wire._params.queries import (
    BatchListParam,
    FileListParam,
    FileUploadParam,
    ModelListParam,
    OldFileListParam,
)
from tanzaku.wire._params.request import (
    BatchCreateParam,
    MessageCountTokensParam,
    MessageCreateParam,
)
from tanzaku.wire._violation import EXTRA, Violation

if TYPE_CHECKING:
    from pydantic import ConfigDict
    from pydantic.plugin._schema_validator import PluggableSchemaValidator
    from pydantic_core import CoreConfig

# Through an alias, because an adapter takes a configuration for everything below it only where its
# own type could not have one.
type _MessageCreate = MessageCreateParam
type _MessageCountTokens = MessageCountTokensParam
type _BatchCreate = BatchCreateParam
type _BatchList = BatchListParam
type _FileList = FileListParam
type _FileUpload = FileUploadParam
type _ModelList = ModelListParam
type _OldFileList = OldFileListParam

type Body = Literal["messages", "count_tokens", "batch"]
type Fields = Literal["list batches", "list files", "list models", "list old files", "upload"]

SHAPES: dict[Body | Fields, Any] = {
    "messages": _MessageCreate,
    "count_tokens": _MessageCountTokens,
    "batch": _BatchCreate,
    "list batches": _BatchList,
    "list files": _FileList,
    "list models": _ModelList,
    "list old files": _OldFileList,
    "upload": _FileUpload,
}
CONFIG: "ConfigDict" = {"extra": "forbid", "strict": True}
_CORE_CONFIG: "CoreConfig" = {"extra_fields_behavior": "forbid", "strict": True}


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
    shapes = _load_shapes()
    if shapes["pydantic_core"] == pydantic_core.__version__:
        return SchemaValidator(_unpack(shapes[kind]), _CORE_CONFIG)
    from pydantic import TypeAdapter

    return TypeAdapter(SHAPES[kind], config=CONFIG).validator


@cache
def _load_shapes() -> dict[str, Any]:
    shapes: dict[str, Any] = from_json(Path(__file__).with_name("shapes.json").read_bytes())
    return shapes


def _unpack(value: Any) -> Any:
    """A packed schema with what JSON cannot say: labelled choices are tuples, and a tag that has a
    default is found by a function."""
    if isinstance(value, list):
        return [_unpack(each) for each in value]
    if not isinstance(value, dict):
        return value
    schema = {key: _unpack(each) for key, each in value.items()}
    if schema.get("type") == "union":
        schema["choices"] = [
            tuple(choice) if isinstance(choice, list) else choice for choice in schema["choices"]
        ]
    if schema.get("type") == "tagged-union" and isinstance(schema["discriminator"], dict):
        schema["discriminator"] = ByType(schema["discriminator"]["default"]).find_tag
    return schema


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
