"""The simulator as it is served, validation, token counts and ledger on disk included, beside a bare
server of the same stack and beside aimock on the same answers; then alone, without the ledger."""

import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import AbstractContextManager
from pathlib import Path
from urllib.request import Request, urlopen

from measure import HERE, Target, pin, read_cpu_s, require_wrk, run_server, run_target, write_result

COLUMNS = [
    ("baseline_cpu_us_per_request", "bare server, CPU µs a request"),
    ("cpu_us_per_request", "simulator with ledger, repeated prompt, CPU µs a request"),
    (
        "cpu_us_per_distinct_request",
        "simulator with ledger, distinct 50-word prompts, CPU µs a request",
    ),
    ("aimock_cpu_us_per_request", "aimock, repeated prompt, CPU µs a request"),
    ("ratio_to_baseline", "simulator with ledger, repeated prompt, ratio to the bare server"),
    ("requests_per_s", "simulator with ledger, repeated prompt, requests/s (32 connections)"),
    ("aimock_requests_per_s", "aimock, the same"),
    ("sse200_completions_per_s", "simulator with ledger, 200 streams, completions/s"),
    ("aimock_sse200_completions_per_s", "aimock, 200 streams, completions/s"),
    ("sse1000_completions_per_s", "simulator with ledger, 1,000 streams, completions/s"),
    ("aimock_sse1000_completions_per_s", "aimock, 1,000 streams, completions/s"),
    ("sse200_cpu_us_per_completion", "simulator with ledger, 200 streams, CPU µs a completion"),
    ("aimock_sse200_cpu_us_per_completion", "aimock, 200 streams, CPU µs a completion"),
    ("sse200_ratio_to_aimock", "completions/s, ratio to aimock, 200 streams"),
    ("sse1000_ratio_to_aimock", "completions/s, ratio to aimock, 1,000 streams"),
    ("stream_events", "events a completion"),
    ("rss_mb", "simulator with ledger, resident MB after the streams"),
    ("aimock_rss_mb", "aimock, the same"),
    ("start_s", "`tanzaku serve` from its start to its first answer, s (median of 5)"),
    ("pace_error_p99_ms", "1,000 paced streams of 25 chunks/s, p99 lateness of a chunk, ms"),
    ("pace_error_p50_ms", "the same, p50"),
    ("pace_gap_error_p99_ms", "the same, p99 of how far a gap is from 40 ms, ms"),
    (
        "pace_cpu_us_per_chunk",
        "server's CPU µs a paced chunk (25,000 chunks/s on a core need <= 40)",
    ),
    ("pace_chunks_per_s", "chunks a second that came meanwhile"),
    ("alone_cpu_us_per_request", "simulator alone, repeated prompt, CPU µs a request"),
    ("alone_cpu_us_per_distinct_request", "simulator alone, distinct prompts, CPU µs a request"),
    ("alone_sse200_completions_per_s", "simulator alone, 200 streams, completions/s"),
    ("not_ok", "answers that were not 2xx or did not come"),
]
GOALS = [
    ("cpu_us_per_request", "<=", 40.0),
    ("cpu_us_per_distinct_request", "<=", 100.0),
    ("sse200_ratio_to_aimock", ">=", 2.0),
    ("sse1000_ratio_to_aimock", ">=", 2.0),
    ("rss_mb", "<=", 120.0),
    ("start_s", "<=", 0.5),
    ("pace_error_p99_ms", "<=", 5.0),
]
HELD_BACK_BY = """What holds it back: Python on the event loop. The figures of the simulator alone stand above: what comes on top of them
is the gateway's reading and recording and the ledger's writer. A distinct prompt also pays for validation, the token count
and the improviser's text. All figures but the ratios grow with what else runs on the machine, and the lateness of paced
chunks most: 1,000 streams need three quarters of a processor for themselves."""
AIMOCK = HERE / "aimock"
_PACED_PROMPT = "Write an essay of 500 words about the history of the bicycle."
_GAP_S = 0.04
_STREAMS = 1000


def main() -> None:
    require_wrk()
    figures: dict[str, float] = {}
    not_ok = 0
    with run_target("baseline") as target:
        baseline = target.load("repeated.lua").cpu_us_per_request
    with run_target("server") as target:
        repeated = target.load("repeated.lua")
        figures |= {
            "baseline_cpu_us_per_request": baseline,
            "cpu_us_per_request": repeated.cpu_us_per_request,
            "ratio_to_baseline": repeated.cpu_us_per_request / baseline,
            "requests_per_s": repeated.requests_per_s,
        }
        distinct = target.load("distinct.lua")
        figures["cpu_us_per_distinct_request"] = distinct.cpu_us_per_request
        not_ok += repeated.not_ok + distinct.not_ok
    with run_target("server") as target:
        answer, chunks = ask(target, "stream.lua")
        figures["stream_events"] = chunks + 5
        not_ok += load_streams(target, figures, "")
        short, _ = ask(target, "repeated.lua")
    if is_aimock_ready():
        with run_aimock("repeated.lua", short, 1) as target:
            load = target.load("repeated.lua")
            figures["aimock_cpu_us_per_request"] = load.cpu_us_per_request
            figures["aimock_requests_per_s"] = load.requests_per_s
            not_ok += load.not_ok
        with run_aimock("stream.lua", answer, chunks) as target:
            assert ask(target, "stream.lua")[0] == answer
            not_ok += load_streams(target, figures, "aimock_")
        for name in ("sse200", "sse1000"):
            ours, theirs = (figures[f"{who}{name}_completions_per_s"] for who in ("", "aimock_"))
            figures[f"{name}_ratio_to_aimock"] = ours / theirs
    with run_target("simulator") as target:
        loads = [target.load("repeated.lua"), target.load("distinct.lua")]
        loads.append(target.load("stream.lua", connections=200))
        not_ok += sum(load.not_ok for load in loads)
        figures["alone_cpu_us_per_request"] = loads[0].cpu_us_per_request
        figures["alone_cpu_us_per_distinct_request"] = loads[1].cpu_us_per_request
        figures["alone_sse200_completions_per_s"] = loads[2].requests_per_s
    figures["start_s"] = statistics.median(measure_start() for _ in range(5))
    paced = measure_pace()
    not_ok += _STREAMS - int(paced["pace_streams"])
    write_result("simulator", figures | paced | {"not_ok": not_ok}, COLUMNS)


def load_streams(target: Target, figures: dict[str, float], who: str) -> int:
    """200, then 1,000 streams at once; how many answers failed."""
    not_ok = 0
    for connections in (200, 1000):
        load = target.load("stream.lua", connections=connections)
        figures[f"{who}sse{connections}_completions_per_s"] = load.requests_per_s
        figures[f"{who}sse{connections}_cpu_us_per_completion"] = load.cpu_us_per_request
        not_ok += load.not_ok
    figures[f"{who}rss_mb"] = target.read_rss_mb()
    return not_ok


def is_aimock_ready() -> bool:
    """Whether aimock is installed, as its lock file says; installs it where npm can."""
    if not shutil.which("npm") or not shutil.which("node"):
        print("aimock is left out: it needs node and npm", file=sys.stderr)
        return False
    if not (AIMOCK / "node_modules").exists():
        words = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        ended = subprocess.run(words, cwd=AIMOCK, timeout=180)
        if ended.returncode:
            print("aimock is left out: npm could not install it", file=sys.stderr)
            return False
    return True


def run_aimock(script: str, answer: str, chunks: int) -> AbstractContextManager[Target]:
    """aimock with one answer, cut into as many deltas as ours."""
    prompt = read_request(script)["messages"][0]["content"]
    size = -(-len(answer) // chunks)
    return run_server(["node", str(AIMOCK / "start.mjs"), prompt, answer, str(size)])


def read_request(script: str) -> dict[str, object]:
    """The request body that a wrk script sends."""
    found = re.search(r"wrk\.body = '(.*)'", (HERE / "requests" / script).read_text())
    assert found
    return json.loads(found[1])


def post(url: str, request: dict[str, object], key: str = "bench") -> bytes:
    """The body of the answer."""
    headers = {
        "content-type": "application/json",
        "x-api-key": key,
        "anthropic-version": "2023-06-01",
    }
    sent = Request(f"{url}/v1/messages", json.dumps(request).encode(), headers)
    with urlopen(sent, timeout=20) as answer:
        return answer.read()


def ask(target: Target, script: str) -> tuple[str, int]:
    """The text that `target` answers to a script's request, and in how many deltas."""
    request = read_request(script)
    streamed = post(target.url, request | {"stream": True})
    message = json.loads(post(target.url, request | {"stream": False}))
    return message["content"][0]["text"], streamed.count(b"event: content_block_delta")


def measure_start() -> float:
    """Seconds from the start of `tanzaku serve`, as a user types it, to its first whole answer."""
    command = str(Path(sys.executable).with_name("tanzaku"))
    with tempfile.TemporaryDirectory() as folder:
        words = [command, "serve", "--port", "0", "--ledger", f"{folder}/ledger.db"]
        began = time.perf_counter()
        with run_server(words) as target:
            post(target.url, read_request("repeated.lua"))
            return time.perf_counter() - began


def measure_pace() -> dict[str, float]:
    """See pace_client.py. The server's own figures are set so that a chunk is due every 40 ms."""
    request: dict[str, object] = {
        "model": "claude-haiku-4-5",
        "max_tokens": 300,
        "messages": [{"role": "user", "content": _PACED_PROMPT}],
    }
    with run_target("simulator") as target:
        whole = json.loads(post(target.url, request))
        request["stream"] = True
        chunks = post(target.url, request).count(b"event: content_block_delta")
    tokens_per_s = whole["usage"]["output_tokens"] / chunks / _GAP_S
    with run_target("server", f"ttft=200,tps={tokens_per_s!r}") as target:
        words = [sys.executable, str(HERE / "pace_client.py"), target.url, json.dumps(request)]
        words += [str(_STREAMS), str(_GAP_S)]
        before = read_cpu_s(target.pid)
        ended = subprocess.run(
            pin(1, words), check=True, capture_output=True, text=True, timeout=150
        )
        used_s = read_cpu_s(target.pid) - before
    return json.loads(ended.stdout) | {"pace_cpu_us_per_chunk": used_s * 1e6 / chunks / _STREAMS}


if __name__ == "__main__":
    main()
