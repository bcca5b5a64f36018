"""What a run remembers, what a reload changes, and why earlier rules did not answer."""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tanzaku.core import InputFileError
from tanzaku.simulator.scenario import (
    Choice,
    Count,
    Miss,
    ScenarioRun,
    ScenarioWatch,
    decode_trace,
    encode_trace,
    parse_scenario,
)

type Start = Callable[[str], tuple[ScenarioRun, Callable[..., Choice]]]

REQUEST: dict[str, Any] = {
    "model": "claude-haiku-4-5",
    "max_tokens": 9,
    "messages": [{"role": "user", "content": "hello"}],
}
THREE = """
rules:
  - {id: pay, when: {last_user: pay}, reply: a}
  - {id: late, when: {last_user: hello, nth_call: 2..}, reply: b}
  - {id: rest, reply: c, set_state: {seen: true}}
"""


def choose(run: ScenarioRun) -> Choice:
    return run.choose(REQUEST, [], now=0)


@pytest.mark.fidelity(
    "scenarios",
    "each earlier rule says which condition did not hold",
    "documented",
    "docs/scenarios.md",
)
def test_each_earlier_rule_says_which_condition_did_not_hold(start: Start) -> None:
    _, ask = start(
        """
        rules:
          - {id: text, when: {last_user: "re\\nfund"}, reply: x}
          - {id: any, when: {last_user: {contains: [a1, b1], regex: x}}, reply: x}
          - {id: expr, when: {last_user: {regex: '^\\d+$'}}, reply: x}
          - {id: second, when: {last_user: hello, turn: 2..}, reply: x}
          - {id: tool, when: {tools_offered: [pay, look]}, reply: x}
          - {id: result, when: {last_tool_result: {name: pay}}, reply: x}
          - {id: body, when: {body: {path: $.top_p, equals: 1}}, reply: x}
          - {id: secret, when: {headers: {x-api-key: sk-secret}}, reply: x}
          - {id: state, when: {state: {user: null, step: 2}}, reply: x}
          - {id: model, when: {model: claude-opus-4-8}, reply: x}
          - {id: stream, when: {stream: true}, reply: x}
          - {id: nth, when: {model: claude-haiku-4-5, nth_call: 3}, reply: x}
          - {id: long, when: {system: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx}, reply: x}
          - {reply: y}
        """
    )
    choice = ask("hello")
    assert choice.rule == "s/14"
    assert choice.misses == (
        ("s/text", "last_user.contains: re fund"),
        ("s/any", 'last_user.contains: ["a1", "b1"]'),
        ("s/expr", r"last_user.regex: ^\d+$"),
        ("s/second", "turn: 2.."),
        ("s/tool", 'tools_offered: ["pay", "look"]'),
        ("s/result", 'last_tool_result: {"name": "pay"}'),
        ("s/body", 'body: {"path": "$.top_p", "equals": 1}'),
        ("s/secret", "headers.x-api-key.contains"),
        ("s/state", "state.step: 2"),
        ("s/model", "model: claude-opus-4-8"),
        ("s/stream", "stream: true"),
        ("s/nth", "nth_call: 3"),
        ("s/long", f"system.contains: {'x' * 39}…"),
    )
    trace = decode_trace(choice.trace)
    assert (trace.misses, trace.left_out) == (choice.misses, 0)


def test_where_no_rule_matched_all_of_them_are_told(start: Start) -> None:
    _, ask = start("rules: [{when: {stream: true}, reply: x}]")
    choice = ask("hello")
    assert (choice.rule, choice.answer, choice.misses) == (None, None, (("s/1", "stream: true"),))


MISSES = st.lists(st.builds(Miss, st.text(min_size=1, max_size=70), st.text(max_size=80)))


@given(MISSES)
def test_a_trace_is_short_ascii_and_read_back(misses: list[Miss]) -> None:
    text = encode_trace(misses)
    assert len(text) <= 4096
    assert text.isascii()
    assert text.isprintable()
    trace = decode_trace(text)
    assert len(trace.misses) + trace.left_out == len(misses)
    kept = misses[: len(trace.misses)]
    # Under the limit all is there; over it wanted values are left out first.
    short = [Miss(rule, why.partition(":")[0]) for rule, why in kept]
    assert list(trace.misses) in (kept, short)


def test_a_long_trace_leaves_out_wanted_values_then_the_last_rules() -> None:
    sixty = [Miss(f"desk/rule-{n:03}", f"last_user.contains: {'w' * 60}") for n in range(60)]
    first = decode_trace(encode_trace(sixty))
    assert first.misses[0] == ("desk/rule-000", "last_user.contains")
    assert (len(first.misses), first.left_out) == (60, 0)
    many = decode_trace(encode_trace(sixty * 3))
    assert len(many.misses) + many.left_out == 180
    assert many.left_out > 0


@pytest.mark.parametrize("text", ["", "&&", "a", "=x", "%ff=%", "a=b=c", "=" * 50])
def test_what_is_no_trace_is_passed_over(text: str) -> None:
    trace = decode_trace(text)
    assert all(miss.rule for miss in trace.misses)
    assert trace.left_out == 0


@pytest.mark.fidelity(
    "scenarios",
    "rules count and set a state until they are reset",
    "documented",
    "docs/scenarios.md",
)
def test_counts_and_state_are_kept_and_forgotten_on_demand() -> None:
    run = ScenarioRun(parse_scenario(THREE, "s"))
    assert [choose(run).rule for _ in range(3)] == ["s/rest", "s/late", "s/late"]
    assert run.counts == {"s/pay": Count(0, 0), "s/late": Count(3, 2), "s/rest": Count(1, 1)}
    run.set_state({"more": [1], "seen": None})
    assert run.state == {"more": [1]}
    run.reset()
    assert (run.state, run.counts["s/late"]) == ({}, Count(0, 0))
    assert choose(run).rule == "s/rest"


def test_what_is_read_is_a_copy() -> None:
    run = ScenarioRun(parse_scenario(THREE, "s"))
    choose(run)
    run.state["seen"] = False
    run.counts["s/rest"].answered = 9
    assert (run.state, run.counts["s/rest"]) == ({"seen": True}, Count(1, 1))


def test_a_reload_keeps_counts_of_rules_that_stayed_and_the_state() -> None:
    run = ScenarioRun(parse_scenario(THREE, "s"))
    for _ in range(2):
        choose(run)
    added = THREE.replace("rules:\n", "rules:\n  - {id: new, when: {stream: true}, reply: n}\n")
    run.set_rules(parse_scenario(added.replace("reply: c", "reply: d"), "s"))
    assert run.counts == {
        "s/new": Count(0, 0),
        "s/pay": Count(0, 0),
        "s/late": Count(2, 1),
        "s/rest": Count(0, 0),
    }
    assert run.state == {"seen": True}
    assert choose(run).rule == "s/late"


def test_scenarios_run_one_after_the_other_and_need_names_of_their_own() -> None:
    first = parse_scenario("rules: [{when: {stream: true}, reply: x}]", "first")
    second = parse_scenario("rules: [{reply: y}]", "客服 1")
    choice = choose(ScenarioRun(first, second))
    assert choice.rule == "%E5%AE%A2%E6%9C%8D%201/1"
    assert choice.misses == (("first/1", "stream: true"),)
    with pytest.raises(InputFileError, match="Two scenarios are called `first`"):
        ScenarioRun(first, first)


def test_the_same_seed_and_calls_give_the_same_answers() -> None:
    scenario = parse_scenario(
        "rules: [{reply: {web_search: {query: q, results: [{url: u, title: t}]}}}]", "s"
    )

    def collect(seed: int) -> list[Any]:
        run = ScenarioRun(scenario, seed=seed)
        return [choose(run).answer for _ in range(3)]

    assert collect(1) == collect(1)
    assert collect(1) != collect(2)
    ids = {answer.content[0]["id"] for seed in (1, 2) for answer in collect(seed)}
    assert len(ids) == 6


def test_rules_may_be_replaced_while_others_choose() -> None:
    texts = [f"rules: [{{reply: '{n}'}}, {{id: r{n}, reply: x}}]" for n in range(20)]
    scenarios = [parse_scenario(text, "s") for text in texts]
    run = ScenarioRun(scenarios[0])
    stop = threading.Event()
    broken: list[BaseException] = []

    def replace() -> None:
        try:
            while not stop.is_set():
                for scenario in scenarios:
                    run.set_rules(scenario)
                run.reset()
        except BaseException as error:  # noqa: BLE001 - told below, in the test's own thread
            broken.append(error)

    thread = threading.Thread(target=replace)
    thread.start()
    rules = {choose(run).rule for _ in range(3000)}
    stop.set()
    thread.join()
    assert (rules, broken) == ({"s/1"}, [])


def edit(path: Path, text: str, *, second: int) -> None:
    """Write a file as if at `second`: file systems keep times too coarsely for a fast test."""
    path.write_text(text, encoding="utf-8")
    os.utime(path, (second, second))


@pytest.mark.fidelity(
    "scenarios",
    "files are taken up again when they change; a broken edit leaves the rules as they were",
    "documented",
    "docs/scenarios.md",
)
def test_an_edit_is_taken_up_and_a_broken_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    edit(path, "rules: [{id: one, reply: x}]", second=1)
    run = ScenarioRun()
    assert not run
    watch = ScenarioWatch(run, [path], now=100.0)
    assert run
    assert choose(run).rule == "s/one"

    edit(path, "rules: [{id: two, reply: x}]", second=2)
    assert watch.check(100.9) is None
    assert choose(run).rule == "s/one"
    assert watch.check(101.0) is None
    assert choose(run).rule == "s/two"

    edit(path, "rules: [{id: three}]", second=3)
    broken = watch.check(102.0)
    assert broken is not None
    assert broken.message == f"{path}:1:9: `rules[0]` lacks the key `reply`."
    assert watch.check(103.0) is None
    assert choose(run).rule == "s/two"

    path.unlink()
    gone = watch.check(104.0)
    assert gone is not None
    assert "cannot be read" in gone.message
    edit(path, "rules: [{id: four, reply: x}]", second=4)
    assert watch.check(105.0) is None
    assert choose(run).rule == "s/four"


def test_of_several_files_one_may_change(tmp_path: Path) -> None:
    paths = [tmp_path / "a.yaml", tmp_path / "b.yaml"]
    edit(paths[0], "rules: [{when: {stream: true}, reply: x}]", second=1)
    edit(paths[1], "rules: [{id: one, reply: x}]", second=1)
    run = ScenarioRun()
    watch = ScenarioWatch(run, paths, now=0)
    choose(run)
    edit(paths[0], "rules: [{when: {turn: 9}, reply: x}]", second=2)
    assert watch.check(1) is None
    choice = choose(run)
    assert (choice.rule, choice.misses) == ("b/one", (("a/1", "turn: 9"),))
    assert run.counts["b/one"] == Count(2, 2)


def test_a_file_that_is_wrong_from_the_start_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text("rules: 5", encoding="utf-8")
    with pytest.raises(InputFileError, match=r"s\.yaml:1:8: `rules` must be a list; found 5\."):
        ScenarioWatch(ScenarioRun(), [path], now=0)
