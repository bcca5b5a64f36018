"""The fixture `claude` in a project that is not ours: the documents' examples, run as they stand."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness.projects import write_project

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


def run_project(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            "ANTHROPIC_API_KEY": "a-key-that-must-not-be-used",
            "HTTP_PROXY": "http://127.0.0.1:9",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("name", ["pytest.md", "pytest.zh-CN.md"])
def test_the_documented_examples_pass(name: str, tmp_path: Path) -> None:
    blocks = BLOCK.findall((DOCS / name).read_text(encoding="utf-8"))
    assert len(blocks[0].splitlines()) <= 10
    (tmp_path / "test_documented.py").write_text("\n\n".join(blocks), encoding="utf-8")
    done = run_project(tmp_path)
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


def find_blocks(name: str, language: str) -> list[str]:
    text = (DOCS / name).read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_the_documented_tool_mocks_pass(tmp_path: Path) -> None:
    """The file and the tests of docs/mocks.md, which say the same in both languages."""
    for language in ("yaml", "python", "sh"):
        assert find_blocks("mocks.md", language) == find_blocks("mocks.zh-CN.md", language)
    (file,) = find_blocks("mocks.md", "yaml")
    (tests,) = find_blocks("mocks.md", "python")
    (tmp_path / "payment.yaml").write_text(file, encoding="utf-8")
    (tmp_path / "test_documented.py").write_text(tests, encoding="utf-8")
    done = run_project(tmp_path)
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


PROJECT = """
import os, subprocess, sys
import pytest, anthropic

def ask(**more):
    with anthropic.Anthropic(max_retries=0) as client:
        return client.messages.create(
            model="claude-haiku-4-5", max_tokens=50,
            messages=[{"role": "user", "content": "Hi"}], **more)

@pytest.mark.parametrize("turn", [1, 2, 3])
def test_every_test_starts_anew(claude, turn):
    assert claude.requests == []
    first = ask()
    claude.say("left over", times=9)
    claude.fail(500, times=9)
    with pytest.raises(anthropic.InternalServerError):
        ask()
    assert len(claude.requests) == 2
    os.environ.setdefault("FIRST_ID", first.id)
    assert first.id == os.environ["FIRST_ID"]

def test_when_picks_the_request(claude):
    claude.say("for the other", when=lambda body: body["max_tokens"] == 1)
    claude.say("for this one")
    assert ask().content[0].text == "for this one"

def test_no_credential_is_kept(claude):
    ask()
    (seen,) = claude.requests
    assert os.environ["ANTHROPIC_API_KEY"] not in repr(seen)
    assert os.environ["ANTHROPIC_API_KEY"] != "a-key-that-must-not-be-used"
    assert seen.headers["anthropic-version"] == "2026-10-21"

def test_without_the_fixture_the_environment_is_untouched():
    assert "ANTHROPIC_BASE_URL" not in os.environ
    assert os.environ["ANTHROPIC_API_KEY"] == "a-key-that-must-not-be-used"
"""


def test_tests_do_not_see_each_other(tmp_path: Path) -> None:
    (tmp_path / "test_project.py").write_text(PROJECT, encoding="utf-8")
    done = run_project(tmp_path)
    assert done.returncode == 0, done.stdout
    assert "6 passed" in done.stdout


def test_a_project_that_does_not_ask_for_claude_imports_nothing_of_it(tmp_path: Path) -> None:
    (tmp_path / "other.suite.yaml").write_text("not for Tanzaku", encoding="utf-8")
    (tmp_path / "test_light.py").write_text(
        "import sys\n\ndef test_light():\n"
        "    heavy = {'tanzaku.server', 'tanzaku.core', 'httptools', 'anthropic', 'pydantic'}\n"
        "    assert not heavy & set(sys.modules)\n",
        encoding="utf-8",
    )
    done = run_project(tmp_path)
    assert done.returncode == 0, done.stdout


SUITE = """\
tanzaku: suite/v1
defaults: {use: requests/ask.yaml, expect: [{status: 200}]}
cases:
  - {id: fine, tags: [fast]}
  - {id: bad, expect: [{contains: no model says this}]}
  - {id: later, skip: not yet}
"""


def test_cases_of_suites_are_tests(tmp_path: Path) -> None:
    root = write_project(tmp_path, {"suites/weather.suite.yaml": SUITE})
    done = run_project(root, "--suites", "-vv", "-p", "no:randomly")
    assert done.returncode == 1, done.stdout
    assert "suites/weather.suite.yaml::fine PASSED" in done.stdout
    assert "suites/weather.suite.yaml::bad FAILED" in done.stdout
    assert "not yet" in done.stdout
    assert f"{root}/suites/weather.suite.yaml:5:24: contains" in done.stdout
    assert "tanzaku test suites/weather.suite.yaml --case 'weather#bad'" in done.stdout
    assert "Traceback" not in done.stdout
    assert "1 passed" in run_project(root, "--suites", "-k", "fast").stdout
    assert run_project(root).returncode == 5


def test_a_suite_that_cannot_be_read_is_no_test(tmp_path: Path) -> None:
    broken = SUITE.replace("skip", "skpi")
    root = write_project(tmp_path, {"suites/weather.suite.yaml": broken})
    (root / "pytest.ini").write_text("[pytest]\ntanzaku_suites = true\n", encoding="utf-8")
    done = run_project(root)
    assert done.returncode == 2
    assert "weather.suite.yaml:6:17: unknown key `skpi`." in done.stdout
    assert "Did you mean `skip`?" in done.stdout
