"""HTTP without a framework: paths, keys, bodies and answers of the planted services."""

import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import quote, unquote_to_bytes

type Scope = MutableMapping[str, Any]
type Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
type Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
type Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Request:
    """`values` are the decoded path parameters in order; header names are in lower case. A value
    of the query that is not UTF-8 is None. `body` is None where it is too large."""

    method: str
    values: tuple[str, ...]
    query: Mapping[str, list[str | None]]
    headers: Mapping[str, str]
    body: bytes | None


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Headers = ()
    chunks: tuple[bytes, ...] = ()


class Refused(Exception):
    """What a service answers instead: a status, a code, a sentence, and the field at fault."""

    def __init__(
        self, status: int, code: str, message: str, field: str | None = None, headers: Headers = ()
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.field, self.headers = field, headers


def encode(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, default=_encode_decimal).encode()


def _encode_decimal(value: object) -> float:
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(type(value).__name__)


def answer_json(status: int, value: object, *headers: tuple[str, str]) -> Answer:
    return Answer(status, (("content-type", "application/json"), *headers), (encode(value),))


def decode_json(body: bytes) -> Any:
    """The value of a JSON text (RFC 7493: UTF-8, no repeated name, no lone surrogate).

    Fractions become Decimal. Raises Refused(400).
    """
    try:
        value = json.loads(
            body.decode("utf-8"),
            parse_float=Decimal,
            parse_constant=_refuse_constant,
            object_pairs_hook=_build_object,
        )
        json.dumps(value, ensure_ascii=False, default=str).encode("utf-8")
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise Refused(400, "malformed", "The body is not a JSON text.") from error
    return value


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


def _build_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    built = dict(pairs)
    if len(built) != len(pairs):
        raise ValueError("a repeated name")
    return built


class Service:
    """An ASGI app: one table of routes, one method an operation, one state."""

    routes: tuple[tuple[str, str, str], ...]
    """Method, path template, name of the method that answers."""
    max_body_bytes = 65_536

    def __init__(self, bug: str | None = None) -> None:
        self.bug = bug

    def admit(self, operation: str, request: Request) -> None:
        """Raises Refused(401) without the key."""
        raise NotImplementedError

    def refuse(self, refused: Refused) -> Answer:
        told = {"code": refused.code, "message": refused.message, "field": refused.field}
        return answer_json(refused.status, {"error": told}, *refused.headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        answer = self._answer(scope, await _read(receive, self.max_body_bytes))
        lines = [(name.encode(), value.encode("latin-1")) for name, value in answer.headers]
        await send({"type": "http.response.start", "status": answer.status, "headers": lines})
        for chunk in answer.chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _answer(self, scope: Scope, body: bytes | None) -> Answer:
        try:
            return self._dispatch(scope, body)
        except Refused as refused:
            return self.refuse(refused)
        except Exception:  # noqa: BLE001 - how a planted crash looks from outside
            return Answer(500, (("content-type", "text/plain"),), (b"Internal Server Error",))

    def _dispatch(self, scope: Scope, body: bytes | None) -> Answer:
        raw: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
        segments = [_decode(part) for part in raw.partition(b"?")[0].split(b"/")]
        found = {
            method: (operation, values)
            for method, template, operation in self.routes
            if (values := _match(template, segments)) is not None
        }
        if not found:
            raise Refused(404, "not_found", "There is nothing at this path.")
        if scope["method"] not in found:
            allow = ", ".join(sorted(found))
            raise Refused(405, "method_not_allowed", f"Use {allow}.", headers=(("allow", allow),))
        operation, values = found[scope["method"]]
        request = Request(
            scope["method"],
            values,
            _split_query(scope.get("query_string", b"")),
            {
                name.decode("latin-1").lower(): text.decode("latin-1")
                for name, text in scope["headers"]
            },
            body,
        )
        self.admit(operation, request)
        answer: Answer = getattr(self, operation)(request)
        return answer


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _read(receive: Receive, most: int) -> bytes | None:
    body, size = b"", 0
    while True:
        message = await receive()
        size += len(message.get("body", b""))
        if size <= most:
            body += message.get("body", b"")
        if not message.get("more_body", False):
            return body if size <= most else None


def _decode(part: bytes) -> str | None:
    try:
        return unquote_to_bytes(part).decode("utf-8")
    except UnicodeDecodeError:
        return None


def _match(template: str, segments: list[str | None]) -> tuple[str, ...] | None:
    parts = template.split("/")
    if len(parts) != len(segments):
        return None
    values = []
    for part, segment in zip(parts, segments, strict=True):
        if part.startswith("{"):
            if not segment:
                return None
            values.append(segment)
        elif part != segment:
            return None
    return tuple(values)


def _split_query(text: bytes) -> dict[str, list[str | None]]:
    found: dict[str, list[str | None]] = {}
    for part in filter(None, text.split(b"&")):
        name, _, value = (_decode(piece) for piece in part.replace(b"+", b" ").partition(b"="))
        if name is not None:
            found.setdefault(name, []).append(value)
    return found
