"""Fault plans as people write them: read, refused with the place of the mistake, and published as
a JSON Schema that takes the same files."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tanzaku.core import InputFileError
from tanzaku.simulator.faults import (
    KINDS,
    Fault,
    FaultPlan,
    Parameter,
    When,
    load_faults,
    parse_faults,
)

ROOT = Path(__file__).parents[4]
SCHEMA: dict[str, Any] = json.loads(
    (ROOT / "docs/schemas/faults.schema.json").read_text(encoding="utf-8")
)
VALIDATOR = jsonschema_rs.validator_for(SCHEMA)
EXAMPLES = sorted((ROOT / "examples/faults").glob("*.yaml"))

PLAN = """
seed: 3
faults:
  - what: overloaded
  - name: busy
    what: rate-limit
    retry_after: null
    message: slow down
    where: upstream
    times: 2
    when:
      path: /v1/*
      model: claude-haiku-*
      header: {name: x-team, equals: red}
      rule: desk/*
      nth_call: 2..4
      probability: 0.5
  - what: stall
    after: 0
    seconds: 1.5
    when: {header: x-slow, nth_call: 3}
  - what: overloaded
    when: {nth_call: 5..}
"""


def test_a_plan_says_what_it_says() -> None:
    plan = parse_faults(PLAN, "plan.yaml")
    assert plan == FaultPlan(
        [
            Fault("overloaded"),
            Fault(
                "rate-limit",
                {"retry_after": None, "message": "slow down"},
                "upstream",
                When(
                    path="/v1/*",
                    model="claude-haiku-*",
                    header="x-team",
                    equals="red",
                    rule="desk/*",
                    nth_call=(2, 4),
                    probability=0.5,
                ),
                2,
                "busy",
            ),
            Fault(
                "stall",
                {"after": 0, "seconds": 1.5},
                when=When(header="x-slow", nth_call=(3, 3)),
            ),
            Fault("overloaded", when=When(nth_call=(5, None)), name="overloaded-2"),
        ],
        3,
    )


def test_a_plan_survives_json() -> None:
    plan = parse_faults(PLAN, "plan.yaml")
    document = plan.to_json()
    assert parse_faults(json.dumps(document), "body") == plan
    VALIDATOR.validate(document)


MISTAKES = {
    "no kind": ("faults:\n  - name: x\n", "f.yaml:2:5: `faults[0]` lacks the key `what`."),
    "unknown kind": ("faults:\n  - what: boom\n", "f.yaml:2:11: `faults[0].what` must be one of"),
    "unknown key": (
        "faults:\n  - what: stall\n    second: 3\n",
        "f.yaml:3:5: unknown key `second`.",
    ),
    "key of another kind": (
        "faults:\n  - what: reset\n    seconds: 3\n",
        "f.yaml:3:5: unknown key `seconds`.",
    ),
    "out of range": (
        "faults:\n  - {what: status, status: 200}\n",
        "f.yaml:2:28: `faults[0].status` must be a whole number from 400 to 599; found 200.",
    ),
    "null for a number": (
        "faults:\n  - {what: stall, seconds: null}\n",
        "f.yaml:2:28: `faults[0].seconds` must be a number",
    ),
    "place": (
        "faults:\n  - {what: stall, where: middle}\n",
        "f.yaml:2:26: `faults[0].where` must be one of edge, upstream",
    ),
    "times": ("faults:\n  - {what: stall, times: 0}\n", "f.yaml:2:26: `faults[0].times` must be"),
    "name": ("faults:\n  - {what: stall, name: a b}\n", 'f.yaml:2:25: "a b" is no name'),
    "early": (
        "faults:\n  - what: refused\n    when: {model: m}\n",
        "f.yaml:3:11: a connection that is refused at the edge has no request to look at.",
    ),
    "range": (
        "faults:\n  - {what: stall, when: {nth_call: 4..2}}\n",
        "f.yaml:2:36: `faults[0].when.nth_call` must be a number from 1 up, or a range",
    ),
    "header": (
        "faults:\n  - {what: stall, when: {header: {equals: red}}}\n",
        "f.yaml:2:34: `faults[0].when.header` lacks the key `name`.",
    ),
    "probability": (
        "faults:\n  - {what: stall, when: {probability: 2}}\n",
        "f.yaml:2:39: `faults[0].when.probability` must be a number from 0 to 1; found 2.",
    ),
    "no list": ("faults: {}\n", "f.yaml:1:9: `faults` must be a list"),
    "nothing": ("", "f.yaml:1:1: `$` must be keys with values"),
    "no yaml": ("faults: [\n", "f.yaml:2:1: is not YAML"),
}
BEYOND_A_SCHEMA = {"range", "no yaml"}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_named_with_its_place(name: str) -> None:
    text, message = MISTAKES[name]
    with pytest.raises(InputFileError) as caught:
        parse_faults(text, "f.yaml")
    assert caught.value.message.startswith(message)


@pytest.mark.parametrize("name", sorted(MISTAKES.keys() - BEYOND_A_SCHEMA))
def test_the_schema_refuses_the_same_mistakes(name: str) -> None:
    from ruamel.yaml import YAML

    assert not VALIDATOR.is_valid(YAML(typ="safe", pure=True).load(MISTAKES[name][0]))


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.stem for path in EXAMPLES])
def test_the_examples_are_plans(path: Path) -> None:
    plan = load_faults(path)
    assert plan.faults
    VALIDATOR.validate(plan.to_json())


def draw_setting(parameter: Parameter) -> st.SearchStrategy[Any]:
    match parameter.type:
        case "integer":
            drawn: st.SearchStrategy[Any] = st.integers(int(parameter.least), int(parameter.most))
        case "number":
            drawn = st.floats(parameter.least, parameter.most)
        case "boolean":
            drawn = st.booleans()
        case "text":
            drawn = st.text(st.characters(codec="ascii", exclude_categories=["C"]), max_size=9)
    return st.one_of(drawn, st.none()) if parameter.may_be_none else drawn


@st.composite
def draw_fault(draw: st.DrawFn) -> Fault:
    kind = draw(st.sampled_from(list(KINDS.values())))
    names = draw(st.sets(st.sampled_from(sorted(kind.parameters)))) if kind.parameters else set()
    drawn = {name: draw(draw_setting(kind.parameters[name])) for name in sorted(names)}
    times = draw(st.none() | st.integers(1, 9))
    return Fault(kind.name, drawn, draw(st.sampled_from(["edge", "upstream"])), times=times)


@settings(max_examples=300)
@given(faults=st.lists(draw_fault(), max_size=4), seed=st.integers(0, 99))
def test_every_plan_can_be_written_down_and_read_again(faults: list[Fault], seed: int) -> None:
    plan = FaultPlan(faults, seed)
    document = plan.to_json()
    assert VALIDATOR.is_valid(document)
    assert parse_faults(json.dumps(document), "body") == plan


@given(
    what=st.sampled_from(sorted(KINDS)),
    key=st.sampled_from(sorted({key for kind in KINDS.values() for key in kind.parameters})),
    value=st.sampled_from([None, True, "x", -1, 0, 3, 2.5, 450, 10**12, [], {}]),
)
def test_reader_and_schema_agree_on_every_setting(what: str, key: str, value: Any) -> None:
    document = {"faults": [{"what": what, key: value}]}
    try:
        parse_faults(json.dumps(document), "body")
        is_read = True
    except InputFileError:
        is_read = False
    assert VALIDATOR.is_valid(document) is is_read
