"""A document's text, its values, and where each of them stands."""

import json
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tanzaku.core import InputFileError, UserError
from tanzaku.core.plain_yaml import Place

MAX_BYTES: Final = 32 << 20
"""The largest document that is read. Claude's own has 1.6 MB."""
_MAX_DEPTH: Final = 200
_MAX_VALUES: Final = 4_000_000

_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_NUMBER = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_WORDS: Final[dict[str, Any]] = {
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
    "null": None, "Null": None, "NULL": None, "~": None, "": None,
}  # fmt: skip
_BLANK = re.compile(r"[ \t\n\r]*")


@dataclass(frozen=True, slots=True)
class Source:
    """The text of a document and its values, as JSON would have them.

    `name` stands for the file in messages. Dates of a YAML document stay text.
    """

    name: str
    text: str
    is_json: bool
    content: Any

    def locate(self, pointer: str) -> Place:
        """Where the value of a JSON pointer (`/paths/~1v1/get`) begins; where it stops to lead
        anywhere, the last place on the way."""
        parts = split_pointer(pointer)
        if not self.is_json:
            return _locate_yaml(self.text, self.name, parts)
        return _place_at(self.text, self.name, _find_json(self.text, parts))


def load_source(path: Path) -> Source:
    """The JSON or YAML document of a file; what it is shows in its first character, not in its
    name. InputFileError when it cannot be read, is too large, or is neither."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputFileError(
            "{file}: cannot be read: {reason}.", file=path, reason=error.strerror
        ) from None
    if len(raw) > MAX_BYTES:
        raise InputFileError("{file}: is larger than {most} bytes.", file=path, most=MAX_BYTES)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputFileError(
            "{file}: is not UTF-8 text: byte {at} cannot be read.", file=path, at=error.start
        ) from None
    return parse_source(text, str(path))


def parse_source(text: str, name: str) -> Source:
    """The document of a text; InputFileError with line and column when it is neither JSON nor
    YAML."""
    if text.lstrip(" \t\r\n").startswith("{"):
        return Source(name, text, True, _parse_json(text, name))
    return Source(name, text, False, _parse_yaml(text, name))


def split_pointer(pointer: str) -> list[str]:
    """The parts of a JSON pointer, their `~0` and `~1` undone; none of the empty pointer."""
    return [
        part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]
    ]  # RFC 6901, 4


def join_pointer(parts: Iterable[str | int]) -> str:
    """The JSON pointer of these parts."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in parts)


def _parse_json(text: str, name: str) -> Any:
    try:
        content = json.loads(
            text, object_pairs_hook=_collect_pairs, parse_constant=_refuse_constant
        )
    except json.JSONDecodeError as error:
        raise InputFileError(
            "{place}: is not JSON: {reason}.",
            place=Place(name, error.lineno, error.colno),
            reason=error.msg,
        ) from None
    except _RepeatedKeyError as error:
        at = _find_repeated(text, _skip(text, 0))
        raise InputFileError(
            "{place}: the key `{name}` stands here a second time.",
            place=name if at is None else _place_at(text, name, at),
            name=error.args[0],
        ) from None
    except ValueError as error:
        raise InputFileError("{file}: is not JSON: {reason}.", file=name, reason=error) from None
    except RecursionError:
        raise _too_deep(name) from None
    if _is_deeper(content, _MAX_DEPTH):
        raise _too_deep(name)
    return content


class _RepeatedKeyError(Exception):
    pass


def _collect_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        names = [name for name, _ in pairs]
        raise _RepeatedKeyError(next(name for name in names if names.count(name) > 1))
    return content


def _refuse_constant(word: str) -> Any:
    raise ValueError(f"{word} is no number JSON can hold")


def _is_deeper(value: Any, depth: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    if depth == 0:
        return True
    items = value.values() if isinstance(value, dict) else value
    return any(_is_deeper(item, depth - 1) for item in items)


def _too_deep(name: str) -> UserError:
    return InputFileError("{place}: nested deeper than {most} levels.", place=name, most=_MAX_DEPTH)


_SCAN: Final = json.JSONDecoder().raw_decode


def _find_json(text: str, parts: list[str]) -> int:
    """The index in well-formed JSON at which the value of these parts begins."""
    at = _skip(text, 0)
    for part in parts:
        inside = next((value for name, _, value in _iter_members(text, at) if name == part), None)
        if inside is None:
            break
        at = inside
    return at


def _iter_members(text: str, at: int) -> Iterator[tuple[str, int, int]]:
    """(name, where it stands, where its value begins) of what is in the object or list at `at`."""
    if text[at] not in "{[":
        return
    is_object, index = text[at] == "{", 0
    at = _skip(text, at + 1)
    while text[at] not in "}]":
        name, name_at = str(index), at
        if is_object:
            name, at = _SCAN(text, at)
            at = _skip(text, _skip(text, at) + 1)
        yield name, name_at, at
        at = _skip(text, _SCAN(text, at)[1])
        index += 1
        if text[at] == ",":
            at = _skip(text, at + 1)


def _find_repeated(text: str, at: int) -> int | None:
    """Where a key stands that its object has already."""
    seen: set[str] = set()
    for name, name_at, value_at in _iter_members(text, at):
        if name in seen:
            return name_at
        seen.add(name)
        if (inside := _find_repeated(text, value_at)) is not None:
            return inside
    return None


def _skip(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    assert found is not None
    return found.end()


def _place_at(text: str, name: str, at: int) -> Place:
    before = text[:at]
    return Place(name, before.count("\n") + 1, at - before.rfind("\n"))


def _load_yaml_nodes(text: str, name: str) -> Any:
    try:
        import yaml
    except ModuleNotFoundError as error:
        raise UserError(
            "Reading a YAML document needs the package PyYAML.",
            hint="pip install 'tanzaku[workbench]'",
        ) from error
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return yaml.compose(text, loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise InputFileError(
            "{place}: is not YAML: {reason}.",
            place=Place(name, mark.line + 1, mark.column + 1) if mark else name,
            reason=error.problem or error.context,
        ) from None
    except yaml.YAMLError as error:
        raise InputFileError(
            "{place}: is not YAML: {reason}.", place=name, reason=str(error)
        ) from None
    except RecursionError:
        raise _too_deep(name) from None


def _parse_yaml(text: str, name: str) -> Any:
    node = _load_yaml_nodes(text, name)
    return None if node is None else _YamlReader(name).read(node)


class _YamlReader:
    """Values out of nodes, by YAML 1.2's core schema. An alias stands for its whole value, so
    values are counted: a few lines of aliases to aliases would fill any memory."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._count = 0
        self._depth = 0

    def read(self, node: Any) -> Any:
        self._count += 1
        if self._count > _MAX_VALUES:
            raise InputFileError(
                "{place}: its aliases stand for more than {most} values.",
                place=self._place(node),
                most=_MAX_VALUES,
            )
        if node.id == "scalar":
            return self._read_scalar(node)
        if self._depth == _MAX_DEPTH:
            raise _too_deep(self._name)
        self._depth += 1
        content = (
            self._read_mapping(node)
            if node.id == "mapping"
            else [self.read(item) for item in node.value]
        )
        self._depth -= 1
        return content

    def _read_mapping(self, node: Any) -> dict[str, Any]:
        content: dict[str, Any] = {}
        for key, value in node.value:
            if key.id != "scalar":
                raise InputFileError("{place}: a key must be text.", place=self._place(key))
            if key.value in content:
                raise InputFileError(
                    "{place}: the key `{name}` stands here a second time.",
                    place=self._place(key),
                    name=key.value,
                )
            content[key.value] = self.read(value)
        return content

    def _read_scalar(self, node: Any) -> Any:
        text: str = node.value
        if node.style:
            return text
        if text in _WORDS:
            return _WORDS[text]
        if _INTEGER.fullmatch(text) and len(text) <= 4000:
            return int(text)
        if _NUMBER.fullmatch(text) and math.isfinite(float(text)):
            return float(text)
        return text

    def _place(self, node: Any) -> Place:
        mark = node.start_mark
        return Place(self._name, mark.line + 1, mark.column + 1)


def _locate_yaml(text: str, name: str, parts: list[str]) -> Place:
    node = _load_yaml_nodes(text, name)
    for part in parts:
        inside = _enter_node(node, part)
        if inside is None:
            break
        node = inside
    mark = node.start_mark
    return Place(name, mark.line + 1, mark.column + 1)


def _enter_node(node: Any, part: str) -> Any:
    if node.id == "mapping":
        return next((value for key, value in node.value if key.value == part), None)
    if node.id == "sequence" and part.isdecimal() and int(part) < len(node.value):
        return node.value[int(part)]
    return None
