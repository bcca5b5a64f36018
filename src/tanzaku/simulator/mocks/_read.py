"""A mocks file, read to tools that are ready to answer."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tanzaku.core import InputFileError
from tanzaku.core.plain_yaml import Entry, Place, parse_yaml, read_yaml
from tanzaku.simulator.improviser._conforms import is_same
from tanzaku.simulator.mocks import _keys
from tanzaku.simulator.mocks._arguments import InputSchema, read_input_schema
from tanzaku.simulator.mocks._outcomes import Latency, Outcome, fail, read_latency, read_outcome
from tanzaku.simulator.mocks._templates import read_path
from tanzaku.simulator.scenario._conditions import read_regex
from tanzaku.simulator.scenario._regex import shorten

MAX_CASES: Final = 1000
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_LABEL = re.compile(r"[a-zA-Z0-9._-]{1,64}")

type Test = Callable[[Mapping[str, Any]], bool]


@dataclass(frozen=True, slots=True)
class Case:
    """What answers the arguments that pass every test."""

    tests: tuple[Test, ...]
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class MockSet:
    """One way a tool may behave: the first case that fits the arguments, else `outcome`."""

    name: str
    outcome: Outcome
    cases: tuple[Case, ...] = ()

    def pick(self, arguments: Mapping[str, Any]) -> Outcome:
        for case in self.cases:
            if all(test(arguments) for test in case.tests):
                return case.outcome
        return self.outcome


@dataclass(frozen=True, slots=True)
class MockSequence:
    """Sets by call number: the first call meets the first of `steps`. After the last the last one
    stays, or they begin again where `is_cycle`."""

    name: str
    steps: tuple[str, ...]
    is_cycle: bool

    def get_step(self, number: int) -> str:
        """The set of the call `number` (from 1)."""
        at = number - 1
        if self.is_cycle:
            return self.steps[at % len(self.steps)]
        return self.steps[min(at, len(self.steps) - 1)]


@dataclass(frozen=True, slots=True)
class MockTool:
    """A tool and its sets. Every tool has the sets `timeout` (it never answers) and `bad_args` (400
    and what the schema does not allow), which a file may word otherwise."""

    name: str
    description: str
    schema: InputSchema
    default: str
    sets: Mapping[str, MockSet | MockSequence]

    def get_set(self, name: str) -> MockSet:
        """A set that is no sequence; the reader saw to it that `name` is one."""
        found = self.sets[name]
        assert isinstance(found, MockSet)
        return found


@dataclass(frozen=True, slots=True)
class MocksFile:
    """The tools of one file; `runs` says which set a tool uses in a run: label → tool → set."""

    name: str
    tools: Mapping[str, MockTool]
    runs: Mapping[str, Mapping[str, str]]


def load_mocks(path: Path | str) -> MocksFile:
    """Read a mocks file; raises InputFileError with file, line and column."""
    path = Path(path)
    return _read_file(read_yaml(path), path.name)


def parse_mocks(text: str, name: str) -> MocksFile:
    """The same of a text; `name` stands for the file in messages."""
    return _read_file(parse_yaml(text, name), name)


def _read_file(entry: Entry, name: str) -> MocksFile:
    fields = entry.as_fields(_keys.FILE, needed=("tools",))
    entries = fields["tools"].as_mapping()
    if not entries:
        raise InputFileError(
            "{place}: `{key}` must not be empty.", place=fields["tools"].place, key="tools"
        )
    tools = {key: _read_tool(key, item) for key, item in entries.items()}
    runs = fields["runs"].as_mapping() if "runs" in fields else {}
    return MocksFile(name, tools, {label: _read_run(label, runs[label], tools) for label in runs})


def _read_tool(name: str, entry: Entry) -> MockTool:
    _check_name(name, entry.name_place, _TOOL_NAME)
    fields = entry.as_fields(_keys.TOOL, needed=("input_schema", "sets"))
    schema = read_input_schema(fields["input_schema"])
    entries = fields["sets"].as_mapping()
    sets: dict[str, MockSet | MockSequence] = {}
    for key, item in entries.items():
        _check_name(key, item.name_place, _LABEL)
        sets[key] = _read_set(key, item, schema)
    _add_standing_sets(sets, entries)
    for key, item in entries.items():
        if isinstance(sets[key], MockSequence):
            for step in item.as_mapping()["sequence"].as_list():
                _check_set(step.as_text(), step.place, sets, is_step=True)
    default = _keys.SUCCESS
    if "default" in fields:
        default = fields["default"].as_text()
        _check_set(default, fields["default"].place, sets)
    elif default not in sets:
        raise InputFileError(
            "{place}: the tool has neither a set `success` nor a `default`.",
            hint="Write `default: {name}`.",
            place=fields["sets"].place,
            name=next(iter(entries), _keys.TIMEOUT),
        )
    description = fields["description"].as_text() if "description" in fields else ""
    return MockTool(name, description, schema, default, sets)


def _add_standing_sets(
    sets: dict[str, MockSet | MockSequence], entries: Mapping[str, Entry]
) -> None:
    sets.setdefault(_keys.TIMEOUT, MockSet(_keys.TIMEOUT, Outcome(None)))
    refused = Outcome(lambda filling: fail(filling.violation, 400))
    sets.setdefault(_keys.BAD_ARGS, MockSet(_keys.BAD_ARGS, refused))
    if isinstance(sets[_keys.BAD_ARGS], MockSequence):
        raise InputFileError(
            "{place}: `bad_args` answers arguments the schema does not allow and is no sequence.",
            place=entries[_keys.BAD_ARGS].place,
        )


def _read_set(name: str, entry: Entry, schema: InputSchema) -> MockSet | MockSequence:
    if "sequence" in entry.as_mapping():
        return _read_sequence(name, entry)
    fields = entry.as_fields(_keys.SET)
    latency = read_latency(fields["latency_s"]) if "latency_s" in fields else Latency()
    outcome = read_outcome(fields, schema, latency)
    if outcome is None:
        raise InputFileError(
            "{place}: `{key}` must hold exactly one of {kinds}.",
            hint="Beside `cases` it answers the arguments that none of them is for.",
            place=entry.place,
            key=entry.key,
            kinds="result, error, hang, sequence",
        )
    entries = fields["cases"].as_list() if "cases" in fields else []
    if len(entries) > MAX_CASES:
        raise InputFileError(
            "{place}: more than {most} cases.", place=entries[MAX_CASES].place, most=MAX_CASES
        )
    return MockSet(name, outcome, tuple(_read_case(item, schema, latency) for item in entries))


def _read_sequence(name: str, entry: Entry) -> MockSequence:
    fields = entry.as_fields(_keys.SEQUENCE)
    steps = fields["sequence"].as_list()
    if not steps:
        raise InputFileError(
            "{place}: `{key}` must not be empty.",
            place=fields["sequence"].place,
            key=fields["sequence"].key,
        )
    then = fields["then"].as_choice(_keys.THEN) if "then" in fields else "stay"
    return MockSequence(name, tuple(step.as_text() for step in steps), then == "cycle")


def _read_case(entry: Entry, schema: InputSchema, latency: Latency) -> Case:
    fields = entry.as_fields(_keys.CASE, needed=("when",))
    outcome = read_outcome(fields, schema, latency)
    if outcome is None:
        raise InputFileError(
            "{place}: `{key}` must hold exactly one of {kinds}.",
            place=entry.place,
            key=entry.key,
            kinds="result, error, hang",
        )
    wanted = fields["when"].as_mapping()
    if not wanted:
        raise InputFileError(
            "{place}: `{key}` must not be empty.", place=fields["when"].place, key=entry.key
        )
    return Case(tuple(_read_test(*item, schema) for item in wanted.items()), outcome)


def _read_test(source: str, entry: Entry, schema: InputSchema) -> Test:
    """A value the argument must equal, or keys and values as in a scenario's conditions."""
    find = read_path(source, entry.name_place, schema)
    if not isinstance(entry.content, dict):
        value = entry.plain
        return lambda arguments: is_same(find(arguments), value)
    fields = entry.as_fields(_keys.VALUE_CONDITION)
    if not fields:
        raise InputFileError(
            "{place}: `{key}` must not be empty.", place=entry.place, key=entry.key
        )
    tests = [_VALUE_TESTS[name](item) for name, item in fields.items()]
    return lambda arguments: all(test(find(arguments)) for test in tests)


def _read_equals(entry: Entry) -> Callable[[Any], bool]:
    value = entry.plain
    return lambda found: is_same(found, value)


def _read_contains(entry: Entry) -> Callable[[Any], bool]:
    needle = entry.as_text().lower()
    return lambda found: isinstance(found, str) and needle in found.lower()


def _read_regex(entry: Entry) -> Callable[[Any], bool]:
    regex = read_regex(entry)
    return lambda found: isinstance(found, str) and regex.matches(shorten(found))


_VALUE_TESTS: Final[dict[str, Callable[[Entry], Callable[[Any], bool]]]] = {
    "equals": _read_equals,
    "contains": _read_contains,
    "regex": _read_regex,
}


def _read_run(label: str, entry: Entry, tools: Mapping[str, MockTool]) -> dict[str, str]:
    _check_name(label, entry.name_place, _LABEL)
    chosen: dict[str, str] = {}
    for name, item in entry.as_fields(tools).items():
        chosen[name] = item.as_text()
        _check_set(chosen[name], item.place, tools[name].sets)
    return chosen


def _check_name(name: str, place: Place, pattern: re.Pattern[str]) -> None:
    if not pattern.fullmatch(name):
        raise InputFileError(
            "{place}: the name `{name}` must match {pattern}.",
            place=place,
            name=name,
            pattern=pattern.pattern,
        )


def _check_set(
    name: str, place: Place, sets: Mapping[str, MockSet | MockSequence], *, is_step: bool = False
) -> None:
    if name not in sets:
        raise InputFileError(
            "{place}: the tool has no set `{name}`.",
            hint="Its sets are {known}.",
            place=place,
            name=name,
            known=_list(sets),
        )
    if is_step and isinstance(sets[name], MockSequence):
        raise InputFileError(
            "{place}: `{name}` is a sequence itself and cannot be a step of one.",
            place=place,
            name=name,
        )


def _list(names: Iterable[str]) -> str:
    return ", ".join(names)
