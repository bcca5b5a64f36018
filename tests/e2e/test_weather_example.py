"""The tutorial of examples/weather, command by command, in both languages."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from harness.command_line import CommandLine

EXAMPLE = Path(__file__).parents[2] / "examples" / "weather"
RED = "tanzaku test suites/unit.suite.yaml"


def list_commands(page: Path) -> list[str]:
    """The commands of a tutorial, after those that copy the folder."""
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    return [line.strip() for block in blocks[1:] for line in block.splitlines() if line.strip()]


def test_both_languages_name_the_same_commands() -> None:
    assert list_commands(EXAMPLE / "README.md") == list_commands(EXAMPLE / "README.zh-CN.md")


def test_each_step_of_the_tutorial_does_what_it_says(
    tanzaku: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "weather"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns(".tanzaku"))
    monkeypatch.chdir(folder)
    commands = list_commands(EXAMPLE / "README.md")
    assert commands.index(RED) < len(commands) - 1
    for command in commands:
        words = shlex.split(command)
        if words[0] == "echo":
            with Path(words[-1]).open("a", encoding="utf-8") as file:
                file.write(f"{words[1]}\n")
            continue
        said = tanzaku.run(*words[1:], exit_code=int(command == RED))
        if command == RED:
            assert "70 °F" in said
            assert "--case 'unit#celsius'" in said
    assert (folder / "site" / "llms.txt").read_text(encoding="utf-8")
    assert {path.name for path in folder.glob("report.*")} == {"report.html", "report.xml"}
