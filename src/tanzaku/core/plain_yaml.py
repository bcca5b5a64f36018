"""YAML that people write: plain values, each with its place, read by what they must be.

A reader of a file asks an `Entry` for what it needs (`as_text`, `as_fields`, ...); what is
something else raises InputFileError naming file, line, column, key and the way out. Scalars follow
YAML 1.2's core schema, but dates and numbers with a leading zero stay text. Anchors, aliases, tags,
duplicate keys and second documents are refused: the files are read by people first.
"""

import difflib
import json
import math
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, override

from tanzaku.core.errors import InputFileError

MAX_BYTES: Final = 1 << 20
MAX_DEPTH: Final = 40
MAX_DIGITS: Final = 18

type Kind = Literal["text", "integer", "number", "boolean", "null", "list", "mapping"]
type Scalar = str | int | float | bool | None

_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_NUMBER = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_JSON = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_WORDS: Final[dict[str, Scalar]] = {
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
    "null": None, "Null": None, "NULL": None, "~": None, "": None,
}  # fmt: skip
_KINDS: Final[dict[type, Kind]] = {
    str: "text", bool: "boolean", int: "integer", float: "number", type(None): "null",
    list: "list", dict: "mapping",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands; line and column count from 1."""

    file: str
    line: int
    column: int

    @override
    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Entry:
    """One value of a file.

    `key` is its way from the top (`rules[2].when.model`; `$` is the top), `name_place` where the
    key it stands under is written (its own place for what has none).
    """

    key: str
    place: Place
    name_place: Place
    content: "Scalar | list[Entry] | dict[str, Entry]"

    @property
    def kind(self) -> Kind:
        return _KINDS[type(self.content)]

    @property
    def plain(self) -> Any:
        """The value as JSON would have it: str, int, float, bool, None, list, dict."""
        if isinstance(self.content, dict):
            return {name: entry.plain for name, entry in self.content.items()}
        if isinstance(self.content, list):
            return [entry.plain for entry in self.content]
        return self.content

    @property
    def found(self) -> str:
        """The value on one short line, for messages."""
        text = json.dumps(self.plain, ensure_ascii=False)
        return text if len(text) <= 40 else text[:39] + "…"

    def as_text(self) -> str:
        if isinstance(self.content, str):
            return self.content
        is_scalar = self.kind not in {"list", "mapping", "null"}
        raise InputFileError(
            "{place}: `{key}` must be text; found {found}.",
            hint="Put quotes around it." if is_scalar else "Write a text here.",
            place=self.place,
            key=self.key,
            found=self.found,
        )

    def as_bool(self) -> bool:
        if isinstance(self.content, bool):
            return self.content
        raise InputFileError(
            "{place}: `{key}` must be true or false; found {found}.",
            place=self.place,
            key=self.key,
            found=self.found,
        )

    def as_integer(self, least: int, most: int) -> int:
        """A whole number from `least` to `most`, both included."""
        value = self.content
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        raise InputFileError(
            "{place}: `{key}` must be a whole number from {least} to {most}; found {found}.",
            place=self.place,
            key=self.key,
            found=self.found,
            least=least,
            most=most,
        )

    def as_number(self, least: float, most: float) -> float:
        """A number from `least` to `most`, both included."""
        value = self.content
        if (
            isinstance(value, int | float)
            and not isinstance(value, bool)
            and least <= value <= most
        ):
            return float(value)
        raise InputFileError(
            "{place}: `{key}` must be a number from {least:g} to {most:g}; found {found}.",
            place=self.place,
            key=self.key,
            found=self.found,
            least=least,
            most=most,
        )

    def as_choice(self, choices: Collection[str]) -> str:
        """One of `choices`, a text."""
        text = self.content
        if isinstance(text, str) and text in choices:
            return text
        raise InputFileError(
            "{place}: `{key}` must be one of {choices}; found {found}.",
            place=self.place,
            key=self.key,
            found=self.found,
            choices=", ".join(choices),
        )

    def as_list(self) -> "list[Entry]":
        if isinstance(self.content, list):
            return self.content
        raise InputFileError(
            "{place}: `{key}` must be a list; found {found}.",
            place=self.place,
            key=self.key,
            found=self.found,
        )

    def as_mapping(self) -> "dict[str, Entry]":
        """Keys and values whatever the keys; keys are always text, as they are written."""
        if isinstance(self.content, dict):
            return self.content
        raise InputFileError(
            "{place}: `{key}` must be keys with values; found {found}.",
            place=self.place,
            key=self.key,
            found=self.found,
        )

    def as_fields(self, known: Collection[str], needed: Collection[str] = ()) -> "dict[str, Entry]":
        """Keys and values of which only `known` may stand and all `needed` must."""
        fields = self.as_mapping()
        for name, entry in fields.items():
            if name not in known:
                near = "".join(difflib.get_close_matches(name, known, n=1))
                raise InputFileError(
                    "{place}: unknown key `{name}`.",
                    hint="Did you mean `{near}`?" if near else "Known are {known}.",
                    place=entry.name_place,
                    name=name,
                    near=near,
                    known=", ".join(known),
                )
        for name in needed:
            if name not in fields:
                raise InputFileError(
                    "{place}: `{key}` lacks the key `{name}`.",
                    place=self.place,
                    key=self.key,
                    name=name,
                )
        return fields


def read_yaml(path: Path) -> Entry:
    """The file's one document; raises InputFileError when it cannot be read or is not YAML."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputFileError(
            "{file}: cannot be read: {reason}.", file=path, reason=error.strerror
        ) from None
    _check_size(raw, str(path))
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputFileError(
            "{file}: is not UTF-8 text: byte {at} cannot be read.", file=path, at=error.start
        ) from None
    return parse_yaml(text, str(path))


def parse_yaml(text: str, name: str) -> Entry:
    """The one document of `text`; `name` stands for the file in messages."""
    _check_size(text.encode("utf-8", "surrogatepass"), name)
    # 25 ms of import, which a start without any such file need not pay.
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError
    from ruamel.yaml.reader import ReaderError

    try:
        return _Builder(name, YAML(typ="safe", pure=True).parse(text)).build()
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise InputFileError(
            "{place}: is not YAML: {reason}.",
            place=Place(name, mark.line + 1, mark.column + 1) if mark else name,
            reason=error.problem or error.context,
        ) from None
    except ReaderError as error:
        before = text[: error.position]
        raise InputFileError(
            "{place}: the character {found} may not stand in YAML.",
            hint="Write it as an escape in double quotes.",
            place=Place(name, before.count("\n") + 1, len(before) - before.rfind("\n")),
            found=f"U+{ord(text[error.position]):04X}",
        ) from None
    except YAMLError as error:
        raise InputFileError(
            "{place}: is not YAML: {reason}.", place=name, reason=str(error)
        ) from None


def _check_size(raw: bytes, file: str) -> None:
    if len(raw) > MAX_BYTES:
        raise InputFileError(
            "{file}: is larger than {most} bytes.",
            hint="Split it into several files.",
            file=file,
            most=MAX_BYTES,
        )


class _Builder:
    """Entries out of the parser's events."""

    def __init__(self, file: str, events: Iterator[Any]) -> None:
        self._file = file
        self._events = events
        self._event: Any = None

    def build(self) -> Entry:
        top = Place(self._file, 1, 1)
        entry = Entry("$", top, top, None)
        documents = 0
        while self._advance() != "StreamEndEvent":
            if self._kind() != "DocumentStartEvent":
                continue
            documents += 1
            if documents > 1:
                raise InputFileError(
                    "{place}: a second document begins here.",
                    hint="Keep one document a file.",
                    place=self._place(),
                )
            self._advance()
            entry = self._value("$", None, 0)
        return entry

    def _advance(self) -> str:
        self._event = next(self._events)
        return self._kind()

    def _kind(self) -> str:
        return type(self._event).__name__

    def _place(self) -> Place:
        mark = self._event.start_mark
        return Place(self._file, mark.line + 1, mark.column + 1)

    def _value(self, key: str, name_place: Place | None, depth: int) -> Entry:
        """The value the current event begins; ends on its last event."""
        place = self._place()
        self._refuse_extras(place)
        kind = self._kind()
        if kind == "ScalarEvent":
            content: Any = self._scalar(place)
        elif depth >= MAX_DEPTH:
            raise InputFileError(
                "{place}: nested deeper than {most} levels.", place=place, most=MAX_DEPTH
            )
        elif kind == "SequenceStartEvent":
            content = []
            while self._advance() != "SequenceEndEvent":
                content.append(self._value(f"{key}[{len(content)}]", None, depth + 1))
        else:
            content = self._mapping(key, depth)
        return Entry(key, place, name_place or place, content)

    def _mapping(self, key: str, depth: int) -> dict[str, Entry]:
        content: dict[str, Entry] = {}
        while self._advance() != "MappingEndEvent":
            place = self._place()
            self._refuse_extras(place)
            if self._kind() != "ScalarEvent":
                raise InputFileError("{place}: a key must be text.", place=place)
            name: str = self._event.value
            if name in content:
                raise InputFileError(
                    "{place}: the key `{name}` stands here a second time; first in line {line}.",
                    place=place,
                    name=name,
                    line=content[name].name_place.line,
                )
            self._advance()
            path = name if key == "$" else f"{key}.{name}"
            content[name] = self._value(path, place, depth + 1)
        return content

    def _refuse_extras(self, place: Place) -> None:
        if self._kind() == "AliasEvent" or self._event.anchor is not None:
            raise InputFileError(
                "{place}: anchors and aliases (`&name`, `*name`) are not read.",
                hint="Write the value out, or put quotes around a text that begins so.",
                place=place,
            )
        if self._event.ctag is not None:
            raise InputFileError(
                "{place}: tags (`!name`) are not read.",
                hint="Leave it out, or put quotes around a text that begins so.",
                place=place,
            )

    def _scalar(self, place: Place) -> Scalar:
        text: str = self._event.value
        is_plain = self._event.implicit[0]
        if not is_plain:
            return text
        if text in _WORDS:
            return _WORDS[text]
        if _INTEGER.fullmatch(text):
            return int(text) if len(text.lstrip("+-")) <= MAX_DIGITS else text
        if _NUMBER.fullmatch(text):
            value = float(text)
            if math.isfinite(value):
                return value
        elif not _NOT_JSON.fullmatch(text):
            return text
        raise InputFileError(
            "{place}: {found} is no number JSON can hold.",
            hint="Put quotes around it if it is text.",
            place=place,
            found=text,
        )
