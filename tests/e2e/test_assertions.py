"""Assertions that ask more of a run: a judge scripted on the simulator, a person's Python, snapshots."""

import json
from decimal import Decimal
from pathlib import Path

from harness.command_line import CommandLine
from harness.projects import write_project

SCENARIO = """\
rules:
  - when: {system: You grade one answer}
    reply: '{"score": 5, "reason": "It names the weather."}'
  - reply: 北京今天晴，21 °C。
"""
SUITE = """\
tanzaku: suite/v1
defaults: {use: requests/ask.yaml, scenario: scenarios/judged.yaml}
cases:
  - id: judged
    expect:
      - judge: {rubric: 'Does it name the weather of {{city}}?', model: claude-haiku-4-5, threshold: 4, votes: 3}
  - id: called
    expect: [{python: checks/weather.py:is_sunny}]
  - id: kept
    expect: [{snapshot: beijing}]
  - id: streamed
    with: {body: {stream: true}}
    expect: [{stream.equals_nonstream: true}, {language: zh}]
"""
CHECK = "def is_sunny(subject):\n    return '晴' in subject.final.text\n"


def test_what_costs_or_runs_code_or_writes_needs_the_word(
    tanzaku: CommandLine, tmp_path: Path
) -> None:
    files = {
        "scenarios/judged.yaml": SCENARIO,
        "suites/weather.suite.yaml": SUITE,
        "checks/weather.py": CHECK,
    }
    root = write_project(tmp_path / "p", files)
    words = ["test", str(root), "--var", "city=北京"]
    shown = tanzaku.run(*words, exit_code=1)
    assert {line.split()[1] for line in shown.splitlines() if line.startswith("ERROR")} == {
        "weather#judged",
        "weather#called",
        "weather#kept",
    }
    tanzaku.run(*words, "--judge", "--allow-code", "--update-snapshots")
    assert "晴" in (root / "snapshots/beijing.json").read_text(encoding="utf-8")
    tanzaku.run(*words, "--judge", "--allow-code")


def test_a_judges_dollars_are_the_runs(tanzaku: CommandLine, tmp_path: Path) -> None:
    files = {"scenarios/judged.yaml": SCENARIO, "suites/weather.suite.yaml": SUITE}
    root = write_project(tmp_path / "p", files)
    words = ["test", str(root), "--var", "city=北京", "--case", "weather#judged"]
    costs: list[Decimal] = []
    for more in ([], ["--judge"]):
        tanzaku.run(*words, *more, exit_code=0 if more else 1)
        log = max(
            root.glob(".tanzaku/executions/*/events.jsonl"), key=lambda one: one.stat().st_mtime_ns
        )
        end = json.loads(log.read_text(encoding="utf-8").splitlines()[-1])
        costs.append(Decimal(end["spent"]["usd"]))
    ended = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    (outcome,) = next(one["outcomes"] for one in ended if one.get("outcomes"))
    assert Decimal(outcome["actual"]["cost_usd"]) == costs[1] - costs[0] > 0
    assert outcome["actual"]["votes"] == [{"score": 5.0, "reason": "It names the weather."}] * 3
