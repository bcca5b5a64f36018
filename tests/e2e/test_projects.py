"""`tanzaku init` and `tanzaku fmt`, as their users meet them."""

import json
import os
from pathlib import Path

import jsonschema_rs
import pytest

from harness.command_line import CommandLine
from tanzaku.core.plain_yaml import read_yaml

MODELINE = "# yaml-language-server: $schema="


def _read_all(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize(("language", "word"), [("en", "weather"), ("zh", "天气")])
def test_a_new_project_works_at_once(tmp_path: Path, language: str, word: str) -> None:
    command_line, root = CommandLine(tmp_path / "data"), tmp_path / "new"
    said = command_line.run("init", str(root), "--lang", language)
    for name in ("tanzaku.yaml", "environments/live.yaml", "suites/first.suite.yaml"):
        assert name in said
        assert (root / name).is_file()
    assert word in (root / "requests/ask.yaml").read_text(encoding="utf-8")
    assert (root / ".gitignore").read_text(encoding="utf-8").split() == [
        "environments/.env",
        ".tanzaku/",
    ]
    command_line.run("fmt", "--check", str(root))
    command_line.run("test", str(root / "suites"))


def test_the_suite_of_a_new_project_can_fail(tmp_path: Path) -> None:
    command_line, root = CommandLine(tmp_path / "data"), tmp_path / "new"
    command_line.run("init", str(root))
    scenario = root / "scenarios/first.yaml"
    scenario.write_text("rules: [{id: weather, reply: …}]\n", encoding="utf-8")
    command_line.run("test", str(root / "suites"), exit_code=1)


def test_editors_find_the_schemas_of_a_new_project(tmp_path: Path) -> None:
    CommandLine(tmp_path / "data").run("init", str(tmp_path))
    with_schema = []
    for path in sorted(tmp_path.rglob("*.yaml")):
        first = path.read_text(encoding="utf-8").partition("\n")[0]
        if first.startswith(MODELINE):
            schema = json.loads((path.parent / first.removeprefix(MODELINE)).read_text("utf-8"))
            jsonschema_rs.validator_for(schema).validate(read_yaml(path).plain)
            with_schema.append(path.name)
    assert {"tanzaku.yaml", "mock.yaml", "live.yaml", "ask.yaml"} <= set(with_schema)


@pytest.mark.parametrize(
    "there", ["tanzaku.yaml", "prompts/system.md", "schemas/request.schema.json"]
)
def test_init_writes_nothing_where_something_is(tmp_path: Path, there: str) -> None:
    command_line, root = CommandLine(tmp_path / "data"), tmp_path / "here"
    (root / there).parent.mkdir(parents=True)
    (root / there).write_text("mine", encoding="utf-8")
    said = command_line.run("init", str(root), exit_code=2)
    assert there in said
    assert _read_all(root) == {there: b"mine"}


def test_fmt_lays_out_what_is_of_a_project_and_nothing_else(tmp_path: Path) -> None:
    command_line = CommandLine(tmp_path / "data")
    root = tmp_path / "project"
    files = {
        "a.suite.yaml": "cases: []   # none\ntanzaku: suite/v1\n",
        "deep/b.yml": "tanzaku:   request/v1\r\nmethod: GET\r\npath: /\r\n",
        "neat.yaml": "tanzaku: flow/v1\nsteps: []\n",
        "scenario.yaml": "rules:   []\n",
        "openapi.yaml": "openapi: 3.1.0\nx: &anchor 1\ny: *anchor\n",
        "notes.txt": "tanzaku:   request/v1\n",
        ".tanzaku/log.yaml": "tanzaku:   request/v1\n",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(text.encode())
    (root / "a.suite.yaml").chmod(0o640)
    before = _read_all(root)
    said = command_line.run("fmt", "--check", str(root), exit_code=1)
    assert [line for line in said.splitlines() if str(root) in line] == [
        str(root / "a.suite.yaml"),
        str(root / "deep/b.yml"),
    ]
    assert _read_all(root) == before
    command_line.run("fmt", str(root))
    assert _read_all(root) == before | {
        "a.suite.yaml": b"tanzaku: suite/v1\ncases: []  # none\n",
        "deep/b.yml": b"tanzaku: request/v1\nmethod: GET\npath: /\n",
    }
    assert os.stat(root / "a.suite.yaml").st_mode & 0o777 == 0o640
    command_line.run("fmt", "--check", str(root))
    said = command_line.run("fmt", str(root / "scenario.yaml"), exit_code=2)
    assert "no file of a project" in said
    (root / "bad.yaml").write_text("tanzaku: flow/v1\na: b: c\n", encoding="utf-8")
    assert "bad.yaml:2:5" in command_line.run("fmt", str(root), exit_code=2)
