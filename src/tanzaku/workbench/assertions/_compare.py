"""Comparisons as a file has them: `value`, `{op: value, …}`, `not`, at a path."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from json import loads
from typing import Any, Final

from tanzaku.core import InputFileError
from tanzaku.core.plain_yaml import Entry, Place
from tanzaku.workbench.assertions._finding import CannotJudge, Finding, Sight, fails, passes
from tanzaku.workbench.assertions._jsonpath import JsonPathError, read_path
from tanzaku.workbench.assertions._logic import join_all, negate
from tanzaku.workbench.assertions._numbers import ANY, NON_NEGATIVE, SPANS, check_span
from tanzaku.workbench.assertions._ops import (
    LIST,
    NUMBER,
    SINGLE_OPS,
    VALUE,
    Domain,
    Op,
    need_some,
    need_text,
)
from tanzaku.workbench.assertions._places import has_places, read_later
from tanzaku.workbench.assertions._text import measure_length, split_words

MISSING: Final = object()
"""The value of what is not there."""
PATH_FIELDS: Final = (*VALUE.known, "count", "values")
"""What may stand beside a JSONPath."""
_NOWHERE: Final = Place("", 1, 1)
_WHOLE: Final = Entry("$", _NOWHERE, _NOWHERE, "$")


def read_comparison(entry: Entry, domain: Domain) -> Op:
    """`value` or `{op: value, …}`: all of them must hold."""
    if isinstance(entry.content, dict):
        return read_ops(entry, entry.as_fields(domain.known), domain)
    return read_ops(entry, {"equals": entry}, domain)


def read_ops(entry: Entry, fields: Mapping[str, Entry], domain: Domain) -> Op:
    """The comparisons of some fields as one; `entry` is to blame when there is none. Without any
    other, `exists: true` is meant where there may be nothing."""
    if not fields and not domain.may_lack:
        raise InputFileError(
            "{place}: `{key}` compares with nothing.",
            hint="Write one of {known}.",
            place=entry.place,
            key=entry.key,
            known=", ".join(domain.known),
        )
    exists = fields["exists"].as_bool() if "exists" in fields else None
    rest = {name: one for name, one in fields.items() if name != "exists"}
    if exists is False and rest:
        raise InputFileError(
            "{place}: `{key}` stands alone: of what must not be there nothing else can hold.",
            place=fields["exists"].place,
            key=fields["exists"].key,
        )
    _check_together(entry, rest, domain)
    ops = [op for name, one in rest.items() for op in _read_op(name, one, domain)]

    def compare(value: Any, sight: Sight) -> Finding:
        if exists is False:
            return passes() if value is MISSING else fails("there is {actual}", actual=value)
        if value is MISSING:
            return replace(fails("there is none"), firm=bool(ops))
        return join_all([_run(op, value, sight) for op in ops]) if ops else passes(value)

    return compare


def _read_op(name: str, entry: Entry, domain: Domain) -> list[Op]:
    if name == "not":
        known = [op for op in domain.known if op not in {"not", "exists"}]
        fields = need_some(entry).as_fields(known)
        return [_turn(op) for one in fields.items() for op in _read_op(*one, domain)]
    read = read_later(entry, lambda filled: _OPS[name](filled, domain))
    return [lambda value, sight: read(sight.subject.scope)(value, sight)]


def _run(op: Op, value: Any, sight: Sight) -> Finding:
    try:
        return op(value, sight)
    except CannotJudge as unclear:
        return unclear.finding


def _turn(op: Op) -> Op:
    return lambda value, sight: negate(op(value, sight))


def _check_together(entry: Entry, fields: Mapping[str, Entry], domain: Domain) -> None:
    """InputFileError when no number can hold against all the comparisons, or every one does."""
    numeric = [name for name in fields if name in SPANS and not has_places(fields[name])]
    if len(numeric) < 2 or any(fields[name].kind == "text" for name in numeric):
        return
    span = ANY
    for name in numeric:
        span = span.meet(SPANS[name](fields[name]))
    check_span(entry, span, domain.span)


def _read_measure(measure: Callable[[Any], int]) -> Callable[[Entry, Domain], Op]:
    def read(entry: Entry, domain: Domain) -> Op:
        op = read_comparison(entry, replace(NUMBER, span=NON_NEGATIVE))
        return lambda value, sight: op(measure(value), sight)

    return read


def _measure(value: Any) -> int:
    if isinstance(value, list | dict):
        return len(value)
    return measure_length(need_text(value))


def _read_json(entry: Entry, domain: Domain) -> Op:
    """`true`, `false`, or comparisons with the parsed value, at a `path` in it if need be."""
    if isinstance(entry.content, bool):
        is_wanted = entry.content

        def parses(value: Any, sight: Sight) -> Finding:
            try:
                _parse(value)
            except ValueError as error:
                reason = str(error)
            else:
                return passes() if is_wanted else fails("it is JSON: {actual}", actual=value)
            if not is_wanted:
                return passes()
            return fails("it is not JSON: {reason}", actual=value, expected=True, reason=reason)

        return parses
    fields = dict(need_some(entry).as_fields([*PATH_FIELDS, "path"]))
    path = fields.pop("path", None)
    compare = read_at_path(entry, fields, path)

    def compare_parsed(value: Any, sight: Sight) -> Finding:
        try:
            parsed = _parse(value)
        except ValueError as error:
            return replace(
                fails("it is not JSON: {reason}", actual=value, reason=str(error)), firm=True
            )
        return compare(parsed, sight)

    return compare_parsed


def _parse(value: Any) -> Any:
    def refuse(word: str) -> Any:
        raise ValueError(f"{word} is no JSON number")

    try:
        return loads(need_text(value), parse_constant=refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def read_at_path(entry: Entry, fields: Mapping[str, Entry], path: Entry | None) -> Op:
    """Comparisons with each value that the JSONPath leads to (the whole without one); `count`
    compares how many those are, `values` all of them as one list. A path that leads to none fails,
    but for `exists: false` and `count`."""
    rest = {name: one for name, one in fields.items() if name not in {"count", "values"}}
    follow = read_later(path or _WHOLE, read_path)
    count = values = None
    if "count" in fields:
        count = read_comparison(fields["count"], replace(NUMBER, span=NON_NEGATIVE))
    if "values" in fields:
        values = read_comparison(fields["values"], LIST)
    each = read_ops(entry, rest, VALUE) if rest or not (count or values) else None

    def compare(value: Any, sight: Sight) -> Finding:
        way = follow(sight.subject.scope)
        try:
            nodes = way.find(value)
        except JsonPathError as error:
            raise CannotJudge("the path cannot be followed: {reason}", reason=str(error)) from None
        findings: list[Finding] = []
        if each:
            listed = nodes or [(way.source, MISSING)]
            findings += [replace(_run(each, node, sight), path=at) for at, node in listed]
        if count:
            findings.append(replace(_run(count, len(nodes), sight), path=way.source))
        if values:
            listed = [node for _, node in nodes]
            findings.append(replace(_run(values, listed, sight), path=way.source))
        return join_all(findings)

    return compare


_NESTED_OPS: Final[Mapping[str, Callable[[Entry, Domain], Op]]] = {
    "length": _read_measure(_measure),
    "word_count": _read_measure(lambda value: len(split_words(need_text(value)))),
    "json": _read_json,
}
_OPS: Final = {**SINGLE_OPS, **_NESTED_OPS}
