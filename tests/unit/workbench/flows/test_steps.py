"""What steps know of one another, what is skipped and stopped, items, sub-flows, groups, figures."""

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest

from harness.flows import (
    Driver,
    build_message,
    build_reply,
    load_parts,
    read_question,
    write_project,
)
from tanzaku.workbench.flows import (
    FlowMachine,
    FlowResult,
    Send,
    Variant,
    list_variants,
    load_flow,
)
from tanzaku.workbench.project import load_project
from tanzaku.workbench.sending import Reply


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_project(tmp_path)


def run(
    root: Path,
    text: str,
    answer: Callable[[Send], Any] = lambda send: build_message(f"<{read_question(send)}>"),
    *,
    variant: int = 0,
    chance: int | None = None,
    temporary: Mapping[str, Any] | None = None,
) -> tuple[FlowResult, Driver]:
    path = root / "flows" / "main.flow.yaml"
    path.write_text(f"tanzaku: flow/v1\n{text}", "utf-8")
    flow = load_flow(path, load_project(root))
    _, environment = load_parts(root)
    scope = environment.scope.with_temporary(temporary or {})
    driver = Driver(answer, chance=None if chance is None else Random(chance))
    machine = FlowMachine(flow, environment, scope, 1, list_variants(flow)[variant])
    return driver.drive(machine), driver


RESEARCH = """\
name: research
steps:
  - id: plan
    use: requests/ask.yaml
    vars: {text: plan}
    capture: {tasks: "$text | json"}
  - id: work
    foreach: "{{plan.tasks}}"
    as: task
    parallel: 2
    on_error: continue
    steps:
      - {id: agent, use: requests/ask.yaml, vars: {text: "{{task}}"}}
  - id: merge
    when: "{{work.ok_count >= 2}}"
    use: requests/ask.yaml
    vars: {text: "{{work.results[*].agent.text | json}}"}
expect:
  - flow.once: work
  - flow.joined: {from: work.agent, into: merge}
"""


def answer_research(tasks: list[Any], bad: set[str] = frozenset()) -> Callable[[Send], Reply]:
    def answer(send: Send) -> Reply:
        text = read_question(send)
        said = json.dumps(tasks, ensure_ascii=False) if text == "plan" else f"done {text}"
        return build_reply(send, build_message(said), status=500 if text in bad else 200)

    return answer


@pytest.mark.parametrize("chance", range(5))
def test_parts_are_worked_on_beside_one_another_and_joined_in_their_order(
    root: Path, chance: int
) -> None:
    result, driver = run(root, RESEARCH, answer_research(["北京", "a", "b", "c"]), chance=chance)
    assert (result.verdict, driver.most) == ("pass", 2)
    assert json.loads(read_question(driver.sends[-1])) == [
        "done 北京",
        "done a",
        "done b",
        "done c",
    ]
    figures = result.figures
    assert figures.path == ("plan", "work", "merge")
    assert figures.ok_counts == {"plan": 1, "work": 4, "work.agent": 4, "merge": 1}
    assert figures.cost_usd == Decimal("0.006")
    assert figures.duration_ms == driver.now * 1000
    assert [one.verdict for one in result.outcomes] == ["pass", "pass"]


def test_a_part_that_failed_is_left_out_and_told(root: Path) -> None:
    result, driver = run(root, RESEARCH, answer_research(["a", "b", "c"], {"b"}))
    assert json.loads(read_question(driver.sends[-1])) == ["done a", "done c"]
    assert result.figures.ok_counts["work"] == 2
    assert result.figures.failed_counts == {"work": 1, "work.agent": 1}
    assert result.verdict == "fail"
    once, joined = result.outcomes
    assert (once.verdict, once.message) == ("fail", "work[1] ended as failed")
    assert joined.verdict == "pass"


def test_too_few_parts_are_not_joined(root: Path) -> None:
    result, driver = run(root, RESEARCH, answer_research(["a", "b"], {"a"}))
    assert [one.state for one in result.steps] == ["ok", "failed", "skipped"]
    assert result.figures.skipped == {"merge"}
    assert result.figures.path == ("plan", "work")
    assert len(driver.sends) == 3
    assert [one.message for one in result.outcomes] == [
        "work[0] ended as failed",
        "merge was not sent",
    ]


def test_a_subtask_that_is_done_twice_is_found(root: Path) -> None:
    result, _ = run(root, RESEARCH, answer_research(["a", "b", "a"]))
    assert result.verdict == "fail"
    assert result.outcomes[0].message == "work[2] is the same subtask as work[0]"


def test_a_worker_that_is_not_told_its_subtask_is_found(root: Path) -> None:
    text = RESEARCH.replace('vars: {text: "{{task}}"}', 'vars: {text: "{{index}}"}')
    result, _ = run(root, text, answer_research(["alpha", "beta"]))
    assert result.outcomes[0].message == 'work[0] was sent without its subtask "alpha"'


def test_a_result_that_does_not_reach_the_join_is_found(root: Path) -> None:
    text = RESEARCH.replace("results[*].agent.text | json", "results[0].agent.text")
    result, _ = run(root, text, answer_research(["a", "b"]))
    assert result.outcomes[0].verdict == "pass"
    assert result.outcomes[1].message == "the result of work[1].agent is not in what merge was sent"


def test_a_plan_without_parts_is_found(root: Path) -> None:
    result, _ = run(root, RESEARCH.replace("when:", "when: 1 == 1 #"), answer_research([]))
    assert [one.message for one in result.outcomes] == [
        "work had no subtasks",
        "work.agent has no results",
    ]


def test_a_step_sees_only_what_surely_ended_before_it(root: Path) -> None:
    text = """\
steps:
  - {id: a, use: requests/ask.yaml}
  - {id: b, use: requests/ask.yaml, needs: []}
  - {id: c, use: requests/ask.yaml, needs: [b], vars: {text: "{{b.text}} {{a.text | default('-')}}"}}
"""
    for chance in range(6):
        result, driver = run(root, text, chance=chance)
        assert read_question(
            driver.sends[-1] if driver.sends[-1].step == "c" else driver.sends[-2]
        ) == ("<hello> -")
        assert result.verdict == "pass"


def test_values_of_steps_keep_their_types(root: Path) -> None:
    text = """\
steps:
  - {id: a, use: requests/ask.yaml, capture: {usage: $.usage, n: $.usage.output_tokens}}
  - id: b
    use: requests/ask.yaml
    when: "{{a.n == 5 and a.state == 'ok' and a.status == 200 and a.stop_reason == 'end_turn'}}"
    with: {body: {max_tokens: "{{a.n}}", metadata: "{{a.usage}}"}}
"""
    _, driver = run(root, text)
    body = json.loads(driver.sends[1].request.body)
    assert body["max_tokens"] == 5
    assert body["metadata"] == {"input_tokens": 10, "output_tokens": 5}


@pytest.mark.parametrize(
    ("on_error", "sent", "verdict", "states"),
    [
        ("stop", 1, "fail", ["failed", "not_run"]),
        ("continue", 2, "fail", ["failed", "ok"]),
        ("ignore", 2, "pass", ["failed", "ok"]),
    ],
)
def test_what_a_failure_means_is_said_by_the_step(
    root: Path, on_error: str, sent: int, verdict: str, states: list[str]
) -> None:
    text = f"""\
steps:
  - {{id: a, use: requests/ask.yaml, vars: {{text: bad}}, on_error: {on_error}}}
  - {{id: b, use: requests/ask.yaml}}
"""
    result, driver = run(
        root,
        text,
        lambda send: build_reply(send, {}, status=400 if read_question(send) == "bad" else 200),
    )
    assert (len(driver.sends), result.verdict) == (sent, verdict)
    assert [one.state for one in result.steps] == states


def test_a_stop_inside_an_item_ends_that_item_alone(root: Path) -> None:
    text = """\
steps:
  - id: each
    foreach: [bad, good]
    on_error: continue
    steps:
      - {id: one, use: requests/ask.yaml, vars: {text: "{{item}}"}}
      - {id: two, use: requests/ask.yaml}
"""
    result, driver = run(
        root,
        text,
        lambda send: build_reply(send, {}, status=400 if read_question(send) == "bad" else 200),
    )
    assert [send.step for send in driver.sends] == ["each[0].one", "each[1].one", "each[1].two"]
    assert [(one.step, one.state) for one in result.walk()] == [
        ("each", "failed"),
        ("each[0]", "failed"),
        ("each[0].one", "failed"),
        ("each[0].two", "not_run"),
        ("each[1]", "ok"),
        ("each[1].one", "ok"),
        ("each[1].two", "ok"),
    ]


def test_a_sub_flow_knows_its_own_variables_and_those_it_is_given(root: Path) -> None:
    (root / "flows" / "sub.flow.yaml").write_text(
        """\
tanzaku: flow/v1
vars: {who: nobody, mood: calm, both: "{{who}}/{{mood}}"}
steps:
  - {id: ask, use: requests/ask.yaml, vars: {text: "{{both}} {{outer.text | default('-')}} {{word}}"}}
""",
        "utf-8",
    )
    text = """\
vars: {word: w}
steps:
  - {id: outer, use: requests/ask.yaml}
  - id: inner
    foreach: [Li, Wang]
    parallel: 2
    flow: flows/sub.flow.yaml
    vars: {who: "{{item}}"}
  - {id: last, use: requests/ask.yaml, vars: {text: "{{inner.results[*].ask.text | json}}"}}
"""
    result, driver = run(root, text, temporary={"word": "said"})
    assert [read_question(send) for send in driver.sends] == [
        "hello",
        "Li/calm - said",
        "Wang/calm - said",
        '["<Li/calm - said>","<Wang/calm - said>"]',
    ]
    assert result.figures.ok_counts["inner.ask"] == 2


def test_words_on_the_spot_come_before_a_rows_before_the_flows(root: Path) -> None:
    (root / "data").mkdir()
    (root / "data" / "rows.jsonl").write_text('{"b": "row", "c": "row"}\n', "utf-8")
    text = """\
vars: {a: flow, b: flow, c: flow}
data: data/rows.jsonl
steps: [{id: x, use: requests/ask.yaml, vars: {text: "{{a}} {{b}} {{c}}"}}]
"""
    _, driver = run(root, text, temporary={"c": "spot"})
    assert read_question(driver.sends[0]) == "flow row spot"


def test_waiting_is_a_step_or_comes_before_each_item(root: Path) -> None:
    text = """\
steps:
  - {id: rest, wait_s: 5}
  - {id: each, foreach: [1, 2], wait_s: 2, use: requests/ask.yaml}
"""
    result, driver = run(root, text)
    assert [(one.step, one.seconds) for one in driver.waits] == [
        ("rest", 5),
        ("each[0]", 2),
        ("each[1]", 2),
    ]
    assert (result.verdict, driver.now) == ("pass", 11)


@pytest.mark.parametrize(
    ("foreach", "message"),
    [
        ("'{{a.text}}'", "the `foreach` of `each` must come to a list."),
        ("'{{a.nothing}}'", "`a` has no `nothing`"),
    ],
)
def test_items_that_are_no_list_are_an_error(root: Path, foreach: str, message: str) -> None:
    text = f"""\
steps:
  - {{id: a, use: requests/ask.yaml}}
  - {{id: each, foreach: {foreach}, use: requests/ask.yaml}}
"""
    result, driver = run(root, text)
    assert (result.verdict, len(driver.sends)) == ("error", 1)
    problem = result.steps[1].problem
    assert problem is not None
    assert message in problem.message


def test_a_flow_whose_variables_cannot_be_filled_sends_nothing(root: Path) -> None:
    text = "vars: {a: '{{nobody}}'}\nsteps: [{id: x, use: requests/ask.yaml}]\n"
    result, driver = run(root, text)
    assert (result.verdict, driver.begun) == ("error", [])
    assert result.problem is not None
    assert "main.flow.yaml:2:11" in result.problem.message


def test_no_answer_is_an_error_and_a_bad_one_beside_it_a_failure(root: Path) -> None:
    text = """\
steps:
  - {id: a, use: requests/ask.yaml, vars: {text: "{{nobody}}"}, on_error: continue}
  - {id: b, use: requests/ask.yaml}
"""
    assert run(root, text)[0].verdict == "error"
    assert run(root, text, lambda send: build_reply(send, {}, status=400))[0].verdict == "fail"


def test_an_answer_without_a_price_leaves_the_cost_unknown(root: Path) -> None:
    text = "steps: [{id: x, use: requests/ask.yaml}]\n"
    result, _ = run(root, text, lambda send: build_reply(send, build_message("a"), usd=None))
    assert result.figures.cost_usd is None
    assert (result.spending.unpriced, result.spending.output_tokens) == (1, 5)


def test_any_rest_service_is_driven(root: Path) -> None:
    text = """\
steps:
  - {id: find, use: requests/get.yaml, vars: {id: 7 8}, capture: {state: $.order.state, all: "$.lines[*].sku | all"}, expect: [{status: 200}]}
  - {id: next, use: requests/get.yaml, vars: {id: "{{find.all[1]}}"}}
""".replace("state: $.order.state", "standing: $.order.state")
    _, driver = run(
        root, text, lambda _: {"order": {"state": "paid"}, "lines": [{"sku": "a"}, {"sku": "b"}]}
    )
    assert [send.request.target for send in driver.sends] == ["/orders/7%208", "/orders/b"]


def test_an_action_that_is_not_under_way_cannot_be_taken(root: Path) -> None:
    ask, environment = load_parts(root)
    from tanzaku.workbench.flows import build_one_step

    machine = FlowMachine(build_one_step(ask), environment, environment.scope, 1, Variant())
    (send,) = machine.start(0.0)
    assert isinstance(send, Send)
    machine.take(send.number, build_reply(send, build_message("a")), 1.0)
    with pytest.raises(KeyError):
        machine.take(send.number, build_reply(send, build_message("a")), 1.0)
