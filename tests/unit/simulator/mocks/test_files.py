"""A file that is wrong says where; the published JSON Schema and the reader take the same files."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from harness.mocked import PARCEL, PAYMENT, ROOT, write_tool
from tanzaku.core import InputFileError
from tanzaku.core.plain_yaml import parse_yaml
from tanzaku.simulator.mocks import _keys, load_mocks, parse_mocks

SCHEMA: dict[str, Any] = json.loads(
    (ROOT / "docs/schemas/mocks.schema.json").read_text(encoding="utf-8")
)
VALIDATOR = jsonschema_rs.validator_for(SCHEMA)

HEAD = "tools:\n  t:\n    input_schema: {type: object, properties: {x: {}, name: {}}}\n    sets:\n"


def sets(text: str) -> str:
    """The sets of a tool, one a line; the first stands in line 5, column 7."""
    return HEAD + "".join(f"      {line}\n" for line in text.splitlines())


def success(text: str) -> str:
    """The set `success` of a tool; its value begins in line 5, column 16."""
    return sets(f"success: {text}")


def schema(text: str) -> str:
    """A tool with this schema, which begins in line 3, column 19."""
    return (
        f"tools:\n  t:\n    input_schema: {text}\n    sets: {{success: {{result: a}}}}\n    # end\n"
    )


BY_BOTH = {
    "nothing at all": ("", "m:1:1: `$` must be keys with values; found null."),
    "no tools": ("runs: {}", "m:1:1: `$` lacks the key `tools`."),
    "no tool": ("tools: {}", "m:1:8: `tools` must not be empty."),
    "a misspelt key": (
        "tools: {t: {input_schema: {type: object}, set: {}}}",
        "m:1:43: unknown key `set`. Did you mean `sets`?",
    ),
    "no schema": ("tools: {t: {sets: {}}}", "m:1:12: `tools.t` lacks the key `input_schema`."),
    "a name no tool can have": (
        write_tool("{success: {result: a}}").replace("{t:", "{pay query:"),
        "m:1:9: the name `pay query` must match [a-zA-Z0-9_-]{1,128}.",
    ),
    "a name no set can have": (
        sets('success: {result: a}\n"a/b": {result: b}'),
        "m:6:7: the name `a/b` must match [a-zA-Z0-9._-]{1,64}.",
    ),
    "a schema that is no object": (
        schema("{type: array}"),
        "m:3:19: `tools.t.input_schema` must have `type: object`.",
    ),
    "a set that says nothing": (
        success("{latency_s: 1}"),
        "m:5:16: `tools.t.sets.success` must hold exactly one of result, error, hang, sequence. "
        "Beside `cases` it answers the arguments that none of them is for.",
    ),
    "a set that says two things": (
        success("{result: a, error: b}"),
        "m:5:28: `error` cannot stand beside `result`.",
    ),
    "a hang that is none": (
        success("{hang: false}"),
        "m:5:23: `hang` is `true` or not there. "
        "An answer that comes too late is a result with a long `latency_s`.",
    ),
    "a latency below nothing": (
        success("{result: a, latency_s: -1}"),
        "m:5:39: `tools.t.sets.success.latency_s` must be a number from 0 to 86400; found -1.",
    ),
    "a spread without a median": (
        success("{result: a, latency_s: {spread: 1}}"),
        "m:5:39: `tools.t.sets.success.latency_s` lacks the key `median`.",
    ),
    "an error that is a success": (
        success("{error: {message: a, status: 200}}"),
        "m:5:45: `tools.t.sets.success.error.status` must be a whole number from 400 to 599; "
        "found 200.",
    ),
    "an error without words": (
        success("{error: {status: 500}}"),
        "m:5:24: `tools.t.sets.success.error` lacks the key `message`.",
    ),
    "a case for everything": (
        success("{result: a, cases: [{when: {}, result: b}]}"),
        "m:5:43: `tools.t.sets.success.cases[0]` must not be empty.",
    ),
    "a case that says nothing": (
        success("{result: a, cases: [{when: {args.x: 1}}]}"),
        "m:5:36: `tools.t.sets.success.cases[0]` must hold exactly one of result, error, hang.",
    ),
    "a condition nobody knows": (
        success("{result: a, cases: [{when: {args.x: {equal: 1}}, result: b}]}"),
        "m:5:53: unknown key `equal`. Did you mean `equals`?",
    ),
    "a case on something else": (
        success("{result: a, cases: [{when: {argument.x: 1}, result: b}]}"),
        "m:5:44: `argument.x` is no argument. "
        "Arguments are named `args.order_id`, those inside `args.address.city`.",
    ),
    "a sequence of nothing": (
        sets("success: {result: a}\nb: {sequence: []}"),
        "m:6:21: `tools.t.sets.b.sequence` must not be empty.",
    ),
    "a sequence that ends in no known way": (
        sets("success: {result: a}\nb: {sequence: [success], then: stop}"),
        "m:6:38: `tools.t.sets.b.then` must be one of stay, cycle; found \"stop\".",
    ),
    "arguments refused in turn": (
        sets("success: {result: a}\nbad_args: {sequence: [success]}"),
        "m:6:17: `bad_args` answers arguments the schema does not allow and is no sequence.",
    ),
}  # fmt: skip

BY_THE_READER = {
    "a default that is not there": (
        sets("success: {result: a}\nb: {result: b}") + "    default: c\n",
        "m:7:14: the tool has no set `c`. Its sets are success, b, timeout, bad_args.",
    ),
    "neither a success nor a default": (
        sets("paid: {result: a}"),
        "m:5:7: the tool has neither a set `success` nor a `default`. Write `default: paid`.",
    ),
    "a step that is not there": (
        sets("success: {result: a}\nb: {sequence: [success, c]}"),
        "m:6:31: the tool has no set `c`. Its sets are success, b, timeout, bad_args.",
    ),
    "a step that is a sequence": (
        sets("success: {result: a}\nb: {sequence: [success]}\nc: {sequence: [b]}"),
        "m:7:22: `b` is a sequence itself and cannot be a step of one.",
    ),
    "a run of a tool that is not there": (
        success("{result: a}") + "runs: {nightly: {u: success}}\n",
        "m:6:18: unknown key `u`. Known are t.",
    ),
    "a run of a set that is not there": (
        success("{result: a}") + "runs: {nightly: {t: sucess}}\n",
        "m:6:21: the tool has no set `sucess`. Its sets are success, timeout, bad_args.",
    ),
    "a template of something else": (
        success("{result: 'at {{time}}'}"),
        "m:5:25: nothing is called `time` in a template. Known are {{args.…}}, {{n}}, {{now}}, "
        r"{{violation}}. Write `\{{` for braces that are only braces.",
    ),
    "a template of an argument that is not there": (
        success("{result: 'for {{args.nam}}'}"),
        "m:5:25: `input_schema` has no argument `nam`. Did you mean `name`?",
    ),
    "a case on an argument that is not there": (
        success("{result: a, cases: [{when: {args.zzz: 1}, result: b}]}"),
        "m:5:44: `input_schema` has no argument `zzz`. Its arguments are name, x.",
    ),
    "an expression that is none": (
        success("{result: a, cases: [{when: {args.x: {regex: '('}}, result: b}]}"),
        "m:5:60: `tools.t.sets.success.cases[0].when.args.x.regex` is not an expression that is "
        "run: missing ), unterminated subpattern at position 0. "
        "Python's syntax, without look-around and back-references.",
    ),
    "a schema with a type that is none": (
        schema("{type: object, properties: {a: {type: strng}}}"),
        "m:3:57: `tools.t.input_schema.properties.a.type` must be one of string, number, integer, "
        'object, array, boolean, null; found "strng".',
    ),
    "a schema with a limit that is no number": (
        schema("{type: object, properties: {a: {minimum: '3'}}}"),
        "m:3:60: `tools.t.input_schema.properties.a.minimum` must be a number from "
        '-9.0072e+15 to 9.0072e+15; found "3".',
    ),
    "a schema with a pattern that could hang": (
        schema("{type: object, properties: {a: {pattern: '(a+)+$'}}}"),
        "m:3:60: `(a+)+$` cannot be checked. "
        "Leave out back-references, Unicode classes and repeats inside repeats.",
    ),
    "a schema that needs what is no list": (
        schema("{type: object, anyOf: [{required: a}]}"),
        'm:3:53: `tools.t.input_schema.anyOf[0].required` must be a list; found "a".',
    ),
}


def read_mistake(text: str) -> str:
    with pytest.raises(InputFileError) as caught:
        parse_mocks(text, "m")
    return " ".join(filter(None, [caught.value.message, caught.value.hint]))


@pytest.mark.parametrize(("text", "message"), BY_BOTH.values(), ids=BY_BOTH)
def test_a_mistake_is_named_with_its_place_and_the_schema_refuses_it_too(
    text: str, message: str
) -> None:
    assert read_mistake(text) == message
    assert not VALIDATOR.is_valid(parse_yaml(text, "m").plain)


@pytest.mark.parametrize(("text", "message"), BY_THE_READER.values(), ids=BY_THE_READER)
def test_a_mistake_that_a_schema_cannot_see_is_named_with_its_place(
    text: str, message: str
) -> None:
    VALIDATOR.validate(parse_yaml(text, "m").plain)
    assert read_mistake(text) == message


def find_keys(part: dict[str, Any]) -> set[str]:
    return set(part.get("properties", {}))


PARTS: dict[str, tuple[str, ...]] = {
    "tool": _keys.TOOL,
    "set": _keys.SET,
    "case": _keys.CASE,
    "valueCondition": _keys.VALUE_CONDITION,
    "sequence": _keys.SEQUENCE,
    "failure": _keys.ERROR,
    "drawnLatency": _keys.LATENCY,
}


def test_the_schema_has_the_readers_keys_and_explains_each() -> None:
    definitions = SCHEMA["definitions"]
    assert {name: find_keys(part) for name, part in definitions.items() if find_keys(part)} == {
        name: set(keys) for name, keys in PARTS.items()
    }
    assert find_keys(SCHEMA) == set(_keys.FILE)
    unexplained = [
        f"{name}.{key}"
        for name, part in [*definitions.items(), ("file", SCHEMA)]
        for key, value in part.get("properties", {}).items()
        if "description" not in value
    ]
    assert unexplained == []


GOOD = {
    "every kind of outcome": sets(
        "success: {result: null}\na: {error: no}\nb: {hang: true, latency_s: 1}\n"
        "c: {error: {message: no, status: 503, body: [1], retry_after_s: 2}}\n"
        "d: {result: {a: ['{{n}}']}, latency_s: {median: 0.1, spread: 0.3}}\n"
        "e: {sequence: [a, b, success], then: cycle}\n"
        "f: {result: a, cases: [{when: {args.x: {equals: {}, regex: a, contains: b}}, hang: true}]}"
    ),
    "sets that every tool has": sets("success: {result: a}\nb: {sequence: [timeout, bad_args]}")
    + "    default: timeout\nruns: {a.b-c: {t: bad_args}}\n",
    "only the sets that every tool has": (
        "tools: {t: {input_schema: {type: object}, sets: {}, default: timeout}}"
    ),
    "an open schema": schema(
        "{type: object, allOf: [{required: [a]}], patternProperties: {'^a': {minLength: 1}}}"
    ),
}


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD)
def test_a_good_file_is_taken_by_both(text: str) -> None:
    VALIDATOR.validate(parse_yaml(text, "m").plain)
    assert "t" in parse_mocks(text, "m").tools


@pytest.mark.parametrize("path", [PAYMENT, PARCEL], ids=["payment_query", "parcel_tracking"])
def test_an_example_is_taken_by_both_and_has_the_three_sets(path: Path) -> None:
    plain = parse_yaml(path.read_text(encoding="utf-8"), path.name).plain
    VALIDATOR.validate(plain)
    (tool,) = load_mocks(path).tools.values()
    assert {"success", "timeout", "bad_args"} <= set(plain["tools"][tool.name]["sets"])


def test_every_example_is_among_them() -> None:
    assert set((ROOT / "examples/mocks").iterdir()) == {PAYMENT, PARCEL}


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match=r"none.yaml: cannot be read: No such file"):
        load_mocks(tmp_path / "none.yaml")
