"""What a site is made of, found in a project."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tanzaku.core import UserError
from tanzaku.workbench.docs._examples import Example, collect_examples
from tanzaku.workbench.docs._site import Material
from tanzaku.workbench.openapi import load_document
from tanzaku.workbench.project import Project, load_project, load_request
from tanzaku.workbench.runner import find_log, read_events

_SUFFIXES: Final = (".json", ".yaml", ".yml")


def load_material(
    start: Path, document: Path | None, execution: str | None, environ: Mapping[str, str]
) -> Material:
    """The material for `document`, None the only one that the project around `start` has; with what `execution` recorded, if one is named. A document that is named needs no project,
    and has no examples then.

    UserError without a document and for an unknown execution.
    """
    project = None
    try:
        project = load_project(start, environ)
    except UserError:
        if document is None or execution is not None:
            raise
    if document is None:
        assert project is not None
        document = _find_document(project)
    loaded = load_document(document)
    examples: dict[str, tuple[Example, ...]] = {}
    if project is not None and document.resolve().is_relative_to(project.root.resolve()):
        name = document.resolve().relative_to(project.root.resolve()).as_posix()
        examples = collect_examples(project, loaded, name)
    if execution is None:
        return Material(loaded, examples)
    assert project is not None
    log = find_log(project.root, execution)
    return Material(loaded, examples, log.parent.name, tuple(read_events(log)))


def _find_document(project: Project) -> Path:
    """The document that requests come of; where none does, the one in the folder for documents."""
    paths = sorted((project.root / "requests").rglob("*.yaml"))
    named = {load_request(path, project.root).document for path in paths} - {None}
    known = sorted(str(name) for name in named)
    if not known:
        found = (project.root / "openapi").glob("*")
        known = sorted(f"openapi/{one.name}" for one in found if one.suffix in _SUFFIXES)
    if len(known) == 1:
        return project.root / known[0]
    if known:
        raise UserError(
            "The project has several documents: {known}.",
            hint="Name one of them.",
            known=", ".join(known),
        )
    raise UserError(
        "The project has no OpenAPI document.",
        hint="Import one first: tanzaku import openapi.yaml",
    )
