"""What is wrong with a document, and what is missing in it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from tanzaku.core import UserError
from tanzaku.core.plain_yaml import Place
from tanzaku.workbench.openapi._document import Content, Document, Operation, iter_references
from tanzaku.workbench.openapi._source import join_pointer, split_pointer

type ProblemKind = Literal[
    "structure", "schema", "reference", "path_parameter", "example",
    "no_response_schema", "no_operation_id", "repeated_operation_id",
]  # fmt: skip
PROBLEM_KINDS: tuple[ProblemKind, ...] = get_args(ProblemKind.__value__)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing about a document. Its sentence is `openapi.KIND` in `look`, which `values` fill."""

    kind: ProblemKind
    pointer: str
    place: Place
    values: Mapping[str, object] = field(default_factory=dict)

    @property
    def is_mistake(self) -> bool:
        """Whether the document breaks the specification; else something useful is missing."""
        return self.kind in {"structure", "schema", "reference", "path_parameter"}


def check_document(document: Document) -> list[Problem]:
    """All that is wrong, in the order of the file. Structure is `openapi-spec-validator`'s to
    judge, schemas and examples `jsonschema_rs`'s; UserError without these packages."""
    found = [
        *_check_structure(document),
        *_check_schemas(document),
        *_check_references(document),
    ]
    given: set[str] = set()
    for operation in document.operations:
        found += _check_operation(document, operation, given)
    return sorted(found, key=lambda one: (one.place.line, one.place.column))


def _check_structure(document: Document) -> Iterator[Problem]:
    try:
        from openapi_spec_validator import OpenAPIV30SpecValidator, OpenAPIV31SpecValidator
    except ModuleNotFoundError as error:
        raise _missing(error) from error
    is_30 = document.openapi.startswith("3.0")
    kind = OpenAPIV30SpecValidator if is_30 else OpenAPIV31SpecValidator
    for mistake in kind.schema_validator.iter_errors(document.raw):
        reason = str(mistake.message).partition("\n")[0]
        yield _build(document, "structure", join_pointer(mistake.absolute_path), reason=reason)


def _check_schemas(document: Document) -> Iterator[Problem]:
    """The whole validator takes seconds on the 734 schemas of Claude's document; this does not."""
    try:
        import jsonschema_rs
    except ModuleNotFoundError as error:
        raise _missing(error) from error
    for name, schema in document.schemas.items():
        try:
            jsonschema_rs.meta.validate(schema)
        except jsonschema_rs.ValidationError as error:
            below = ["components", "schemas", name, *error.instance_path]
            yield _build(document, "schema", join_pointer(below), reason=error.message)


def _check_references(document: Document) -> Iterator[Problem]:
    for name, schema in document.schemas.items():
        for reference in set(iter_references(schema)):
            try:
                document.resolve(reference)
            except UserError:
                pointer = join_pointer(["components", "schemas", name])
                yield _build(document, "reference", pointer, reference=reference)


def _check_operation(
    document: Document, operation: Operation, given: set[str]
) -> Iterator[Problem]:
    about = {"operation": f"{operation.method} {operation.path}", "id": operation.id}
    named = _read_operation_id(document, operation)
    if named is None:
        yield _build(document, "no_operation_id", operation.pointer, **about)
    elif named in given:
        at = f"{operation.pointer}/operationId"
        yield _build(document, "repeated_operation_id", at, **about, name=named)
    given.add(named or operation.id)
    written = set(re.findall(r"\{([^}]*)\}", operation.path))
    declared = {one.name for one in operation.parameters if one.place == "path"}
    for name in sorted(written ^ declared):
        yield _build(document, "path_parameter", operation.pointer, **about, name=name)
    yield from _check_answers(document, operation, about)
    for content in operation.request_bodies.values():
        yield from _check_examples(document, content, about)


def _check_answers(
    document: Document, operation: Operation, about: Mapping[str, object]
) -> Iterator[Problem]:
    good = [one for status, one in operation.responses.items() if status[0] in "2d"]
    has_schema = any(c.schema is not None for one in good for c in one.contents.values())
    is_empty = any(status in {"204", "205"} for status in operation.responses)
    if not has_schema and not is_empty:
        yield _build(document, "no_response_schema", f"{operation.pointer}/responses", **about)
    for response in operation.responses.values():
        for content in response.contents.values():
            yield from _check_examples(document, content, about)


def _check_examples(
    document: Document, content: Content, about: Mapping[str, object]
) -> Iterator[Problem]:
    import jsonschema_rs

    if not content.examples or content.schema is None or "json" not in content.content_type:
        return
    try:
        judge = jsonschema_rs.validator_for(document.bundle(content.schema))
    except (ValueError, jsonschema_rs.ReferencingError):
        return  # reported already as a schema's or a reference's mistake
    for example in content.examples:
        reason = next((error.message for error in judge.iter_errors(example)), None)
        if reason is not None:
            yield _build(document, "example", content.pointer, **about, reason=reason)


def _read_operation_id(document: Document, operation: Operation) -> str | None:
    value: Any = document.raw
    for part in split_pointer(operation.pointer):
        value = value[part]
    given = value.get("operationId")
    return given if isinstance(given, str) and given else None


def _build(document: Document, kind: ProblemKind, pointer: str, **values: object) -> Problem:
    return Problem(kind, pointer, document.locate(pointer), values)


def _missing(error: ModuleNotFoundError) -> UserError:
    return UserError(
        "Checking an OpenAPI document needs the package {package}.",
        hint="pip install 'tanzaku[workbench]'",
        package=error.name,
    )
