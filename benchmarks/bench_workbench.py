"""The workbench as a person runs it: 1,000 cases on the simulator, an import, a start.

The document to import is the one named on the command line or in TANZAKU_BENCH_OPENAPI; without one
a document of as many paths is made up.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from measure import write_result

from tanzaku.core import SystemClock
from tanzaku.server import Server
from tanzaku.transport import HttpClient, HttpRequest, new_event_loop, read_all

COLUMNS = [
    (
        "cases_1000_s",
        "1,000 cases on the simulator by `tanzaku test`, start included, s (median of 3)",
    ),
    ("bare_1000_s", "the same 1,000 requests sent bare to a simulator in this process, s"),
    ("cases_ratio_to_bare", "the cases, ratio to the bare requests"),
    ("import_61_paths_s", "`tanzaku import` of a document of 61 paths, s (median of 3)"),
    ("cli_start_ms", "`tanzaku --help`, ms (median of 9)"),
    ("python_start_ms", "`python -c pass`, ms (median of 9)"),
    ("cli_start_ratio_to_python", "`tanzaku --help`, ratio to the bare interpreter"),
    ("not_passed", "cases that did not pass"),
]
GOALS = [
    ("cases_1000_s", "<=", 10.0),
    ("import_61_paths_s", "<=", 3.0),
    ("cli_start_ms", "<=", 250.0),
]
HELD_BACK_BY = """What holds it back: server and client share one process, and so one core; most of a case is the simulator's
own work (the bare requests show it), the rest reading the suite's YAML and writing the execution's log."""
_CASES = 1000
_PATHS = 61
_TANZAKU = str(Path(sys.executable).parent / "tanzaku")
_MODEL = "claude-haiku-4-5"
_HEADERS = [
    (b"content-type", b"application/json"),
    (b"x-api-key", b"local"),
    (b"anthropic-version", b"2023-06-01"),
]


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        bodies = [build_body(number) for number in range(_CASES)]
        write_cases(root, bodies)
        cases_s = statistics.median(time_command(["test", str(root)]) for _ in range(3))
        bare_s = statistics.median(send_bare(bodies) for _ in range(3))
        not_passed = count_not_passed(root)
        document = find_document(root)
        import_s = statistics.median(
            time_command(["import", str(document), "--into", str(root / f"imported{turn}")])
            for turn in range(3)
        )
    start_ms = statistics.median(time_command(["--help"]) for _ in range(9)) * 1000
    python_ms = (
        statistics.median(time_words([sys.executable, "-c", "pass"]) for _ in range(9)) * 1000
    )
    figures = {
        "cases_1000_s": cases_s,
        "bare_1000_s": bare_s,
        "cases_ratio_to_bare": cases_s / bare_s,
        "import_61_paths_s": import_s,
        "cli_start_ms": start_ms,
        "python_start_ms": python_ms,
        "cli_start_ratio_to_python": start_ms / python_ms,
        "not_passed": not_passed,
    }
    write_result("workbench", figures, COLUMNS)


def build_body(number: int) -> dict[str, Any]:
    """Short prompts, no two alike; every fifth answer is streamed, every tenth request refused."""
    return {
        "model": _MODEL,
        "max_tokens": -1 if number % 10 == 9 else 20 + number % 50,
        "stream": number % 5 == 0,
        "messages": [{"role": "user", "content": f"Question {number}: which tea is it?"}],
    }


def write_cases(root: Path, bodies: Sequence[dict[str, Any]]) -> None:
    files: dict[str, Any] = {
        "tanzaku.yaml": {"tanzaku": "project/v1", "environment": "mock"},
        "environments/mock.yaml": {
            "tanzaku": "environment/v1",
            "upstream": "simulator",
            "headers": {"anthropic-version": "2023-06-01", "x-api-key": "local"},
        },
        "requests/ask.yaml": {
            "tanzaku": "request/v1",
            "method": "POST",
            "path": "/v1/messages",
            "body": {},
        },
        "suites/cases.suite.yaml": {
            "tanzaku": "suite/v1",
            "defaults": {"use": "requests/ask.yaml"},
            "cases": [build_case(number, body) for number, body in enumerate(bodies)],
        },
    }
    for name, content in files.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(json.dumps(content, indent=1), encoding="utf-8")


def build_case(number: int, body: dict[str, Any]) -> dict[str, Any]:
    if body["max_tokens"] < 0:
        expect: list[Any] = [{"status": 400}, {"error.type": "invalid_request_error"}]
    else:
        expect = [{"status": 200}, {"usage.output_tokens": {"lte": body["max_tokens"]}}]
    return {"id": f"case-{number}", "with": {"body": body}, "expect": expect}


def count_not_passed(root: Path) -> int:
    log = max(
        root.glob(".tanzaku/executions/*/events.jsonl"), key=lambda path: path.stat().st_mtime
    )
    last = json.loads(log.read_text(encoding="utf-8").splitlines()[-1])
    return _CASES - int(last["counts"]["passed"])


def send_bare(bodies: Sequence[dict[str, Any]]) -> float:
    """Seconds for the requests alone, one after another, their answers read to the end."""

    async def send_all() -> float:
        async with Server() as server, HttpClient(clock=SystemClock()) as client:
            started = time.perf_counter()
            for body in bodies:
                request = HttpRequest(
                    "POST", "/v1/messages", _HEADERS, json.dumps(body).encode("utf-8")
                )
                await read_all(await client.send(request, base_url=server.url))
            return time.perf_counter() - started

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(send_all())


def find_document(root: Path) -> Path:
    named = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("TANZAKU_BENCH_OPENAPI")
    if named:
        return Path(named).resolve()
    path = root / "made-up.json"
    path.write_text(json.dumps(make_document()), encoding="utf-8")
    return path


def make_document() -> dict[str, Any]:
    """As many paths as the Claude API's document has, each with a body of thirty fields."""
    fields = {
        f"field_{number}": {"type": ("string", "integer", "boolean")[number % 3]}
        for number in range(30)
    }
    thing = {"type": "object", "properties": fields, "required": list(fields)[:5]}
    reply = {"description": "ok", "content": {"application/json": {"schema": _refer()}}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Made up", "version": "1"},
        "paths": {
            f"/things/{number}/{{id}}": {
                "parameters": [
                    {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
                ],
                "get": {"operationId": f"get_{number}", "responses": {"200": reply}},
                "post": {
                    "operationId": f"make_{number}",
                    "requestBody": {"content": {"application/json": {"schema": _refer()}}},
                    "responses": {"200": reply},
                },
            }
            for number in range(_PATHS)
        },
        "components": {"schemas": {"Thing": thing}},
    }


def _refer() -> dict[str, str]:
    return {"$ref": "#/components/schemas/Thing"}


def time_command(words: Sequence[str]) -> float:
    return time_words([_TANZAKU, *words])


def time_words(words: Sequence[str]) -> float:
    """Seconds until a process has ended; one that fails with more than a failed case ends this."""
    started = time.perf_counter()
    done = subprocess.run(words, capture_output=True, text=True, timeout=300)
    seconds = time.perf_counter() - started
    if done.returncode not in {0, 1}:
        raise SystemExit(done.stdout + done.stderr)
    return seconds


if __name__ == "__main__":
    main()
