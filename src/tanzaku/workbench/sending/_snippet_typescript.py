"""A request as TypeScript that plain Node.js runs too: the official SDK where it has the call,
else fetch."""

import json
import re
from base64 import b64encode
from typing import Any, Final

from tanzaku.core import UserError
from tanzaku.look import escape_controls
from tanzaku.workbench.sending._snippet_parts import Basic, Parts, Ref, Text, join_texts
from tanzaku.workbench.sending._snippet_sdk import (
    LONG_TIMEOUT_S,
    SdkCall,
    find_call,
    holds_moved,
)

_LINE: Final = 88
_MOST_EXACT: Final = 2**53 - 1
_IDENTIFIER: Final = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")


def write_typescript(parts: Parts) -> str:
    """UserError for what fetch refuses to send: a body with GET or HEAD, a TRACE."""
    call = find_call(parts)
    if call is None or holds_moved(call) or not _is_exact(parts.json):
        return _write_fetch(parts)
    return _write_sdk(parts, call)


def _write_sdk(parts: Parts, call: SdkCall) -> str:
    options: dict[str, Any] = {"apiKey": call.key}
    if not isinstance(parts.base[0], Ref):
        options["baseURL"] = parts.base
    arguments = [] if call.subject is None else [_write(call.subject, 0)]
    is_list = call.name.endswith(".list")
    given = {
        name: int(one) if is_list and one.isdecimal() else one
        for name, one in call.arguments.items()
    }
    more: dict[str, Any] = {"headers": dict(call.headers), "query": dict(call.query)}
    more = {name: value for name, value in more.items() if value}
    if call.is_long:
        more["timeout"] = LONG_TIMEOUT_S * 1000
    if given or (more and call.subject is None):
        arguments.append(_write(given, 0))
    if more:
        # What is beside the subject of a path comes before the options.
        arguments += ["{}"] if call.subject is not None else []
        arguments.append(_write(more, 0))
    name = re.sub(r"_(\w)", lambda found: found[1].upper(), call.name)
    written = f"client.{name}({', '.join(arguments)})"
    return (
        'import Anthropic from "@anthropic-ai/sdk";\n\n'
        f"const client = new Anthropic({_write(options, 0)});\n{_show_answer(call, written)}"
    )


def _show_answer(call: SdkCall, written: str) -> str:
    if call.is_stream or call.name.endswith(".results"):
        return (
            f"const stream = await {written};\nfor await (const event of stream) {{\n"
            "  console.log(JSON.stringify(event));\n}\n"
        )
    answer = "answer.data" if call.name.endswith(".list") else "answer"
    return f"const answer = await {written};\nconsole.log(JSON.stringify({answer}, null, 2));\n"


def _write_fetch(parts: Parts) -> str:
    if parts.method == "TRACE" or (parts.body and parts.method in ("GET", "HEAD")):
        raise UserError(
            "fetch cannot send this {method} request.",
            hint="Have it written for curl or Python.",
            method=parts.method,
        )
    fields = [f"method: {_write(parts.method, 0)}"]
    pairs = [(name, _write_header(value)) for name, value in parts.headers]
    if len({name for name, _ in pairs}) < len(pairs):
        listed = [f"[{_write(name, 0)}, {value}]" for name, value in pairs]
        fields.append(f"headers: {_enclose('[', listed, ']', 1)}")
    elif pairs:
        named = [f"{_write_name(name)}: {value}" for name, value in pairs]
        fields.append(f"headers: {_enclose('{', named, '}', 1)}")
    if parts.body:
        fields.append(f"body: {_write_body(parts)}")
    return (
        f"const response = await fetch({_write_text(parts.url)}, {_enclose('{', fields, '}', 0)});\n"
        "console.log(response.status, response.statusText);\n"
        "for await (const chunk of response.body ?? []) {\n  process.stdout.write(chunk);\n}\n"
    )


def _write_body(parts: Parts) -> str:
    if parts.text is None:
        return f'Buffer.from("{b64encode(parts.body).decode()}", "base64")'
    is_value = parts.is_json and _is_exact(parts.json)
    text = f"JSON.stringify({_write(parts.json, 1)})" if is_value else _write_text(parts.text)
    # fetch would call a text without a type text/plain.
    return text if parts.find("content-type") else f"new TextEncoder().encode({text})"


def _write_header(value: Text | Basic) -> str:
    if isinstance(value, Basic):
        pair = _write_text(join_texts(value.user, (":",), value.password))
        return f'"Basic " + Buffer.from({pair}).toString("base64")'
    # A character of fetch's headers is a byte.
    return _write_text(
        tuple(
            piece if isinstance(piece, Ref) else piece.encode().decode("latin-1") for piece in value
        )
    )


def _write_text(text: Text) -> str:
    if len(text) == 1 and isinstance(ref := text[0], Ref) and not ref.is_quoted:
        return _write_read(ref)
    return " + ".join(map(_write_piece, text)) or '""'


def _write_piece(piece: str | Ref) -> str:
    if isinstance(piece, str):
        return _write_literal(piece)
    return f"{'encodeURIComponent' if piece.is_quoted else ''}({_write_read(piece)})"


def _write_read(ref: Ref) -> str:
    return f"process.env.{ref.name} ?? {_write_literal(ref.default or '')}"


def _write_literal(text: str) -> str:
    return escape_controls(json.dumps(text, ensure_ascii=False))


def _write_name(name: str) -> str:
    return name if _IDENTIFIER.fullmatch(name) else _write_literal(name)


def _write(value: Any, depth: int) -> str:
    match value:
        case tuple():
            return _write_text(value)
        case dict():
            pairs = [
                f"{_write_name(name)}: {_write(one, depth + 1)}" for name, one in value.items()
            ]
            return _enclose("{", pairs, "}", depth)
        case list():
            return _enclose("[", [_write(one, depth + 1) for one in value], "]", depth)
        case _:
            return escape_controls(json.dumps(value, ensure_ascii=False))


def _enclose(start: str, items: list[str], end: str, depth: int) -> str:
    inside = ", ".join(items)
    line = f"{{ {inside} }}" if start == "{" and items else f"{start}{inside}{end}"
    if len(line) + 2 * depth <= _LINE and "\n" not in line:
        return line
    space = "  " * (depth + 1)
    return f"{start}\n" + "".join(f"{space}{item},\n" for item in items) + f"{'  ' * depth}{end}"


def _is_exact(value: Any) -> bool:
    """Whether JavaScript writes the same JSON from it: no whole number as a fraction, none that a
    double cannot hold, no name that is more than a name."""
    match value:
        case bool():
            return True
        case int():
            return abs(value) <= _MOST_EXACT
        case float():
            return not value.is_integer()
        case list():
            return all(map(_is_exact, value))
        case dict():
            return "__proto__" not in value and all(map(_is_exact, value.values()))
        case _:
            return True
