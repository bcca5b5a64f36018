"""Bodies that are no JSON, or JSON that no schema speaks of; content types."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from tanzaku.workbench.cases._case import MadeCase
from tanzaku.workbench.cases._judge import Judge
from tanzaku.workbench.cases._oracles import INVALID
from tanzaku.workbench.cases._shapes import Flat, find_types
from tanzaku.workbench.cases._target import Target

DEEP: Final = 500
_UNSUPPORTED: Final = 415
_NO_BODY: Final = (*INVALID, 411, _UNSUPPORTED)
_NOT_ACCEPTABLE: Final = 406
_TOO_LARGE: Final = 413
_LARGEST: Final = 1 << 17
"""Bytes of the longest body that a suite writes out."""
_EVENTS: Final = "text/event-stream"


def list_raw_cases(target: Target, judge: Judge, base: Any) -> Iterator[MadeCase]:
    """Cases of a body that is `base` but for how it is written."""
    text = json.dumps(base, ensure_ascii=False)
    yield from _list_broken(target, text)
    yield from _list_odd(target, judge, base, text)
    yield from _list_types(target, text)
    yield from _list_large(target, text)
    content = target.json_content
    if content is not None and target.operation.is_body_required:
        yield _make(target, "body.missing", {"body": None, "raw": None}, wanted=_NO_BODY)
        yield _make(target, "body.empty", _raw(""), wanted=INVALID)
    elif content is not None:
        yield _make(target, "body.missing_optional", {"body": None}, wanted=())


def _list_broken(target: Target, text: str) -> Iterator[MadeCase]:
    for rule, raw in (
        ("json.cut", text[:-1]),
        ("json.trailing", f"{text} x"),
        ("json.trailing_comma", f"{text[:-1]},}}" if text.endswith("}") else f"{text},"),
        ("json.single_quotes", "{'a': 1}"),
        ("json.word", "not json"),
    ):
        yield _make(target, rule, _raw(raw), wanted=INVALID)


def _list_odd(target: Target, judge: Judge, base: Any, text: str) -> Iterator[MadeCase]:
    if isinstance(base, dict) and base:
        name = next(iter(base))
        twin = f"{{{json.dumps(name)}: {json.dumps(base[name])}, {text[1:]}"
        yield _make(target, "json.twin_keys", _raw(twin))
    yield _make(target, "json.deep", _raw('{"a":' * DEEP + "1" + "}" * DEEP))
    yield _make(target, "json.deep_list", _raw("[" * DEEP + "]" * DEEP))
    for way, flat in iter_scalars(target, base):
        kinds = find_types(flat)
        if "string" in kinds and not flat.get("enum") and "const" not in flat:
            for rule, piece in (("json.nul", "\\u0000"), ("json.lone_surrogate", "\\ud800")):
                yield _make(target, rule, _raw(_replace(base, way, f'"a{piece}b"')), at=way)
            break
    for way, flat in iter_scalars(target, base):
        kinds = find_types(flat)
        if {"integer", "number"} & {*kinds} and not flat.get("enum"):
            for rule, piece in (
                ("number.no_number", "NaN"),
                ("number.infinite", "1e400"),
                ("number.minus_infinite", "-1e400"),
            ):
                yield _make(target, rule, _raw(_replace(base, way, piece)), at=way)
            for rule, piece in (("number.leading_zero", "01"), ("number.plus", "+1"),
                                ("number.hex", "0x10")):  # fmt: skip
                yield _make(target, rule, _raw(_replace(base, way, piece)), at=way, wanted=INVALID)
            break


def iter_scalars(target: Target, base: Any) -> Iterator[tuple[str, Flat]]:
    """The scalars of a body's top, with their schemas; what is optional and not sent as well."""
    content = target.json_content
    if content is None or content.schema is None or not isinstance(base, Mapping):
        return
    flat = target.shapes.flatten(content.schema)
    for name, one in flat.get("properties", {}).items():
        inner = target.shapes.flatten(one)
        if not target.shapes.is_marked(one, "readOnly"):
            yield f"/{name}", inner


def _replace(base: Mapping[str, Any], way: str, piece: str) -> str:
    mark = "\x01mark\x01"
    body = {**base, way[1:]: mark}
    return json.dumps(body, ensure_ascii=False).replace(json.dumps(mark), piece)


def _list_types(target: Target, text: str) -> Iterator[MadeCase]:
    kinds = {kind.partition(";")[0].strip().lower() for kind in target.operation.request_bodies}
    if any("*" in kind for kind in kinds):
        return
    for rule, kind in (
        ("content_type.text", "text/plain"),
        ("content_type.xml", "application/xml"),
        ("content_type.form", "application/x-www-form-urlencoded"),
    ):
        if kind in kinds:
            continue
        listed = target.oracles.list_documented((_UNSUPPORTED,))
        wanted = (_UNSUPPORTED,) if listed == [_UNSUPPORTED] else ()
        yield _make(target, rule, _raw(text, kind), wanted=wanted)
    if "application/json" in kinds:
        for rule, kind in (
            ("content_type.charset", "application/json; charset=utf-8"),
            ("content_type.upper", "Application/JSON"),
        ):
            yield MadeCase(rule=rule, at="/", kind="positive", patch={"content_type": kind},
                           expect=target.accept(), goal=("", rule, "", True))  # fmt: skip


def list_text_cases(target: Target) -> Iterator[MadeCase]:
    """Of a body that is no JSON: as its file has it, empty, of a content type that is not documented,
    and longer than its schema or the answer 413 allows."""
    raw, kind = target.fields.get("raw"), target.fields.get("content_type")
    if target.json_content is not None or not isinstance(raw, str) or not isinstance(kind, str):
        return
    yield MadeCase("base", "", "positive", {}, target.accept(), ("", "type", "", True), weight=0)
    yield from _list_types(target, raw)
    yield _make(target, "body.empty", _raw("", kind))
    content = target.operation.request_bodies.get(kind)
    flat = target.shapes.flatten(content.schema or True) if content else {}
    most = flat.get("maxLength", _read_size(target))
    if isinstance(most, int) and most <= _LARGEST:
        yield _make(target, "body.too_large", _raw("a" * (most + 1), kind),
                    wanted=(_TOO_LARGE, *INVALID))  # fmt: skip


def _list_large(target: Target, text: str) -> Iterator[MadeCase]:
    """JSON with more space about it than a documented 413 says that a body may have."""
    size = _read_size(target)
    if size is not None and len(text.encode()) <= size <= _LARGEST:
        padded = text + " " * (size + 1 - len(text.encode()))
        yield _make(target, "body.too_large", _raw(padded), wanted=(_TOO_LARGE,))


def _read_size(target: Target) -> int | None:
    """The bytes that the answer 413 tells as the limit."""
    told = target.operation.responses.get(str(_TOO_LARGE))
    number = re.search(
        r"(\d[\d,_ ]*)\s*(bytes|KiB|KB|kB|MiB|MB)\b", told.description if told else ""
    )
    if number is None:
        return None
    units = {"bytes": 1, "kib": 1024, "kb": 1024, "mib": 1 << 20, "mb": 1 << 20}
    return int(re.sub(r"\D", "", number[1])) * units[number[2].lower()]


def list_accept_cases(target: Target) -> Iterator[MadeCase]:
    """Each of several content types that are documented is asked for, and one that nobody serves."""
    kinds = {
        kind.partition(";")[0].strip().lower()
        for status in target.oracles.good
        for kind in target.operation.responses[str(status)].contents
    }
    if len(kinds) > 1 and target.has_things and not any("*" in k or k == _EVENTS for k in kinds):
        for kind in sorted(kinds):
            right = {"any": [{"not": {"status": "2xx"}}, {"content_type": kind}]}
            yield MadeCase(rule="accept.documented", at=kind, kind="positive",
                           patch={"headers": {"accept": kind}}, expect=[*target.accept(), right],
                           goal=("", f"accept {kind}", "", True))  # fmt: skip
    listed = target.oracles.list_documented((_NOT_ACCEPTABLE,))
    wanted = (_NOT_ACCEPTABLE,) if listed == [_NOT_ACCEPTABLE] else ()
    yield _make(
        target, "accept.unknown", {"headers": {"accept": "application/x-unknown"}}, wanted=wanted
    )


def _raw(text: str, kind: str = "application/json") -> dict[str, Any]:
    return {"raw": text.replace("{{", "\\{{"), "content_type": kind}


def _make(
    target: Target, rule: str, patch: dict[str, Any], *, wanted: tuple[int, ...] = (), at: str = ""
) -> MadeCase:
    """Without `wanted` statuses nothing is said but that the server holds."""
    return MadeCase(
        rule=rule,
        at=at or "/",
        kind="negative" if wanted else "boundary",
        patch=patch,
        expect=target.oracles.refuse(*wanted) if wanted else target.oracles.tolerate(),
        goal=(at, rule, "", False),
        weight=4,
    )
