"""In whatever order requests come back and whichever of them fail: steps keep their order, items
their bounds, and the result is the one that a plain walk through the file gives.

The reference below knows nothing of machines: it walks the flow step by step, as if one thing
happened at a time.
"""

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.flows import Driver, build_message, build_reply, load_parts, write_project
from tanzaku.workbench.flows import FlowMachine, FlowResult, Send, StepResult, load_flow
from tanzaku.workbench.project import load_project
from tanzaku.workbench.sending import Reply

type Tree = list[tuple[str, str]]

LEAF = {"use": "requests/ask.yaml"}


def _draw_steps(depth: int, on_errors: Sequence[str]) -> st.SearchStrategy[list[dict[str, Any]]]:
    body: st.SearchStrategy[dict[str, Any]] = st.just(LEAF)
    if depth:
        inner = st.builds(lambda steps: {"steps": steps}, _draw_steps(depth - 1, on_errors))
        body = st.one_of(body, body, inner)
    items = st.fixed_dictionaries(
        {"foreach": st.lists(st.integers(0, 9), max_size=5), "parallel": st.integers(1, 4)}
    )
    step = st.builds(
        lambda what, each, when, on_error, back: (
            {**what, **each, **when, "on_error": on_error}
            | ({} if back is None else {"back": back})
        ),
        body,
        st.one_of(st.just({}), items),
        st.sampled_from([{}, {}, {}, {"when": "1 == 2"}]),
        st.sampled_from(on_errors),
        st.none() | st.lists(st.integers(1, 4), max_size=3),
    )
    return st.lists(step, min_size=1, max_size=4).map(_name_steps)


def _name_steps(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Ids, and needs as ids of steps before."""
    named = []
    for number, step in enumerate(steps):
        step = {"id": f"s{number}", **step}
        back = step.pop("back", None)
        if back is not None:
            step["needs"] = sorted({f"s{number - one}" for one in back if one <= number})
        named.append(step)
    return named


FLOWS = _draw_steps(2, ["continue", "ignore"])
STOPPING = _draw_steps(2, ["continue", "ignore", "stop", "stop"])


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_project(tmp_path_factory.mktemp("project"))


def fails(way: str, seed: int) -> bool:
    return zlib.crc32(f"{seed} {way}".encode()) % 4 == 0


def execute(root: Path, steps: Any, seed: int, order: int) -> tuple[FlowResult, Driver]:
    path = root / "flows" / "drawn.flow.yaml"
    path.write_text(json.dumps({"tanzaku": "flow/v1", "steps": steps}), "utf-8")
    flow = load_flow(path, load_project(root))
    _, environment = load_parts(root)

    def answer(send: Send) -> Reply:
        return build_reply(
            send, build_message(send.step), status=500 if fails(send.step, seed) else 200
        )

    driver = Driver(answer, chance=Random(order))
    return driver.drive(FlowMachine(flow, environment, environment.scope, seed)), driver


def walk(steps: Any, above: str, seed: int) -> Tree:
    """The reference: (way, state) of all steps, depth first."""
    return [pair for step in steps for pair in _walk_step(step, f"{above}{step['id']}", seed)]


def _walk_step(step: Mapping[str, Any], way: str, seed: int) -> Tree:
    if "when" in step:
        return [(way, "skipped")]
    if "foreach" not in step:
        return _walk_once(step, way, seed)
    items = [_walk_once(step, f"{way}[{number}]", seed) for number in range(len(step["foreach"]))]
    state = "failed" if any(item[0][1] == "failed" for item in items) else "ok"
    return [(way, state), *(pair for item in items for pair in item)]


def _walk_once(step: Mapping[str, Any], way: str, seed: int) -> Tree:
    if "steps" not in step:
        return [(way, "failed" if fails(way, seed) else "ok")]
    below = walk(step["steps"], f"{way}.", seed)
    minded = {f"{way}.{one['id']}" for one in step["steps"] if one["on_error"] != "ignore"}
    state = "failed" if any(at in minded and s == "failed" for at, s in below) else "ok"
    return [(way, state), *below]


def read_tree(steps: Sequence[StepResult]) -> Tree:
    return [(one.step, one.state) for step in steps for one in step.walk()]


def list_leaves(steps: Any, above: str = "") -> Iterator[str]:
    """The way of everything that sends."""
    for step in steps:
        ways = [f"{above}{step['id']}"]
        if "foreach" in step:
            ways = [f"{ways[0]}[{number}]" for number in range(len(step["foreach"]))]
        for way in [] if "when" in step else ways:
            if "steps" in step:
                yield from list_leaves(step["steps"], f"{way}.")
            else:
                yield way


@settings(max_examples=25)
@given(steps=FLOWS, seed=st.integers(0, 99), order=st.integers(0, 99))
def test_the_result_is_that_of_a_plain_walk(root: Path, steps: Any, seed: int, order: int) -> None:
    result, _ = execute(root, steps, seed, order)
    tree = walk(steps, "", seed)
    assert read_tree(result.steps) == tree
    minded = {step["id"] for step in steps if step["on_error"] != "ignore"}
    is_failed = any(way in minded and state == "failed" for way, state in tree)
    assert result.verdict == ("fail" if is_failed else "pass")
    assert [reply.text for reply in result.replies] == list(list_leaves(steps))


@settings(max_examples=25)
@given(steps=FLOWS, seed=st.integers(0, 99), order=st.integers(0, 99))
def test_everything_is_sent_exactly_once(root: Path, steps: Any, seed: int, order: int) -> None:
    _, driver = execute(root, steps, seed, order)
    assert sorted(send.step for send in driver.sends) == sorted(list_leaves(steps))


@settings(max_examples=25)
@given(steps=STOPPING, seed=st.integers(0, 99), order=st.integers(0, 99))
def test_no_step_begins_before_what_it_needs_has_ended(
    root: Path, steps: Any, seed: int, order: int
) -> None:
    _, driver = execute(root, steps, seed, order)
    for need, step in list_needs(steps):
        begins = [at for at, kind, way in driver.history if kind == "begin" and is_in(way, step)]
        ends = [at for at, kind, way in driver.history if kind == "end" and is_in(way, need)]
        assert max(ends, default=-1) < min(begins, default=len(driver.history))


def list_needs(steps: Any, above: str = "") -> Iterator[tuple[str, str]]:
    """(what must end, what begins after it) of all steps beside one another, by their ways."""
    for number, step in enumerate(steps):
        before = [f"s{number - 1}"] if number else []
        for need in step.get("needs", before):
            yield f"{above}{need}", f"{above}{step['id']}"
        ways = [f"{above}{step['id']}"]
        if "foreach" in step:
            ways = [f"{ways[0]}[{at}]" for at in range(len(step["foreach"]))]
        for way in ways if "steps" in step else []:
            yield from list_needs(step["steps"], f"{way}.")


def is_in(way: str, step: str) -> bool:
    return way == step or way.startswith((f"{step}.", f"{step}["))


@settings(max_examples=25)
@given(steps=STOPPING, seed=st.integers(0, 99), order=st.integers(0, 99))
def test_no_more_items_are_under_way_than_may_be(
    root: Path, steps: Any, seed: int, order: int
) -> None:
    _, driver = execute(root, steps, seed, order)
    for way, parallel in list_bounds(steps):
        # An item is under way from its first request to its last answer.
        spans: dict[str, list[int]] = {}
        for at, _, sent in driver.history:
            if sent.startswith(f"{way}["):
                spans.setdefault(sent[: sent.index("]", len(way)) + 1], []).append(at)
        for at in range(len(driver.history)):
            assert sum(min(s) <= at < max(s) for s in spans.values()) <= parallel


def list_bounds(steps: Any, above: str = "") -> Iterator[tuple[str, int]]:
    for step in steps:
        ways = [f"{above}{step['id']}"]
        if "foreach" in step:
            yield ways[0], step["parallel"]
            ways = [f"{ways[0]}[{at}]" for at in range(len(step["foreach"]))]
        for way in ways if "steps" in step else []:
            yield from list_bounds(step["steps"], f"{way}.")


@settings(max_examples=25)
@given(steps=STOPPING, seed=st.integers(0, 99), order=st.integers(0, 99))
def test_nothing_begins_beside_a_step_that_stopped(
    root: Path, steps: Any, seed: int, order: int
) -> None:
    result, driver = execute(root, steps, seed, order)
    policies = {way: step["on_error"] for way, step in list_steps(steps)}
    ended = {one.step: one for step in result.steps for one in step.walk()}
    for way, one in ended.items():
        if one.is_foreach or one.state != "failed" or policies[way] != "stop":
            continue
        over = max(at for at, kind, sent in driver.history if kind == "end" and is_in(sent, way))
        above = way.rpartition("[")[0] + "[" if way.endswith("]") else way.rpartition(".")[0] + "."
        beside = {
            cut_way(sent, above.lstrip("."))
            for at, kind, sent in driver.history
            if kind == "begin" and at > over and sent.startswith(above.lstrip("."))
        }
        for other in beside:
            # What had begun goes on; what had not never does.
            assert any(at < over for at, _, sent in driver.history if is_in(sent, other)), (
                way,
                other,
            )


def list_steps(steps: Any, above: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    for step in steps:
        ways = [f"{above}{step['id']}"]
        yield ways[0], step
        if "foreach" in step:
            ways = [f"{ways[0]}[{at}]" for at in range(len(step["foreach"]))]
            for way in ways:
                yield way, step
        for way in ways if "steps" in step else []:
            yield from list_steps(step["steps"], f"{way}.")


def cut_way(sent: str, above: str) -> str:
    """The step or item right below `above`."""
    rest = sent[len(above) :]
    if above.endswith("["):
        return above + rest[: rest.index("]") + 1]
    return above + rest.replace("[", ".").partition(".")[0]


@settings(max_examples=25)
@given(steps=FLOWS, seed=st.integers(0, 99))
def test_the_order_of_answers_changes_no_result(root: Path, steps: Any, seed: int) -> None:
    trees = {
        json.dumps(read_tree(execute(root, steps, seed, order)[0].steps)) for order in range(4)
    }
    assert len(trees) == 1
