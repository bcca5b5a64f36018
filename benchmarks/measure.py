"""What every benchmark shares: a server in its own process, wrk against it, the CPU it took.

Servers run on processor 0 and wrk on processor 1, where the machine lets itself be pinned. CPU is
user + system time of the server's process and its children, from /proc, so these run on Linux.
"""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
OUT = HERE / "out"
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Load:
    """What wrk found: requests a second, answers that were not 2xx, and the server's CPU."""

    requests_per_s: float
    requests: int
    not_ok: int
    cpu_us_per_request: float


@dataclass(frozen=True)
class Target:
    """A running server: its URL and process."""

    url: str
    pid: int

    def load(self, script: str, *, connections: int = 32, seconds: int = 5) -> Load:
        """Drive it with wrk and a request script of this folder."""
        self._run(script, connections, 2)
        before = read_cpu_s(self.pid)
        report = self._run(script, connections, seconds)
        used_s = read_cpu_s(self.pid) - before
        match = re.search(r"(\d+) requests in", report)
        assert match, report
        requests = int(match[1])
        rate = re.search(r"Requests/sec:\s+([\d.]+)", report)
        failed = re.search(r"Non-2xx or 3xx responses: (\d+)", report)
        assert rate, report
        return Load(
            float(rate[1]),
            requests,
            int(failed[1]) if failed else 0,
            used_s * 1e6 / max(1, requests),
        )

    def _run(self, script: str, connections: int, seconds: int) -> str:
        words = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "20s"]
        words += ["-s", str(HERE / "requests" / script), self.url]
        return subprocess.run(pin(1, words), check=True, capture_output=True, text=True).stdout


@contextmanager
def run_target(name: str, *arguments: str) -> Iterator[Target]:
    """Start `targets.py NAME` and wait until it prints its URL."""
    words = [sys.executable, "-u", str(HERE / "targets.py"), name, *arguments]
    process = subprocess.Popen(pin(0, words), stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        url = process.stdout.readline().strip()
        assert url.startswith("http"), f"{name} did not start"
        yield Target(url, process.pid)
    finally:
        process.terminate()
        process.wait(timeout=40)


def pin(processor: int, words: list[str]) -> list[str]:
    """The command, on one processor if `taskset` is there and the machine has two."""
    if shutil.which("taskset") and (os.cpu_count() or 1) > 1:
        return ["taskset", "-c", str(processor), *words]
    return words


def read_cpu_s(pid: int) -> float:
    """User and system seconds that a process and its ended children have used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(ticks) for ticks in fields[11:15]) / TICKS


def require_wrk() -> None:
    """Stop with the way out when wrk is missing."""
    if not shutil.which("wrk"):
        sys.exit("the benchmarks need wrk: apt-get install wrk, or brew install wrk")


def write_result(name: str, figures: dict[str, float], columns: list[tuple[str, str]]) -> None:
    """Print a table of `columns` (key, label) and write benchmarks/out/NAME.json."""
    result: dict[str, Any] = {
        "name": name,
        "machine": describe_machine(),
        "load_average": os.getloadavg()[0],
        "figures": {key: round(value, 2) for key, value in figures.items()},
    }
    OUT.mkdir(exist_ok=True)
    (OUT / f"{name}.json").write_text(json.dumps(result, indent=2) + "\n")
    print(f"{name} on {result['machine']}, load average {result['load_average']:.2f}")
    for key, label in columns:
        print(f"  {label:<58} {figures[key]:>12,.1f}")


def describe_machine() -> str:
    """Processor, how many, and the interpreter."""
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}"
