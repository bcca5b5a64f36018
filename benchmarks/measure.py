"""What every benchmark shares: a server in its own process, wrk against it, the CPU it took.

Servers run on processor 0 and wrk on processor 1, where the machine lets itself be pinned. CPU is
user + system time of the server's process and its children, from /proc, so these run on Linux.
"""

import json
import os
import platform
import re
import resource
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
OUT = HERE / "out"
TICKS = os.sysconf("SC_CLK_TCK")
_START_S = 30
_OPEN_FILES = 8192


@dataclass(frozen=True)
class Load:
    """What wrk found: requests a second, answers that were no 2xx or never came, latencies, the
    server's CPU."""

    requests_per_s: float
    requests: int
    not_ok: int
    cpu_us_per_request: float
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True)
class Target:
    """A running server: its URL and process, and the key it wants."""

    url: str
    pid: int
    key: str = "bench"

    def load(self, script: str, *, connections: int = 32, seconds: int = 5) -> Load:
        """Drive it with wrk and a request script of this folder, after two seconds to warm up."""
        self._run(script, connections, 2)
        before = read_cpu_s(self.pid)
        report = self._run(script, connections, seconds)
        used_s = read_cpu_s(self.pid) - before
        requests = _find(r"(\d+) requests in", report)
        failed = _find(r"Non-2xx or 3xx responses: (\d+)", report)
        broken = re.search(
            r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", report
        )
        return Load(
            _find(r"Requests/sec:\s+([\d.]+)", report),
            int(requests),
            int(failed) + sum(map(int, broken.groups() if broken else ())),
            used_s * 1e6 / max(1, requests),
            _find_ms("50%", report),
            _find_ms("99%", report),
        )

    def _run(self, script: str, connections: int, seconds: int) -> str:
        words = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "20s", "--latency"]
        words += ["-s", str(HERE / "requests" / script), self.url]
        ended = subprocess.run(
            pin(1, words),
            check=True,
            capture_output=True,
            text=True,
            timeout=seconds + 60,
            env=os.environ | {"BENCH_KEY": self.key},
        )
        return ended.stdout

    def read_rss_mb(self) -> float:
        """Resident memory now, the server's children included, in MB (1e6 bytes)."""
        pages = sum(
            int(Path(f"/proc/{pid}/statm").read_text().split()[1])
            for pid in (self.pid, *_list_children(self.pid))
        )
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@contextmanager
def run_target(name: str, *arguments: str) -> Iterator[Target]:
    """Start `targets.py NAME` and wait until it prints its URL."""
    with run_server([sys.executable, "-u", str(HERE / "targets.py"), name, *arguments]) as target:
        yield target


@contextmanager
def run_server(words: Sequence[str], *, processor: int = 0) -> Iterator[Target]:
    """Start a server that prints its URL; end it when the block ends."""
    process = subprocess.Popen(pin(processor, words), stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        if not select.select([process.stdout], [], [], _START_S)[0]:
            sys.exit(f"{words} did not start in {_START_S} s")
        found = re.search(r"(http://\S+)(?: (\S+))?", process.stdout.readline())
        assert found, f"{words} did not start"
        yield Target(found[1], process.pid, found[2] or "bench")
    finally:
        process.terminate()
        try:
            process.wait(timeout=35)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def pin(processor: int, words: Sequence[str]) -> list[str]:
    """The command, on one processor if `taskset` is there and the machine has two."""
    if shutil.which("taskset") and (os.cpu_count() or 1) > 1:
        return ["taskset", "-c", str(processor), *words]
    return list(words)


def read_cpu_s(pid: int) -> float:
    """User and system seconds that a process and its ended children have used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(ticks) for ticks in fields[11:15]) / TICKS


def require_wrk() -> None:
    """Stop with the way out when wrk is missing; let this process and its children open enough
    sockets."""
    if not shutil.which("wrk"):
        sys.exit("the benchmarks need wrk: apt-get install wrk, or brew install wrk")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def write_result(
    name: str, figures: Mapping[str, float], columns: Sequence[tuple[str, str]]
) -> None:
    """Print a table of `columns` (key, label) and write benchmarks/out/NAME.json."""
    result: dict[str, Any] = {
        "name": name,
        "machine": describe_machine(),
        "load_average": os.getloadavg()[0],
        "figures": {key: round(value, 3) for key, value in figures.items()},
    }
    OUT.mkdir(exist_ok=True)
    (OUT / f"{name}.json").write_text(json.dumps(result, indent=2) + "\n")
    print(f"{name} on {result['machine']}, load average {result['load_average']:.2f}")
    for key, label in columns:
        print(f"  {label:<72} {format_figure(figures.get(key)):>10}")


def format_figure(value: float | None) -> str:
    """Three digits that count, or all before the point; `-` for what was not measured."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 1000 else f"{value:,.1f}" if value >= 10 else f"{value:.2f}"


def describe_machine() -> str:
    """Processor, how many, and the interpreter."""
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}"


def _find(pattern: str, report: str) -> float:
    match = re.search(pattern, report)
    return float(match[1]) if match else 0.0


def _find_ms(percentile: str, report: str) -> float:
    """A latency as wrk prints it, in us, ms or s."""
    match = re.search(rf"{percentile}\s+([\d.]+)(us|ms|s)", report)
    return float(match[1]) * {"us": 1e-3, "ms": 1.0, "s": 1e3}[match[2]] if match else 0.0


def _list_children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in listed.read_text().split()] if listed.exists() else []
