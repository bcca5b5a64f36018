"""A request as a command for curl, in a POSIX shell."""

import json
import re
import shlex
from collections.abc import Iterator
from typing import Any, Final

from tanzaku.look import escape_controls
from tanzaku.workbench.sending._snippet_parts import (
    Basic,
    Parts,
    Ref,
    Text,
    is_harmless,
    join_texts,
)

_LONGEST_ARGUMENT: Final = 100_000  # Linux takes 131,072 bytes in one (MAX_ARG_STRLEN)
_PLAIN_IN_PRINTF: Final = frozenset(range(0x20, 0x7F)) - frozenset(b"%'\\-")
_STATES_OF_DOUBLE_QUOTES: Final = re.compile(r"[\"$\\`!]")


def write_curl(parts: Parts) -> str:
    """One command. Curl adds `user-agent` and `accept` where the request has none."""
    words = [" ".join(["curl --silent --show-error", *_list_options(parts), _quote(parts.url)])]
    words += [
        f"--header {_write_header(name, value)}"
        for name, value in parts.headers
        if not isinstance(value, Basic)
    ]
    if isinstance(basic := parts.find("authorization"), Basic):
        words.append(f"--user {_quote((*basic.user, ':', *basic.password))}")
    if not parts.body:
        return " \\\n  ".join(words)
    if parts.find("content-type") is None:
        words.append("--header content-type:")
    shown = _show_body(parts)
    if shown is not None and is_harmless(shown) and len(parts.body) < _LONGEST_ARGUMENT:
        return " \\\n  ".join([*words, f"--data-raw {_quote(shown)}"])
    command = " \\\n  ".join([*words, "--data-binary @-"])
    return f"{_write_printf(parts)} |\n{command}"


def _list_options(parts: Parts) -> Iterator[str]:
    if parts.method == "HEAD":
        yield "--head"
    elif parts.method != ("POST" if parts.body else "GET"):
        yield f"--request {parts.method}"
    if isinstance(parts.json, dict) and parts.json.get("stream") is True:
        yield "--no-buffer"
    if re.search(r"[\[\]{}]", parts.path + parts.query):
        yield "--globoff"
    if re.search(r"/\.{1,2}(/|$)", parts.path):
        yield "--path-as-is"


def _write_header(name: str, value: Text) -> str:
    # An empty value would tell curl to leave the header out.
    return _quote((f"{name}: ", *value) if value else (f"{name};",))


def _show_body(parts: Parts) -> Text | None:
    if not parts.is_json:
        return parts.text
    return join_texts(tuple(_write_json(parts.json, 0)))


def _write_json(value: Any, depth: int) -> Iterator[str | Ref]:
    """JSON in pieces. A secret stands as its variable has it: one with a quote, a backslash or a
    line break in it is no JSON there."""
    space, end = "\n" + "  " * (depth + 1), "\n" + "  " * depth
    if isinstance(value, dict) and value:
        for number, (name, one) in enumerate(value.items()):
            yield f"{',' if number else '{'}{space}{_write_text(name)}: "
            yield from _write_json(one, depth + 1)
        yield end + "}"
    elif isinstance(value, list) and value:
        for number, one in enumerate(value):
            yield f"{',' if number else '['}{space}"
            yield from _write_json(one, depth + 1)
        yield end + "]"
    elif isinstance(value, tuple):
        yield '"'
        for piece in value:
            yield piece if isinstance(piece, Ref) else _write_text(piece)[1:-1]
        yield '"'
    else:
        yield _write_text(value)


def _write_text(value: Any) -> str:
    return escape_controls(json.dumps(value, ensure_ascii=False))


def _quote(text: Text) -> str:
    """One word of the shell."""
    if not any(isinstance(piece, Ref) for piece in text):
        return shlex.quote("".join(map(str, text)))
    literals = "".join(piece for piece in text if isinstance(piece, str))
    if _STATES_OF_DOUBLE_QUOTES.search(literals) is None:
        pairs = zip(text, (*text[1:], ""), strict=True)
        return f'"{"".join(_write_piece(piece, after) for piece, after in pairs)}"'
    return "".join(
        f'"{_write_piece(piece, "")}"' if isinstance(piece, Ref) else shlex.quote(piece)
        for piece in text
    )


def _write_piece(piece: str | Ref, after: str | Ref) -> str:
    if isinstance(piece, str):
        return piece
    if piece.default is not None:
        return f"${{{piece.name}:-{piece.default}}}"
    is_ended = not (isinstance(after, str) and re.match(r"\w", after))
    return f"${piece.name}" if is_ended else f"${{{piece.name}}}"


def _write_printf(parts: Parts) -> str:
    """Commands that write these very bytes, themselves without what could steer a terminal."""
    text = parts.text
    if text is None:
        return _write_octal(parts.body)
    if len(text) == 1:
        return _print(text[0])
    return f"{{ {'; '.join(map(_print, text))}; }}"


def _print(piece: str | Ref) -> str:
    if isinstance(piece, Ref):
        return f"printf %s {_quote((piece,))}"
    return (
        f"printf %s {shlex.quote(piece)}" if is_harmless((piece,)) else _write_octal(piece.encode())
    )


def _write_octal(body: bytes) -> str:
    # A format that begins with a dash would be an option.
    octal = "".join(chr(one) if one in _PLAIN_IN_PRINTF else f"\\{one:03o}" for one in body)
    return f"printf '{octal}'"
