"""What a page says, before it is HTML or Markdown: both are written from the same blocks, so that
neither can lack what the other has."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from tanzaku.workbench.docs._tree import Node


@dataclass(frozen=True, slots=True)
class Said:
    """A message of ours, in the reader's language."""

    key: str
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Code:
    """A name or a value, as it is written in code."""

    text: str


@dataclass(frozen=True, slots=True)
class Link:
    """A link to another page, by its path without suffix, from the site's top."""

    text: "Inline"
    page: str


type Inline = str | Said | Code | Link | tuple[Inline, ...]
"""What stands in a line; a plain text is somebody else's, and is escaped."""


@dataclass(frozen=True, slots=True)
class Heading:
    text: Inline
    level: Literal[2, 3] = 2


@dataclass(frozen=True, slots=True)
class Paragraph:
    text: Inline
    tone: Literal["", "faint", "warn"] = ""


@dataclass(frozen=True, slots=True)
class Table:
    """`is_searchable`: the page has a field that leaves the rows with certain words."""

    head: Sequence[Inline]
    rows: Sequence[Sequence[Inline]]
    is_searchable: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """Code or data of several lines."""

    text: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class Tree:
    """The schema of a body."""

    root: Node


@dataclass(frozen=True, slots=True)
class Tabs:
    """Alternatives of which a reader sees one at a time."""

    tabs: "Sequence[tuple[Inline, Sequence[Block]]]"


type Block = Heading | Paragraph | Table | Listing | Tree | Tabs


@dataclass(frozen=True, slots=True)
class Page:
    """`path` is without suffix, from the site's top."""

    path: str
    title: str
    blocks: Sequence[Block]


def say(key: str, **values: object) -> Said:
    return Said(key, values)
