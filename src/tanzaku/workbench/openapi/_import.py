"""A document becomes a project's requests, the first time and again."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from tanzaku.core import InputFileError
from tanzaku.core.plain_yaml import read_yaml
from tanzaku.workbench.openapi._check import Problem, check_document
from tanzaku.workbench.openapi._claude import ApiVersion
from tanzaku.workbench.openapi._document import Document
from tanzaku.workbench.openapi._environments import draft_environments, draft_project
from tanzaku.workbench.openapi._load import load_document
from tanzaku.workbench.openapi._merge import apply_changes, merge_fields
from tanzaku.workbench.openapi._requests import (
    FORM_FILE,
    Draft,
    Drafts,
    FindUnserved,
    draft_requests,
)
from tanzaku.workbench.project import (
    parse_for_editing,
    render_edited,
    render_yaml,
    write_text,
)

type ChangeKind = Literal["added", "changed", "removed", "edited", "conflict", "deleted"]

DOCUMENTS: Final = "openapi"
REQUESTS: Final = "requests"
GONE: Final = "The document has this operation no longer."
"""The `skip` of a request whose operation has left its document."""
_BASES: Final = ".tanzaku/imports"
type _Files = dict[str, list[tuple[Path, dict[str, Any]]]]
_DAY = re.compile(r"[-_.]?20\d\d-\d\d(-\d\d)?")


@dataclass(frozen=True, slots=True)
class Change:
    """What an import did to one file, or found there.

    `added`, `changed` and `removed` follow the document (a removed operation's request is marked
    with `skip`); `edited` fields were changed by hand and kept; in `conflict` are fields that were
    changed on both sides, the file's value was kept; `deleted` files stay deleted. `fields` are
    written with dots."""

    kind: ChangeKind
    file: str
    operation: str
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Skipped:
    """An operation that the simulator does not serve."""

    operation: str
    method: str
    path: str
    reason: str


@dataclass(frozen=True)
class ImportReport:
    """What was found and done. `document` is its path in the project, `replaces` that of an older
    one of the same name but for a date, whose requests these are now. `files` are the other files
    that were made. `is_written` is False for a check."""

    root: Path
    document: str
    replaces: str | None
    operations: int
    changes: tuple[Change, ...]
    unchanged: int
    skipped: tuple[Skipped, ...]
    problems: tuple[Problem, ...]
    mistakes: Mapping[str, str]
    api_version: ApiVersion | None
    files: tuple[str, ...]
    is_written: bool

    @property
    def is_drift(self) -> bool:
        """Whether the project is not as the document wants it; edits by hand are no drift."""
        kinds = {"added", "changed", "removed", "conflict"}
        return any(change.kind in kinds for change in self.changes)


def import_document(
    source: Path, root: Path, find_unserved: FindUnserved, *, is_check: bool = False
) -> ImportReport:
    """Copy the document into the project at `root` and write a request for each operation. What was
    edited by hand since the last import stays. With `is_check` nothing is written.

    InputFileError when the document or a request file cannot be read.
    """
    document = load_document(source)
    name = f"{DOCUMENTS}/{source.name}"
    there = list(_iter_requests(root))
    replaces = _find_older(root, source.name, {str(one.get("document")) for _, one in there})
    drafts = draft_requests(document, name, find_unserved)
    known = _group(there, {name, replaces} - {None})
    base = _load_base(root, replaces or name, find_unserved, is_known=bool(known))
    importer = _Importer(root, name, drafts, base)
    changes = list(importer.merge(known))
    files = dict(_draft_files(document, drafts, root))
    if not is_check:
        importer.write()
        for path, text in files.items():
            write_text(root / path, text)
        if (root / name).resolve() != source.resolve():
            write_text(root / name, document.source.text)
        if replaces is not None:
            (root / replaces).unlink()
    return ImportReport(
        root=root,
        document=name,
        replaces=replaces,
        operations=len(document.operations),
        changes=tuple(changes),
        unchanged=importer.unchanged,
        skipped=tuple(
            Skipped(one.operation.id, one.operation.method, one.operation.path, reason)
            for one in drafts.requests
            if (reason := one.fields.get("skip"))
        ),
        problems=tuple(check_document(document)),
        mistakes=drafts.mistakes,
        api_version=drafts.api_version,
        files=tuple(files),
        is_written=not is_check,
    )


class _Importer:
    """Merges one document's drafts into the request files that are there."""

    def __init__(
        self, root: Path, name: str, drafts: Drafts, base: Mapping[str, Mapping[str, Any]]
    ) -> None:
        self._root = root
        self._name = name
        self._drafts = drafts
        self._base = base
        self._texts: dict[Path, str] = {}
        self.unchanged = 0

    def merge(self, there: "_Files") -> Iterator[Change]:
        """Every change, in the document's order; `there` are the files by operation."""
        left = dict(there)
        for draft in self._drafts.requests:
            files = left.pop(draft.operation.id, [])
            for path, fields in files:
                yield from self._merge_file(path, fields, draft)
            if not files:
                yield self._add(draft)
        for operation, files in left.items():
            for path, fields in files:
                if fields.get("skip") in (None, self._base.get(operation, {}).get("skip")):
                    yield self._mark_gone(path, operation)

    def write(self) -> None:
        """Put the merged files, and what the next import compares them with, on disk."""
        for path, text in self._texts.items():
            write_text(path, text)
        base = {draft.operation.id: draft.fields for draft in self._drafts.requests}
        place = self._root / _BASES / f"{Path(self._name).name}.json"
        write_text(place, json.dumps(base, ensure_ascii=False, indent=1) + "\n")

    def _add(self, draft: Draft) -> Change:
        path = self._root / REQUESTS / draft.path
        if draft.operation.id in self._base:
            return Change("deleted", self._show(path), draft.operation.id)
        if path.exists():
            path = path.with_stem(f"{path.stem}-{Path(self._name).stem}")
        self._texts[path] = render_yaml(draft.fields)
        return Change("added", self._show(path), draft.operation.id)

    def _merge_file(self, path: Path, ours: dict[str, Any], draft: Draft) -> Iterator[Change]:
        base = self._base.get(draft.operation.id, draft.fields)
        if ours.get("skip") == GONE:
            base = {**base, "skip": GONE}  # our own word, which the document now takes back
        merge = merge_fields(base, ours, draft.fields)
        if merge.changed:
            document = parse_for_editing(path.read_text("utf-8-sig"))
            apply_changes(document, merge.changed, list(draft.fields))
            self._texts[path] = render_edited(document)
        parts: tuple[tuple[ChangeKind, Any], ...] = (
            ("changed", merge.changed), ("edited", merge.edited), ("conflict", merge.conflicts)
        )  # fmt: skip
        for kind, ways in parts:
            if ways:
                fields = tuple(".".join(way) for way in ways)
                yield Change(kind, self._show(path), draft.operation.id, fields)
        if not any(ways for _, ways in parts):
            self.unchanged += 1

    def _mark_gone(self, path: Path, operation: str) -> Change:
        document = parse_for_editing(path.read_text("utf-8-sig"))
        document["skip"] = GONE
        self._texts[path] = render_edited(document)
        return Change("removed", self._show(path), operation, ("skip",))

    def _show(self, path: Path) -> str:
        return path.relative_to(self._root).as_posix()


def _iter_requests(root: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    for path in sorted((root / REQUESTS).rglob("*")):
        if path.suffix in {".yaml", ".yml"} and path.is_file():
            fields = read_yaml(path).plain
            if isinstance(fields, dict):
                yield path, fields


def _group(files: list[tuple[Path, dict[str, Any]]], names: set[str | None]) -> "_Files":
    """The request files of these documents, by operation."""
    found: _Files = {}
    for path, fields in files:
        if fields.get("document") in names:
            found.setdefault(str(fields.get("operation")), []).append((path, fields))
    return found


def _load_base(
    root: Path, name: str, find_unserved: FindUnserved, *, is_known: bool
) -> Mapping[str, Mapping[str, Any]]:
    """What the last import wanted, by operation: as it was noted, else (in a fresh clone, which has
    requests and no notes) made again from the copy of the document."""
    noted = root / _BASES / f"{Path(name).name}.json"
    if noted.is_file():
        try:
            base: Mapping[str, Mapping[str, Any]] = json.loads(noted.read_text("utf-8"))
        except ValueError:
            raise InputFileError(
                "{file}: is not JSON.", hint="Remove it; it is made again.", file=noted
            ) from None
        return base
    copy = root / name
    if not is_known or not copy.is_file():
        return {}
    drafts = draft_requests(load_document(copy), name, find_unserved)
    return {draft.operation.id: draft.fields for draft in drafts.requests}


def _find_older(root: Path, name: str, in_use: set[str]) -> str | None:
    """A document with requests whose name is the same but for a date."""
    for path in sorted((root / DOCUMENTS).glob("*")):
        older = f"{DOCUMENTS}/{path.name}"
        if path.name != name and older in in_use and _DAY.sub("", path.name) == _DAY.sub("", name):
            return older
    return None


def _draft_files(document: Document, drafts: Drafts, root: Path) -> Iterator[tuple[str, str]]:
    """The files beside the requests that the project has not yet."""
    environments = draft_environments(document, drafts)
    title = document.title or root.resolve().name
    yield from draft_project(root, title, next(iter(environments))).items()
    for name, fields in environments.items():
        path = f"environments/{name}.yaml"
        if not (root / path).exists() and not (root / path).with_suffix(".yml").exists():
            yield path, render_yaml(fields)
    if drafts.needs_file and not (root / FORM_FILE).exists():
        yield FORM_FILE, "Hello\n"
