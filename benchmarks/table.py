"""Refreshes the tables in docs/benchmarks.md from benchmarks/out/*.json."""

import importlib
import json
from collections.abc import Mapping
from pathlib import Path

from measure import format_figure

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
        bench = importlib.import_module(f"bench_{result['name']}")
        figures = result["figures"]
        goals = [format_goal(goal, figures, dict(bench.COLUMNS)) for goal in bench.GOALS]
        rows = [f"| {label} | {format_figure(figures.get(key))} |" for key, label in bench.COLUMNS]
        parts.append(
            f"## {result['name']}\n\n{result['machine']}; load average "
            f"{result['load_average']:.2f}.\n\n| figure | value |\n|---|---:|\n"
            + "\n".join(rows)
            + "\n\nTo reach, and what was got:\n\n"
            + "\n".join(goals)
            + f"\n\n{bench.HELD_BACK_BY}\n"
        )
    DOCUMENT.write_text("\n".join(parts))


def format_goal(
    goal: tuple[str, str, float], figures: Mapping[str, float], labels: Mapping[str, str]
) -> str:
    """One line: what it is, the goal, the figure, and whether it was reached."""
    key, sign, limit = goal
    value = figures.get(key)
    if value is None:
        verdict = "not measured"
    else:
        is_reached = value <= limit if sign == "<=" else value >= limit
        verdict = f"got {format_figure(value)}: {'reached' if is_reached else '**not reached**'}"
    return f"- {labels[key]}: {sign} {limit:g}; {verdict}"


if __name__ == "__main__":
    main()
