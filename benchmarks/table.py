"""Refreshes the tables in docs/benchmarks.md from benchmarks/out/*.json."""

import importlib
import json
from pathlib import Path

HERE = Path(__file__).parent
DOCUMENT = HERE.parent / "docs" / "benchmarks.md"
INTRODUCTION = """# Benchmarks

Written by `make bench`. Absolute figures depend on the machine and on who shares it; the ratio to the bare
server, taken in the same run on the same stack (uvloop, httptools, our connection with its guard), says more.
Servers on one processor, wrk on the other; CPU is the server process's user and system time.
"""


def main() -> None:
    parts = [INTRODUCTION]
    for path in sorted((HERE / "out").glob("*.json")):
        result = json.loads(path.read_text())
        columns = importlib.import_module(f"bench_{result['name']}").COLUMNS
        parts.append(
            f"## {result['name']}\n\n{result['machine']}; load average "
            f"{result['load_average']:.2f}.\n\n| figure | value |\n|---|---:|\n"
            + "\n".join(f"| {label} | {result['figures'][key]:,.1f} |" for key, label in columns)
            + "\n"
        )
    DOCUMENT.write_text("\n".join(parts))


if __name__ == "__main__":
    main()
