"""A project's requests as code in three languages, by the operation they call."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, get_args

from tanzaku.core import UserError
from tanzaku.transport import HttpRequest
from tanzaku.workbench.docs._matching import OperationFinder
from tanzaku.workbench.openapi import Document, SecretNames, is_claude
from tanzaku.workbench.project import (
    Environment,
    Project,
    RequestFile,
    Scope,
    build_request,
    load_environment,
    load_request,
)
from tanzaku.workbench.sending import SnippetLanguage, render_snippet

LANGUAGES: Final[tuple[SnippetLanguage, ...]] = get_args(SnippetLanguage.__value__)
MOST: Final = 3
"""Examples of one operation."""


@dataclass(frozen=True, slots=True)
class Example:
    """One request file as code. A language that cannot send it is missing in `snippets`; all are
    where the file cannot be filled."""

    title: str
    snippets: Mapping[SnippetLanguage, str]


def collect_examples(
    project: Project, document: Document, name: str
) -> dict[str, tuple[Example, ...]]:
    """The request files that come of the document `name`, by operation, no more than three each.
    One that names no document calls the operation that its method and path fit.

    They are filled by the default environment, secrets by the names of environment variables.
    InputFileError for a file that cannot be read.
    """
    environment = load_environment(project)
    secrets = SecretNames(list(environment.secrets))
    scope = Scope({}, environment.variables, environment.globals, secrets)
    base_url = _find_base_url(document, environment)
    finder = OperationFinder(document)
    found: dict[str, list[Example]] = {}
    for path in sorted((project.root / "requests").rglob("*.yaml")):
        file = load_request(path, project.root)
        operation = _find_operation(file, name, finder)
        if operation is None or file.skip:
            continue
        examples = found.setdefault(operation, [])
        if len(examples) == MOST:
            continue
        try:
            request = build_request(file, environment, scope)
        except UserError:
            examples.append(Example(file.name, {}))
        else:
            examples.append(Example(file.name, _render(request, base_url, secrets)))
    return {operation: tuple(examples) for operation, examples in found.items()}


def _render(
    request: HttpRequest, base_url: str | None, secrets: SecretNames
) -> dict[SnippetLanguage, str]:
    snippets: dict[SnippetLanguage, str] = {}
    for language in LANGUAGES:
        try:
            snippets[language] = render_snippet(request, base_url, language, dict(secrets))
        except UserError:
            continue  # fetch cannot send everything that curl can
    return snippets


def _find_operation(file: RequestFile, name: str, finder: OperationFinder) -> str | None:
    if file.document is not None:
        return file.operation if file.document == name else None
    operation = finder.find(file.method, file.url_path)
    return None if operation is None else operation.id


def _find_base_url(document: Document, environment: Environment) -> str | None:
    """None: the API's own, or where ANTHROPIC_BASE_URL says."""
    if environment.base_url is not None:
        return environment.base_url
    if is_claude(document):
        return None
    urls = (one.url for one in document.servers)
    return next((url for url in urls if url.startswith(("http://", "https://"))), None)
