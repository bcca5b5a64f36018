"""Assertions that read the project's files: snapshots, and a person's Python."""

import json
from pathlib import Path

import pytest

from harness.replied import a_call, a_message, a_reply, a_stream, called, judge
from tanzaku.workbench.sending import Reply

FILES = Path(__file__).parents[3] / "fixtures" / "assertions"
PARIS = a_reply(a_message("Paris", a_call(city="巴黎")))


def test_a_snapshot_is_written_when_told_to_and_compared_after(tmp_path: Path) -> None:
    def verdict(reply: Reply, **fields: bool) -> str:
        return judge("snapshot: weather/paris", reply, root=tmp_path, **fields).verdict

    file = tmp_path / "snapshots" / "weather" / "paris.json"
    assert verdict(PARIS) == "error"
    assert not file.exists()
    assert verdict(PARIS, update_snapshots=True) == "pass"
    kept = json.loads(file.read_text(encoding="utf-8"))
    assert "巴黎" in file.read_text(encoding="utf-8")
    assert "usage" not in kept
    assert "id" not in kept["content"][1]
    other_ids = a_message(
        "Paris", a_call(number=9, city="巴黎"), id="msg_9", usage={"output_tokens": 3}
    )
    assert verdict(a_reply(other_ids)) == verdict(a_stream(other_ids)) == "pass"
    assert verdict(a_reply(a_message("Rome", a_call(city="巴黎")))) == "fail"
    assert verdict(a_stream(a_message("Paris"), cut=1), update_snapshots=True) == "error"
    assert json.loads(file.read_text(encoding="utf-8")) == kept
    file.write_text("{", encoding="utf-8")
    assert verdict(PARIS) == "error"


def test_what_is_ignored_is_named_by_paths(tmp_path: Path) -> None:
    item = "snapshot: {file: x, ignore: ['$.rows[?@.temporary == true]', $.at]}"

    def verdict(rows: list[bool], at: int, item: str = item, **fields: bool) -> str:
        body = {"rows": [{"temporary": one} for one in rows], "at": at}
        return judge(item, a_reply(body), root=tmp_path, **fields).verdict

    assert verdict([True, False, True], 1, update_snapshots=True) == "pass"
    assert verdict([False, True], 2) == "pass"
    assert verdict([False, False], 1) == "fail"
    assert verdict([False], 1, "snapshot: x") == "fail"


def test_a_difference_is_named_with_its_place(tmp_path: Path) -> None:
    body = {"a": [1, {"b": 2}], "c": 1}
    judge("snapshot: x", a_reply(body), root=tmp_path, update_snapshots=True)
    outcome = judge("snapshot: x", a_reply({"a": [1, {"b": True}]}), root=tmp_path)
    assert outcome.message == "2 differences from x.json; at $.a[1].b: true, not 2"
    text = a_reply("<p>hi</p>", content_type="text/html")
    assert judge("snapshot: page", text, root=tmp_path, update_snapshots=True).verdict == "pass"
    assert judge("snapshot: page", text, root=tmp_path).verdict == "pass"


@pytest.mark.parametrize("name", ["../escaped", "/tmp/escaped", "a/../../escaped"])
def test_a_snapshot_stays_in_its_folder(name: str, tmp_path: Path) -> None:
    outcome = judge(f"snapshot: {name}", PARIS, root=tmp_path, update_snapshots=True)
    assert outcome.verdict == "error"
    assert list(tmp_path.rglob("*.json")) == []


@pytest.mark.parametrize(
    ("function", "verdict", "message"),
    [
        ("names_a_city", "pass", ""),
        ("scores", "fail", "scores: the temperature"),
        ("breaks", "error", "breaks raised KeyError: 'city'"),
        ("mumbles", "error", "mumbles returned 'fine'"),
        ("nothing", "error", "weather.py has no function nothing"),
    ],
)
def test_a_function_of_the_project_judges(function: str, verdict: str, message: str) -> None:
    item = f"python: checks/weather.py:{function}"
    outcome = judge(item, PARIS, root=FILES, may_run_code=True)
    assert (outcome.verdict, message in outcome.message) == (verdict, True)
    off = judge(item, PARIS, root=FILES)
    assert off.verdict == "error"
    assert "off unless allowed" in off.message


def test_a_score_is_kept(tmp_path: Path) -> None:
    warm = a_reply(a_message("21"))
    outcome = judge("python: checks/weather.py:scores", warm, root=FILES, may_run_code=True)
    assert outcome.actual == {"pass": True, "score": 0.9, "reason": "the temperature"}
    (tmp_path / "x.py").write_text("raise SystemError('no')")
    (tmp_path / "y.py").write_text("def (")
    for file in ("x.py", "y.py", "z.py", "../x.py"):
        item = f"python: {file}:fn"
        assert judge(item, called_once(), root=tmp_path, may_run_code=True).verdict == "error", file


def test_what_a_function_raises_hides_secrets_and_can_be_written_down() -> None:
    item = "python: checks/weather.py:breaks"
    outcome = judge(item, PARIS, root=FILES, may_run_code=True, secrets={"KEY": "'city'"})
    assert outcome.message == "breaks raised KeyError: …"
    assert json.loads(json.dumps(outcome.values)) == outcome.values


def called_once() -> Reply:
    return a_reply(called(a_call()))
