"""Request files, and the requests they become."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from tanzaku.core import InputFileError
from tanzaku.core.plain_yaml import Entry, Place
from tanzaku.transport import HttpRequest
from tanzaku.workbench.project._auth import parse_auth
from tanzaku.workbench.project._bodies import BODY_KEYS, parse_body
from tanzaku.workbench.project._documents import (
    VERSION_KEY,
    build_place,
    find_identity,
    find_near_file,
    read_document,
)
from tanzaku.workbench.project._entries import build_entry, merge_entries
from tanzaku.workbench.project._environments import Environment
from tanzaku.workbench.project._headers import lower_names, parse_headers
from tanzaku.workbench.project._plan import Plan
from tanzaku.workbench.project._targets import parse_path, parse_query
from tanzaku.workbench.project._variables import Scope

REQUESTS: Final = "requests"
REQUEST_KEYS: Final = (
    "name",
    "operation",
    "document",
    "method",
    "path",
    "path_params",
    "query",
    "headers",
    "auth",
    "content_type",
    *BODY_KEYS,
    "timeout_s",
    "skip",
)
DEFAULT_TIMEOUT_S: Final = 60.0
MAX_TIMEOUT_S: Final = 86_400.0
_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE")


@dataclass(frozen=True)
class RequestFile:
    """A request of the project, perhaps changed by patches.

    `entry` is all of it with places. `id` is its path below `requests/` without suffix.
    """

    path: Path
    root: Path
    id: str
    entry: Entry

    @property
    def name(self) -> str:
        """What people call it; its id when it has no name."""
        return self._find_text("name") or self.id

    @property
    def operation(self) -> str | None:
        """The `operationId` in its document."""
        return self._find_text("operation")

    @property
    def document(self) -> str | None:
        """The OpenAPI document it was imported from, relative to the project."""
        return self._find_text("document")

    @property
    def method(self) -> str:
        """In upper case."""
        return self._fields["method"].as_text().upper()

    @property
    def url_path(self) -> str:
        """As written, `{parameters}` and places unfilled."""
        return self._fields["path"].as_text()

    @property
    def skip(self) -> str | None:
        """Why it is not to be sent in a suite."""
        return self._find_text("skip")

    @property
    def timeout_s(self) -> float:
        """For the whole answer."""
        entry = self._fields.get("timeout_s")
        return DEFAULT_TIMEOUT_S if entry is None else entry.as_number(0.001, MAX_TIMEOUT_S)

    def patched(
        self, patch: Entry | Mapping[str, Any] | None, place: Place | None = None
    ) -> "RequestFile":
        """This request changed by a merge patch (RFC 7386) over its file; a plain patch stands at
        `place`. A header set to null is not sent, whoever else sets it. One of body, raw, file and
        form takes the place of the others; `raw` in the place of `body` stays JSON in name. In
        values, `"{{null}}"` is a null that is sent."""
        if patch is None:
            return self
        change = build_entry(patch, place or build_place(self.path))
        fields = change.as_fields(REQUEST_KEYS)
        before = dict(self._fields)
        given = [key for key in BODY_KEYS if key in fields and fields[key].content is not None]
        if given and given[0] not in before:
            if "body" in before and given == ["raw"] and "content_type" not in before:
                before["content_type"] = build_entry("application/json", change.place)
            for key in BODY_KEYS:
                before.pop(key, None)
        merged = merge_entries(_with(self.entry, before), change)
        content = dict(merged.as_mapping())
        if "headers" in merged.as_mapping() and "headers" in fields:
            headers = lower_names(before.get("headers")) | lower_names(fields["headers"])
            content["headers"] = _with(fields["headers"], headers)
        found = RequestFile(self.path, self.root, self.id, _with(merged, content))
        found.check()
        return found

    def check(self) -> None:
        """InputFileError for anything in it that can be known to be wrong before it is filled."""
        self.entry.as_fields((VERSION_KEY, *REQUEST_KEYS), ("method", "path"))
        for key in ("name", "operation", "document", "skip"):
            self._find_text(key)
        method = self._fields["method"]
        if self.method not in _METHODS:
            raise InputFileError(
                "{place}: `{key}` must be one of {choices}; found {found}.",
                place=method.place,
                key=method.key,
                found=method.found,
                choices=", ".join(_METHODS),
            )
        for read in (lambda: self.timeout_s, lambda: self.plan):
            read()

    @cached_property
    def plan(self) -> Plan:
        """What is left to do when variables are known."""
        fields = self._fields
        return Plan(
            method=self.method,
            path=parse_path(fields["path"], fields.get("path_params")),
            query=parse_query(fields.get("query")),
            headers=parse_headers(fields.get("headers")),
            auth=parse_auth(fields.get("auth")),
            body=parse_body(fields, self.root),
        )

    @cached_property
    def _fields(self) -> dict[str, Entry]:
        return self.entry.as_mapping()

    def _find_text(self, key: str) -> str | None:
        entry = self._fields.get(key)
        return None if entry is None else entry.as_text()


def load_request(path: Path | str, root: Path) -> RequestFile:
    """The request file at `path`, which may be relative to `root`, the project's folder."""
    full = root / path
    if not full.is_file():
        near = find_near_file(str(path), root)
        raise InputFileError(
            "{file}: there is no such file.",
            hint="Did you mean `{near}`?" if near["near"] else "Known are {known}.",
            file=full,
            **near,
        )
    entry = read_document(full, "request", REQUEST_KEYS)
    folder = root / REQUESTS
    is_inside = full.resolve().is_relative_to(folder.resolve())
    found = RequestFile(full, root, find_identity(full, folder if is_inside else root), entry)
    found.check()
    return found


def build_request(
    file: RequestFile,
    environment: Environment,
    scope: Scope,
    patch: Entry | Mapping[str, Any] | None = None,
) -> HttpRequest:
    """The request to send: `patch` merged in, places filled from `scope`, the environment's headers
    and auth added where the request has none of its own, JSON as compact UTF-8.

    InputFileError, with its place, for what is missing or does not fit. No secret is ever in it.
    """
    return file.patched(patch).plan.build(environment, scope)


def _with(entry: Entry, content: dict[str, Entry]) -> Entry:
    content.pop(VERSION_KEY, None)
    return Entry(entry.key, entry.place, entry.name_place, content)
