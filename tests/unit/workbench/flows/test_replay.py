"""From its log a flow makes the same decisions again, without sending; what differs is told."""

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.flows import (
    Driver,
    build_message,
    build_reply,
    build_silence,
    read_question,
    write_project,
)
from tanzaku.core import UserError
from tanzaku.workbench.flows import (
    Flow,
    FlowMachine,
    LogEvent,
    Send,
    ToolResult,
    encode_log,
    list_variants,
    load_flow,
    parse_log,
    replay,
)
from tanzaku.workbench.project import Environment, load_environment, load_project

FLOW = """\
tanzaku: flow/v1
data: data/rows.csv
matrix: {pay: [success, timeout]}
budget: {output_tokens: 600}
vars: {tail: "{{word}}\\\\{{x}}"}
steps:
  - id: plan
    use: requests/ask.yaml
    vars: {text: "{{topic}} {{tail}}"}
    capture: {tasks: "$text | json"}
    retry: {times: 2, delay_s: 1}
  - id: work
    foreach: "{{plan.tasks}}"
    parallel: 3
    on_error: continue
    use: requests/ask.yaml
    vars: {text: "{{item}}"}
    retry: {times: 1, on: [5xx, timeout], delay_s: 2}
    tools: {}
  - {id: rest, wait_s: 3}
  - {id: merge, use: requests/ask.yaml, vars: {text: "{{work.results[*].text | json}}"}}
expect: [{flow.within_budget: true}]
"""
SECRET = "sk-very-secret-0123456789"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = write_project(
        tmp_path_factory.mktemp("project"),
        {
            "flows/main.flow.yaml": FLOW,
            "data/rows.csv": "topic\n天气\norders\n",
            "environments/mock.yaml": (
                "tanzaku: environment/v1\nupstream: simulator\n"
                "secrets: {KEY: {env: KEY}}\n"
                "auth: {type: api_key, in: header, name: x-api-key, value: '{{secret.KEY}}'}\n"
                "headers: {x-also: 'key {{secret.KEY}}'}\n"
            ),
        },
    )
    ask = root / "requests" / "ask.yaml"
    ask.write_text(ask.read_text("utf-8").replace("x-api-key: any, ", ""), "utf-8")
    return root


def load(root: Path, *, with_secret: bool = True) -> tuple[Flow, Environment]:
    environ = {"KEY": SECRET} if with_secret else {}
    project = load_project(root, environ)
    flow = load_flow(root / "flows" / "main.flow.yaml", project)
    return flow, load_environment(project)


def execute(root: Path, seed: int, variant: int) -> tuple[FlowMachine, Driver]:
    """What comes back is by chance: messages, tool calls, refusals, silence."""
    flow, environment = load(root)
    luck = Random(seed)

    def answer(send: Send) -> Any:
        if luck.random() < 0.15:
            return build_silence(send)
        if luck.random() < 0.15:
            return build_reply(send, {}, status=529, headers={"retry-after": "2"})
        if send.step.startswith("work") and luck.random() < 0.4:
            block = {"type": "tool_use", "id": f"toolu_{send.number}", "name": "pay", "input": {}}
            return build_message([block], stop_reason="tool_use")
        tasks = json.dumps([f"t{n}" for n in range(luck.randrange(5))])
        return build_message(tasks if send.step == "plan" else f"done {read_question(send)}")

    driver = Driver(
        answer,
        call=lambda _: luck.choice([ToolResult("好"), ToolResult("", timed_out=True)]),
        chance=luck,
    )
    scope = environment.scope.with_temporary({"word": "词"})
    machine = FlowMachine(flow, environment, scope, seed, list_variants(flow)[variant])
    driver.drive(machine)
    return machine, driver


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), variant=st.integers(0, 3))
def test_a_replay_comes_to_the_same_result(root: Path, seed: int, variant: int) -> None:
    machine, _ = execute(root, seed, variant)
    data = encode_log(machine.log)
    flow, environment = load(root, with_secret=False)
    again = replay(flow, parse_log(data, "log"), environment)
    assert again.differences == ()
    assert again.result is not None
    assert machine.result is not None
    assert summarise(again.result) == summarise(machine.result)


def summarise(result: Any) -> Any:
    """All of it but the requests, whose credentials no log has."""
    return (
        result.verdict,
        result.stopped,
        result.outcomes,
        result.figures,
        result.spending,
        [
            (one.step, one.state, one.began_at, one.ended_at, one.attempts, one.tool_calls,
             dict(one.captures), one.problem, [reply.body for reply in one.replies],
             [reply.status for reply in one.retried], dict(one.values))
            for one in result.walk()
        ],
    )  # fmt: skip


def test_no_log_shows_a_secret(root: Path) -> None:
    machine, driver = execute(root, 5, 0)
    assert any(SECRET in str(send.request.headers) for send in driver.sends)
    assert SECRET.encode() not in encode_log(machine.log)
    assert SECRET not in repr(machine.log)


def test_a_log_is_what_was_asked_and_told_in_its_order(root: Path) -> None:
    machine, driver = execute(root, 5, 1)
    lines = [json.loads(line) for line in encode_log(machine.log).splitlines()]
    asked = [(line["number"], line["step"]) for line in lines if line["event"] == "asked"]
    assert asked == [(one.number, one.step) for one in driver.begun]
    told = [line["number"] for line in lines if line["event"] == "told"]
    assert told == [one.number for one in driver.ended]
    assert lines[0]["event"] == "flow_began"
    assert lines[0]["variant"]["sets"] == {"pay": "timeout"}
    assert lines[0]["given"] == {"word": "词"}
    assert lines[0]["variables"] == {"tail": "词{{x}}"}
    assert lines[-1]["event"] == "flow_ended"
    begun = [line["step"] for line in lines if line["event"] == "step_began"]
    ended = [line["step"] for line in lines if line["event"] == "step_ended"]
    assert sorted(begun) == sorted(ended)


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("{{topic}} {{tail}}", "{{topic}}: {{tail}}", "1 body"),
        ("times: 2, delay_s: 1", "times: 0", "2 kind"),
        ("wait_s: 3", "wait_s: 4", "seconds"),
    ],
)
def test_a_flow_that_was_changed_is_found_out(
    root: Path, tmp_path: Path, old: str, new: str, what: str
) -> None:
    log = find_log(root)
    files = {
        str(path.relative_to(root)): path.read_text("utf-8")
        for path in root.rglob("*")
        if path.is_file()
    }
    assert old in files["flows/main.flow.yaml"]
    changed = {**files, "flows/main.flow.yaml": FLOW.replace(old, new)}
    flow, environment = load(write_project(tmp_path, changed), with_secret=False)
    found = replay(flow, log, environment).differences
    assert any(what in one.what for one in found)


def find_log(root: Path) -> list[LogEvent]:
    """Of an execution that retried its plan and came to its end."""
    for seed in range(200):
        machine, driver = execute(root, seed, 0)
        assert machine.result is not None
        waits = [one.step for one in driver.waits]
        if waits[:1] == ["plan"] and "rest" in waits and not machine.result.stopped:
            return machine.log
    raise AssertionError


def test_a_log_that_was_cut_is_found_out(root: Path) -> None:
    log = find_log(root)
    flow, environment = load(root)
    cut = log[: len(log) // 2]
    assert replay(flow, cut, environment).result is None
    with pytest.raises(UserError, match="does not begin with the flow's beginning"):
        replay(flow, log[1:], environment)


def test_what_is_no_log_is_named_with_its_line() -> None:
    data = b'{"event": "step_began", "at": 1.0, "step": "a"}\n{"event": "nothing"}\n'
    with pytest.raises(UserError, match="the file:2: is no line of a flow's log"):
        parse_log(data, "the file")
    assert len(parse_log(data.splitlines()[0], "the file")) == 1
