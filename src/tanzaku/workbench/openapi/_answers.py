"""What a document says of one operation's answers, for whoever judges them."""

from dataclasses import dataclass, field
from typing import Any

from tanzaku.workbench.openapi._document import Content, Document, Operation, find_content


@dataclass(frozen=True)
class DocumentedAnswers:
    """The answers of one operation. Called with a status and a content type it gives the schema,
    with the named ones beside it: the same object every time. None where the document has none."""

    document: Document
    operation: Operation
    _bundled: dict[int, Any] = field(default_factory=dict, repr=False, compare=False)

    def __call__(self, status: int, content_type: str) -> Any:
        content = self.find_content(status, content_type)
        return None if content is None else self.bundle(content)

    def find_content(self, status: int, content_type: str) -> Content | None:
        """The documented body of this status and type."""
        response = self.operation.find_response(status)
        return None if response is None else find_content(response.contents, content_type)

    def bundle(self, content: Content) -> Any:
        """A body's schema with the named ones that it needs."""
        key = id(content)
        if key not in self._bundled:
            schema = content.schema
            self._bundled[key] = None if schema is None else self.document.bundle(schema)
        return self._bundled[key]
