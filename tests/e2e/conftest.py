"""Fixtures of the end-to-end tests."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.command_line import CommandLine, Serving


@pytest.fixture
def tanzaku(tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path)


@pytest.fixture
def serve(tanzaku: CommandLine) -> Iterator[Callable[..., Serving]]:
    """Start `tanzaku serve --port 0 …`; stopped with SIGTERM at the end of the test."""
    running: list[subprocess.Popen[str]] = []

    def start(*words: str) -> Serving:
        process = tanzaku.start("serve", "--port", "0", *words)
        running.append(process)
        assert process.stdout
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "ANTHROPIC_BASE_URL=" in line:
                return Serving(line.rpartition("=")[2].strip(), "".join(lines), process)
        raise AssertionError("".join(lines) + (process.stderr.read() if process.stderr else ""))

    yield start
    for process in running:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=40)
