"""Flows as a person runs them: several agents on the simulator, tools by mock sets."""

import json
from pathlib import Path
from typing import Any

import pytest

from harness.command_line import CommandLine
from harness.projects import write_project

ASK = """\
tanzaku: request/v1
method: POST
path: /v1/messages
body:
  model: claude-haiku-4-5
  max_tokens: 200
  system: "{{role}}"
  messages: [{role: user, content: "{{text}}"}]
"""
SCENARIO = """\
rules:
  - when: {system: planner}
    reply: {json: {tasks: [北京的天气, Weather in Oslo, 東京の天気]}}
  - id: overloaded
    when: {system: worker, last_user: Oslo, nth_call: 1}
    reply: {error: {status: 529}}
  - when: {system: worker}
    reply: "Found about “{{last_user}}”: sunny."
  - when: {system: editor}
    reply: All is well.
"""
RESEARCH = """\
tanzaku: flow/v1
name: 拆分 → 并行 → 汇总
budget: {usd: 0.05}
steps:
  - id: plan
    use: requests/ask.yaml
    vars: {role: planner, text: Split the question.}
    capture: {tasks: "$text | json | .tasks"}
  - id: work
    foreach: "{{plan.tasks}}"
    as: task
    parallel: 2
    on_error: continue
    steps:
      - id: agent
        use: requests/ask.yaml
        vars: {role: worker, text: "{{task}}"}
        retry: {times: 2, on: [529], delay_s: 0.01}
  - id: merge
    when: "{{work.ok_count == 3}}"
    use: requests/ask.yaml
    vars: {role: editor, text: "{{work.results[*].agent.text | json}}"}
    expect: [{contains: All is well}]
expect:
  - flow.once: work
  - flow.joined: {from: work.agent, into: merge}
  - flow.within_budget: true
  - stop_reason: end_turn
"""
PAY = """\
tanzaku: request/v1
method: POST
path: /v1/messages
body:
  model: claude-haiku-4-5
  max_tokens: 500
  tools:
    - name: payment_query
      description: Look up the payment of an order.
      input_schema:
        type: object
        properties: {order_id: {type: string, pattern: "^PAY-[0-9]+$"}}
        required: [order_id]
  messages: [{role: user, content: 用 payment_query 查询订单 PAY-1001 是否已支付。}]
"""
MOCKS = """\
tools:
  payment_query:
    input_schema:
      type: object
      properties: {order_id: {type: string, pattern: "^PAY-[0-9]+$"}}
      required: [order_id]
    sets:
      success:
        result: {order_id: "{{args.order_id}}", status: paid}
"""
LOOP = """\
tanzaku: flow/v1
matrix: {payment_query: [success, timeout, bad_args]}
steps:
  - id: ask
    use: requests/pay.yaml
    tools: {max_turns: 5, timeout_s: 0.3}
    expect: [{stop_reason: end_turn}, {status: 200}]
"""


def build_suite(flow: str, **defaults: Any) -> str:
    return json.dumps(
        {
            "tanzaku": "suite/v1",
            "defaults": defaults,
            "cases": [{"id": "one", "flow": f"flows/{flow}.flow.yaml"}],
        }
    )


def read_events(root: Path, kind: str) -> list[dict[str, Any]]:
    (log,) = root.glob(".tanzaku/executions/*/events.jsonl")
    events = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    return [event for event in events if event["event"] == kind]


def read_request(reply_came: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(reply_came["reply"]["exchange"]["request_body"])
    return body


def write_research(root: Path, flow: str = RESEARCH) -> Path:
    return write_project(
        root,
        {
            "requests/ask.yaml": ASK,
            "scenarios/team.yaml": SCENARIO,
            "flows/research.flow.yaml": flow,
            "suites/flows.suite.yaml": build_suite("research", scenario="scenarios/team.yaml"),
        },
    )


def test_a_team_of_agents_splits_works_and_joins(tanzaku: CommandLine, tmp_path: Path) -> None:
    root = write_research(tmp_path / "p")
    tanzaku.run("test", str(root / "suites"))
    (ended,) = read_events(root, "case_ended")
    assert ended["verdict"] == "passed"
    assert [one["assertion"] for one in ended["outcomes"]][-4:] == [
        "stop_reason",
        "flow.once",
        "flow.joined",
        "flow.within_budget",
    ]
    replies = read_events(root, "reply_came")
    statuses = sorted(one["reply"]["exchange"]["settlement"]["status"] for one in replies)
    assert statuses == [200] * 5 + [529]
    asked = [
        read_request(one)["messages"][0]["content"]
        for one in replies
        if one["step"].startswith("work")
    ]
    assert sorted(asked) == ["Weather in Oslo", "Weather in Oslo", "北京的天气", "東京の天気"]
    joined = json.loads(read_request(replies[-1])["messages"][0]["content"])
    assert joined == [
        "Found about “北京的天气”: sunny.",
        "Found about “Weather in Oslo”: sunny.",
        "Found about “東京の天気”: sunny.",
    ]


def test_a_flow_is_replayed_from_its_log(tanzaku: CommandLine, tmp_path: Path) -> None:
    root = write_research(tmp_path / "p")
    tanzaku.run("test", str(root / "suites"))
    (log,) = root.glob(".tanzaku/executions/*/flows/*.jsonl")
    assert "The same decisions as then." in tanzaku.run("flow", "replay", str(log))
    found = json.loads(tanzaku.run("flow", "replay", str(log), "--json"))
    assert [one["step"] for one in found["steps"] if "." not in one["step"]] == [
        "plan",
        "work",
        "work[0]",
        "work[1]",
        "work[2]",
        "merge",
    ]
    assert (found["verdict"], found["differences"]) == ("pass", [])

    flow = root / "flows" / "research.flow.yaml"
    flow.write_text(RESEARCH.replace("role: worker", "role: a worker"), encoding="utf-8")
    shown = tanzaku.run("--lang", "zh", "flow", "replay", str(log), exit_code=1)
    assert "2 body" in shown
    assert "与当时的决定不同" in shown
    log.write_bytes(b"{}\n")
    assert "is no line of a flow's log" in tanzaku.run("flow", "replay", str(log), exit_code=2)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('text: "{{task}}"', 'text: "the task"', "was sent without its subtask"),
        ("work.results[*].agent.text | json", "work.results[0].agent.text", "is not in what merge"),
        ("usd: 0.05", "usd: 0.004", "stopped by its budget"),
    ],
    ids=["not-told", "not-joined", "too-dear"],
)
def test_a_team_that_goes_wrong_is_found_out(
    tanzaku: CommandLine, tmp_path: Path, old: str, new: str, said: str
) -> None:
    assert old in RESEARCH
    root = write_research(tmp_path / "p", RESEARCH.replace(old, new))
    assert said in tanzaku.run("test", str(root / "suites"), exit_code=1)


def test_a_tool_loop_is_tried_with_every_mock_set(tanzaku: CommandLine, tmp_path: Path) -> None:
    root = write_project(
        tmp_path / "p",
        {
            "requests/pay.yaml": PAY,
            "mocks/pay.yaml": MOCKS,
            "flows/loop.flow.yaml": LOOP,
            "suites/loop.suite.yaml": build_suite("loop", mocks=["mocks/pay.yaml"]),
        },
    )
    tanzaku.run("test", str(root / "suites"))
    results: dict[str, list[tuple[str, bool]]] = {}
    for event in read_events(root, "reply_came"):
        for message in read_request(event)["messages"]:
            if message["role"] == "user" and isinstance(message["content"], list):
                results[event["case"]] = [
                    (block["content"], block.get("is_error", False)) for block in message["content"]
                ]
    (told,) = [told for case, told in results.items() if "bad_args" in case]
    assert [is_error for _, is_error in told] == [True]
    assert "refused" in told[0][0]
    (told,) = [told for case, told in results.items() if "success" in case]
    assert told == [('{"order_id":"PAY-1001","status":"paid"}', False)]
    (told,) = [told for case, told in results.items() if "timeout" in case]
    assert told == [("The tool payment_query did not answer within 0.3 s.", True)]
    assert len(results) == 3
