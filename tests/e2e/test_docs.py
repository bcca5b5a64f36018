"""`tanzaku docs build` as a person runs it; the examples it writes are run, too."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.command_line import CommandLine, Serving

OWN = Path(__file__).parents[2] / "docs" / "openapi.json"
SUITE = """\
tanzaku: suite/v1
cases:
  - id: streamed
    use: requests/messages/create-message.yaml
    with: {body: {stream: true}}
    expect: [{status: 200}]
"""
EXAMPLES = {
    "create-message": '"type": "message"',
    "count-tokens": '"input_tokens"',
    "list-models": "claude-haiku-4-5",
}


@pytest.fixture
def project(tanzaku: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new project with Tanzaku's own document imported; work goes on in it."""
    root = tmp_path / "project"
    tanzaku.run("init", str(root))
    monkeypatch.chdir(root)
    tanzaku.run("import", str(OWN))
    return root


def find_examples(page: Path, language: str) -> list[str]:
    return re.findall(
        rf"^```{language}\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )


@pytest.mark.needs("curl")
def test_the_examples_of_the_pages_run_against_the_simulator(
    tanzaku: CommandLine, project: Path, serve: Callable[..., Serving]
) -> None:
    said = tanzaku.run("docs", "build", "--out", "site")
    assert "--recording EXECUTION" in said
    assert "Without examples" not in said
    environment = {
        "PATH": os.environ["PATH"],
        "ANTHROPIC_BASE_URL": serve().url,
        "ANTHROPIC_API_KEY": "sk-ant-any",
    }
    for operation, answer in EXAMPLES.items():
        page = project / "site" / "operations" / f"{operation}.md"
        commands = [["sh", "-e", "-c", one] for one in find_examples(page, "sh")]
        programs = [[sys.executable, "-c", one] for one in find_examples(page, "python")]
        assert len(commands) == len(programs) == len(find_examples(page, "typescript")) > 0
        for words in (*commands, *programs):
            done = subprocess.run(
                words, env=environment, capture_output=True, text=True, timeout=60, check=False
            )
            assert done.returncode == 0, done.stderr
            assert answer.replace(" ", "") in done.stdout.replace(" ", ""), words
            json.loads(done.stdout[done.stdout.index("{") :])


def test_a_stream_that_an_execution_recorded_is_in_the_pages(
    tanzaku: CommandLine, project: Path
) -> None:
    (project / "suites/streamed.suite.yaml").write_text(SUITE, "utf-8")
    tanzaku.run("test", "suites/streamed.suite.yaml")
    [execution] = os.listdir(project / ".tanzaku" / "executions")
    tanzaku.run("docs", "build", "--out", "site", "--recording", execution)
    text = (project / "site/operations/create-message.md").read_text("utf-8")
    rows = re.findall(r"^\| ([\d.,]+) \| `(\w+)` \|", text, re.MULTILINE)
    assert [rows[0][1], rows[-1][1]] == ["message_start", "message_stop"]
    times = [float(at.replace(",", "")) for at, _ in rows]
    assert times == sorted(times)
    assert times[0] > 0


def test_without_a_document_or_an_execution_it_says_what_to_do(
    tanzaku: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tanzaku.run("init", str(tmp_path / "empty"))
    monkeypatch.chdir(tmp_path / "empty")
    assert "tanzaku import" in tanzaku.run("docs", "build", "--out", "site", exit_code=2)
    words = ("docs", "build", str(OWN), "--out", "site")
    assert "no such execution" in tanzaku.run(*words, "--recording", "x", exit_code=2)
    assert not Path("site").exists()
    monkeypatch.chdir(tmp_path)
    assert "18 pages" in tanzaku.run(*words)
