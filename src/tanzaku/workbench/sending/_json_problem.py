"""Where a document stops being JSON, and how."""

import re
from dataclasses import dataclass
from json import JSONDecodeError
from typing import Final, Literal

from tanzaku.workbench.sending._read import read_json

type JsonFault = Literal[
    "empty",
    "cut_off",
    "value",
    "comma",
    "colon",
    "name",
    "unended",
    "control",
    "escape",
    "extra",
    "trailing",
    "constant",
    "number",
    "encoding",
    "depth",
]
"""What is wrong there. `empty`: nothing but white space. `cut_off`: the document ends in the middle.
`value`, `comma`, `colon`, `name`: that is due and something else stands. `unended`: a text begins and
never ends. `control`: a control character in a text. `escape`: a backslash before what cannot be
escaped. `extra`: more after the end. `trailing`: a comma before a closing bracket. `constant`: NaN or
Infinity. `number`: of more digits than are read. `encoding`: no UTF-8. `depth`: nested too deeply."""

_FAULTS: Final[tuple[tuple[str, JsonFault], ...]] = (
    ("Unterminated string", "unended"),
    ("Invalid control character", "control"),
    ("Invalid \\", "escape"),
    ("Extra data", "extra"),
    ("Illegal trailing comma", "trailing"),
    ("Expecting ',' delimiter", "comma"),
    ("Expecting ':' delimiter", "colon"),
    ("Expecting property name", "name"),
)
_WORDS: Final = re.compile(r'"(?:[^"\\]|\\.)*"|(NaN|-?Infinity)|(-?\d{4000,})', re.DOTALL)


@dataclass(frozen=True, slots=True)
class JsonProblem:
    """`line` and `column` count from 1, the column in characters; `text` is the whole line."""

    fault: JsonFault
    line: int
    column: int
    text: str


def find_json_problem(document: bytes | str) -> JsonProblem | None:
    """The first thing wrong with it; None for JSON."""
    try:
        read_json(document)
    except ValueError as error:
        text, undecoded = _decode(document)
        if undecoded is not None:
            return _place("encoding", text, undecoded)
        if not text.strip():
            return _place("empty", text, 0)
        if isinstance(error, JSONDecodeError):
            return _place(*_judge(error, text))
        return _place_other(text)
    return None


def _decode(document: bytes | str) -> tuple[str, int | None]:
    """The text, and where it is none."""
    if isinstance(document, str):
        return document, None
    try:
        return document.decode("utf-8-sig"), None
    except UnicodeDecodeError as error:
        before = document[: error.start].decode()
        return before + document[error.start :].decode("utf-8", "replace"), len(before)


def _judge(error: JSONDecodeError, text: str) -> tuple[JsonFault, str, int]:
    found = (fault for start, fault in _FAULTS if error.msg.startswith(start))
    fault: JsonFault = next(found, "value")
    before = text[: error.pos].rstrip()
    if error.pos >= len(text.rstrip()):
        return "cut_off", text, len(text.rstrip())
    # Python before 3.13 sees the bracket after such a comma, and no comma.
    if fault in ("name", "value") and before.endswith(",") and text[error.pos] in "]}":
        return "trailing", text, len(before) - 1
    return fault, text, error.pos


def _place_other(text: str) -> JsonProblem:
    for word in _WORDS.finditer(text):
        if word[1] or word[2]:
            return _place("constant" if word[1] else "number", text, word.start())
    return _place("depth", text, 0)


def _place(fault: JsonFault, text: str, position: int) -> JsonProblem:
    start = text.rfind("\n", 0, position) + 1
    line = text[start:].partition("\n")[0].removesuffix("\r")
    return JsonProblem(fault, text.count("\n", 0, position) + 1, position - start + 1, line)
