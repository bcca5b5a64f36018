"""The one way the project's files are laid out."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tanzaku.core import InputFileError
from tanzaku.core.plain_yaml import Entry, parse_yaml
from tanzaku.workbench.project._comparing import is_same
from tanzaku.workbench.project._documents import VERSION_KEY
from tanzaku.workbench.project._environments import ENVIRONMENT_KEYS, SIMULATOR_KEYS
from tanzaku.workbench.project._layout import MODELINE, Node, Slot, read_layout
from tanzaku.workbench.project._project import PROJECT_KEYS
from tanzaku.workbench.project._requests import REQUEST_KEYS
from tanzaku.workbench.project._writing import is_block, quote_text

WIDTH: Final = 100
_VERSION = re.compile(r"(project|environment|request|suite|flow)/v1")

SUITE_KEYS: Final = ("name", "tags", "environment", "budget", "defaults", "data", "cases")
CASE_KEYS: Final = (
    "id", "name", "kind", "tags", "skip", "origin", "vars", "use", "flow", "scenario", "mocks", "with",
    "expect", "capture", "runs", "pass_rate", "budget", "timeout_s",
)  # fmt: skip
FLOW_KEYS: Final = ("name", "vars", "data", "matrix", "budget", "steps", "expect")
STEP_KEYS: Final = (
    "id", "name", "needs", "when", "foreach", "as", "parallel", "use", "flow", "vars", "with", "tools",
    "retry", "wait_s", "timeout_s", "on_error", "steps", "expect", "capture",
)  # fmt: skip
_AUTH_KEYS: Final = ("type", "in", "name", "value", "username", "password", "token")
_TOP: Final[Mapping[str, Sequence[str]]] = {
    "project": PROJECT_KEYS,
    "environment": ENVIRONMENT_KEYS,
    "request": REQUEST_KEYS,
    "suite": SUITE_KEYS,
    "flow": FLOW_KEYS,
}


def format_document(text: str, name: str) -> str:
    """A file of the project in its canonical layout: the version line first, keys in the order of
    the documentation, two spaces, line feeds, texts of several lines as blocks. Comments and values
    stay; what is laid out already does not change.

    InputFileError for a file that is not YAML or of no known kind.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    entry = parse_yaml(text, name)
    kind = _find_kind(entry)
    if kind is None:
        raise InputFileError(
            "{file}: is no file of a project: no line `tanzaku: KIND/v1`.",
            hint="Scenarios, mocks and other files are left as they are.",
            file=name,
        )
    top, opening = read_layout(text)
    lines = _Printer(kind).print_top(top, opening)
    written = "\n".join(lines) + "\n"
    if written != text and not _says(written, entry.plain):
        raise InputFileError(
            "{file}: cannot be laid out without changing what it says.",
            hint="Leave it as it is, and report this.",
            file=name,
        )
    return written


def _find_kind(entry: Entry) -> str | None:
    version = entry.content.get(VERSION_KEY) if isinstance(entry.content, dict) else None
    found = _VERSION.fullmatch(str(version.content)) if version else None
    return found[1] if found else None


def _says(text: str, value: Any) -> bool:
    try:
        return is_same(parse_yaml(text, "").plain, value)
    except InputFileError:
        return False


class _Printer:
    """Lines out of nodes."""

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def print_top(self, top: Node, opening: list[str]) -> list[str]:
        lines = [*_collapse(opening)]
        body = self._print_fields(top, 0, ())
        if lines and (body[0].startswith("#") or not lines[-1].startswith(MODELINE)):
            lines.append("")
        return lines + body

    def _print_fields(self, node: Node, indent: int, path: tuple[str, ...]) -> list[str]:
        lines: list[str] = []
        for slot in self._order(node, path):
            lines += self._place_above(slot, indent, lines)
            lines += self._print_field(slot, indent, (*path, slot.key.text))
        return lines + _indent(_collapse(node.tail), indent)

    def _print_field(self, slot: Slot, indent: int, path: tuple[str, ...]) -> list[str]:
        head = " " * indent + _print_key(slot.key) + ":"
        value = slot.value
        if value.kind == "scalar":
            first, *rest = _print_scalar(value, indent + 2)
            return [_beside(f"{head} {first}", slot), *rest]
        if line := self._print_flow(value, len(head) + 1, path):
            return [_beside(f"{head} {line}", slot), *_indent(_collapse(value.tail), indent)]
        return [_beside(head, slot), *self._print_children(value, indent + 2, path)]

    def _print_children(self, node: Node, indent: int, path: tuple[str, ...]) -> list[str]:
        if node.kind == "mapping":
            return self._print_fields(node, indent, path)
        lines: list[str] = []
        for slot in node.slots:
            lines += self._place_above(slot, indent, lines)
            lines += self._print_item(slot, indent, (*path, "*"))
        return lines + _indent(_collapse(node.tail), indent)

    def _print_item(self, slot: Slot, indent: int, path: tuple[str, ...]) -> list[str]:
        dash = " " * indent + "- "
        value = slot.value
        if value.kind == "scalar":
            first, *rest = _print_scalar(value, indent + 2)
            return [_beside(dash + first, slot), *rest]
        if line := self._print_flow(value, len(dash), path):
            return [_beside(dash + line, slot), *_indent(_collapse(value.tail), indent)]
        inner = self._print_children(value, indent + 2, path)
        hoisted = [slot.beside] if slot.beside else []
        while not inner[0].strip(" ") or inner[0].lstrip(" ").startswith("#"):
            hoisted.append(inner.pop(0).strip(" "))
        return [
            *_indent([one for one in hoisted if one], indent),
            dash + inner[0].lstrip(" "),
            *inner[1:],
        ]

    def _print_flow(self, node: Node, column: int, path: tuple[str, ...]) -> str:
        """On one line; empty when it does not go there."""
        if node.slots and not node.is_flow:
            return ""
        line = self._print_inline(node, path)
        return line if line is not None and column + len(line) <= WIDTH else ""

    def _print_inline(self, node: Node, path: tuple[str, ...]) -> str | None:
        """A value on one line; None when it has comments or a text that wants to be a block."""
        if node.kind == "scalar":
            lines = _print_scalar(node, 0)
            return lines[0] if len(lines) == 1 else None
        parts: list[str] = []
        for slot in self._order(node, path):
            inner = self._print_inline(
                slot.value, (*path, slot.key.text if node.kind == "mapping" else "*")
            )
            if inner is None or slot.beside or any(slot.above):
                return None
            parts.append(f"{_print_key(slot.key)}: {inner}" if node.kind == "mapping" else inner)
        if any(node.tail) and node.slots:
            return None
        joined = ", ".join(parts)
        return f"[{joined}]" if node.kind == "list" else f"{{{joined}}}"

    def _place_above(self, slot: Slot, indent: int, before: list[str]) -> list[str]:
        above = _collapse(slot.above)
        if not before and above and not above[0]:
            above = above[1:]
        return _indent(above, indent)

    def _order(self, node: Node, path: tuple[str, ...]) -> list[Slot]:
        keys = self._find_keys(path)
        if not keys or node.kind == "list":
            return node.slots
        rank = {name: number for number, name in enumerate(keys)}
        return sorted(node.slots, key=lambda slot: rank.get(slot.key.text, len(rank)))

    def _find_keys(self, path: tuple[str, ...]) -> Sequence[str]:
        if not path:
            return (VERSION_KEY, *_TOP[self._kind])
        if self._kind == "suite" and path in {("cases", "*"), ("defaults",)}:
            return CASE_KEYS
        if self._kind == "flow" and set(path) == {"steps", "*"} and path[-1] == "*":
            return STEP_KEYS
        if self._kind in {"request", "environment"} and path == ("auth",):
            return _AUTH_KEYS
        if self._kind == "environment" and path == ("simulator",):
            return SIMULATOR_KEYS
        return ()


def _print_key(node: Node) -> str:
    is_kept = node.source and "\n" not in node.source
    return node.source if is_kept else quote_text(node.text)


def _print_scalar(node: Node, indent: int) -> list[str]:
    """The scalar's lines; the first goes behind its key."""
    text, source = node.text, node.source
    if node.style in {"|", ">"}:
        return _print_block(node, indent)
    if "\n" in text.rstrip("\n") and is_block(text):
        return _print_literal(text, indent)
    if "\n" not in source:
        return [source or "null"]
    return [quote_text(text) if node.style or "\n" in text else text]


def _print_block(node: Node, indent: int) -> list[str]:
    if node.style == "|":
        return _print_literal(node.text, indent)
    header, *lines = node.source.split("\n")
    header = header.partition("#")[0].strip()
    kept = [line for line in lines if line.strip(" ")]
    if not kept or any(char.isdigit() for char in header):
        return _print_literal(node.text, indent)
    margin = min(len(line) - len(line.lstrip(" ")) for line in kept)
    body = [" " * indent + line[margin:] if line[margin:] else "" for line in lines]
    while not header.endswith("+") and body and not body[-1].strip(" "):
        body.pop()
    return [header, *(body if not header.endswith("+") else body[:-1])]


def _print_literal(text: str, indent: int) -> list[str]:
    body = text.rstrip("\n")
    ends = len(text) - len(body)
    mark = "-" if ends == 0 else "" if ends == 1 and body else "+"
    lines = body.split("\n") if body else []
    first = next((line for line in lines if line), "")
    digit = "2" if first.startswith(" ") or text.startswith("\n") else ""
    shown = [" " * indent + line if line else "" for line in lines]
    return [f"|{digit}{mark}", *shown, *[""] * (ends - 1 if body else ends)]


def _beside(line: str, slot: Slot) -> str:
    return f"{line}  {slot.beside}" if slot.beside else line


def _indent(lines: list[str], indent: int) -> list[str]:
    return [" " * indent + line if line else "" for line in lines]


def _collapse(lines: Sequence[str]) -> list[str]:
    """Blank lines one at a time."""
    return [line for at, line in enumerate(lines) if line or at == 0 or lines[at - 1]]
