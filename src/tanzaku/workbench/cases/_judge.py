"""Whether a value fits a schema: what decides which cases are right and which are wrong."""

import json
from typing import TYPE_CHECKING, Any

from tanzaku.core import UserError
from tanzaku.workbench.cases._shapes import Shapes
from tanzaku.workbench.openapi import Document, Schema

if TYPE_CHECKING:
    from jsonschema_rs import Validator


class Judge:
    """Judges values by one schema of a document, formats too."""

    def __init__(self, document: Document, schema: Schema) -> None:
        try:
            import jsonschema_rs
        except ModuleNotFoundError as error:
            raise UserError(
                "Generating cases needs the package {package}.",
                hint="pip install 'tanzaku[workbench]'",
                package=error.name,
            ) from error
        self._validator: Validator | None = None
        try:
            self._validator = jsonschema_rs.validator_for(
                document.bundle(schema), validate_formats=True
            )
        except (ValueError, jsonschema_rs.ReferencingError):
            self._validator = None

    @property
    def knows(self) -> bool:
        """False for a schema that is itself wrong: nothing can be said then."""
        return self._validator is not None

    def accepts(self, value: Any) -> bool:
        """Whether the schema is known to accept the value."""
        return self._validator is not None and self._validator.is_valid(value)

    def refuses(self, value: Any) -> bool:
        """Whether the schema is known to refuse the value."""
        return self._validator is not None and not self._validator.is_valid(value)

    def list_faults(self, value: Any) -> list[tuple[str, str]]:
        """(keyword, way) of every fault, unions as one."""
        if self._validator is None:
            return []
        return [
            (error.kind.name, "".join(f"/{part}" for part in error.instance_path))
            for error in self._validator.iter_errors(value)
        ]


def build_request_judge(document: Document, shapes: Shapes, schema: Schema) -> Judge:
    """By what must be sent: what is `readOnly` is not required (OpenAPI)."""
    bundled = document.bundle(schema)
    if '"readOnly": true' in json.dumps(bundled):
        bundled = _relax(bundled, shapes, "readOnly")
    return Judge(document, bundled)


def _relax(schema: Any, shapes: Shapes, mark: str) -> Any:
    """The schema and all in it, without requiring what is marked."""
    if isinstance(schema, list):
        return [_relax(one, shapes, mark) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: _relax(one, shapes, mark) for key, one in schema.items()}
    properties = schema.get("properties")
    if isinstance(properties, dict) and isinstance(schema.get("required"), list):
        made["required"] = [
            name
            for name in schema["required"]
            if not (name in properties and shapes.is_marked(properties[name], mark))
        ]
    return made
