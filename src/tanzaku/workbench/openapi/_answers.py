"""What a document says of one operation's answers, for whoever judges them."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from tanzaku.workbench.openapi._claude import allow_left_out, find_left_out, names_claude
from tanzaku.workbench.openapi._document import Content, Document, Operation, find_content

_JSON: Final = "application/json"


@dataclass(frozen=True)
class DocumentedAnswers:
    """The answers of one operation. Called with a status and a content type it gives the schema,
    with the named ones beside it: the same object every time. None where the document has none.
    Where Claude's document is known to differ from the API, the API is right."""

    document: Document
    operation: Operation
    _bundled: dict[int, Any] = field(default_factory=dict, repr=False, compare=False)

    def __call__(self, status: int, content_type: str) -> Any:
        content = self.find_content(status, content_type)
        return None if content is None else self.bundle(content)

    def find_content(self, status: int, content_type: str) -> Content | None:
        """The documented body of this status and type."""
        response = self.operation.find_response(status)
        if response is None:
            return None
        found = find_content(response.contents, content_type)
        if found is None and status >= 400 and content_type == _JSON and self._is_claude:
            # Every error of the API is JSON, whatever its document says (api/errors, 2026-08).
            return next(iter(response.contents.values()), None)
        return found

    def bundle(self, content: Content) -> Any:
        """A body's schema with the named ones that it needs."""
        key = id(content)
        if key not in self._bundled:
            schema = content.schema
            bundled = None if schema is None else self.document.bundle(schema)
            self._bundled[key] = allow_left_out(bundled) if self._is_claude else bundled
        return self._bundled[key]

    def list_left_out(self) -> list[str]:
        """What the document requires of a success and the API leaves out."""
        if not self._is_claude:
            return []
        found: set[str] = set()
        for status, response in self.operation.responses.items():
            for content in response.contents.values() if status.startswith("2") else ():
                if content.schema is not None:
                    found |= find_left_out(self.document.bundle(content.schema))
        return sorted(found)

    @property
    def has_odd_errors(self) -> bool:
        """Whether the document has errors of another type than the API's JSON."""
        return self._is_claude and any(
            response.contents and find_content(response.contents, _JSON) is None
            for status, response in self.operation.responses.items()
            if status[0] in "45"
        )

    @cached_property
    def _is_claude(self) -> bool:
        return names_claude(self.document)
