"""OpenAPI documents: read, imported as requests, written of our own API; curl, `.http`, HAR, pytest."""

from tanzaku.workbench.openapi._answers import DocumentedAnswers
from tanzaku.workbench.openapi._check import PROBLEM_KINDS, Problem, ProblemKind, check_document
from tanzaku.workbench.openapi._claude import ApiVersion, find_hint, is_claude, names_claude
from tanzaku.workbench.openapi._curl_import import CurlReport, import_curl
from tanzaku.workbench.openapi._document import (
    EVENT_SCHEMA,
    Content,
    Document,
    Header,
    Operation,
    Parameter,
    Response,
    Schema,
    SecurityScheme,
    Server,
    find_content,
    iter_references,
)
from tanzaku.workbench.openapi._examples import ExampleBuilder
from tanzaku.workbench.openapi._exports import (
    NamedRequest,
    SecretNames,
    render_curl,
    render_http,
    render_pytest,
)
from tanzaku.workbench.openapi._har import build_entry, build_unsent_entry, render_har
from tanzaku.workbench.openapi._import import (
    Change,
    ChangeKind,
    ImportReport,
    Skipped,
    import_document,
)
from tanzaku.workbench.openapi._load import load_document, parse_document
from tanzaku.workbench.openapi._own import build_own_document, render_openapi
from tanzaku.workbench.openapi._own_operations import OPERATIONS
from tanzaku.workbench.openapi._patterns import write_match
from tanzaku.workbench.openapi._requests import make_slug
from tanzaku.workbench.openapi._source import join_pointer, split_pointer

__all__ = [
    "EVENT_SCHEMA",
    "OPERATIONS",
    "PROBLEM_KINDS",
    "ApiVersion",
    "Change",
    "ChangeKind",
    "Content",
    "CurlReport",
    "Document",
    "DocumentedAnswers",
    "ExampleBuilder",
    "Header",
    "ImportReport",
    "NamedRequest",
    "Operation",
    "Parameter",
    "Problem",
    "ProblemKind",
    "Response",
    "Schema",
    "SecretNames",
    "SecurityScheme",
    "Server",
    "Skipped",
    "build_entry",
    "build_own_document",
    "build_unsent_entry",
    "check_document",
    "find_content",
    "find_hint",
    "import_curl",
    "import_document",
    "is_claude",
    "iter_references",
    "join_pointer",
    "load_document",
    "make_slug",
    "names_claude",
    "parse_document",
    "render_curl",
    "render_har",
    "render_http",
    "render_openapi",
    "render_pytest",
    "split_pointer",
    "write_match",
]
