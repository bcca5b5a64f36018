"""Calls of tools: which, with what arguments, in what order, and what became of the results."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from json import loads
from typing import Any, Final

from tanzaku.core import InputFileError
from tanzaku.core.plain_yaml import Entry
from tanzaku.workbench.assertions._compare import read_comparison, read_ops
from tanzaku.workbench.assertions._finding import (
    CannotJudge,
    Check,
    Finding,
    Look,
    Sight,
    fails,
    passes,
)
from tanzaku.workbench.assertions._kind import Kind, compared, looked
from tanzaku.workbench.assertions._numbers import NON_NEGATIVE, SHARE, is_equal
from tanzaku.workbench.assertions._ops import LIST, NUMBER, need_some
from tanzaku.workbench.assertions._places import read_later
from tanzaku.workbench.assertions._schema import compile_schema, judge, read_inline_schema
from tanzaku.workbench.assertions.kinds._requests import read_request
from tanzaku.workbench.sending import Reply

type Call = Mapping[str, Any]
type Match = Callable[[Call], bool]

_COUNT: Final = replace(NUMBER, span=NON_NEGATIVE)
_MATCHES: Final = ("exact", "subset", "schema")


def list_messages(sight: Sight) -> list[Reply]:
    """The replies that are messages; each must be whole, and there must be one."""
    replies = [reply for reply in sight.replies if reply.message is not None]
    for reply in replies or sight.replies[-1:]:
        _ = sight.only(reply).message
    if not replies:
        raise CannotJudge("no request was sent")
    return replies


def list_calls(sight: Sight) -> list[Call]:
    """The tool_use blocks of all the messages, in order."""
    return [call for reply in list_messages(sight) for call in reply.tool_calls]


def _list_names(sight: Sight) -> list[Any]:
    return [call.get("name") for call in list_calls(sight)]


def _read_tool_call(entry: Entry) -> Look:
    if entry.kind == "text":
        entry = Entry(entry.key, entry.place, entry.name_place, {"name": entry})
    fields = entry.as_fields(["name", "args", "match", "count", "order"], ["name"])
    name = need_some(fields["name"]).as_text()
    match = _read_match(name, fields)
    if "order" in fields:
        if "count" in fields:
            raise InputFileError(
                "{place}: `{key}` and `count` cannot be asked at once.",
                place=fields["order"].name_place,
                key=fields["order"].key,
            )
        return _look_at_order(fields["order"].as_integer(1, 10_000), match, entry.plain)
    if "count" in fields:
        count = read_comparison(fields["count"], _COUNT)
        return lambda sight: count(sum(map(match, list_calls(sight))), sight)

    def look(sight: Sight) -> Finding:
        calls = list_calls(sight)
        found = next((call for call in calls if match(call)), None)
        if found is not None:
            return passes(_show(found), expected=entry.plain)
        return fails(
            "no call is as expected; the calls were {actual}",
            actual=[_show(call) for call in calls],
            expected=entry.plain,
        )

    return look


def _look_at_order(order: int, match: Match, wanted: Any) -> Look:
    def look(sight: Sight) -> Finding:
        calls = list_calls(sight)
        call = calls[order - 1] if order <= len(calls) else None
        if call is not None and match(call):
            return passes(_show(call), expected=wanted)
        return fails(
            "call {order} is not as expected: {actual}",
            actual=call and _show(call),
            expected=wanted,
            order=order,
        )

    return look


def _show(call: Call) -> dict[str, Any]:
    return {"name": call.get("name"), "args": call.get("input")}


def _read_match(name: str, fields: Mapping[str, Entry]) -> Match:
    how = fields["match"].as_choice(_MATCHES) if "match" in fields else "exact"
    if "args" not in fields:
        if "match" in fields:
            raise InputFileError(
                "{place}: `{key}` needs `args` to compare with.",
                place=fields["match"].name_place,
                key=fields["match"].key,
            )
        return lambda call: call.get("name") == name
    args = fields["args"].plain
    if how == "schema":
        fits = _read_args_schema(fields["args"])
        return lambda call: call.get("name") == name and fits(call.get("input"))
    fields["args"].as_mapping()
    compare = is_equal if how == "exact" else is_subset
    return lambda call: call.get("name") == name and compare(args, call.get("input"))


def _read_args_schema(entry: Entry) -> Callable[[Any], bool]:
    validator = read_inline_schema(entry)
    return lambda value: judge(value, validator).verdict == "pass"


def is_subset(part: Any, whole: Any) -> bool:
    """Whether all that is in `part` is in `whole`: keys of objects, element by element of lists."""
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(key in whole and is_subset(one, whole[key]) for key, one in part.items())
    if isinstance(part, list) and isinstance(whole, list):
        return len(part) == len(whole) and all(map(is_subset, part, whole))
    return is_equal(part, whole)


def _read_args_valid(entry: Entry) -> Look:
    wanted = entry.as_bool()

    def look(sight: Sight) -> Finding:
        findings = [
            _judge_args(reply, number, block)
            for reply in list_messages(sight)
            for number, block in enumerate(reply.blocks)
            if block.get("type") == "tool_use"
        ]
        if not findings:
            raise CannotJudge("no tool was called")
        wrong = next((one for one in findings if one.verdict == "fail"), None)
        if (wrong is None) is wanted:
            return passes(wrong is None, expected=wanted)
        return wrong or fails("the arguments of all calls are valid", actual=True, expected=False)

    return look


def _judge_args(reply: Reply, number: int, call: Call) -> Finding:
    name, tools = call.get("name"), read_request(reply).get("tools")
    declared = [t for t in tools or () if isinstance(t, dict) and t.get("name") == name]
    if not declared:
        return fails("the request declares no tool {actual}", actual=name)
    if "input_schema" not in declared[0]:
        raise CannotJudge("the tool {name} has no input_schema", name=name)
    try:
        loads(reply.streamed_inputs.get(number) or "{}")
        validator = compile_schema(declared[0]["input_schema"])
    except ValueError as error:
        reason = str(error)
        if reply.streamed_inputs.get(number):
            return fails("the arguments of {name} are not JSON: {reason}", name=name, reason=reason)
        raise CannotJudge(
            "the input_schema of {name} is none: {reason}", name=name, reason=reason
        ) from None
    finding = judge(call.get("input"), validator)
    if finding.verdict == "pass":
        return finding
    return fails(
        "the arguments of {name} do not fit its schema: {reason}",
        actual=call.get("input"),
        name=name,
        reason=f"{finding.values['at']}: {finding.values['reason']}",
    )


def _read_no_call(entry: Entry) -> Look:
    if entry.kind == "boolean":
        banned, wanted = None, entry.as_bool()
    else:
        listed = need_some(entry).as_list() if entry.kind == "list" else [entry]
        banned, wanted = [one.as_text() for one in listed], True

    def look(sight: Sight) -> Finding:
        called = [name for name in _list_names(sight) if banned is None or name in banned]
        if bool(called) is not wanted:
            return passes(called)
        if called:
            return fails("these tools were called: {actual}", actual=called, expected=[])
        return fails("no tool was called", actual=[])

    return look


def _read_f1(entry: Entry, beside: Mapping[str, Entry]) -> Check:
    fields = dict(entry.as_fields(["expected", *NUMBER.known], ["expected"]))
    expected = read_later(fields.pop("expected"), _read_expected)
    op = read_ops(entry, fields, replace(NUMBER, span=SHARE))

    def look(sight: Sight) -> Finding:
        calls = list_calls(sight)
        wanted = expected(sight.subject.scope)
        return op(measure_f1(wanted, calls), sight)

    return Check(look)


def _read_expected(entry: Entry) -> Sequence[Match]:
    matches: list[Match] = []
    for one in need_some(entry).as_list():
        fields = {"name": one} if one.kind == "text" else one.as_fields(["name", "args"], ["name"])
        matches.append(_read_match(need_some(fields["name"]).as_text(), fields))
    return matches


def measure_f1(expected: Sequence[Match], calls: Sequence[Call]) -> Decimal:
    """Harmonic mean of precision and recall; a call meets one expectation at most."""
    left = list(calls)
    hits = 0
    for match in expected:
        at = next((n for n, call in enumerate(left) if match(call)), None)
        if at is not None:
            del left[at]
            hits += 1
    return Decimal(2 * hits) / (len(expected) + len(calls))


TOOL_KINDS: Final = {
    "tool_call": looked(
        _read_tool_call,
        reach="calls",
    ),
    "no_tool_call": looked(_read_no_call, reach="calls"),
    "tool_args_valid": looked(_read_args_valid, reach="calls"),
    "tool_sequence": compared(_list_names, LIST, reach="case"),
    "tool_f1": Kind(_read_f1, reach="calls"),
}
