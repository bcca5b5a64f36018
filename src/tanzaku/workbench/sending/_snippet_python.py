"""A request as Python: the official SDK where it has the call, else the standard library alone."""

import json
from typing import Any, Final

from tanzaku.look import escape_controls
from tanzaku.workbench.sending._snippet_parts import Basic, Parts, Ref, Text, has_ref, join_texts
from tanzaku.workbench.sending._snippet_sdk import (
    LONG_TIMEOUT_S,
    SdkCall,
    find_call,
    list_arguments,
)

_LINE: Final = 88
_PRINT: Final = """\
try:
    answer = urllib.request.urlopen(request)
except urllib.error.HTTPError as error:
    answer = error
with answer:
    print(answer.status, answer.reason)
    for line in answer:
        print(line.decode(errors="replace"), end="")
"""


def write_python(parts: Parts) -> str:
    call = find_call(parts)
    return _write_plain(parts) if call is None else _write_sdk(parts, call)


def _write_sdk(parts: Parts, call: SdkCall) -> str:
    options = {"api_key": call.key}
    if not any(isinstance(piece, Ref) for piece in parts.base):
        options["base_url"] = parts.base
    given = dict(call.arguments)
    named = {name: given.pop(name) for name in list(given) if name in list_arguments(call.name)}
    if call.name.endswith(".list"):
        named = {name: int(one) if one.isdecimal() else one for name, one in named.items()}
    more = {
        "extra_body" if not call.name.endswith(".list") else "extra_query": given,
        "extra_headers": dict(call.headers),
    }
    if call.query:
        more["extra_query"] = dict(call.query)
    named |= {name: value for name, value in more.items() if value}
    if call.is_long:
        named["timeout"] = LONG_TIMEOUT_S
    subject = [] if call.subject is None else [_write(call.subject, 0)]
    arguments = [*subject, *(f"{name}={_write(value, 1)}" for name, value in named.items())]
    lines = ["import os\n" if has_ref((call.key, call.arguments, call.headers)) else ""]
    lines += ["\nfrom anthropic import Anthropic\n\n"]
    lines += [
        f"client = {_call('Anthropic', [f'{n}={_write(v, 1)}' for n, v in options.items()])}\n"
    ]
    return "".join(lines).lstrip("\n") + _show_answer(call, _call(f"client.{call.name}", arguments))


def _show_answer(call: SdkCall, written: str) -> str:
    if call.is_stream:
        return (
            f"with {written} as stream:\n    for event in stream:\n"
            "        print(event.to_json(indent=None), flush=True)\n"
        )
    if call.name.endswith(".results"):
        return f"for result in {written}:\n    print(result.to_json(indent=None))\n"
    return f"answer = {written}\nprint(answer.to_json())\n"


def _write_plain(parts: Parts) -> str:
    basic = parts.find("authorization")
    modules = {"urllib.error", "urllib.request"}
    arguments = [_write_text(parts.url)]
    if isinstance(basic, Basic):
        modules.add("base64")
    headers = {name: _write_header(value) for name, value in _join_repeated(parts).items()}
    if parts.body:
        # urllib would call a body without a type a form.
        headers.setdefault("content-type", '""')
        if parts.is_json:
            modules.add("json")
        elif parts.text is None:
            modules.add("base64")
        arguments.append(f"data={_write_body(parts)}")
    if headers:
        pairs = [f"{_write(name, 0)}: {value}" for name, value in headers.items()]
        arguments.append(f"headers={_enclose('{', pairs, '}', 1)}")
    arguments.append(f"method={_write(parts.method, 0)}")
    if has_ref((parts.url, [value for _, value in parts.headers], parts.json, parts.text)):
        modules.add("os")
    if any(isinstance(piece, Ref) and piece.is_quoted for piece in parts.url):
        modules.add("urllib.parse")
    imports = "".join(f"import {name}\n" for name in sorted(modules))
    return f"{imports}\nrequest = {_call('urllib.request.Request', arguments)}\n{_PRINT}"


def _join_repeated(parts: Parts) -> dict[str, Text | Basic]:
    """The headers by name, those that stand twice as one (RFC 9110 section 5.3)."""
    joined: dict[str, Text | Basic] = {}
    for name, value in parts.headers:
        before = joined.get(name)
        if isinstance(before, tuple) and isinstance(value, tuple):
            value = join_texts(before, (", ",), value)
        joined[name] = value
    return joined


def _write_body(parts: Parts) -> str:
    if parts.is_json:
        return f"json.dumps({_write(parts.json, 1)}).encode()"
    if parts.text is not None:
        return f"{_parenthesize(parts.text)}.encode()"
    from base64 import b64encode

    return f'base64.b64decode("{b64encode(parts.body).decode()}")'


def _write_header(value: Text | Basic) -> str:
    if isinstance(value, Basic):
        pair = _parenthesize(join_texts(value.user, (":",), value.password))
        return f'"Basic " + base64.b64encode({pair}.encode()).decode()'
    written = _write_text(value)
    is_ascii = all(isinstance(piece, Ref) or piece.isascii() for piece in value)
    return written if is_ascii else f"{_parenthesize(value)}.encode()"


def _parenthesize(text: Text) -> str:
    written = _write_text(text)
    return f"({written})" if len(text) > 1 else written


def _write_text(text: Text) -> str:
    return " + ".join(map(_write_piece, text)) or '""'


def _write_piece(piece: str | Ref) -> str:
    if isinstance(piece, str):
        return _write_literal(piece)
    name = _write_literal(piece.name)
    read = f"os.environ[{name}]"
    if piece.default is not None:
        read = f"os.environ.get({name}, {_write_literal(piece.default)})"
    return f'urllib.parse.quote({read}, safe="")' if piece.is_quoted else read


def _write_literal(text: str) -> str:
    # What JSON escapes Python reads the same.
    return escape_controls(json.dumps(text, ensure_ascii=False))


def _write(value: Any, depth: int) -> str:
    """A value as Python writes it; `depth` is how far in its line is."""
    match value:
        case tuple():
            return _write_text(value)
        case str():
            return _write_literal(value)
        case dict():
            pairs = [
                f"{_write_literal(name)}: {_write(one, depth + 1)}" for name, one in value.items()
            ]
            return _enclose("{", pairs, "}", depth)
        case list():
            return _enclose("[", [_write(one, depth + 1) for one in value], "]", depth)
        case _:
            return repr(value)


def _call(name: str, arguments: list[str]) -> str:
    return name + _enclose("(", arguments, ")", 0)


def _enclose(start: str, items: list[str], end: str, depth: int) -> str:
    line = start + ", ".join(items) + end
    if len(line) + 4 * depth <= _LINE and "\n" not in line:
        return line
    space = "    " * (depth + 1)
    return f"{start}\n" + "".join(f"{space}{item},\n" for item in items) + f"{'    ' * depth}{end}"
