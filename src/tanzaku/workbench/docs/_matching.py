"""Which operation of a document a request calls."""

import re
from urllib.parse import urlsplit

from tanzaku.workbench.openapi import Document, Operation


class OperationFinder:
    """Finds operations by method and path."""

    def __init__(self, document: Document) -> None:
        bases = {""} | {urlsplit(one.url).path.rstrip("/") for one in document.servers}
        begin = "|".join(map(re.escape, sorted(bases)))
        # A path without parameters before one that has some: both may fit.
        operations = sorted(document.operations, key=lambda one: one.path.count("{"))
        self._known = [(one, _build_pattern(begin, one.path)) for one in operations]

    def find(self, method: str, path: str) -> Operation | None:
        """`path` may begin with the path of one of the document's servers."""
        for operation, pattern in self._known:
            if operation.method == method and pattern.fullmatch(path):
                return operation
        return None


def _build_pattern(begin: str, path: str) -> re.Pattern[str]:
    parts = re.split(r"\{[^}]*\}", path)
    return re.compile(f"(?:{begin}){'[^/]+'.join(map(re.escape, parts))}")
