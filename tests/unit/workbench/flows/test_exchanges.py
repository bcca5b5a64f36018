"""One step that sends: tries, waits, captures, what fails it and what does not."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.flows import (
    Driver,
    build_message,
    build_reply,
    build_silence,
    build_stream,
    load_parts,
    write_project,
)
from tanzaku.wire import split_message
from tanzaku.workbench.flows import FlowMachine, FlowResult, Send, StepResult, load_flow
from tanzaku.workbench.project import load_project

type Answer = Callable[[Send, int], Any]

SAFE = "retry: {times: 3, delay_s: 1}"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_project(tmp_path)


def run_step(
    root: Path, keys: str, answer: Answer, seed: int = 1
) -> tuple[StepResult, Driver, FlowResult]:
    """A flow of one step with these keys; `answer` is told how often it was asked before."""
    path = root / "flows" / "one.flow.yaml"
    path.write_text(
        f"tanzaku: flow/v1\nsteps:\n  - id: one\n    use: requests/ask.yaml\n    {keys}\n", "utf-8"
    )
    flow = load_flow(path, load_project(root))
    _, environment = load_parts(root)
    counted = iter(range(1000))
    driver = Driver(lambda send: answer(send, next(counted)))
    result = driver.drive(FlowMachine(flow, environment, environment.scope, seed))
    return result.steps[0], driver, result


def refuse(status: int, **headers: str) -> Answer:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda send, _: build_reply(send, {"type": "error"}, status=status, headers=names)


def then_well(trouble: Answer, times: int) -> Answer:
    """Trouble so many times, then a message."""
    return lambda send, n: trouble(send, n) if n < times else build_message("well")


@pytest.mark.parametrize(
    "trouble",
    [
        refuse(429),
        refuse(500),
        refuse(529),
        lambda send, _: build_silence(send, "timeout"),
        lambda send, _: build_silence(send, "connect"),
        lambda send, _: build_silence(send, "broken"),
    ],
    ids=["429", "500", "529", "timeout", "connect", "broken"],
)
def test_what_passes_by_is_tried_again_and_kept_apart(root: Path, trouble: Answer) -> None:
    step, driver, result = run_step(root, SAFE, then_well(trouble, 2))
    assert (step.state, result.verdict, step.attempts) == ("ok", "pass", 3)
    assert [reply.text for reply in step.replies] == ["well"]
    assert len(step.retried) == 2
    assert len({send.request.body for send in driver.sends}) == 1


@pytest.mark.parametrize("status", [400, 401, 404, 413])
def test_what_would_be_refused_again_is_sent_once(root: Path, status: int) -> None:
    step, driver, result = run_step(root, SAFE, refuse(status))
    assert (len(driver.sends), step.state, result.verdict) == (1, "failed", "fail")
    assert step.problem is not None
    assert step.problem.message == f"The answer has status {status}."


def test_only_what_is_named_is_tried_again(root: Path) -> None:
    keys = "retry: {times: 3, on: [529, timeout], delay_s: 1}"
    assert len(run_step(root, keys, refuse(529))[1].sends) == 4
    assert len(run_step(root, keys, refuse(500))[1].sends) == 1
    assert len(run_step(root, keys, lambda send, _: build_silence(send, "timeout"))[1].sends) == 4
    assert len(run_step(root, keys, lambda send, _: build_silence(send, "broken"))[1].sends) == 1


def test_waits_double_and_are_up_to_a_quarter_shorter_by_the_seed(root: Path) -> None:
    waits = [one.seconds for one in run_step(root, SAFE, refuse(500))[1].waits]
    again = [one.seconds for one in run_step(root, SAFE, refuse(500))[1].waits]
    other = [one.seconds for one in run_step(root, SAFE, refuse(500), seed=2)[1].waits]
    assert waits == again != other
    assert all(0.75 * full <= wait <= full for full, wait in zip([1, 2, 4], waits, strict=True))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "7"}, 7.0),
        ({"retry_after_ms": "250", "retry_after": "7"}, 0.25),
        ({"retry_after": "60"}, 60.0),
    ],
)
def test_an_answer_says_how_long_to_wait(
    root: Path, headers: dict[str, str], seconds: float
) -> None:
    _, driver, _ = run_step(root, SAFE, then_well(refuse(429, **headers), 1))
    assert [one.seconds for one in driver.waits] == [seconds]


@pytest.mark.parametrize("headers", [{"retry_after": "61"}, {"x_should_retry": "false"}])
def test_an_answer_says_that_trying_again_is_of_no_use(root: Path, headers: dict[str, str]) -> None:
    step, driver, _ = run_step(root, SAFE, then_well(refuse(529, **headers), 1))
    assert (len(driver.sends), driver.waits, step.state) == (1, [], "failed")


def test_no_answer_is_an_error_and_no_failure(root: Path) -> None:
    step, _, result = run_step(root, "", lambda send, _: build_silence(send, "timeout"))
    assert (step.state, result.verdict) == ("error", "error")
    assert step.problem is not None
    assert step.problem.message == "No answer came: nothing came."


def test_a_refusal_that_is_expected_is_no_failure(root: Path) -> None:
    assert run_step(root, "expect: [{status: 400}]", refuse(400))[0].state == "ok"
    assert run_step(root, "expect: [{status: 400}]", refuse(401))[0].state == "failed"
    step, _, _ = run_step(root, "expect: [{duration_ms: {lte: 1000}}]", refuse(400))
    assert step.state == "failed"
    assert [one.verdict for one in step.outcomes] == ["pass"]


def test_what_is_expected_and_did_not_come_fails_the_step(root: Path) -> None:
    keys = "expect: [{status: 200}, {header: {x-none: there}}]"
    step, _, result = run_step(root, keys, lambda *_: build_message("well"))
    assert [one.verdict for one in step.outcomes] == ["pass", "fail"]
    assert (step.state, result.verdict) == ("failed", "fail")


def test_captures_are_read_off_every_part_of_a_reply(root: Path) -> None:
    keys = (
        "capture: {tasks: '$.content[0].text | json | .tasks', "
        "first: '$.content[0].text | json | .tasks[0].name', "
        "kinds: '$.content[*].type | all', kind: '$.content[?@.type == \"text\"].type', "
        "count: '$.content[0].text | json | .tasks | length', "
        "id: $headers.request-id, status: $status, text: $text, "
        "whole: '$.usage | text'}"
    )
    text = '{"tasks": [{"name": "北京"}, {"name": "上海"}]}'
    step, _, result = run_step(
        root,
        keys,
        lambda send, _: build_reply(send, build_message(text), headers={"request-id": "r1"}),
    )
    assert step.captures == {
        "tasks": [{"name": "北京"}, {"name": "上海"}],
        "first": "北京",
        "kinds": ["text"],
        "kind": "text",
        "count": 2,
        "id": "r1",
        "status": 200,
        "text": text,
        "whole": '{"input_tokens": 10, "output_tokens": 5}',
    }
    assert dict(result.captures["one"])["first"] == "北京"


@pytest.mark.parametrize(
    ("capture", "message"),
    [
        ("$.nothing", "`$.nothing` captures nothing: nothing is there."),
        ("$.content[*].type", "`$.content[*].type` finds 2 values."),
        ("$headers.x-none", "`$headers.x-none` captures nothing: the reply has no header x-none."),
        ("$text | json | .a", "`$text | json | .a` captures nothing: the text is no JSON "),
        ("$status | length", "`$status | length` captures nothing: only texts, lists and objects"),
    ],
)
def test_what_cannot_be_captured_fails_the_step(root: Path, capture: str, message: str) -> None:
    blocks = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    step, _, _ = run_step(root, f"capture: {{it: '{capture}'}}", lambda *_: build_message(blocks))
    assert step.state == "failed"
    assert step.problem is not None
    assert step.problem.message.startswith(message)
    assert step.captures == {}


def test_the_steps_own_time_comes_before_the_requests(root: Path) -> None:
    _, driver, _ = run_step(root, "timeout_s: 3", lambda *_: build_message("well"))
    assert [send.timeout_s for send in driver.sends] == [3.0]
    _, driver, _ = run_step(root, "", lambda *_: build_message("well"))
    assert [send.timeout_s for send in driver.sends] == [60.0]


def test_a_variable_that_nobody_knows_is_an_error_with_its_place(root: Path) -> None:
    step, driver, result = run_step(
        root, "vars: {text: '{{nobody}}'}", lambda *_: build_message("well")
    )
    assert (step.state, result.verdict, driver.sends) == ("error", "error", [])
    assert step.problem is not None
    assert "one.flow.yaml:5:18" in step.problem.message
    assert "nobody" in step.problem.message


EVENTS = list(split_message(build_message("well")))
OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}


def test_an_error_that_ends_a_stream_counts_as_its_status(root: Path) -> None:
    broken = [*EVENTS[:3], OVERLOADED]
    keys = "retry: {times: 3, on: [529], delay_s: 1}"
    step, driver, _ = run_step(
        root, keys, lambda send, n: build_stream(send, EVENTS if n == 2 else broken)
    )
    assert (step.state, len(driver.sends), step.replies[0].text) == ("ok", 3, "well")
    step, _, result = run_step(root, "", lambda send, _: build_stream(send, broken))
    assert (step.state, result.verdict) == ("failed", "fail")
    assert step.problem is not None
    assert step.problem.message == "The answer broke off: Overloaded."


def test_a_stream_without_its_end_is_broken(root: Path) -> None:
    cut = EVENTS[:-1]
    keys = "retry: {times: 1, on: [broken], delay_s: 1}"
    step, driver, result = run_step(root, keys, lambda send, _: build_stream(send, cut))
    assert (len(driver.sends), step.state, result.verdict) == (2, "failed", "fail")
    assert step.problem is not None
    assert step.problem.message == "The answer broke off: message_stop never came."
