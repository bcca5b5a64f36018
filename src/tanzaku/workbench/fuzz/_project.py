"""What of a project is fuzzed: the requests that came from one document."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tanzaku.core import UserError
from tanzaku.workbench.cases import RequestSource, find_sources, pick_document
from tanzaku.workbench.fuzz._config import name_operation
from tanzaku.workbench.openapi import Document, load_document, make_slug
from tanzaku.workbench.project import Project, RequestFile, load_request


@dataclass(frozen=True)
class Subject:
    """`requests` are by operationId, `sources` by operation (`GET /orders`). `prefix` is what the
    request files have before the document's paths. `suite` is where the cases go."""

    name: str
    path: Path
    document: Document
    requests: Mapping[str, RequestFile]
    sources: Mapping[str, RequestSource]
    prefix: str
    suite: Path


def find_subject(project: Project, document: str | None) -> Subject:
    """The operations of `document`, or of the only one, whose requests are not skipped. UserError
    where there are none."""
    found = find_sources(project)
    name = pick_document(found, document)
    loaded = load_document(project.root / name)
    requests: dict[str, RequestFile] = {}
    sources: dict[str, RequestSource] = {}
    prefix = ""
    for operation in loaded.operations:
        source = found.get((name, operation.id))
        if source is None or source.fields.get("skip"):
            continue
        request = load_request(source.use, project.root)
        requests[operation.id] = request
        sources[name_operation(operation)] = source
        if request.url_path.endswith(operation.path):
            prefix = request.url_path.removesuffix(operation.path)
    if not requests:
        raise UserError("All requests of {document} are skipped.", document=name)
    suite = project.root / "suites" / make_slug(Path(name).stem) / "fuzz.suite.yaml"
    path = (project.root / name).resolve()
    return Subject(name, path, loaded, requests, sources, prefix, suite)
