"""How many of the planted bugs (benchmarks/planted) are found from the OpenAPI document alone: by the
generated suites, by those and `tanzaku fuzz`, and by Schemathesis alone. Each twin runs in a process of
its own; a bug is found when the suites are red on its server, and nothing may be red on a correct one.

    python benchmarks/bench_generator.py [--suites-only] [BUG...]
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from measure import OUT, write_result  # noqa: E402

from benchmarks.planted.catalogue import BUGS, SERVICES, document, key  # noqa: E402

BIN = Path(sys.executable).parent
SECONDS_OF_FUZZ = 60
EXAMPLES_OF_SCHEMATHESIS = 30
COLUMNS = [
    ("planted", "planted bugs"),
    ("found", "found by generated suites and fuzz"),
    ("found_by_suites", "found by generated suites alone"),
    ("found_share", "found, share of the planted"),
    ("false_findings", "findings on the correct services"),
    ("cases", "generated cases, all five services"),
    ("generate_s", "importing and generating, five documents, s"),
    ("suites_s", "executing the suites on a service, median s"),
    ("schemathesis_found", f"Schemathesis alone (-n {EXAMPLES_OF_SCHEMATHESIS}), found"),
    ("schemathesis_false_findings", "Schemathesis alone, findings on the correct services"),
    ("schemathesis_s", "Schemathesis on a service, median s"),
]
GOALS = [("found_share", ">=", 0.95), ("false_findings", "<=", 0.0)]
HELD_BACK_BY = """A bug counts for Schemathesis when its failures on the faulty service are others than on the correct
one. `benchmarks/out/generator-bugs.jsonl` has the table by bug."""


@dataclass(frozen=True, slots=True)
class Found:
    """What was red, by name; the seconds it took."""

    names: frozenset[str]
    seconds: float


def run(words: list[str], folder: Path, environment: dict[str, str]) -> tuple[int, str]:
    done = subprocess.run(
        words,
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    return done.returncode, done.stdout + done.stderr


@contextmanager
def serve(service: str, bug: str | None) -> Iterator[str]:
    words = [sys.executable, "-m", "benchmarks.planted", service, *([bug] if bug else [])]
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().split()[0]
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


class Bench:
    """One service's project, made once from its document."""

    def __init__(self, service: str, folder: Path) -> None:
        self.service = service
        self.folder = folder
        (folder / "tanzaku.yaml").write_text(
            f"tanzaku: project/v1\nname: {service}\nenvironment: local\n"
        )
        self.document = folder / f"{service}.json"
        self.document.write_text(json.dumps(document(service), ensure_ascii=False))
        self._tanzaku("import", str(self.document))
        self._tanzaku("generate")
        self.environment = folder / "environments" / "local.yaml"
        text = self.environment.read_text(encoding="utf-8")
        (value,) = key(service).values()
        self.secrets = dict.fromkeys(re.findall(r"env: (\w+)", text), value)

    def test(self, url: str) -> Found:
        """The cases that are red on the service at `url`."""
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place) / "project"
            run(["cp", "-r", str(self.folder), str(folder)], Path(place), {})
            self._point(folder, url)
            report = folder / "report.json"
            words = [str(BIN / "tanzaku"), "test", "-e", "local", "--json", str(report)]
            started = time.monotonic()
            code, said = run(words, folder, self.secrets)
            seconds = time.monotonic() - started
            if code not in (0, 1, 3):
                raise RuntimeError(f"{self.service}: exit code {code}\n{said[-3000:]}")
            cases = json.loads(report.read_text(encoding="utf-8"))["cases"]
        red = {one["case"] for one in cases if one["verdict"] in ("failed", "error")}
        return Found(frozenset(red), seconds)

    def fuzz(self, url: str) -> Found:
        """The operations and checks that `tanzaku fuzz` finds fault with."""
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place) / "project"
            run(["cp", "-r", str(self.folder), str(folder)], Path(place), {})
            self._point(folder, url)
            words = [str(BIN / "tanzaku"), "fuzz", "--json", "--max-time", str(SECONDS_OF_FUZZ)]
            started = time.monotonic()
            code, said = run(words, folder, self.secrets)
            seconds = time.monotonic() - started
        if code not in (0, 1):
            raise RuntimeError(f"{self.service}: exit code {code}\n{said[-3000:]}")
        found = json.loads(said[said.index("{") :])["findings"]
        return Found(frozenset(f"{one['operation']} {one['check']}" for one in found), seconds)

    def ask_schemathesis(self, url: str) -> Found:
        """The operations and checks that Schemathesis itself finds fault with."""
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            ((scheme, value),) = key(self.service).items()
            kind = document(self.service)["components"]["securitySchemes"][scheme]
            secret = "bearer" if kind["type"] == "http" else "api_key"
            config = f'[auth.openapi.{scheme}]\n{secret} = "{value}"\n'
            (folder / "schemathesis.toml").write_text(config)
            report = folder / "report.json"
            words = [str(BIN / "st"), "run", str(self.document), "-u", url, "--no-color"]
            words += ["-n", str(EXAMPLES_OF_SCHEMATHESIS), "--continue-on-failure"]
            words += ["--seed", "1", "--report-json-path", str(report)]
            started = time.monotonic()
            code, said = run(words, folder, {})
            seconds = time.monotonic() - started
            if code not in (0, 1) or not report.exists():
                raise RuntimeError(f"{self.service}: exit code {code}\n{said[-3000:]}")
            return Found(frozenset(read_schemathesis(json.loads(report.read_text()))), seconds)

    def count_cases(self) -> int:
        texts = [path.read_text(encoding="utf-8") for path in self.folder.rglob("*.suite.yaml")]
        return sum(len(re.findall(r"(?m)^\s*- id: ", text)) for text in texts)

    def _tanzaku(self, *words: str) -> None:
        code, said = run([str(BIN / "tanzaku"), *words], self.folder, {})
        if code:
            raise RuntimeError(f"{self.service}: {words} ended with {code}\n{said[-3000:]}")

    def _point(self, folder: Path, url: str) -> None:
        path = folder / "environments" / self.environment.name
        text = path.read_text(encoding="utf-8")
        path.write_text(re.sub(r"base_url: .*", f"base_url: {url}", text), encoding="utf-8")


def read_schemathesis(report: dict[str, Any]) -> Iterator[str]:
    for failure in report["failures"]:
        for operation in failure["operations"]:
            yield f"{failure['type']} {operation}"


@dataclass(slots=True)
class Row:
    """One bug's, and by what it was found."""

    bug: str
    by_suites: bool
    by_fuzz: bool | None = None
    by_schemathesis: bool | None = None

    @property
    def is_found(self) -> bool:
        return self.by_suites or bool(self.by_fuzz)


def measure_service(bench: Bench, wanted: set[str], *, suites_only: bool) -> "Measured":
    """The suites on the correct service and every twin; fuzz on those they miss."""
    with serve(bench.service, None) as url:
        correct = bench.test(url)
    measured = Measured(sorted(correct.names), [correct.seconds])
    known: Found | None = None
    fuzzed: Found | None = None
    for bug in (bug for bug in BUGS if bug.service == bench.service and bug.id in wanted):
        with serve(bench.service, bug.id) as url:
            found = bench.test(url)
        row = Row(bug.id, bool(found.names - correct.names))
        measured.rows.append(row)
        measured.suite_seconds.append(found.seconds)
        if not suites_only:
            if not row.by_suites:
                fuzzed = fuzzed or ask(bench, None, bench.fuzz)
                row.by_fuzz = bool(ask(bench, bug.id, bench.fuzz).names - fuzzed.names)
            known = known or ask(bench, None, bench.ask_schemathesis)
            theirs = ask(bench, bug.id, bench.ask_schemathesis)
            row.by_schemathesis = bool(theirs.names ^ known.names)
            measured.their_seconds.append(theirs.seconds)
        print(f"{row}  {sorted(found.names)[:3]}", flush=True)
    measured.false_names += sorted(fuzzed.names) if fuzzed else []
    measured.their_false = len(known.names) if known else 0
    return measured


@dataclass(slots=True)
class Measured:
    """What one service's twins gave."""

    false_names: list[str]
    suite_seconds: list[float]
    their_seconds: list[float] = field(default_factory=list)
    their_false: int = 0
    rows: list[Row] = field(default_factory=list)


def ask(bench: Bench, bug: str | None, tool: Callable[[str], Found]) -> Found:
    with serve(bench.service, bug) as url:
        return tool(url)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bugs", nargs="*", metavar="BUG")
    parser.add_argument("--suites-only", action="store_true")
    words = parser.parse_args()
    wanted = set(words.bugs) or {bug.id for bug in BUGS}
    services = [one for one in SERVICES if any(bug.startswith(f"{one}-") for bug in wanted)]
    with tempfile.TemporaryDirectory() as place, ThreadPoolExecutor(2) as pool:
        started = time.monotonic()
        benches = []
        for service in services:
            folder = Path(place) / service
            folder.mkdir()
            benches.append(Bench(service, folder))
        generate_s = time.monotonic() - started
        measured = list(
            pool.map(
                lambda bench: measure_service(bench, wanted, suites_only=words.suites_only), benches
            )
        )
        cases = sum(bench.count_cases() for bench in benches)
    rows = [row for one in measured for row in one.rows]
    for one in measured:
        for name in one.false_names:
            print(f"false: {name}")
    print("missed:", *(row.bug for row in rows if not row.is_found), sep="\n  ")
    figures: dict[str, float] = {
        "planted": len(rows),
        "found": sum(row.is_found for row in rows),
        "found_by_suites": sum(row.by_suites for row in rows),
        "found_share": sum(row.is_found for row in rows) / len(rows),
        "false_findings": sum(len(one.false_names) for one in measured),
        "cases": cases,
        "generate_s": generate_s,
        "suites_s": statistics.median(second for one in measured for second in one.suite_seconds),
    }
    if not words.suites_only:
        figures["schemathesis_found"] = sum(bool(row.by_schemathesis) for row in rows)
        figures["schemathesis_false_findings"] = sum(one.their_false for one in measured)
        figures["schemathesis_s"] = statistics.median(
            second for one in measured for second in one.their_seconds
        )
    write_result("generator", figures, COLUMNS)
    lines = [json.dumps(asdict(row)) + "\n" for row in rows]
    (OUT / "generator-bugs.jsonl").write_text("".join(lines))


if __name__ == "__main__":
    main()
