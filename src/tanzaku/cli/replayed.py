"""One recorded request as code that sends it again: curl, Python, TypeScript, HAR.

No key stands in any of them: each reads it from ANTHROPIC_API_KEY.
"""

import json
import shlex
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from tanzaku.core import VERSION, UserError, format_rfc3339
from tanzaku.exchange import Exchange
from tanzaku.look import escape_controls, strip_controls

SHAPES: Final = ("curl", "python", "typescript", "har")
_BASE: Final = "${ANTHROPIC_BASE_URL:-https://api.anthropic.com}"
_SENT: Final = ("anthropic-version", "anthropic-beta", "content-type")
_LONG: Final = 80


def write_as(shape: str, exchange: Exchange) -> str:
    """The text. UserError for a request whose body was not kept, or is no Messages request where
    an SDK's call is wanted."""
    match shape:
        case "curl":
            return _write_curl(exchange)
        case "python":
            return _write_python(
                _read_params(exchange), _list_versions(exchange), _read_query(exchange)
            )
        case "typescript":
            return _write_typescript(
                _read_params(exchange), _list_versions(exchange), _read_query(exchange)
            )
        case _:
            har = json.dumps(_build_har(exchange), ensure_ascii=False, indent=2)
            return escape_controls(har)


def _write_curl(exchange: Exchange) -> str:
    # Braces and dots in a path are no pattern and no way up; as they came they go.
    lines = [f"curl -sS --globoff --path-as-is -X {shlex.quote(exchange.method)}"]
    lines.append(f'"{_BASE}"{shlex.quote(exchange.target)}')
    lines += [
        f"-H {shlex.quote(f'{name}: {value}')}"
        for name, value in exchange.request_headers
        if name in _SENT and value.isprintable()
    ]
    lines.append('-H "x-api-key: $ANTHROPIC_API_KEY"')
    if not exchange.request_body:
        return " \\\n  ".join(lines)
    # Through a pipe: as an argument it could be too long, and one that begins with @ names a file.
    lines.append("--data-binary @-")
    return f"{_write_printf(exchange.request_body)} |\n{' \\\n  '.join(lines)}"


def _write_printf(body: bytes) -> str:
    """A shell command that writes these very bytes, itself without what could steer a terminal."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = ""
    if text and strip_controls(text) == text:
        return f"printf %s {shlex.quote(text)}"
    # A format that begins with a dash would be an option.
    plain = {*range(0x20, 0x7F)} - set(b"%'\\-")
    octal = "".join(chr(byte) if byte in plain else f"\\{byte:03o}" for byte in body)
    return f"printf '{octal}'"


def _write_python(
    params: Mapping[str, Any], headers: Mapping[str, str], query: Mapping[str, str]
) -> str:
    known = _list_sdk_names()
    rest = {name: value for name, value in params.items() if name in known}
    if more := {name: value for name, value in params.items() if name not in {*known, "stream"}}:
        rest["extra_body"] = more
    if headers:
        rest["extra_headers"] = dict(headers)
    if query:
        rest["extra_query"] = dict(query)
    arguments = "".join(f"    {name}={_to_python(value)},\n" for name, value in rest.items())
    if params.get("stream"):
        return (
            "import anthropic\n\nclient = anthropic.Anthropic()\n"
            f"with client.messages.stream(\n{arguments}) as stream:\n"
            '    for text in stream.text_stream:\n        print(text, end="", flush=True)\n'
        )
    return (
        "import anthropic\n\nclient = anthropic.Anthropic()\n"
        f"message = client.messages.create(\n{arguments})\nprint(message.to_json())\n"
    )


def _write_typescript(
    params: Mapping[str, Any], headers: Mapping[str, str], query: Mapping[str, str]
) -> str:
    body = escape_controls(json.dumps(params, ensure_ascii=False, indent=2))
    options = json.dumps({"headers": headers, **({"query": query} if query else {})})
    ending = (
        "for await (const event of message) {\n  console.log(JSON.stringify(event));\n}\n"
        if params.get("stream")
        else "console.log(JSON.stringify(message, null, 2));\n"
    )
    return (
        'import Anthropic from "@anthropic-ai/sdk";\n\nconst client = new Anthropic();\n'
        f"const message = await client.messages.create({body}, {options});\n{ending}"
    )


def _list_versions(exchange: Exchange) -> dict[str, str]:
    """The headers that change what the API makes of a body."""
    wanted = ("anthropic-version", "anthropic-beta")
    return {name: value for name, value in exchange.request_headers if name in wanted}


def _list_sdk_names() -> set[str]:
    """What the installed SDK's calls take by name; the rest goes beside."""
    import inspect

    from anthropic.resources import Messages

    parameters = inspect.signature(Messages.create).parameters
    return {name for name in parameters if not name.startswith("extra_")} - {"stream", "timeout"}


def _to_python(value: Any) -> str:
    """A value as Python writes it, indented where it is long."""
    return _indent(value, 4) if len(repr(value)) > _LONG else repr(value)


def _indent(value: Any, depth: int) -> str:
    space, end = " " * (depth + 4), " " * depth
    if isinstance(value, dict) and value:
        items = "".join(f"{space}{k!r}: {_indent(v, depth + 4)},\n" for k, v in value.items())
        return f"{{\n{items}{end}}}"
    if isinstance(value, list) and value:
        items = "".join(f"{space}{_indent(v, depth + 4)},\n" for v in value)
        return f"[\n{items}{end}]"
    return repr(value)


def _build_har(exchange: Exchange) -> dict[str, Any]:
    """HTTP Archive 1.2 (w3c.github.io/web-performance/specs/HAR)."""
    settled = exchange.settlement
    total_ms = settled.timings.total_ms if settled else 0
    wait_ms = (settled.timings.ttft_ms or total_ms) if settled else 0
    request = {
        "method": exchange.method,
        "url": f"https://api.anthropic.com{exchange.target}",
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _list_pairs(exchange.request_headers),
        "queryString": _list_pairs(parse_qsl(exchange.query, keep_blank_values=True)),
        "headersSize": -1,
        "bodySize": len(exchange.request_body),
    }
    if exchange.request_body:
        request["postData"] = {"mimeType": "application/json", "text": _decode(exchange)}
    body = settled.response_body if settled else b""
    headers = settled.response_headers if settled else []
    response = {
        "status": settled.status if settled else 0,
        "statusText": "",
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _list_pairs(headers),
        "content": {
            "size": len(body),
            "mimeType": dict(headers).get("content-type", ""),
            "text": body.decode("utf-8", "replace"),
        },
        "redirectURL": "",
        "headersSize": -1,
        "bodySize": len(body),
    }
    entry = {
        "startedDateTime": format_rfc3339(exchange.started_at),
        "time": total_ms,
        "request": request,
        "response": response,
        "cache": {},
        "timings": {"send": 0, "wait": wait_ms, "receive": max(0, total_ms - wait_ms)},
    }
    creator = {"name": "tanzaku", "version": VERSION}
    return {"log": {"version": "1.2", "creator": creator, "entries": [entry]}}


def _list_pairs(pairs: list[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in pairs]


def _decode(exchange: Exchange) -> str:
    return exchange.request_body.decode("utf-8", "replace")


def _read_params(exchange: Exchange) -> dict[str, Any]:
    try:
        params = json.loads(exchange.request_body)
    except (ValueError, RecursionError):
        params = None
    if exchange.path != "/v1/messages" or not isinstance(params, dict):
        raise UserError(
            "The exchange {id} is no Messages request whose body was kept.",
            hint="--as curl and --as har show any request.",
            id=exchange.exchange_id,
        )
    return params


def _read_query(exchange: Exchange) -> dict[str, str]:
    pairs = parse_qsl(exchange.query, keep_blank_values=True)
    query = dict(pairs)
    if len(query) < len(pairs):
        raise UserError(
            "The query of the exchange {id} has a name twice, which no SDK's call can say.",
            hint="--as curl and --as har show any request.",
            id=exchange.exchange_id,
        )
    return query
