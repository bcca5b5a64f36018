"""JSON Schemas: compiled once, kept from the network, and what is wrong said for the closest branch."""

import json
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, override

from tanzaku.core import InputFileError, UserError
from tanzaku.core.plain_yaml import Entry, read_yaml
from tanzaku.workbench.assertions._finding import (
    CannotJudge,
    Finding,
    Sight,
    excerpt,
    fails,
    passes,
)
from tanzaku.workbench.assertions._paths import format_path, resolve_inside

if TYPE_CHECKING:
    from jsonschema_rs import ValidationError, Validator

_BASE: Final = "project:///"
_OPENAPI: Final = "openapi"

type Judge = Callable[[Any, Sight], Finding]


def read_schema(entry: Entry) -> Judge:
    """A judge by a schema: `openapi` (the imported document's for this answer), `file:` or inline."""
    if isinstance(entry.content, str):
        entry.as_choice([_OPENAPI])
        return _judge_by_document
    fields = entry.content
    if isinstance(fields, dict) and list(fields) == ["file"]:
        file = fields["file"].as_text()
        return lambda value, sight: judge(value, _load_file(file, sight.subject.root))
    validator = read_inline_schema(entry)
    return lambda value, sight: judge(value, validator)


def read_inline_schema(entry: Entry) -> "Validator":
    """The schema written out in a file; InputFileError for what is none."""
    try:
        return compile_schema(entry.plain)
    except ValueError as error:
        raise InputFileError(
            "{place}: `{key}` is no JSON Schema: {reason}.",
            place=entry.place,
            key=entry.key,
            reason=str(error),
        ) from None


def compile_schema(
    schema: Any, retriever: Callable[[str], Any] | None = None, *, formats: bool = False
) -> "Validator":
    """ValueError, saying why, for what is no schema or refers to what is not there."""
    try:
        from jsonschema_rs import ValidationError, validator_for
    except ModuleNotFoundError as error:
        raise UserError(
            "JSON Schema needs the package jsonschema-rs.", hint="pip install 'tanzaku[workbench]'"
        ) from error
    try:
        return validator_for(
            schema,
            retriever=retriever or _refuse,
            base_uri=_BASE,
            validate_formats=formats or None,
        )
    except ValidationError as error:
        where = format_path(error.instance_path)
        raise ValueError(f"{where}: {error.message}" if error.message else str(error)) from None


def find_mismatches(value: Any, schema: Any) -> list[str]:
    """What in `value` does not fit a JSON Schema, a line each. ValueError for what is no schema."""
    found = map(explain, compile_schema(schema).iter_errors(value))
    return [f"{format_path(path)}: {reason}" for path, reason, _ in found]


def judge(value: Any, validator: "Validator") -> Finding:
    """The finding for a value: of a union, what is wrong in the branch it comes closest to."""
    try:
        errors = list(validator.iter_errors(value))
    except (ValueError, RecursionError) as error:
        raise CannotJudge("the schema cannot be applied: {reason}", reason=str(error)) from None
    if not errors:
        return passes()
    if any(error.kind.name == "backtrackLimitExceeded" for error in errors):
        raise CannotJudge(
            "the schema cannot be applied: {reason}", reason="a pattern takes too long"
        )
    path, reason, actual = explain(errors[0])
    return fails(
        "{at}: {reason} ({count} mistakes in all)" if len(errors) > 1 else "{at}: {reason}",
        actual=actual,
        at=format_path(path),
        reason=excerpt(reason),
        count=len(errors),
    )


def explain(error: "ValidationError") -> tuple[list[str | int], str, Any]:
    """Where, what, and the value to blame; into unions, along the branch of the value's type and tag
    in which least is wrong."""
    branches = [list(branch) for branch in getattr(error.kind, "context", None) or () if branch]
    if not branches:
        return list(error.instance_path), error.message, error.instance
    depth = len(error.instance_path)
    near = [branch for branch in branches if not _is_other_type(branch, depth)] or branches
    tags = [_find_tag(branch, depth) for branch in near]
    wrong = [tag for tag in tags if tag is not None]
    if len(wrong) == len(near):
        found = wrong[0].instance
        known = ", ".join(dict.fromkeys(map(_write_tag, wrong)))
        return list(wrong[0].instance_path), f"{json.dumps(found)} is none of {known}", found
    fitting = [branch for branch, tag in zip(near, tags, strict=True) if tag is None]
    return explain(min(fitting, key=len)[0])


def _is_other_type(branch: Iterable["ValidationError"], depth: int) -> bool:
    """Whether the branch wants another type of value altogether."""
    return any(error.kind.name == "type" and len(error.instance_path) == depth for error in branch)


def _find_tag(branch: Iterable["ValidationError"], depth: int) -> "ValidationError | None":
    """The error that says that a text right below is not this branch's (`type`, mostly)."""
    for error in branch:
        is_tag = error.kind.name in {"const", "enum"} and isinstance(error.instance, str)
        if is_tag and len(error.instance_path) == depth + 1:
            return error
    return None


def _write_tag(error: "ValidationError") -> str:
    wanted = error.kind.as_dict()
    value = wanted.get("expected_value", wanted.get("options"))
    return json.dumps(value, ensure_ascii=False).strip("[]")


def _judge_by_document(value: Any, sight: Sight) -> Finding:
    find, reply = sight.subject.response_schema, sight.reply
    if find is None:
        raise CannotJudge("no OpenAPI document describes this request")
    schema = find(reply.status or 0, reply.content_type)
    if schema is None:
        raise CannotJudge(
            "the OpenAPI document has no schema for status {status} as {content_type}",
            status=reply.status,
            content_type=reply.content_type or "-",
        )
    return judge(value, _compile_found(_Held(schema)))


class _Held:
    """A schema by its identity: comparing large ones would take longer than compiling them."""

    def __init__(self, schema: Any) -> None:
        self.schema = schema

    @override
    def __hash__(self) -> int:
        return id(self.schema)

    @override
    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Held) and other.schema is self.schema


@lru_cache(maxsize=256)
def _compile_found(held: _Held) -> "Validator":
    try:
        return compile_schema(held.schema)
    except ValueError as error:
        raise CannotJudge(
            "the OpenAPI document's schema is none: {reason}", reason=str(error)
        ) from None


def _load_file(file: str, root: Path) -> "Validator":
    path = resolve_inside(root, file)
    try:
        changed = path.stat().st_mtime_ns
    except OSError as error:
        raise CannotJudge(
            "{file} cannot be read: {reason}", file=file, reason=error.strerror
        ) from None
    return _compile_file(path, root.resolve(), changed)


@lru_cache(maxsize=64)
def _compile_file(path: Path, root: Path, changed: int) -> "Validator":
    def retrieve(uri: str) -> Any:
        if not uri.startswith(_BASE):
            return _refuse(uri)
        return _read_schema_file(resolve_inside(root, uri.removeprefix(_BASE)))

    here = {"$ref": _BASE + path.relative_to(root).as_posix()}
    try:
        return compile_schema(here, retrieve)
    except ValueError as error:
        raise CannotJudge(
            "{file} is no JSON Schema: {reason}", file=path.name, reason=str(error)
        ) from None


def _read_schema_file(path: Path) -> Any:
    if path.suffix in {".yaml", ".yml"}:
        return read_yaml(path).plain
    return json.loads(path.read_text(encoding="utf-8"))


def _refuse(uri: str) -> Any:
    raise ValueError(f"{uri} is not read: a schema refers to files of its project only")
