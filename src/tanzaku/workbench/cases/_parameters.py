"""Cases of what travels in the path, the query, the header and cookies."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from tanzaku.workbench.cases._case import MadeCase
from tanzaku.workbench.cases._judge import Judge
from tanzaku.workbench.cases._oracles import INVALID
from tanzaku.workbench.cases._patches import write_value
from tanzaku.workbench.cases._shapes import find_types
from tanzaku.workbench.cases._target import Target
from tanzaku.workbench.cases._values import EndlessError
from tanzaku.workbench.cases._variants import Variant, Varier
from tanzaku.workbench.openapi import Parameter

NOT_FOUND: Final = 404
_OWN_HEADERS: Final = frozenset({"accept", "content-type", "authorization", "content-length"})
_FREE: Final = re.compile(
    r"cursor|token|after|before|filter|query|^q$|search|sort|order", re.IGNORECASE
)
"""Names of parameters whose every text has a meaning of its own."""
_MANY_SIGNS: Final = 4
_HEADER: Final = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?")
_SIGNS: Final[Mapping[str, str]] = {"spaceDelimited": " ", "pipeDelimited": "|"}


def list_parameter_cases(target: Target) -> Iterator[MadeCase]:
    """Of each parameter: left out, alone, and every variant that can be written."""
    for parameter in target.operation.parameters:
        if parameter.place == "header" and parameter.name.lower() in _OWN_HEADERS:
            continue
        if parameter.place == "path":
            yield from _list_path_cases(target, parameter)
        else:
            yield from _list_presence(target, parameter)
            yield from _list_variants(target, parameter)
    if target.operation.method in {"GET", "DELETE"}:
        yield MadeCase(
            rule="query.unknown", at="?unknown_parameter", kind="boundary",
            patch={"query": {"unknown_parameter": "value"}},
            expect=target.oracles.tolerate(), goal=("?", "unknown", "", None),
        )  # fmt: skip


def _list_presence(target: Target, parameter: Parameter) -> Iterator[MadeCase]:
    at = name_place(parameter)
    if parameter.is_required:
        yield MadeCase(
            rule="parameter.missing", at=at, kind="negative", weight=2,
            patch=_write_absent(parameter), expect=target.oracles.refuse(*INVALID),
            goal=(at, "required", "", False),
        )  # fmt: skip
        if parameter.place == "query":
            yield MadeCase(
                rule="parameter.empty", at=at, kind="boundary",
                patch={"query": {parameter.name: ""}}, expect=target.oracles.tolerate(),
                goal=(at, "required", "", None),
            )  # fmt: skip


def _list_variants(target: Target, parameter: Parameter) -> Iterator[MadeCase]:
    at = name_place(parameter)
    judge = Judge(target.document, parameter.schema)
    seen: set[str] = set()
    for variant in _iter_variants(target, parameter, at):
        if variant.rule == "list.too_many":
            variant = _tell_apart(judge, variant)
        patch = write_parameter(parameter, variant.value)
        key = json.dumps(patch)
        if patch is None or key in seen:
            continue
        meant = _read_back(judge, parameter, target, variant)
        if meant != variant.is_valid:
            continue
        seen.add(key)
        case = MadeCase(
            rule=variant.rule, at=variant.at, kind="boundary", patch=patch,
            goal=(*variant.goal, variant.is_valid), branch=variant.branch,
        )  # fmt: skip
        yield _expect(target, parameter, case, variant)


def _expect(target: Target, parameter: Parameter, case: MadeCase, variant: Variant) -> MadeCase:
    if variant.is_valid is False:
        return replace(case, kind="negative", expect=target.oracles.refuse(*INVALID))
    flat = target.shapes.flatten(parameter.schema)
    is_cursor = parameter.name == "page" and find_types(flat) == ("string",)
    is_free = parameter.place != "query" or is_cursor or bool(_FREE.search(parameter.name))
    is_told = bool(flat.get("enum") or "const" in flat) or find_types(flat) != ("string",)
    if variant.is_valid is None or (is_free and not is_told):
        return replace(case, expect=target.oracles.tolerate())
    if is_free and not flat.get("enum") and variant.rule not in {"plain", "number.min"}:
        return replace(case, expect=target.oracles.tolerate())
    return replace(case, kind="positive" if case.rule == "plain" else "boundary",
                   expect=target.accept())  # fmt: skip


def _tell_apart(judge: Judge, variant: Variant) -> Variant:
    """Too many that differ: a server may count what is repeated once. Where none can be made that do,
    nothing is known."""
    value = variant.value
    different = [f"{one}-{number}" for number, one in enumerate(value)]
    if judge.accepts(different[:-1]):
        return replace(variant, value=different)
    return variant if len(set(map(write_scalar, value))) == len(value) else replace(
        variant, is_valid=None)  # fmt: skip


def _iter_variants(target: Target, parameter: Parameter, at: str) -> Iterator[Variant]:
    try:
        varier = Varier(target.shapes, target.builder)
        for example in parameter.examples:
            yield Variant(example, "plain", at, "examples", True)
        yield from varier.vary(parameter.schema, parameter.name, at)
    except EndlessError:
        return
    kinds = set(find_types(target.shapes.flatten(parameter.schema)))
    if kinds & {"integer", "number", "boolean"} and "string" not in kinds:
        for rule, text in (("type.word", "many"), ("type.empty", ""), ("type.list", "1,2"),
                           ("type.sign", "--1"), ("type.trailing", "1x")):  # fmt: skip
            yield Variant(text, rule, at, "type", False)


def _read_back(judge: Judge, parameter: Parameter, target: Target, variant: Variant) -> bool | None:
    """Whether what is read off the wire fits, as the schema reads it: there, all is text."""
    kinds = find_types(target.shapes.flatten(parameter.schema)) or ("string",)
    if isinstance(variant.value, list | dict) and not {"array", "object"} & {*kinds}:
        return None if variant.is_valid is not None else False
    if "array" in kinds:
        accepted = judge.accepts(_read_items(parameter, target, variant.value))
    elif "object" in kinds:
        accepted = judge.accepts(variant.value)
    else:
        text = write_scalar(variant.value)
        readings = [value for kind in kinds for value in _read_text(text, kind)]
        accepted = any(judge.accepts(value) for value in readings)
    if variant.is_valid is None:
        return None if accepted else False
    return accepted


def _read_items(parameter: Parameter, target: Target, value: Any) -> Any:
    """A list as it is read off the wire: one that stands alone is a list of one."""
    if isinstance(value, dict) or parameter.content_type is not None:
        return value
    schema = target.shapes.flatten(parameter.schema).get("items", True)
    kinds = find_types(target.shapes.flatten(schema)) or ("string",)
    items = value if isinstance(value, list) else [value]
    return [_read_item(one, kinds) for one in items]


def _read_item(value: Any, kinds: tuple[str, ...]) -> Any:
    if isinstance(value, list | dict):
        return value
    text = write_scalar(value)
    return next((one for kind in kinds for one in _read_text(text, kind)), text)


def _read_text(text: str, kind: str) -> list[Any]:
    if kind == "string":
        return [text]
    if kind == "boolean":
        return [text == "true"] if text in {"true", "false"} else []
    if kind in {"integer", "number"} and re.fullmatch(r"-?\d+", text, re.ASCII):
        return [int(text)]
    if kind == "number" and re.fullmatch(r"-?\d+\.\d+", text, re.ASCII):
        return [float(text)]
    return []


def name_place(parameter: Parameter) -> str:
    """Where it stands, as coverage and names have it."""
    sign = {"query": "?", "header": "#", "cookie": "cookie ", "path": ":"}[parameter.place]
    return f"{sign}{parameter.name}"


def _write_absent(parameter: Parameter) -> dict[str, Any]:
    match parameter.place:
        case "query":
            return {"query": {parameter.name: None}}
        case "header":
            return {"headers": {parameter.name.lower(): None}}
        case _:
            return {"headers": {"cookie": None}}


def write_parameter(parameter: Parameter, value: Any) -> dict[str, Any] | None:
    """The patch that sends it; None for what cannot be written there."""
    name = parameter.name
    if isinstance(value, list | dict) or parameter.content_type is not None:
        return _write_many(parameter, value)
    text = write_scalar(value)
    match parameter.place:
        case "query":
            return {"query": {name: write_value(text)}}
        case "header":
            return {"headers": {name.lower(): write_value(text)}} if _fits(text) else None
        case "cookie":
            fits = re.fullmatch(r"[\w.-]+", text, re.ASCII)
            return {"headers": {"cookie": f"{name}={text}"}} if fits else None
        case _:
            return {"path_params": {name: write_value(text)}} if text else None


def _write_many(parameter: Parameter, value: Any) -> dict[str, Any] | None:
    name = parameter.name
    if parameter.content_type is not None:
        text = json.dumps(value, ensure_ascii=False)
        return {"query": {name: write_value(text)}} if parameter.place == "query" else None
    if isinstance(value, dict):
        return _write_object(parameter, value)
    items = [write_scalar(one) for one in value if not isinstance(one, list | dict)]
    if not items or len(items) < len(value):
        return None
    if parameter.place == "query" and parameter.explode:
        return {"query": {name: [write_value(one) for one in items]}}
    return _write_joined(parameter, items)


def _write_joined(parameter: Parameter, items: list[str]) -> dict[str, Any] | None:
    sign = _SIGNS.get(parameter.style, ",")
    text = sign.join(items)
    if any(sign in one or one == "" for one in items):
        return None
    if parameter.place == "header":
        return {"headers": {parameter.name.lower(): text}} if _fits(text) else None
    return {"query": {parameter.name: write_value(text)}} if parameter.place == "query" else None


def _write_object(parameter: Parameter, value: dict[str, Any]) -> dict[str, Any] | None:
    is_flat = value and not any(isinstance(one, list | dict) for one in value.values())
    if parameter.place != "query" or not is_flat:
        return None
    is_deep = parameter.style == "deepObject"
    return {
        "query": {
            f"{parameter.name}[{key}]" if is_deep else key: write_value(write_scalar(one))
            for key, one in value.items()
        }
    }


def write_scalar(value: Any) -> str:
    """As text, the way JSON writes it but for texts."""
    return value if isinstance(value, str) else json.dumps(value)


def _fits(text: str) -> bool:
    return text == "" or _HEADER.fullmatch(text) is not None


def _list_path_cases(target: Target, parameter: Parameter) -> Iterator[MadeCase]:
    at, judge = name_place(parameter), Judge(target.document, parameter.schema)
    makes = target.operation.method == "PUT" and "201" in target.operation.responses
    wanted = [] if makes else target.oracles.list_documented((NOT_FOUND,))
    for rule, text in _find_unknown(target, parameter, judge):
        is_sure = wanted == [NOT_FOUND] and rule == "path.unknown"
        expect = target.oracles.refuse(NOT_FOUND) if is_sure else target.oracles.tolerate()
        if rule == "path.unknown" and not is_sure and wanted:
            expect = target.oracles.refuse(NOT_FOUND)
        yield MadeCase(
            rule=rule, at=at, kind="negative", patch={"path_params": {parameter.name: text}},
            expect=expect, goal=(at, rule, "", False), weight=2,
        )  # fmt: skip
    for variant in _iter_variants(target, parameter, at):
        patch = write_parameter(parameter, variant.value)
        if patch is None or variant.is_valid is not False:
            continue
        if _read_back(judge, parameter, target, variant) is not False:
            continue
        yield MadeCase(
            rule=variant.rule, at=at, kind="negative", patch=patch,
            expect=target.oracles.refuse(NOT_FOUND, *INVALID), goal=(*variant.goal, False),
        )  # fmt: skip


def _find_unknown(target: Target, parameter: Parameter, judge: Judge) -> Iterator[tuple[str, Any]]:
    """Names of what is not there that are as good as any other, and odd ones."""
    kinds = find_types(target.shapes.flatten(parameter.schema)) or ("string",)
    for text in (
        "does-not-exist", "00000000-0000-4000-8000-00000000dead", "999999", "987654321",
        *_write_like(target, parameter),
    ):  # fmt: skip
        if any(judge.accepts(value) for kind in kinds for value in _read_text(text, kind)):
            yield "path.unknown", text
            break
    if "string" in kinds:
        for rule, text in (
            ("path.unicode", "订单-é"), ("path.slash", "a/b"), ("path.percent", "100%"),
            ("path.dots", ".."), ("path.spaces", "a b"), ("path.query_sign", "a?b#c"),
            ("path.long", "x" * 300),
        ):  # fmt: skip
            yield rule, text
    else:
        yield "path.zero", "0"
        yield "path.thirty_digits", "9" * 30
        yield "path.over_int64", str(2**63)


def _write_like(target: Target, parameter: Parameter) -> list[str]:
    """Names like a right one with more digits, or other letters, than a server that counts comes
    to; the caller asks the schema."""
    try:
        made = write_scalar(target.builder.build(parameter.schema))
    except EndlessError:
        return []
    found = [re.sub(r"\d+(?=\D*$)", nines, made) for nines in ("9" * 12, "9" * 9, "9" * 6)]
    found += [re.sub(r"\d", "9", made)] if len(re.findall(r"\d", made)) >= _MANY_SIGNS else []
    found += (
        [re.sub(r"[a-z]", "z", made)] if len(re.findall(r"[a-z]", made)) >= 2 * _MANY_SIGNS else []
    )
    return [one for one in found if one != made]
