"""Pages as Markdown, one file a language."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from tanzaku.look import Language, Messages, escape_controls
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

SUFFIXES: Final[dict[Language, str]] = {"en": ".md", "zh-CN": ".zh-CN.md"}
_SPECIAL: Final = re.compile(r"[\\<>\[\]|&`*_#]")
_ESCAPES: Final = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}


def write_markdown(page: Page, language: Language) -> str:
    """The whole file. Texts of the document are shown as they are: nothing in them is markup."""
    writer = _Writer(page, language)
    return "\n\n".join([f"# {escape_markdown(page.title)}", *writer.write(page.blocks)]) + "\n"


def escape_markdown(text: str) -> str:
    """Foreign text on one line, its characters that could be markup made harmless."""
    line = " ".join(_clean(text).split())
    return _SPECIAL.sub(lambda found: _ESCAPES.get(found[0], f"\\{found[0]}"), line)


class _Writer:
    def __init__(self, page: Page, language: Language) -> None:
        self._messages = Messages(language)
        self._up = "../" * page.path.count("/")
        self._suffix = SUFFIXES[language]

    def write(self, blocks: Sequence[Block], level: int = 0) -> Iterator[str]:
        for block in blocks:
            match block:
                case Heading(text, depth):
                    yield f"{'#' * (depth + level)} {self._inline(text)}"
                case Paragraph(str() as text):
                    yield from map(escape_markdown, re.split(r"\n\s*\n", text.strip()))
                case Paragraph(text):
                    yield self._inline(text)
                case Listing(text, language):
                    yield _fence(_clean(text), language)
                case Table():
                    yield self._write_table(block)
                case Tabs(tabs):
                    for title, inner in tabs:
                        yield f"**{self._inline(title)}**"
                        yield from self.write(inner, level)
                case Tree(root):
                    yield "\n".join(self._write_node(root, 0))

    def _write_table(self, table: Table) -> str:
        lines = [[self._inline(one) for one in table.head], ["---"] * len(table.head)]
        lines += [[self._inline(cell) or " " for cell in row] for row in table.rows]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)

    def _write_node(self, node: Node, depth: int) -> Iterator[str]:
        say = self._messages.say
        words = [f"**{_code(node.name)}**"] if node.name else []
        words.append(escape_markdown(node.kind))
        if node.is_required:
            words.append(say("docs.required"))
        words += [_code(f"{key}: {value}") for key, value in node.facts]
        if node.is_elsewhere:
            words.append(f"{say('docs.elsewhere')} {_code(node.schema)}")
        elif node.schema:
            words.append(f"({_code(node.schema)})")
        if node.is_cut:
            words.append(say("docs.cut"))
        about = f": {escape_markdown(node.description)}" if node.description else ""
        yield f"{'  ' * depth}- {' '.join(words)}{about}"
        for one in node.children:
            yield from self._write_node(one, depth + 1)
        if node.variants:
            yield f"{'  ' * (depth + 1)}- {say('docs.one_of')}"
            for one in node.variants:
                yield from self._write_node(one, depth + 2)

    def _inline(self, text: Inline) -> str:
        match text:
            case str():
                return escape_markdown(text) if text.strip() else text
            case Said(key, values):
                safe = {name: escape_markdown(str(value)) for name, value in values.items()}
                return self._messages.say(key, **safe)
            case Code(code):
                return _code(code)
            case Link(inner, page):
                return f"[{self._inline(inner)}]({self._up}{page}{self._suffix})"
            case parts:
                return "".join(self._inline(one) for one in parts)


def _code(text: str) -> str:
    """Code in a line, also in a row of a table."""
    line = " ".join(_clean(text).split()).replace("|", "\\|")
    ticks = "`" * (_count_ticks(line) + 1)
    return f"{ticks} {line} {ticks}" if "`" in line else f"`{line}`"


def _fence(text: str, language: str) -> str:
    ticks = "`" * max(3, _count_ticks(text) + 1)
    return f"{ticks}{language}\n{text.rstrip()}\n{ticks}"


def _count_ticks(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)


def _clean(text: str) -> str:
    return escape_controls(text).encode("utf-8", "backslashreplace").decode()
