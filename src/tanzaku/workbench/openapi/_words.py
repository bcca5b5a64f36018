"""The words of a command line as shells split them: POSIX shells and Windows' cmd."""

import re
from typing import Final

from tanzaku.core import UserError

VARIABLE: Final = re.compile("\x00(\\w+)\x00")
"""How a shell variable stands in a word: its name between zero bytes."""
_NAME = re.compile(r"\$(?:\{(\w+)\}|([A-Za-z_]\w*))|%(\w+)%")
_ENDS: Final = frozenset("|;&><\n")
_ESCAPES: Final = {
    "n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "e": "\x1b",
    "E": "\x1b", "\\": "\\", "'": "'", '"': '"', "?": "?",
}  # fmt: skip
_CODES = re.compile(r"x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{1,4})|U([0-9A-Fa-f]{1,8})|([0-7]{1,3})")


def split_command(text: str) -> list[str]:
    """The words of the first command in a text that was copied out of a terminal, a page or a
    browser's "copy as cURL". Variables stay, marked (VARIABLE); UserError for a quote that is not
    closed."""
    if "\0" in text:
        raise UserError("The command holds a zero byte.")
    lines = [re.sub(r"^[ \t]*[$>] (?=curl)", "", line) for line in text.strip().splitlines()]
    whole = "\n".join(lines)
    if _is_cmd(whole):
        return _Splitter(_undo_carets(whole), escape="\\", quotes='"').split()
    return _Splitter(whole, escape="\\", quotes="'\"").split()


def _is_cmd(text: str) -> bool:
    return re.search(r'\^\s*\n|\^"|\^%\^', text) is not None


def _undo_carets(text: str) -> str:
    """What cmd makes of carets: at a line's end the line goes on, else the next character is
    itself."""
    joined = re.sub(r"\^[ \t]*\r?\n[ \t]*", " ", text)
    return re.sub(r"\^(.)", r"\1", joined)


class _Splitter:
    def __init__(self, text: str, *, escape: str, quotes: str) -> None:
        self._text = text
        self._escape = escape
        self._quotes = quotes
        self._at = 0

    def split(self) -> list[str]:
        words: list[str] = []
        while self._at < len(self._text):
            character = self._text[self._at]
            if character in " \t\r" or self._text.startswith("\\\n", self._at):
                self._at += 2 if character == self._escape else 1
            elif self._text.startswith("\\\r\n", self._at):
                self._at += 3
            elif character in _ENDS or (character == "#" and words):
                break
            else:
                words.append(self._read_word())
        return words

    def _read_word(self) -> str:
        parts: list[str] = []
        while self._at < len(self._text):
            character = self._text[self._at]
            if character in " \t\r" or character in _ENDS:
                break
            if self._text.startswith("$'", self._at) and "'" in self._quotes:
                parts.append(self._read_ansi())
            elif character == "'" and "'" in self._quotes:
                parts.append(self._read_until("'"))
            elif character == '"':
                parts.append(self._read_double())
            elif character == self._escape:
                parts.append(self._text[self._at + 1 : self._at + 2].replace("\n", ""))
                self._at += 2
            else:
                parts.append(self._read_plain())
        return "".join(parts)

    def _read_plain(self) -> str:
        found = _NAME.match(self._text, self._at)
        if found is None:
            self._at += 1
            return self._text[self._at - 1]
        self._at = found.end()
        return f"\0{found[1] or found[2] or found[3]}\0"

    def _read_until(self, end: str) -> str:
        stop = self._text.find(end, self._at + 1)
        if stop < 0:
            raise self._unclosed()
        content = self._text[self._at + 1 : stop]
        self._at = stop + 1
        return content

    def _read_double(self) -> str:
        self._at += 1
        parts: list[str] = []
        while not self._text.startswith('"', self._at):
            if self._at >= len(self._text):
                raise self._unclosed()
            follower = self._text[self._at + 1 : self._at + 2]
            if self._text[self._at] == "\\" and follower and follower in '"\\$`\n':
                parts.append("" if follower == "\n" else follower)
                self._at += 2
            else:
                parts.append(self._read_plain())
        self._at += 1
        return "".join(parts)

    def _read_ansi(self) -> str:
        """`$'…'`, as bash and browsers write texts with line breaks or quotes in them."""
        self._at += 2
        parts: list[str] = []
        while not self._text.startswith("'", self._at):
            if self._at >= len(self._text):
                raise self._unclosed()
            if self._text[self._at] != "\\":
                parts.append(self._text[self._at])
                self._at += 1
                continue
            self._at += 1
            parts.append(self._read_escape())
        self._at += 1
        return "".join(parts)

    def _read_escape(self) -> str:
        found = _CODES.match(self._text, self._at)
        if found is not None:
            self._at = found.end()
            return chr(int(found[4], 8) if found[4] else int(found[0][1:], 16))
        character = self._text[self._at : self._at + 1]
        self._at += 1
        return _ESCAPES.get(character, f"\\{character}")

    def _unclosed(self) -> UserError:
        return UserError(
            "The command ends within quotes.", hint="Copy the whole of it, or save it as a file."
        )
