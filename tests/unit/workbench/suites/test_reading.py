"""A suite's file becomes cases, or a sentence that says where it is wrong."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tanzaku.core import InputFileError
from tanzaku.workbench.suites import Suite, find_suites, load_suite

SUITE = """\
tanzaku: suite/v1
name: 天气
tags: [smoke]
environment: mock
budget: {usd: 0.10, output_tokens: 2000}
defaults:
  use: requests/ask.yaml
  scenario: scenarios/rain.yaml
  mocks: [mocks/weather.yaml]
  vars: {unit: C, city: 上海}
  with: {headers: {x-one: "1", x-two: "2"}, body: {max_tokens: 9}}
  expect: [{status: 200}]
  timeout_s: 5
data: data/cities.csv
cases:
  - id: happy-path
    name: 正常
    kind: positive
    tags: [tools]
    vars: {city: 广州, day: 2026-11-24}
    with: {headers: {x-one: null}}
    expect: [{text: {contains: 晴}}]
    runs: 3
    pass_rate: {gte: 0.5}
  - id: flowing
    flow: flows/two.flow.yaml
    skip: nobody serves it
    timeout_s: 7
    budget: {usd: 1}
    origin: {by: generator, rule: number.below_minimum}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    files = {
        "tanzaku.yaml": "",
        "requests/ask.yaml": "",
        "flows/two.flow.yaml": "",
        "scenarios/rain.yaml": "",
        "mocks/weather.yaml": "",
        "data/cities.csv": 'city,note\n北京,"a, b"\n成都,\n',
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def read(root: Path, text: str, name: str = "suites/weather.suite.yaml") -> Suite:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return load_suite(path, root)


def test_defaults_cases_and_rows_come_together(root: Path) -> None:
    suite = read(root, SUITE)
    assert (suite.suite_id, suite.name, suite.environment) == ("weather", "天气", "mock")
    assert suite.budget.usd == Decimal("0.1")
    assert suite.budget.output_tokens == 2000
    assert (suite.scenario, suite.mocks) == (
        root / "scenarios/rain.yaml",
        (root / "mocks/weather.yaml",),
    )
    keys = [case.key for case in suite.cases]
    assert keys == [
        "weather#happy-path[1]",
        "weather#happy-path[2]",
        "weather#flowing[1]",
        "weather#flowing[2]",
    ]
    first, second, flowing, _ = suite.cases
    variables = {name: one.plain for name, one in first.variables.items()}
    assert variables == {"unit": "C", "city": "广州", "day": "2026-11-24"}
    assert first.values == {"city": "北京", "note": "a, b"}
    assert second.values == {"city": "成都", "note": ""}
    assert [one.plain for one in first.patches] == [
        {"headers": {"x-one": "1", "x-two": "2"}, "body": {"max_tokens": 9}},
        {"headers": {"x-one": None}},
    ]
    assert [one.plain for one in first.expect] == [{"status": 200}, {"text": {"contains": "晴"}}]
    assert (first.tags, first.kind, first.runs, first.pass_rate) == (
        ("smoke", "tools"),
        "positive",
        3,
        0.5,
    )
    assert first.use == root / "requests/ask.yaml"
    assert (first.timeout_s, flowing.timeout_s) == (5, 7)
    assert (flowing.use, flowing.flow) == (None, root / "flows/two.flow.yaml")
    assert flowing.patches == ()
    assert flowing.skip == "nobody serves it"
    assert flowing.origin == {"by": "generator", "rule": "number.below_minimum"}
    assert flowing.kind == "manual"


@pytest.mark.parametrize(
    ("name", "text", "rows"),
    [
        ("data.json", '[{"n": 1, "deep": {"a": [true]}}]', [{"n": 1, "deep": {"a": [True]}}]),
        ("data.jsonl", '{"n": 1}\n\n{"n": "一"}\n', [{"n": 1}, {"n": "一"}]),
        ("data.csv", "\ufeffn,m\n1,2\n", [{"n": "1", "m": "2"}]),
    ],
    ids=["json", "jsonl", "csv with a mark"],
)
def test_rows_are_variables(root: Path, name: str, text: str, rows: list[Any]) -> None:
    (root / name).write_text(text, encoding="utf-8")
    suite = read(
        root,
        f"tanzaku: suite/v1\ndata: {name}\ncases: [{{id: a, use: requests/ask.yaml}}]\n",
    )
    assert [case.values for case in suite.cases] == rows


HEAD = "tanzaku: suite/v1\ncases:\n"
ASK = "use: requests/ask.yaml"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cases: []\n", "{f}:1:1: the file does not say what it is."),
        (
            "tanzaku: suite/v2\ncases: []\n",
            "{f}:1:10: this must be `tanzaku: suite/v1`; found \"suite/v2\".",
        ),
        (f"{HEAD}  - {{id: a, usee: x}}\n", "{f}:3:13: unknown key `usee`."),
        (
            f"{HEAD}  - {{id: a, {ASK}}}\n  - {{id: a, {ASK}}}\n",
            "{f}:4:10: the id `a` stands here a second time; first in line 3.",
        ),
        (f"{HEAD}  - {{id: a}}\n", "{f}:3:5: the case `a` names nothing to send."),
        (
            f"{HEAD}  - {{id: a, use: requests/gone.yaml}}\n",
            "{f}:3:18: there is no file requests/gone.yaml in the project.",
        ),
        (
            f"{HEAD}  - {{id: a, use: ../../etc/passwd}}\n",
            "{f}:3:18: ../../etc/passwd lies outside the project.",
        ),
        (
            f"{HEAD}  - {{id: a, {ASK}, flow: flows/two.flow.yaml}}\n",
            "{f}:3:37: a case has `use` or `flow`, not both.",
        ),
        (
            f"{HEAD}  - {{id: a, flow: flows/two.flow.yaml, with: {{}}}}\n",
            "{f}:3:40: `with` changes one request; a flow has several.",
        ),
        (
            f"{HEAD}  - {{id: 'a b', {ASK}}}\n",
            "{f}:3:10: `cases[0].id` must be letters, digits, `.`, `_`, `-`, and begin with a "
            'letter or digit; found "a b".',
        ),
        (
            f"{HEAD}  - {{id: a, {ASK}, runs: 0}}\n",
            "{f}:3:43: `cases[0].runs` must be a whole number from 1 to 1000; found 0.",
        ),
        (
            f"{HEAD}  - {{id: a, {ASK}, kind: good}}\n",
            "{f}:3:43: `cases[0].kind` must be one of positive, negative, boundary, security, "
            'manual; found "good".',
        ),
    ],
    ids=[
        "no first line", "another version", "unknown key", "twins", "nothing to send", "no file",
        "outside", "two ways", "a flow changed", "no slug", "no run", "no kind",
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_place(root: Path, text: str, message: str) -> None:
    with pytest.raises(InputFileError) as caught:
        read(root, text)
    assert caught.value.message == message.replace("{f}", str(root / "suites/weather.suite.yaml"))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "x,x\n1,2\n", "{f}:1: every column needs a name of its own."),
        ("a.csv", "x,y\n1\n", "{f}:2: has 1 values for 2 columns."),
        ("a.csv", "x,y\n", "{f}: must have from 1 to 100000 rows; found 0."),
        ("a.csv", 'x\n"1\n', "{f}:2: is not CSV: unexpected end of data."),
        ("a.json", '{"x": 1}', "{f}: must be a list of objects."),
        ("a.json", "[\n1]", "{f}[0]: a row must be an object."),
        ("a.jsonl", '{"x": 1}\n[', "{f}:2:2: is not JSON: Expecting value."),
        ("a.txt", "x", "{f}: data is read from .csv, .json, .jsonl."),
    ],
)
def test_data_that_is_none_is_named(root: Path, name: str, text: str, message: str) -> None:
    (root / name).write_text(text, encoding="utf-8")
    with pytest.raises(InputFileError) as caught:
        read(root, f"tanzaku: suite/v1\ndata: {name}\ncases: []\n")
    assert caught.value.message == message.replace("{f}", str(root / name))


def test_suites_are_found_by_folder_and_named_by_their_way(root: Path) -> None:
    one = read(root, json.dumps({"tanzaku": "suite/v1", "cases": []}), "suites/b/one.suite.yaml")
    two = read(root, json.dumps({"tanzaku": "suite/v1", "cases": []}), "suites/a.suite.yaml")
    assert (one.suite_id, two.suite_id) == ("b/one", "a")
    assert find_suites(root, []) == [two.path, one.path]
    assert find_suites(root, [one.path, root / "suites"]) == [one.path, two.path]
    with pytest.raises(InputFileError, match="is no suite"):
        find_suites(root, [root / "requests/ask.yaml"])
