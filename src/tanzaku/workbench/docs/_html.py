"""Pages as HTML, both languages in one file."""

from collections.abc import Iterator, Sequence
from importlib.resources import files
from itertools import count
from typing import Final

from tanzaku.look import BothLanguages, Content, Html, Language, join, render_page, tag
from tanzaku.workbench.docs._blocks import (
    Block,
    Code,
    Heading,
    Inline,
    Link,
    Listing,
    Page,
    Paragraph,
    Said,
    Table,
    Tabs,
    Tree,
)
from tanzaku.workbench.docs._tree import Node

_OPEN_DEPTH: Final = 1


def write_html(page: Page, language: Language) -> str:
    """The whole file; `language` is shown first."""
    writer = _Writer(page)
    body = join(tag("h1", page.title), *writer.write_blocks(page.blocks))
    return render_page(
        page.title,
        body,
        language=language,
        style=_read_asset("docs.css"),
        script=_read_asset("docs.js"),
    )


def _read_asset(name: str) -> str:
    return files("tanzaku.workbench.docs").joinpath(name).read_text(encoding="utf-8")


class _Writer:
    def __init__(self, page: Page) -> None:
        self._both = BothLanguages()
        self._up = "../" * page.path.count("/")
        self._numbers = count(1)
        self._anchors: dict[str, str] = {}
        self._placed: set[str | None] = set()

    def write_blocks(self, blocks: Sequence[Block]) -> Iterator[Html]:
        for block in blocks:
            yield self._write(block)

    def _write(self, block: Block) -> Html:
        match block:
            case Heading(text, level):
                return tag(f"h{level}", self._inline(text))
            case Paragraph(text, tone):
                return tag("p", self._inline(text), class_=f"said {tone}".strip())
            case Listing(text):
                return tag("pre", text, tabindex=0)
            case Table():
                return self._write_table(block)
            case Tabs(tabs):
                return self._write_tabs(
                    [(self._inline(title), join(*self.write_blocks(one))) for title, one in tabs]
                )
            case Tree(root):
                self._anchors = {}
                return tag("div", self._write_node(root, 0), class_="tree")

    def _write_table(self, table: Table) -> Html:
        head = tag("tr", *(tag("th", self._inline(one), scope="col") for one in table.head))
        rows = (
            tag("tr", *(tag("td", self._inline(cell)) for cell in row), class_="entry")
            for row in table.rows
        )
        written = tag("table", head, *rows)
        if not table.is_searchable:
            return written
        # Hidden until the script that it needs is there.
        field = tag("input", type="search", id="search", autocomplete="off")
        shown = tag("span", id="shown", aria_live="polite", class_="faint small")
        label = tag("label", self._both.say("docs.search"), " ", field)
        return join(tag("p", label, " ", shown, id="searching", hidden=True), written)

    def _write_tabs(self, tabs: Sequence[tuple[Html, Html]]) -> Html:
        """Radio buttons that show their panel: a browser does that without a script."""
        group = f"tabs-{next(self._numbers)}"
        parts: list[Html] = []
        for at, (title, content) in enumerate(tabs):
            name = f"{group}-{at}"
            parts += [
                tag("input", type="radio", name=group, id=name, checked=at == 0),
                tag("label", title, for_=name),
                tag("div", content, class_="panel"),
            ]
        return tag("div", *parts, class_="tabs")

    def _write_node(self, node: Node, depth: int) -> Html:
        below = self._write_below(node, depth)
        title = join(*self._write_title(node))
        about = tag("div", node.description, class_="said small") if node.description else None
        is_whole = node.schema and not node.is_elsewhere and not node.is_cut
        name = self._find_anchor(node) if is_whole else None
        # A named schema without anything below stands in a tree as often as it is used.
        name = None if name in self._placed else name
        self._placed.add(name)
        if below is None:
            return tag("div", title, about, class_="leaf", id=name)
        summary = tag("summary", title)
        is_open = depth < _OPEN_DEPTH
        return tag("details", summary, about, below, class_="node", open=is_open, id=name)

    def _write_below(self, node: Node, depth: int) -> Html | None:
        parts: list[Content] = [self._write_node(one, depth + 1) for one in node.children]
        if node.variants:
            parts.append(tag("p", self._both.say("docs.one_of"), class_="faint small"))
            tabs = [(join(one.name), self._write_node(one, depth)) for one in node.variants]
            parts.append(self._write_tabs(tabs))
        return tag("div", *parts, class_="below") if parts else None

    def _write_title(self, node: Node) -> Iterator[Content]:
        say = self._both.say
        if node.name:
            yield tag("code", tag("strong", node.name))
            yield " "
        yield tag("span", node.kind, class_="faint small")
        if node.is_required:
            yield join(" ", tag("span", say("docs.required"), class_="badge warn"))
        for key, value in node.facts:
            yield join(" ", tag("code", f"{key}: {value}", class_="fact"))
        if node.is_elsewhere:
            link = tag("a", node.schema, href=f"#{self._find_anchor(node)}")
            yield join(" ", say("docs.elsewhere"), " ", link)
        if node.is_cut:
            yield join(" ", tag("span", say("docs.cut"), class_="warn small"))

    def _find_anchor(self, node: Node) -> str:
        return self._anchors.setdefault(node.schema, f"schema-{next(self._numbers)}")

    def _inline(self, text: Inline) -> Html:
        match text:
            case str():
                return join(text)
            case Said(key, values):
                return self._both.say(key, **values)
            case Code(code):
                return tag("code", code)
            case Link(inner, page):
                return tag("a", self._inline(inner), href=f"{self._up}{page}.html")
            case parts:
                return join(*(self._inline(one) for one in parts))
