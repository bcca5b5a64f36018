"""`tanzaku export` as a person runs it; what it writes is run, too."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.command_line import CommandLine, Serving

CANARY = "sk-ant-canary-9Qz"


@pytest.fixture
def project(tanzaku: CommandLine, tmp_path: Path) -> Path:
    """A new project; its environment `here` has a secret that is set."""
    root = tmp_path / "project"
    tanzaku.run("init", str(root))
    tanzaku.environment = {"MY_KEY": CANARY}
    return root


def point(root: Path, url: str) -> None:
    (root / "environments/here.yaml").write_text(
        f"tanzaku: environment/v1\nupstream: url\nbase_url: {url}\n"
        "auth: {type: api_key, in: header, name: x-api-key, value: '{{secret.MY_KEY}}'}\n"
        "headers: {anthropic-version: '2026-10-21'}\n"
        "secrets: {MY_KEY: {env: MY_KEY}}\n",
        "utf-8",
    )


def test_the_document_it_writes_is_the_one_in_the_docs(
    tanzaku: CommandLine, tmp_path: Path
) -> None:
    kept = Path(__file__).parents[2] / "docs" / "openapi.json"
    assert tanzaku.run("export", "openapi") == kept.read_text("utf-8")
    old = tmp_path / "a" / "old.json"
    tanzaku.run("export", "openapi", "--api-version", "2023-06-01", "-o", str(old))
    whole = json.loads(old.read_text("utf-8"))
    assert "temperature" in whole["components"]["schemas"]["MessageCreate"]["properties"]
    said = tanzaku.run("export", "openapi", "--api-version", "2020-01-01", exit_code=2)
    assert "Known are 2023-06-01, 2026-10-21." in said


@pytest.mark.needs("curl")
def test_what_is_exported_runs_and_holds_no_secret(
    tanzaku: CommandLine, project: Path, tmp_path: Path, serve: Callable[..., Serving]
) -> None:
    point(project, serve().url)
    words = (str(project / "requests"), str(project / "suites"), "-e", "here")
    texts = {
        form: tanzaku.run("export", form, *words) for form in ("curl", "http", "har", "pytest")
    }
    assert all(CANARY not in text for text in texts.values())

    environ = {"PATH": "/usr/bin:/bin", "MY_KEY": CANARY}
    done = subprocess.run(
        ["bash", "-c", texts["curl"]], env=environ, capture_output=True, text=True, timeout=60
    )
    answers = [json.loads(one) for one in done.stdout.replace("}{", "}\n{").splitlines()]
    assert [one["type"] for one in answers] == ["message", "message", "error"], done.stdout

    file = tmp_path / "test_exported.py"
    file.write_text(texts["pytest"], "utf-8")
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(file)],
        env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert "3 passed" in ran.stdout, ran.stdout
    file.write_text(texts["pytest"].replace("['400']", "['404']"), "utf-8")
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(file)],
        env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert "1 failed, 2 passed" in ran.stdout, ran.stdout


def test_an_execution_becomes_an_archive_with_its_answers(
    tanzaku: CommandLine, project: Path
) -> None:
    tanzaku.run("test", str(project / "suites"))
    (folder,) = (project / ".tanzaku/executions").iterdir()
    entries = json.loads(tanzaku.run("export", "har", str(folder)))["log"]["entries"]
    assert [one["response"]["status"] for one in entries] == [200, 400]
    assert all(one["time"] > 0 for one in entries)


def test_a_request_nobody_serves_is_left_out_by_name(tanzaku: CommandLine, project: Path) -> None:
    path = project / "requests/ask.yaml"
    path.write_text(path.read_text("utf-8") + "skip: not now\n", "utf-8")
    command = tanzaku.start("export", "curl", str(path))
    out, err = command.communicate(timeout=60)
    assert (command.returncode, out) == (0, "")
    assert "left out, it is marked with skip" in err
