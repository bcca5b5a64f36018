"""A client of the planted services that writes down where an answer breaks the service's document."""

import json
from collections.abc import Coroutine, Mapping
from functools import cache
from typing import Any

import jsonschema_rs

from benchmarks.planted.catalogue import build, document, key
from benchmarks.planted.door import Reply, ask

load_document = cache(document)


class Told:
    """An answer as a client sees it."""

    def __init__(self, reply: Reply) -> None:
        self.status = reply.status
        self.headers = {name.decode().lower(): value.decode() for name, value in reply.headers}
        self.body = b"".join(reply.chunks)
        self.media_type = self.headers.get("content-type", "").partition(";")[0]

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def events(self) -> list[tuple[str, Any]]:
        """Name and data of each event of a stream."""
        frames = self.body.decode().split("\n\n")
        assert frames.pop() == ""
        pairs = (frame.split("\n") for frame in frames)
        return [
            (name.removeprefix("event: "), json.loads(data.removeprefix("data: ")))
            for name, data in pairs
        ]


class Witness:
    """Asks one service; `breaches` are the sentences of the document that its answers broke."""

    def __init__(self, service: str, bug: str | None = None) -> None:
        self.service = service
        self.document = load_document(service)
        self.breaches: list[str] = []
        self._app = build(service, bug)

    def ask(
        self,
        method: str,
        target: str,
        value: object = None,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str | None] | None = None,
        credential: str | None = "valid",
    ) -> Told:
        """Send `value` as JSON or `body` as it is; a header of None is left out."""
        lines: dict[str, str | None] = {}
        if value is not None:
            body = json.dumps(value).encode()
        if body is not None:
            lines["content-type"] = "application/json"
        if self.service == "messages":
            lines["anthropic-version"] = "2023-06-01"
        target = self._sign(target, lines, credential)
        lines |= headers or {}
        pairs = [(name.encode(), text.encode()) for name, text in lines.items() if text is not None]
        told = Told(_finish(ask(self._app, method, target, pairs, body or b"")))
        self.breaches += find_breaches(self.document, method, target.partition("?")[0], told)
        return told

    def _sign(self, target: str, lines: dict[str, str | None], credential: str | None) -> str:
        if credential is None:
            return target
        ((scheme, valid),) = key(self.service).items()
        credential = valid if credential == "valid" else credential
        how = self.document["components"]["securitySchemes"][scheme]
        if how["type"] == "http":
            lines["authorization"] = f"Bearer {credential}"
        elif how["in"] == "header":
            lines[how["name"].lower()] = credential
        else:
            target += f"{'&' if '?' in target else '?'}{how['name']}={credential}"
        return target


def _finish(asking: Coroutine[Any, Any, Reply]) -> Reply:
    """The services wait for nothing, so no loop is needed, which would cost most of the time."""
    try:
        asking.send(None)
    except StopIteration as stopped:
        reply: Reply = stopped.value
        return reply
    raise AssertionError("a planted service waited")


def find_breaches(document: dict[str, Any], method: str, path: str, told: Told) -> list[str]:
    """What of status, media type, body and headers the document does not allow."""
    item = _find_item(document, path)
    operation = item.get(method.lower()) if item else None
    if operation is None:
        return _find_breaches_elsewhere(document, item, told)
    response = follow(document, operation["responses"].get(str(told.status)))
    if response is None:
        return [f"{method} {path}: status {told.status} is not documented"]
    found = []
    for name, header in response.get("headers", {}).items():
        header = follow(document, header)
        text = told.headers.get(name.lower())
        if text is None:
            found += [f"{name} is missing"] if header.get("required") else []
        else:
            found += find_misfits(document, header["schema"], text)
    content = response.get("content", {})
    if not content:
        return found + ([] if told.body == b"" else [f"{told.status} has a body"])
    if told.media_type not in content:
        return [*found, f"{told.media_type} is not documented for {told.status}"]
    schema = content[told.media_type].get("schema", {})
    return found + _find_breaches_of_body(document, schema, told)


def _find_breaches_of_body(
    document: dict[str, Any], schema: dict[str, Any], told: Told
) -> list[str]:
    if told.media_type == "application/json":
        try:
            return find_misfits(document, schema, told.json)
        except ValueError:
            return ["the body is not JSON"]
    if told.media_type == "text/event-stream":
        found = [it for _, data in told.events for it in find_misfits(document, schema, data)]
        return found + find_disorder(told.events)
    return []


def _find_breaches_elsewhere(
    document: dict[str, Any], item: dict[str, Any] | None, told: Told
) -> list[str]:
    """Where no operation is: 405 with Allow on a path of the document, 404 on another."""
    error = document["components"]["schemas"]["Error"]
    if told.status != (404 if item is None else 405):
        return [f"status {told.status} where there is no operation"]
    if item is not None:
        methods = {name.upper() for name in item if name != "parameters"}
        if set(told.headers.get("allow", "").split(", ")) != methods:
            return ["Allow does not name the methods of the path"]
    return _find_breaches_of_body(document, error, told)


def find_disorder(events: list[tuple[str, Any]]) -> list[str]:
    """What breaks the order of a message's stream, as the description of createMessage has it."""
    if any(name != data["type"] for name, data in events):
        return ["an event's name is not its type"]
    names = [name for name, _ in events]
    if names[:1] != ["message_start"] or names[-1:] != ["message_stop"]:
        return ["a stream runs from message_start to message_stop"]
    steps = [(name, data.get("index")) for name, data in events if name != "ping"]
    expected: list[tuple[str, int | None]] = [("message_start", None)]
    blocks = sum(name == "content_block_start" for name in names)
    for index in range(blocks):
        deltas = steps.count(("content_block_delta", index))
        expected.append(("content_block_start", index))
        expected += [("content_block_delta", index)] * max(deltas, 1)
        expected.append(("content_block_stop", index))
    if steps != [*expected, ("message_delta", None), ("message_stop", None)]:
        return ["the events are not in their order"]
    first = events[0][1]["message"]["usage"]["output_tokens"]
    last = next(data for name, data in events if name == "message_delta")
    return ["output_tokens falls"] if last["usage"]["output_tokens"] < first else []


def _find_item(document: dict[str, Any], path: str) -> dict[str, Any] | None:
    segments = path.split("/")
    for template, item in document["paths"].items():
        parts = template.split("/")
        if len(parts) == len(segments) and all(
            (part.startswith("{") and segment != "") or part == segment
            for part, segment in zip(parts, segments, strict=True)
        ):
            found: dict[str, Any] = item
            return found
    return None


def follow(document: dict[str, Any], value: Any) -> Any:
    while isinstance(value, dict) and "$ref" in value:
        target: Any = document
        for part in value["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        value = target
    return value


def find_misfits(document: dict[str, Any], schema: dict[str, Any], value: object) -> list[str]:
    """What of `value` does not fit `schema`, whose references lead into `document`."""
    place = (document["info"]["title"], json.dumps(schema))
    if place not in _validators:
        _validators[place] = _build_validator(document, schema)
    return [error.message for error in _validators[place].iter_errors(value)]


_validators: dict[tuple[str, str], jsonschema_rs.Draft202012Validator] = {}


def _build_validator(
    document: dict[str, Any], schema: dict[str, Any]
) -> jsonschema_rs.Draft202012Validator:
    whole = {**schema, "components": {"schemas": document["components"]["schemas"]}}
    is_old = document["openapi"].startswith("3.0")
    whole = json.loads(json.dumps(whole), object_hook=_allow_null if is_old else None)
    return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)


def _allow_null(value: dict[str, Any]) -> dict[str, Any]:
    """OpenAPI 3.0 writes nullable where JSON Schema has a second type."""
    if value.pop("nullable", False):
        value["type"] = [value["type"], "null"]
    return value
