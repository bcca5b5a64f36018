"""The `when` of a rule, compiled to closures over a `View`."""

import fnmatch
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from tanzaku.catalog import UnknownModelError, get_model
from tanzaku.core import InputFileError
from tanzaku.core.plain_yaml import Entry
from tanzaku.simulator.scenario import _keys
from tanzaku.simulator.scenario._jsonpath import BadPathError, JsonPath
from tanzaku.simulator.scenario._regex import Regex, RegexError, shorten
from tanzaku.simulator.scenario._view import Result, Text, View

MAX_COUNT = 1_000_000
_MAX_WANTED = 40
_RANGE = re.compile(r"([0-9]{1,6})?\.\.([0-9]{1,6})?")

type Test = Callable[[View], bool]
type TextTest = Callable[[Text], bool]


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing a rule asks for; `clause` is what the file says of it, in short."""

    clause: str
    test: Test


@dataclass(frozen=True, slots=True)
class Range:
    """Whole numbers from `low` to `high`, both included; without `high` there is no end."""

    low: int
    high: int | None

    def __contains__(self, number: int) -> bool:
        return self.low <= number and (self.high is None or number <= self.high)


@dataclass(slots=True)
class When:
    """A compiled `when`. `regexes` are the expressions templates may take groups from, by the part
    of the request they read; `picks_result` tells the tool result that is meant from the others.
    """

    conditions: list[Condition] = field(default_factory=list)
    nth_call: Range | None = None
    nth_clause: str = ""
    regexes: dict[str, Regex] = field(default_factory=dict)
    picks_result: Callable[[Result], bool] | None = None

    def add(self, clause: str, test: Test) -> None:
        self.conditions.append(Condition(clause, test))


def read_when(entry: Entry) -> When:
    """Read a `when`; raises InputFileError."""
    fields = entry.as_fields(_keys.WHEN)
    when = When()
    for name in _keys.WHEN:
        if name in fields:
            _READERS[name](fields[name], when)
    return when


def _read_model(entry: Entry, when: When) -> None:
    names = _read_texts(entry)
    globs = [name for name in names if "*" in name or "?" in name]
    exact = {_resolve_model(entry, name) for name in names if name not in globs}
    clause = _say("model", entry.plain)
    if not globs:
        when.add(clause, lambda view: view.model_id in exact)
        return
    match = re.compile("|".join(map(fnmatch.translate, globs))).match
    when.add(
        clause,
        lambda view: bool(view.model_id in exact or match(view.model) or match(view.model_id)),
    )


def _resolve_model(entry: Entry, name: str) -> str:
    try:
        return get_model(name).id
    except UnknownModelError as error:
        near = str(error.values["near"])
        raise InputFileError(
            "{place}: no model is called `{name}`, so the rule could never answer.",
            hint="Did you mean `{near}`?" if near else "`tanzaku models` lists them.",
            place=entry.place,
            name=name,
            near=near,
        ) from None


def _read_stream(entry: Entry, when: When) -> None:
    wanted = entry.as_bool()
    when.add(_say("stream", wanted), lambda view: view.stream is wanted)


def _read_turn(entry: Entry, when: When) -> None:
    turns = read_range(entry)
    when.add(_say("turn", entry.plain), lambda view: view.turn in turns)


def _read_tools(entry: Entry, when: When) -> None:
    names = frozenset(_read_texts(entry))
    when.add(_say("tools_offered", entry.plain), lambda view: names <= view.tools)


def _read_headers(entry: Entry, when: When) -> None:
    for name, wanted in entry.as_mapping().items():
        for key, test in _read_text_tests(wanted, _keys.TEXT_CONDITION, None, ""):
            # What a header holds may be a secret: only its name is told.
            when.add(f"headers.{name}.{key}", _build_header_test(name.lower(), test))


def _build_header_test(name: str, test: TextTest) -> Test:
    return lambda view: (text := view.header_texts.get(name)) is not None and test(text)


def _read_state(entry: Entry, when: When) -> None:
    for key, wanted in entry.as_mapping().items():
        when.add(_say(f"state.{key}", wanted.plain), _build_state_test(key, wanted.plain))


def _build_state_test(key: str, value: Any) -> Test:
    return lambda view: is_equal(view.state.get(key), value)


def _read_system(entry: Entry, when: When) -> None:
    for key, test in _read_text_tests(entry, _keys.TEXT_CONDITION, when, "system"):
        when.add(_say_part("system", key, entry), _build_system_test(test))


def _build_system_test(test: TextTest) -> Test:
    return lambda view: test(view.system)


def _read_last_user(entry: Entry, when: When) -> None:
    needle = entry.content
    if isinstance(needle, str):
        # The most common condition, without a call between.
        folded = needle.lower()
        when.add(_say("last_user.contains", needle), lambda view: folded in view.last_user.folded)
        return
    for key, test in _read_text_tests(entry, _keys.JSON_CONDITION, when, "last_user"):
        when.add(_say_part("last_user", key, entry), _build_last_user_test(test))


def _build_last_user_test(test: TextTest) -> Test:
    return lambda view: test(view.last_user)


def _read_last_tool_result(entry: Entry, when: When) -> None:
    fields = entry.as_fields(_keys.RESULT_CONDITION)
    tests: list[Callable[[Result], bool]] = []
    if "name" in fields:
        names = frozenset(_read_texts(fields["name"]))
        tests.append(lambda result: result.name in names)
    if "is_error" in fields:
        is_error = fields["is_error"].as_bool()
        tests.append(lambda result: result.is_error is is_error)
    text_tests = [test for _, test in _read_text_fields(entry, fields, when, "last_tool_result")]

    def picks(result: Result) -> bool:
        return all(test(result) for test in tests) and all(test(result.text) for test in text_tests)

    when.picks_result = picks
    when.add(_say("last_tool_result", entry.plain), lambda view: any(map(picks, view.results)))


def _read_body(entry: Entry, when: When) -> None:
    for item in entry.content if isinstance(entry.content, list) else [entry]:
        fields = item.as_fields(_keys.JSON_CONDITION, needed=("path",))
        path = read_path(fields["path"])
        test = _build_value_test(fields)
        when.add(_say("body", item.plain), _build_body_test(path, test))


def _build_body_test(path: JsonPath, test: Callable[[Any], bool]) -> Test:
    return lambda view: any(map(test, path.find(view.request)))


def _read_nth_call(entry: Entry, when: When) -> None:
    when.nth_call = read_range(entry)
    when.nth_clause = _say("nth_call", entry.plain)


_READERS: dict[str, Callable[[Entry, When], None]] = {
    "model": _read_model,
    "stream": _read_stream,
    "turn": _read_turn,
    "tools_offered": _read_tools,
    "headers": _read_headers,
    "state": _read_state,
    "system": _read_system,
    "last_user": _read_last_user,
    "last_tool_result": _read_last_tool_result,
    "body": _read_body,
    "nth_call": _read_nth_call,
}


def read_range(entry: Entry) -> Range:
    """`3`, `2..4`, `2..` or `..4`, counted from 1."""
    if isinstance(entry.content, str):
        match = _RANGE.fullmatch(entry.content)
        low = int(match[1] or 1) if match else 0
        high = int(match[2]) if match and match[2] else None
        if match and entry.content != ".." and low >= 1 and (high is None or low <= high):
            return Range(low, high)
        raise InputFileError(
            "{place}: `{key}` must be a number from 1 up, or a range `2..4`, `2..`, `..4`; "
            "found {found}.",
            place=entry.place,
            key=entry.key,
            found=entry.found,
        )
    number = entry.as_integer(1, MAX_COUNT)
    return Range(number, number)


def read_path(entry: Entry) -> JsonPath:
    try:
        return JsonPath(entry.as_text())
    except BadPathError as error:
        raise InputFileError(
            "{place}: `{key}` is no JSONPath from character {at} on; found {found}.",
            hint="It begins with `$`; then come `.name`, `['name']`, `[0]`, `[-1]`, `[*]`, "
            "`..name`. Filters and slices are not read.",
            place=entry.place,
            key=entry.key,
            at=str(error),
            found=entry.found,
        ) from None


def is_equal(one: Any, other: Any) -> bool:
    """Equal as JSON has it: `true` is not 1, 1 is 1.0."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return bool(one == other)


def _read_texts(entry: Entry) -> list[str]:
    """One text, or a list of at least one."""
    if not isinstance(entry.content, list):
        return [entry.as_text()]
    if not entry.content:
        raise InputFileError(
            "{place}: `{key}` must not be empty.", place=entry.place, key=entry.key
        )
    return [item.as_text() for item in entry.content]


def _read_text_tests(
    entry: Entry, known: Iterable[str], when: When | None, part: str
) -> list[tuple[str, TextTest]]:
    """The tests of a text condition with the keys they stand under; a plain text is what the text
    must contain."""
    if not isinstance(entry.content, dict):
        return [("contains", _build_contains(entry))]
    fields = entry.as_fields(tuple(known))
    return _read_text_fields(entry, fields, when, part)


def _read_text_fields(
    entry: Entry, fields: dict[str, Entry], when: When | None, part: str
) -> list[tuple[str, TextTest]]:
    if "path" in fields:
        path = read_path(fields["path"])
        test = _build_value_test(fields)
        return [("path", lambda text: any(map(test, path.find(text.json))))]
    tests: list[tuple[str, TextTest]] = []
    if "contains" in fields:
        tests.append(("contains", _build_contains(fields["contains"])))
    if "regex" in fields:
        regex = read_regex(fields["regex"])
        if when is not None:
            when.regexes[part] = regex
        matches = regex.matches
        tests.append(("regex", lambda text: matches(text.short)))
    if "equals" in fields:
        wanted = fields["equals"].as_text()
        tests.append(("equals", lambda text: text.full == wanted))
    return tests


def read_regex(entry: Entry) -> Regex:
    try:
        return Regex(entry.as_text())
    except RegexError as error:
        raise InputFileError(
            "{place}: `{key}` is not an expression that is run: {reason}.",
            hint="Python's syntax, without look-around and back-references.",
            place=entry.place,
            key=entry.key,
            reason=str(error),
        ) from None


def _build_contains(entry: Entry) -> TextTest:
    """Whether a text contains one of those in `entry`, whatever the case of their letters."""
    needles = [needle.lower() for needle in _read_texts(entry)]
    if len(needles) == 1:
        needle = needles[0]
        return lambda text: needle in text.folded
    return lambda text: any(needle in text.folded for needle in needles)


def _build_value_test(fields: dict[str, Entry]) -> Callable[[Any], bool]:
    """What a value found by a path must be; without a further key it need only be there."""
    tests: list[Callable[[Any], bool]] = []
    if "equals" in fields:
        wanted = fields["equals"].plain
        tests.append(lambda value: is_equal(value, wanted))
    if "contains" in fields:
        needles = [needle.lower() for needle in _read_texts(fields["contains"])]
        tests.append(
            lambda value: (
                isinstance(value, str) and any(needle in value.lower() for needle in needles)
            )
        )
    if "regex" in fields:
        regex = read_regex(fields["regex"])
        tests.append(lambda value: isinstance(value, str) and regex.matches(shorten(value)))
    return lambda value: all(test(value) for test in tests)


def _say(key: str, wanted: Any) -> str:
    """`key: wanted` on one short line."""
    text = wanted if isinstance(wanted, str) else json.dumps(wanted, ensure_ascii=False)
    text = " ".join(text.split())
    return f"{key}: {text if len(text) <= _MAX_WANTED else text[: _MAX_WANTED - 1] + '…'}"


def _say_part(part: str, key: str, entry: Entry) -> str:
    """`part.key: wanted` for one test of a text condition."""
    if not isinstance(entry.content, dict):
        return _say(f"{part}.{key}", entry.plain)
    if key == "path":
        return _say(part, entry.plain)
    return _say(f"{part}.{key}", entry.content[key].plain)
