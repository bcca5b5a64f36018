"""The whole site: its pages, and the files they become."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tanzaku.look import LANGUAGES, Language
from tanzaku.workbench.docs._blocks import (
    Block,
    Code,
    Heading,
    Inline,
    Link,
    Page,
    Paragraph,
    Table,
    say,
)
from tanzaku.workbench.docs._examples import Example
from tanzaku.workbench.docs._facts import build_errors, build_limits
from tanzaku.workbench.docs._html import write_html
from tanzaku.workbench.docs._llms import write_llms
from tanzaku.workbench.docs._markdown import SUFFIXES, write_markdown
from tanzaku.workbench.docs._operation import build_operation
from tanzaku.workbench.docs._recorded import Recorded, read_recording
from tanzaku.workbench.openapi import Document, Operation, is_claude, make_slug
from tanzaku.workbench.runner import Event

_LONGEST_NAME: Final = 60


@dataclass(frozen=True)
class Material:
    """What a site is made of. `examples` are by operation; without `execution` nothing recorded is
    shown, and the pages say so."""

    document: Document
    examples: Mapping[str, Sequence[Example]] = field(default_factory=dict)
    execution: str = ""
    events: Sequence[Event] = ()


def build_site(material: Material, language: Language) -> dict[str, str]:
    """Every file's text by its path: HTML that shows `language` first, Markdown in each language,
    `llms.txt`. The same material gives the same bytes."""
    document = material.document
    paths = _name_pages(document)
    pages = list(_build_pages(material, paths))
    files: dict[str, str] = {}
    for page in pages:
        files[f"{page.path}.html"] = write_html(page, language)
        for one in LANGUAGES:
            files[f"{page.path}{SUFFIXES[one]}"] = write_markdown(page, one)
    files["llms.txt"] = write_llms(document, paths)
    return files


def write_site(files: Mapping[str, str], folder: Path) -> None:
    """Write the files below `folder`; what else lies there stays."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")


def _build_pages(material: Material, paths: Mapping[str, str]) -> Iterator[Page]:
    document = material.document
    yield _build_index(document, paths, material.execution)
    recording = read_recording(document, material.events) if material.execution else None
    for operation in document.operations:
        found = None if recording is None else recording.get(operation.id, Recorded())
        examples = material.examples.get(operation.id, ())
        yield build_operation(document, operation, paths[operation.id], examples, found)
    yield build_errors(document)
    if is_claude(document):
        yield build_limits(document)


def _name_pages(document: Document) -> dict[str, str]:
    """Each operation's page by its id."""
    taken: Counter[str] = Counter()
    named: dict[str, str] = {}
    for operation in document.operations:
        stem = make_slug(operation.id)[:_LONGEST_NAME]
        taken[stem] += 1
        while taken[stem] > 1:
            stem = f"{stem}-{taken[stem]}"
            taken[stem] += 1
        named[operation.id] = f"operations/{stem}"
    return named


def _build_index(document: Document, paths: Mapping[str, str], execution: str) -> Page:
    columns = ("operation", "summary", "tags")
    rows = [_write_row(one, paths[one.id]) for one in document.operations]
    more: list[Inline] = [Link(say("docs.errors"), "errors")]
    if is_claude(document):
        more += [" · ", Link(say("docs.limits"), "limits")]
    servers = [one.url for one in document.servers]
    about = str((document.raw.get("info") or {}).get("description") or "")
    recorded = (
        say("docs.recorded.from", execution=execution) if execution else say("docs.recorded.none")
    )
    blocks: list[Block] = [
        Paragraph(say("docs.of", version=document.version, count=len(document.operations))),
        *([Paragraph(about)] if about else []),
        *([Paragraph((say("docs.servers"), " ", Code(", ".join(servers))))] if servers else []),
        Paragraph(recorded, "faint"),
        Paragraph(tuple(more)),
        Heading(say("docs.operations")),
        Table([say(f"docs.column.{name}") for name in columns], rows, is_searchable=True),
    ]
    return Page("index", document.title, blocks)


def _write_row(operation: Operation, path: str) -> list[Inline]:
    name: Inline = Link(Code(f"{operation.method} {operation.path}"), path)
    if operation.is_deprecated:
        name = (name, " ", say("docs.deprecated"))
    return [name, operation.summary or operation.id, ", ".join(operation.tags)]
