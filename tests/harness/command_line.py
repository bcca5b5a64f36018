"""The command line as a person runs it."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

TANZAKU = str(Path(sys.executable).parent / "tanzaku")


@dataclass
class CommandLine:
    """Runs `tanzaku` in processes of its own, with a data folder of its own."""

    data: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [TANZAKU, *words],
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def run(self, *words: str, stdin: str = "", exit_code: int = 0) -> str:
        done = subprocess.run(
            [TANZAKU, *words],
            env=self._environment(),
            input=stdin,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=60,
        )
        assert done.returncode == exit_code, done.stdout + done.stderr
        return done.stdout if exit_code == 0 else done.stdout + done.stderr

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            # The tree under test may be another than the one that is installed.
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            "HOME": str(self.data),
            "XDG_DATA_HOME": str(self.data),
            "PYTHONUTF8": "1",
            "PYTHONUNBUFFERED": "1",
            "COLUMNS": "240",
            **self.environment,
        }


@dataclass
class Serving:
    """A `tanzaku serve` under way: its URL and everything it printed on start."""

    url: str
    banner: str
    process: subprocess.Popen[str]
