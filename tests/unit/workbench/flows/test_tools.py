"""Tool loops: every request is one the API would take, every call is answered once, and every set
of a matrix is tried."""

import json
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.flows import Driver, build_message, build_reply, load_parts, write_project
from tanzaku.catalog import get_model
from tanzaku.wire import VERSION_2023_06_01, validate
from tanzaku.workbench.flows import (
    CallTool,
    FlowMachine,
    FlowResult,
    Send,
    ToolResult,
    list_variants,
    load_flow,
)
from tanzaku.workbench.project import load_project

ASK = """\
tanzaku: request/v1
method: POST
path: /v1/messages
headers: {x-api-key: any, anthropic-version: '2023-06-01'}
body:
  model: claude-haiku-4-5
  max_tokens: 100
  tools:
    - {name: pay, input_schema: {type: object}}
    - {name: track, input_schema: {type: object}}
  messages:
    - {role: user, content: 我的订单呢？}
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_project(tmp_path_factory.mktemp("project"), {"requests/ask.yaml": ASK})


def call(tool: str, number: int, **arguments: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": f"toolu_{number}", "name": tool, "input": arguments}


def run(
    root: Path,
    turns: Sequence[Any],
    *,
    tools: str = "{sets: {pay: success}}",
    matrix: str = "",
    variant: int = 0,
    answer: Any = lambda action: ToolResult(f"{action.tool} says 好"),
    chance: int = 0,
) -> tuple[FlowResult, Driver]:
    """The model answers with these messages, one a request."""
    path = root / "flows" / "loop.flow.yaml"
    path.write_text(
        f"tanzaku: flow/v1\n{matrix}\nsteps:\n"
        f"  - {{id: loop, use: requests/ask.yaml, tools: {tools}}}\n",
        "utf-8",
    )
    flow = load_flow(path, load_project(root))
    _, environment = load_parts(root)
    left = iter(turns)
    driver = Driver(lambda send: build_reply(send, next(left)), call=answer, chance=Random(chance))
    machine = FlowMachine(flow, environment, environment.scope, 1, list_variants(flow)[variant])
    return driver.drive(machine), driver


def read_messages(send: Send) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = json.loads(send.request.body)["messages"]
    return messages


TWO_CALLS = build_message(
    [
        {"type": "text", "text": "Let me look.", "citations": None},
        call("pay", 1, order="P-1"),
        call("track", 2, parcel="SF 1"),
    ],
    stop_reason="tool_use",
)
DONE = build_message("已支付。")


def test_calls_are_made_together_and_told_in_the_order_of_their_blocks(root: Path) -> None:
    for chance in range(4):
        result, driver = run(root, [TWO_CALLS, DONE], chance=chance)
        assert [(one.tool, one.arguments, one.mock_set, one.timeout_s) for one in driver.calls] == [
            ("pay", {"order": "P-1"}, "success", 10.0),
            ("track", {"parcel": "SF 1"}, None, 10.0),
        ]
        begins = [way for _, kind, way in driver.history if kind == "begin"]
        assert begins == ["loop"] * 4
        kinds = [kind for _, kind, _ in driver.history]
        assert kinds == ["begin", "end", "begin", "begin", "end", "end", "begin", "end"]
        asked, said, told = read_messages(driver.sends[1])
        assert asked == {"role": "user", "content": "我的订单呢？"}
        assert said == {"role": "assistant", "content": TWO_CALLS["content"]}
        assert told["role"] == "user"
        assert told["content"] == [
            {"type": "tool_result", "tool_use_id": "toolu_1", "content": "pay says 好"},
            {"type": "tool_result", "tool_use_id": "toolu_2", "content": "track says 好"},
        ]
        (step,) = result.steps
        assert (step.state, step.attempts) == ("ok", 2)
        assert [reply.message["stop_reason"] for reply in step.replies if reply.message] == [
            "tool_use",
            "end_turn",
        ]
        assert [(one.turn, one.tool_use_id) for one in step.tool_calls] == [
            (1, "toolu_1"),
            (1, "toolu_2"),
        ]


@pytest.mark.parametrize(
    ("result", "content"),
    [
        (ToolResult("参数错误", is_error=True), "参数错误"),
        (ToolResult("", timed_out=True), "The tool pay did not answer within 2.5 s."),
        (ToolResult("", is_error=True), "The tool pay could not be called."),
    ],
    ids=["error", "timeout", "nothing"],
)
def test_a_call_that_went_wrong_is_told_as_an_error(
    root: Path, result: ToolResult, content: str
) -> None:
    turn = build_message([call("pay", 1)], stop_reason="tool_use")
    found, driver = run(root, [turn, DONE], tools="{timeout_s: 2.5}", answer=lambda _: result)
    (told,) = read_messages(driver.sends[1])[-1]["content"]
    assert told == {
        "type": "tool_result",
        "tool_use_id": "toolu_1",
        "content": content,
        "is_error": True,
    }
    assert found.verdict == "pass"


def test_a_turn_that_was_paused_goes_on_without_a_word(root: Path) -> None:
    paused = build_message("half", stop_reason="pause_turn")
    result, driver = run(root, [paused, DONE])
    assert read_messages(driver.sends[1])[1:] == [
        {"role": "assistant", "content": [{"type": "text", "text": "half"}]}
    ]
    assert (result.verdict, driver.calls) == ("pass", [])


def test_a_model_that_calls_without_end_is_stopped(root: Path) -> None:
    turns = [build_message([call("pay", n)], stop_reason="tool_use") for n in range(9)]
    result, driver = run(root, turns, tools="{max_turns: 3}")
    assert (len(driver.sends), len(driver.calls), result.verdict) == (3, 2, "fail")
    problem = result.steps[0].problem
    assert problem is not None
    assert problem.message == (
        "The model was not done after 3 requests; it stopped with `tool_use`."
    )


def test_without_tools_a_call_is_the_answer(root: Path) -> None:
    path = root / "flows" / "plain.flow.yaml"
    path.write_text(
        "tanzaku: flow/v1\nsteps: [{id: one, use: requests/ask.yaml, "
        "expect: [{stop_reason: tool_use}]}]\n",
        "utf-8",
    )
    _, environment = load_parts(root)
    machine = FlowMachine(load_flow(path, load_project(root)), environment, environment.scope, 1)
    driver = Driver(lambda send: build_reply(send, TWO_CALLS))
    assert driver.drive(machine).verdict == "pass"
    assert len(driver.begun) == 1


def test_a_matrix_tries_every_set_of_a_tool(root: Path) -> None:
    matrix = "matrix: {pay: [success, timeout, bad_args], track: [lost]}"
    turn = build_message([call("pay", 1), call("track", 2)], stop_reason="tool_use")
    chosen = []
    for variant in range(3):
        _, driver = run(
            root, [turn, DONE], tools="{sets: {pay: refunded}}", matrix=matrix, variant=variant
        )
        chosen.append([one.mock_set for one in driver.calls])
    assert chosen == [["success", "lost"], ["timeout", "lost"], ["bad_args", "lost"]]


TURNS = st.lists(
    st.one_of(
        st.just("pause"),
        st.lists(st.sampled_from(["pay", "track"]), min_size=1, max_size=4),
    ),
    max_size=6,
)


@settings(max_examples=40)
@given(turns=TURNS, results=st.integers(0, 99), chance=st.integers(0, 99))
def test_every_request_is_one_that_the_api_takes(
    root: Path, turns: Sequence[Any], results: int, chance: int
) -> None:
    number = 0
    messages = []
    for turn in turns:
        if turn == "pause":
            messages.append(build_message("…", stop_reason="pause_turn"))
            continue
        blocks = []
        for tool in turn:
            number += 1
            blocks.append(call(tool, number, n=number))
        messages.append(build_message(blocks, stop_reason="tool_use"))
    luck = Random(results)

    def answer(action: CallTool) -> ToolResult:
        return luck.choice(
            [
                ToolResult(f"for {action.arguments['n']}"),
                ToolResult(""),
                ToolResult("no", is_error=True),
                ToolResult("", timed_out=True),
                ToolResult("", is_error=True),
            ]
        )

    result, driver = run(root, [*messages, DONE], answer=answer, chance=chance)
    assert result.verdict == "pass"
    assert len(driver.sends) == len(turns) + 1
    assert [one.arguments["n"] for one in result.steps[0].tool_calls] == [*range(1, number + 1)]
    for send in driver.sends:
        body = json.loads(send.request.body)
        assert validate(body, get_model("claude-haiku-4-5"), VERSION_2023_06_01) == []
