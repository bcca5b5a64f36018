"""YAML for people: written anew, or changed with its comments and order kept."""

import re
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any, Final

WIDE: Final = 100
"""A longer text is written as a block."""
_DOUBTFUL: Final = re.compile(
    # What YAML 1.1 or 1.2, or a reader in a hurry, takes for something other than text.
    r"(?i)y|n|yes|no|on|off|true|false|null|~|[-+.]?[0-9][0-9a-fxo_:.,+\-tz ]*|[-+]?\.(?:inf|nan)|=|<<|"
)


def render_yaml(value: Mapping[str, Any]) -> str:
    """A new file: order as given, Chinese as itself, long texts and those of several lines as
    blocks, texts that could be read as something else in quotes."""
    return _dump(prepare_yaml(value))


def parse_for_editing(text: str) -> Any:
    """The file as a mapping that can be changed: `render_edited` gives it back with its comments,
    its order and its quotes. The text must have been read with `read_yaml` before."""
    return _build_yaml().load(text)


def render_edited(document: Any) -> str:
    """The text of a file that `parse_for_editing` gave and that was changed."""
    return _dump(document)


def prepare_yaml(value: Any) -> Any:
    """A plain value as it is to be put into an edited file."""
    from ruamel.yaml.comments import CommentedMap, CommentedSeq
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString

    if isinstance(value, Mapping):
        made = CommentedMap()
        for key, one in value.items():
            made[prepare_yaml(str(key))] = prepare_yaml(one)
        if not made:
            made.fa.set_flow_style()
        return made
    if isinstance(value, list | tuple):
        listed = CommentedSeq(prepare_yaml(one) for one in value)
        if not listed:
            listed.fa.set_flow_style()
        return listed
    if not isinstance(value, str):
        return value
    if is_block(value):
        return LiteralScalarString(value)
    if _DOUBTFUL.fullmatch(value) or not _is_printable(value):
        return DoubleQuotedScalarString(value)
    return value


def write_text(path: Path, text: str) -> None:
    """Put a text into a file, whose folder is made; line ends stay as they are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="")


def is_block(text: str) -> bool:
    """Whether a text is long or of several lines, and can be a `|` block for every reader."""
    if "\n" not in text and len(text) <= WIDE:
        return False
    lines = text.split("\n")
    # A block cannot hold these and be read back as it was by every reader.
    is_plain = all(_is_printable(one) and one == one.rstrip() for one in lines)
    return is_plain and not text.startswith((" ", "\n")) and bool(text.strip())


def quote_text(text: str) -> str:
    """In double quotes, on one line."""
    return '"' + "".join(_escape(char) for char in text) + '"'


def _escape(char: str) -> str:
    if char in '"\\':
        return "\\" + char
    if char == "\n":
        return "\\n"
    if _is_printable(char):
        return char
    code = ord(char)
    return (
        f"\\x{code:02x}"
        if code < 0x100
        else f"\\u{code:04x}"
        if code < 0x10000
        else f"\\U{code:08x}"
    )


def _is_printable(text: str) -> bool:
    return text.replace("\u3000", "").isprintable()


def _build_yaml() -> Any:
    # 25 ms of import, which who writes nothing need not pay.
    from ruamel.yaml import YAML

    yaml = YAML(typ="rt", pure=True)
    yaml.preserve_quotes = True
    yaml.width = 1 << 20
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.allow_unicode = True
    return yaml


def _dump(document: Any) -> str:
    out = StringIO()
    _build_yaml().dump(document, out)
    return out.getvalue()
