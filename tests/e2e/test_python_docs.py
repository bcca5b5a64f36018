"""docs/python.md runs, block after block, as a reader would type it."""

import re
import subprocess
import sys
from pathlib import Path

import tanzaku

TEXT = (Path(__file__).parents[2] / "docs" / "python.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


def test_every_block_runs_as_written(tmp_path: Path) -> None:
    program = tmp_path / "document.py"
    program.write_text("\n\n".join(BLOCKS), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", str(program)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_every_public_name_is_shown_in_a_block_or_named() -> None:
    shown = set(re.findall(r"\w+", " ".join(BLOCKS))) | set(re.findall(r"`(\w+)", TEXT))
    assert set(tanzaku.__all__) - {"__version__"} <= shown
