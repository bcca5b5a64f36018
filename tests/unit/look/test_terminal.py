"""Lines in a terminal, in a pipe, and in a pipe that nobody reads to its end."""

import os
import subprocess
import sys

import pytest

WITHOUT_STYLE = {
    name: value
    for name, value in os.environ.items()
    if name not in {"FORCE_COLOR", "TTY_COMPATIBLE", "NO_COLOR"}
}
TALK = """
import sys
from tanzaku.look import Terminal
terminal = Terminal()
for number in range(20_000):
    terminal.line(f"{number} [b] :smile: \\x1b[31m", "strong")
print("rich" in sys.modules, file=sys.stderr)
"""


def test_what_goes_to_a_pipe_is_the_text_alone_and_loads_no_rich() -> None:
    done = subprocess.run(
        [sys.executable, "-c", TALK], env=WITHOUT_STYLE, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[:2] == ["0 [b] :smile: [31m", "1 [b] :smile: [31m"]
    assert done.stderr == "False\n"


@pytest.mark.parametrize("name", ["FORCE_COLOR", "TTY_COMPATIBLE"])
def test_a_pipe_gets_styles_where_the_environment_asks_for_them(name: str) -> None:
    code = "from tanzaku.look import Terminal; Terminal().line('x', 'strong')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**WITHOUT_STYLE, name: "1", "TERM": "xterm"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "\x1b[1mx\x1b[0m\n"


def test_a_reader_who_has_seen_enough_ends_the_command_without_a_word() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", TALK],
        env=WITHOUT_STYLE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1
