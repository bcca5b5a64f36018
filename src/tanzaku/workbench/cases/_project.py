"""Generation for a project: its documents, request files and environment; what changes in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tanzaku.core import UserError
from tanzaku.core.plain_yaml import read_yaml
from tanzaku.look import Messages
from tanzaku.workbench.cases._generate import MAX_CASES, Generated, Wanted, generate
from tanzaku.workbench.cases._regenerate import FilePlan, plan_flow, plan_removals, plan_suite
from tanzaku.workbench.cases._target import RequestSource
from tanzaku.workbench.openapi import find_hint, is_claude, load_document, make_slug, names_claude
from tanzaku.workbench.project import Project, load_request

REQUESTS: Final = "requests"


@dataclass(frozen=True)
class Plan:
    """What generating would do: to each file, and what is covered then."""

    document: str
    generated: Generated
    files: tuple[FilePlan, ...]

    @property
    def is_drift(self) -> bool:
        """Whether a file would be another one."""
        return any(change.kind != "edited" for one in self.files for change in one.changes)

    def write(self) -> None:
        """Write and remove the files."""
        for one in self.files:
            if one.text is None:
                one.path.unlink()
                continue
            one.path.parent.mkdir(parents=True, exist_ok=True)
            one.path.write_text(one.text, encoding="utf-8")


def plan_generation(
    project: Project,
    messages: Messages,
    *,
    document: str | None = None,
    operations: Sequence[str] = (),
    most: int = MAX_CASES,
    seed: int | None = None,
) -> Plan:
    """Cases for the requests that were imported from `document` (a way below the project; without
    it the only one there is). UserError where nothing was imported, or several were."""
    sources = find_sources(project)
    name = pick_document(sources, document)
    requests = {key[1]: one for key, one in sources.items() if key[0] == name}
    loaded = load_document(project.root / name)
    unknown = [one for one in operations if loaded.find_operation(one) is None]
    if unknown:
        raise UserError(
            "{document} has no operation `{operation}`.", document=name, operation=unknown[0]
        )
    wanted = Wanted(
        requests=requests,
        folder=make_slug(Path(name).stem),
        auth=_find_auth(project),
        most=most,
        seed=project.seed if seed is None else seed,
        operations=operations,
        hint=find_hint if is_claude(loaded) else lambda _: None,
        is_claude=names_claude(loaded),
    )
    generated = generate(loaded, wanted)
    files = [plan_suite(one, project.root, messages) for one in generated.suites]
    files += [plan_flow(one, project.root, messages) for one in generated.flows]
    if not operations:
        files += plan_removals(
            project.root,
            wanted.folder,
            {one.path: one for one in generated.suites},
            {one.path: one for one in generated.flows},
        )
    return Plan(name, generated, tuple(files))


def find_sources(project: Project) -> dict[tuple[str, str], RequestSource]:
    """The project's requests that come of a document, by document and operation."""
    found: dict[tuple[str, str], RequestSource] = {}
    for path in sorted((project.root / REQUESTS).rglob("*.yaml")):
        request = load_request(path, project.root)
        if request.document is not None and request.operation is not None:
            way = path.relative_to(project.root).as_posix()
            fields: dict[str, Any] = request.entry.plain
            found.setdefault((request.document, request.operation), RequestSource(way, fields))
    return found


def pick_document(sources: dict[tuple[str, str], RequestSource], document: str | None) -> str:
    """The document that is meant: `document`, or the only one. UserError for an unknown one, and
    where it must be named."""
    known = sorted({name for name, _ in sources})
    if document is not None and document in known:
        return document
    if document is None and len(known) == 1:
        return known[0]
    if not known:
        raise UserError(
            "No request of this project comes from an OpenAPI document.",
            hint="Import one first: tanzaku import openapi.yaml",
        )
    if document is None:
        raise UserError(
            "The project has several documents: {known}.",
            hint="Name one of them.",
            known=", ".join(known),
        )
    raise UserError(
        "No request of this project comes from {document}.",
        hint="Known are {known}.",
        document=document,
        known=", ".join(known),
    )


def _find_auth(project: Project) -> dict[str, Any] | None:
    """What the default environment says about who asks."""
    name = project.default_environment
    if name is None or name not in project.environments:
        return None
    auth = read_yaml(project.environments[name]).plain.get("auth")
    return auth if isinstance(auth, dict) else None
