"""Whether an answer is one that its OpenAPI document has."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, override

from tanzaku.core.plain_yaml import Entry
from tanzaku.workbench.assertions._finding import (
    CannotJudge,
    Finding,
    Look,
    Sight,
    fails,
    passes,
)
from tanzaku.workbench.assertions._kind import looked
from tanzaku.workbench.assertions._logic import join_all, negate
from tanzaku.workbench.assertions._schema import compile_schema, judge
from tanzaku.workbench.openapi import Content, DocumentedAnswers, Header, Response
from tanzaku.workbench.sending import Reply

if TYPE_CHECKING:
    from jsonschema_rs import Validator

_EVENTS: Final = "text/event-stream"
_DONE: Final = "[DONE]"
"""What ends the streams of some APIs in place of a document."""
_EVENT_FIELDS: Final = frozenset({"event", "data", "id", "retry"})
_ENDS: Final = frozenset(
    {"message_stop", "done", "end", "ended", "complete", "completed", "finished", "error"}
)
_NO_BODY: Final = frozenset({204, 205, 304})


def _read(entry: Entry) -> Look:
    wanted = entry.as_bool()

    def look(sight: Sight) -> Finding:
        finding = _judge(sight)
        return finding if wanted else negate(finding)

    return look


def _judge(sight: Sight) -> Finding:
    answers, reply = sight.subject.response_schema, sight.reply
    if not isinstance(answers, DocumentedAnswers):
        raise CannotJudge("no OpenAPI document describes this request")
    status = reply.status or 0
    response = answers.operation.find_response(status)
    if response is None:
        return fails(
            "the document has no answer of status {actual}",
            actual=status,
            expected=list(answers.operation.responses),
        )
    findings = _judge_headers(response, reply)
    method = sight.subject.requests[-1].method if sight.subject.requests else ""
    if method != "HEAD":
        findings.append(_judge_body(answers, response, sight))
    return join_all(findings)


def _judge_headers(response: Response, reply: Reply) -> list[Finding]:
    found: list[Finding] = []
    for name, header in response.headers.items():
        value = reply.headers.get(name)
        if value is None and header.is_required:
            found.append(replace(fails("the header {name} is missing", name=name), path=name))
        elif value is not None:
            found.append(_judge_header(header, value))
    return found


def _judge_header(header: Header, value: str) -> Finding:
    """A header is text; it fits when the text, or what it reads as, does."""
    if header.schema is True or not isinstance(header.schema, dict) or "$ref" in header.schema:
        return passes()
    validator = _compile_header(json.dumps(header.schema, sort_keys=True))
    readings: list[Any] = [value]
    with suppress(ValueError):
        readings.append(json.loads(value))
    finding = judge(value, validator)
    if any(validator.is_valid(one) for one in readings):
        return passes()
    return replace(finding, path=header.name)


@lru_cache(maxsize=256)
def _compile_header(schema: str) -> "Validator":
    return _compile(json.loads(schema))


def _judge_body(answers: DocumentedAnswers, response: Response, sight: Sight) -> Finding:
    reply = sight.reply
    if not response.contents or reply.status in _NO_BODY:
        if reply.status in _NO_BODY and reply.body:
            return fails("an answer of status {status} has a body", status=reply.status)
        return passes()
    content = answers.find_content(reply.status or 0, reply.content_type)
    if content is None:
        return fails(
            "the document has no answer of status {status} as {actual}",
            actual=reply.content_type or "-",
            expected=list(response.contents),
            status=reply.status,
        )
    return _judge_content(content, answers.bundle(content), sight)


def _judge_content(content: Content, schema: Any, sight: Sight) -> Finding:
    if schema is None or schema is True:
        return passes()
    if sight.reply.is_stream:
        return _judge_events(content, schema, sight)
    if not sight.reply.content_type.endswith(("/json", "+json")):
        return passes()
    finding = judge(sight.json, _compile_content(_Held(content, schema)))
    found = replace(finding, path=str(finding.values.get("at", "$")))
    return join_all([found, _judge_hidden(sight.json, schema, schema, "$")])


def _judge_hidden(value: Any, schema: Any, root: Any, path: str, depth: int = 0) -> Finding:
    """What is only ever sent (`writeOnly`) does not come back."""
    schema = _follow(schema, root)
    if not isinstance(schema, dict) or depth > 20:
        return passes()
    findings: list[Finding] = []
    if isinstance(value, Mapping):
        for name, one in schema.get("properties", {}).items():
            inner = _follow(one, root)
            if name not in value:
                continue
            if isinstance(inner, dict) and inner.get("writeOnly") is True:
                findings.append(
                    replace(fails("{name} is only ever sent", name=name), path=f"{path}.{name}")
                )
            findings.append(_judge_hidden(value[name], one, root, f"{path}.{name}", depth + 1))
    elif isinstance(value, list) and "items" in schema:
        for number, one in enumerate(value[:5]):
            findings.append(
                _judge_hidden(one, schema["items"], root, f"{path}[{number}]", depth + 1)
            )
    findings += [
        _judge_hidden(value, part, root, path, depth + 1) for part in schema.get("allOf", ())
    ]
    return join_all(findings) if findings else passes()


def _follow(schema: Any, root: Any) -> Any:
    for _ in range(20):
        reference = schema.get("$ref") if isinstance(schema, dict) else None
        if not isinstance(reference, str) or not reference.startswith("#/"):
            return schema
        target: Any = root
        for part in reference[2:].split("/"):
            target = target.get(part.replace("~1", "/").replace("~0", "~")) if target else None
        schema = target
    return schema


def _judge_events(content: Content, schema: Any, sight: Sight) -> Finding:
    """Each event by the schema, which describes its data or the whole of it; their order as far
    as the schema lets it be known."""
    reply = sight.reply
    flat = _follow(schema, schema)
    if isinstance(flat, dict) and flat.get("type") == "string":
        return passes()
    if not reply.frames:
        return fails("the stream has no events")
    validator = _compile_content(_Held(content, schema))
    is_whole = isinstance(flat, dict) and "data" in flat.get("properties", {})
    findings: list[Finding] = []
    for number, (_, name, data) in enumerate(reply.events):
        if data == _DONE and number == len(reply.events) - 1:
            continue
        value = _write_event(reply, number, name, data) if is_whole else data
        finding = judge(value, validator)
        if is_whole and finding.verdict == "fail" and isinstance(data, dict | list):
            text = reply.frames[number].frame.data.decode("utf-8", "replace")
            other = judge({**value, "data": text}, validator)
            finding = other if other.verdict == "pass" else finding
        findings.append(replace(finding, path=f"event {number + 1} ({name or '-'})"))
    return join_all([*findings, *_judge_order(reply, schema)])


def _write_event(reply: Reply, number: int, name: str, data: Any) -> dict[str, Any]:
    return {"event": name, "data": data} if name else {"data": data}


def _judge_order(reply: Reply, schema: Any) -> list[Finding]:
    """Claude's order where the events are Claude's; else a documented end, and numbers that rise."""
    if reply.problem or reply.stream_problem:
        reason = reply.problem or reply.stream_problem
        return [fails("the stream is out of order: {reason}", actual=reason, reason=reason)]
    found: list[Finding] = []
    names = [_name_event(name, data) for _, name, data in reply.events]
    ends = _list_kinds(schema) & _ENDS
    if ends - {"error"} and names and names[-1] not in {*ends, "[DONE]"}:
        found.append(
            fails("the stream ends with {actual}", actual=names[-1], expected=sorted(ends))
        )
    early = [name for name in names[:-1] if name in ends]
    if early:
        found.append(fails("{actual} is not the last event", actual=early[0]))
    counts = [count for _, _, data in reply.events if (count := _read_count(data)) is not None]
    if any(later < earlier for earlier, later in pairwise(counts)):
        found.append(fails("output_tokens falls: {actual}", actual=counts))
    for key in ("seq", "sequence", "sequence_number"):
        numbers = [
            data[key]
            for _, _, data in reply.events
            if isinstance(data, dict) and isinstance(data.get(key), int)
        ]
        if any(later <= earlier for earlier, later in pairwise(numbers)):
            found.append(fails("{name} does not rise: {actual}", actual=numbers, name=key))
    return [*found, *_judge_starts(reply, _list_kinds(schema))]


def _judge_starts(reply: Reply, kinds: set[str]) -> list[Finding]:
    """What a documented `x_start` begins under an index, and `x_stop` ends, begins once."""
    begun: set[tuple[str, int]] = set()
    for _, name, data in reply.events:
        kind = _name_event(name, data)
        index = data.get("index") if isinstance(data, dict) else None
        stem = kind.removesuffix("_start")
        if not isinstance(index, int) or stem == kind or f"{stem}_stop" not in kinds:
            continue
        if (stem, index) in begun:
            return [fails("{name} begins index {actual} twice", actual=index, name=kind)]
        begun.add((stem, index))
    return []


def _read_count(data: Any) -> int | None:
    """The output tokens until then, of an event of Claude's."""
    if not isinstance(data, dict):
        return None
    message = data.get("message")
    usage = message.get("usage") if isinstance(message, dict) else data.get("usage")
    count = usage.get("output_tokens") if isinstance(usage, dict) else None
    return count if isinstance(count, int) else None


def _name_event(name: str, data: Any) -> str:
    if isinstance(data, dict) and isinstance(data.get("type"), str):
        return str(data["type"])
    return _DONE if data == _DONE else name


def _list_kinds(schema: Any) -> set[str]:
    """Every constant and enumerated text in a schema."""
    found: set[str] = set()
    waiting = [schema]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            values = [one.get("const"), *(one["enum"] if isinstance(one.get("enum"), list) else [])]
            found |= {value for value in values if isinstance(value, str)}
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
    return found


class _Held:
    """A content by its identity, with its schema."""

    def __init__(self, content: Content, schema: Any) -> None:
        self.content = content
        self.schema = schema

    @override
    def __hash__(self) -> int:
        return id(self.content)

    @override
    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Held) and other.content is self.content


@lru_cache(maxsize=512)
def _compile_content(held: _Held) -> "Validator":
    return _compile(held.schema)


def _compile(schema: Any) -> "Validator":
    try:
        return compile_schema(_relax(schema, schema), formats=True)
    except ValueError as error:
        raise CannotJudge(
            "the OpenAPI document's schema is none: {reason}", reason=str(error)
        ) from None


def _relax(schema: Any, root: Any) -> Any:
    """What is only ever sent need not come back, whatever `required` says (OpenAPI)."""
    if isinstance(schema, list):
        return [_relax(one, root) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: _relax(one, root) for key, one in schema.items()}
    properties, required = schema.get("properties"), schema.get("required")
    if isinstance(properties, dict) and isinstance(required, list):
        made["required"] = [
            name for name in required if not _is_only_sent(_follow(properties.get(name), root))
        ]
    return made


def _is_only_sent(schema: Any) -> bool:
    return isinstance(schema, dict) and schema.get("writeOnly") is True


DOCUMENTED_KINDS: Final = {"documented": looked(_read)}
