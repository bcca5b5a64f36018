"""A flow's file becomes a flow, or a sentence that says where it is wrong."""

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from harness.flows import write_project
from tanzaku.core import InputFileError
from tanzaku.core.plain_yaml import parse_yaml
from tanzaku.workbench.flows import Budget, Flow, list_variants, load_flow
from tanzaku.workbench.project import load_project

DOCS = Path(__file__).parents[4] / "docs"


def read_schema(uri: str) -> Any:
    """A published schema by the last part of its name, as an editor finds the one beside it."""
    name = uri.rpartition("/")[2]
    return json.loads((DOCS / "schemas" / name).read_text(encoding="utf-8"))


SCHEMA = jsonschema_rs.validator_for(read_schema("flow.schema.json"), retriever=read_schema)
RESEARCH = """\
tanzaku: flow/v1
name: 拆分 → 并行 → 汇总
vars: {topic: weather}
data: data/rows.csv
matrix: {payment_query: [success, timeout], parcel: [success]}
budget: {usd: 0.20, output_tokens: 2000}
steps:
  - id: plan
    use: requests/ask.yaml
    capture: {tasks: "$.content[0].text | json | .tasks"}
  - id: work
    foreach: "{{plan.tasks}}"
    as: task
    parallel: 4
    on_error: continue
    steps:
      - {id: agent, use: requests/ask.yaml, vars: {text: "{{task}}"}, retry: {times: 2, on: [429, 529, timeout]}}
  - id: aside
    needs: []
    wait_s: 1
  - id: merge
    needs: [work]
    when: "{{work.ok_count >= 2}}"
    use: requests/ask.yaml
    vars: {text: "{{work.results[*].agent.text | json}}"}
    tools: {sets: {get_weather: success}, max_turns: 3}
  - {id: after, flow: flows/sub.flow.yaml}
expect:
  - status: 200
  - flow.once: work
  - flow.joined: {from: work.agent, into: merge}
  - flow.within_budget: true
"""
SUB = "tanzaku: flow/v1\nsteps:\n  - {id: one, use: requests/ask.yaml}\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_project(
        tmp_path,
        {
            "flows/deep/research.flow.yaml": RESEARCH,
            "flows/sub.flow.yaml": SUB,
            "data/rows.csv": "city,n:json\n北京,1\n成都,2\n",
        },
    )


def load(root: Path, text: str | None = None, name: str = "deep/research") -> Flow:
    path = root / "flows" / f"{name}.flow.yaml"
    if text is not None:
        path.write_text(text, "utf-8")
    return load_flow(path, load_project(root))


def test_a_flow_is_read_with_all_that_it_names(root: Path) -> None:
    flow = load(root)
    assert (flow.flow_id, flow.name) == ("deep/research", "拆分 → 并行 → 汇总")
    assert flow.budget == Budget(Decimal("0.2"), 2000)
    plan, work, aside, merge, after = flow.steps
    assert [step.needs for step in flow.steps] == [(), (0,), (), (1,), (3,)]
    assert [step.sees for step in flow.steps] == [
        (),
        ("plan",),
        (),
        ("plan", "work"),
        ("plan", "work", "merge"),
    ]
    assert (work.item_name, work.parallel, work.on_error) == ("task", 4, "continue")
    assert work.steps[0].retry.on == {"429", "529", "timeout"}
    assert aside.wait_s == 1
    assert merge.tools is not None
    assert (merge.tools.sets, merge.tools.max_turns) == ({"get_weather": "success"}, 3)
    assert after.flow is not None
    assert after.flow.flow_id == "sub"
    assert [check.name for check in flow.checks] == [
        "flow.once",
        "flow.joined",
        "flow.within_budget",
    ]
    assert [one.name for one in flow.expect] == ["status"]
    assert plan.request is not None


def test_data_and_matrix_make_variants_in_the_order_of_the_file(root: Path) -> None:
    variants = list_variants(load(root))
    assert [one.name for one in variants] == [
        "[1] payment_query=success parcel=success",
        "[1] payment_query=timeout parcel=success",
        "[2] payment_query=success parcel=success",
        "[2] payment_query=timeout parcel=success",
    ]
    assert variants[1].row == {"city": "北京", "n": 1}
    assert variants[1].sets == {"payment_query": "timeout", "parcel": "success"}
    (only,) = list_variants(load(root, SUB, "sub"))
    assert (only.name, only.row, only.sets) == ("", {}, {})


def steps(text: str) -> str:
    return f"tanzaku: flow/v1\nsteps:\n{text}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            steps("  - {id: §a, use: requests/ask.yaml, needs: [b]}\n  - {id: b, wait_s: 1}\n"),
            "steps that need one another can never begin: a → b → a.",
        ),
        (
            steps("  - {id: §a, wait_s: 1, needs: [a]}\n"),
            "steps that need one another can never begin: a → a.",
        ),
        (
            steps("  - {id: a, wait_s: 1, needs: [§c]}\n  - {id: b, wait_s: 1}\n"),
            "there is no step `c` beside `a`.",
        ),
        (
            steps("  - {id: a, wait_s: 1}\n  - {id: §a, wait_s: 1}\n"),
            "the id `a` stands here a second time; first in line 3.",
        ),
        (steps("  - §{id: a}\n"), "a step has one of `use`, `flow` and `steps`, or only a"),
        (
            steps("  - §{id: a, use: requests/ask.yaml, flow: flows/sub.flow.yaml}\n"),
            "a step has one of `use`, `flow` and `steps`, or only a",
        ),
        (
            steps("  - {id: a, wait_s: 1, §parallel: 2}\n"),
            "`parallel` means nothing in a step without `foreach`.",
        ),
        (
            steps("  - {id: a, wait_s: 1, §capture: {b: $.c}}\n"),
            "`capture` means nothing in a step without `use`.",
        ),
        (steps("  - {id: §state, wait_s: 1}\n"), "`steps[0].id` must be letters, digits"),
        (steps("  - {id: a, use: §requests/asks.yaml}\n"), "there is no file requests/asks"),
        (steps("  - {id: a, wait_s: 1, §need: []}\n"), "unknown key `need`."),
        (
            steps("  - {id: a, use: requests/ask.yaml, capture: {b: §'$.c['}}\n"),
            "`steps[0].capture.b` is no capture: `$.c[` is no JSONPath",
        ),
        (
            steps("  - {id: a, use: requests/ask.yaml, capture: {b: §'$.c | upper'}}\n"),
            "`steps[0].capture.b` is no capture: there is no filter `upper`",
        ),
        (
            steps("  - {id: a, use: requests/ask.yaml, retry: {times: 1, on: [§200]}}\n"),
            "`steps[0].retry.on[0]` must be a whole number from 400 to 599; found 200.",
        ),
        (
            steps("  - {id: a, wait_s: 1}\nexpect: [{flow.once: §a}]\n"),
            "`a` is no step with a `foreach`.",
        ),
        (
            steps("  - {id: a, wait_s: 1}\nexpect: [{flow.joined: {from: a, into: §b}}]\n"),
            "there is no step `b`.",
        ),
        (
            steps("  - {id: a, flow: §flows/x.flow.yaml}\n"),
            "a flow cannot be a step of itself: x → x.",
        ),
        (
            steps("  - {id: a, flow: §flows/deep/research.flow.yaml}\n"),
            "a flow with `data` or a `matrix` cannot be a step.",
        ),
        (
            steps("  - {id: a, wait_s: 1}\nmatrix: {pay: §[success, success]}\n"),
            "`matrix.pay` must name mock sets, each once.",
        ),
    ],
)
def test_a_mistake_is_named_with_its_place(root: Path, text: str, message: str) -> None:
    """`§` stands before what is wrong."""
    before = text.partition("§")[0]
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    with pytest.raises(InputFileError) as caught:
        load(root, text.replace("§", ""), "x")
    assert f"x.flow.yaml:{line}:{column}: {message}" in caught.value.message


def test_flows_that_call_one_another_are_found(root: Path) -> None:
    (root / "flows" / "y.flow.yaml").write_text(
        steps("  - {id: b, flow: flows/x.flow.yaml}\n"), "utf-8"
    )
    with pytest.raises(InputFileError, match=r"y\.flow\.yaml:3:19.*x → y → x"):
        load(root, steps("  - {id: a, flow: flows/y.flow.yaml}\n"), "x")


def test_flows_are_nested_to_a_depth(root: Path) -> None:
    for number in range(12):
        (root / "flows" / f"n{number}.flow.yaml").write_text(
            steps(f"  - {{id: a, flow: flows/n{number + 1}.flow.yaml}}\n"), "utf-8"
        )
    (root / "flows" / "n12.flow.yaml").write_text(steps("  - {id: a, wait_s: 1}\n"), "utf-8")
    assert load(root, name="n4").steps
    with pytest.raises(InputFileError, match="nested deeper than 8 levels"):
        load(root, name="n3")


def test_the_published_schema_takes_what_the_reader_takes(root: Path) -> None:
    for text in (RESEARCH, SUB):
        assert SCHEMA.is_valid(parse_yaml(text, "x").plain)
        load(root, text, "x")


@pytest.mark.parametrize("page", ["flows.md", "flows.zh-CN.md"])
def test_the_flows_of_the_page_can_be_read(root: Path, page: str) -> None:
    (root / "requests" / "support.yaml").write_bytes((root / "requests" / "ask.yaml").read_bytes())
    blocks = re.findall(r"```yaml\n(.*?)```", (DOCS / page).read_text("utf-8"), re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        text = block if "tanzaku:" in block else f"tanzaku: flow/v1\n{block}"
        assert SCHEMA.is_valid(parse_yaml(text, "x").plain)
        load(root, text, "x")


@pytest.mark.parametrize(
    "step",
    [
        "{}",
        "{id: a}",
        "{id: 1a, wait_s: 1}",
        "{id: a, wait_s: -1}",
        "{id: a, use: requests/ask.yaml, steps: [{id: b, wait_s: 1}]}",
        "{id: a, wait_s: 1, with: {}}",
        "{id: a, wait_s: 1, retry: {times: 1}}",
        "{id: a, wait_s: 1, as: b}",
        "{id: a, wait_s: 1, on_error: retry}",
        "{id: a, wait_s: 1, name: 1}",
        "{id: a, wait_s: 1, needs: b}",
        "{id: a, wait_s: 1, foreach: [1], parallel: 0}",
        "{id: a, steps: []}",
        "{id: a, use: requests/ask.yaml, retry: {}}",
        "{id: a, use: requests/ask.yaml, retry: {times: 21}}",
        "{id: a, use: requests/ask.yaml, retry: {times: 1, on: [3xx]}}",
        "{id: a, use: requests/ask.yaml, tools: {max_turns: 0}}",
        "{id: a, use: requests/ask.yaml, tools: {set: {}}}",
        "{id: a, use: requests/ask.yaml, capture: {b: 1}}",
        "{id: a, use: requests/ask.yaml, timeout_s: 0}",
        "{id: a, use: requests/ask.yaml, vars: []}",
    ],
)
def test_the_published_schema_refuses_what_the_reader_refuses(root: Path, step: str) -> None:
    text = steps(f"  - {step}\n")
    assert not SCHEMA.is_valid(parse_yaml(text, "x").plain)
    with pytest.raises(InputFileError):
        load(root, text, "x")


@pytest.mark.parametrize(
    "line",
    [
        "data: rows.txt",
        "matrix: {pay: []}",
        "matrix: {pay: success}",
        "budget: {usd: -1}",
        "budget: {tokens: 1}",
        "expect: [{flow.joined: {from: a}}]",
        "expect: [{flow.within_budget: false}]",
        "vars: []",
        "name: [a]",
        "suite: x",
    ],
)
def test_the_published_schema_refuses_the_same_of_the_top(root: Path, line: str) -> None:
    text = steps("  - {id: a, wait_s: 1}\n") + line + "\n"
    (root / "rows.txt").touch()
    assert not SCHEMA.is_valid(parse_yaml(text, "x").plain)
    with pytest.raises(InputFileError):
        load(root, text, "x")


def test_cells_of_a_json_column_are_json_or_named_with_their_line(root: Path) -> None:
    text = steps("  - {id: a, wait_s: 1}\n") + "data: data/typed.csv\n"
    cells = root / "data" / "typed.csv"
    cells.write_text(
        '\ufeffname,limits:json\n"a\nb","[1, {""x"": null}]"\nc\u2028d,true\n', "utf-8"
    )
    assert load(root, text, "x").rows == (
        {"name": "a\nb", "limits": [1, {"x": None}]},
        {"name": "c\u2028d", "limits": True},
    )
    cells.write_text("name,limits:json\na,1\nb,no\n", "utf-8")
    with pytest.raises(InputFileError, match=r"typed\.csv:3:1: is not JSON"):
        load(root, text, "x")
