"""The gateway with its ledger on disk, forwarding over a socket to a simulator in another process,
beside a bare server of the same stack. CPU is the gateway process's alone; both share a processor."""

from measure import require_wrk, run_target, write_result

COLUMNS = [
    ("baseline_cpu_us_per_request", "bare server, CPU µs a request"),
    ("cpu_us_per_request", "gateway with ledger, repeated prompt, CPU µs a request"),
    (
        "cpu_us_per_distinct_request",
        "gateway with ledger, distinct 50-word prompts, CPU µs a request",
    ),
    ("ratio_to_baseline", "repeated prompt, ratio to the bare server"),
    ("requests_per_s", "repeated prompt, requests/s through both (32 connections)"),
    ("sse200_completions_per_s", "200 streams, completions/s through both"),
    ("sse200_cpu_us_per_completion", "200 streams, CPU µs a completion"),
    ("not_ok", "answers that were not 2xx or did not come"),
]
GOALS = [("cpu_us_per_request", "<=", 150.0)]
HELD_BACK_BY = """What holds it back was not profiled for this way through; the bare server's figure of the same run says
how much of it is the machine."""


def main() -> None:
    require_wrk()
    with run_target("baseline") as target:
        baseline = target.load("repeated.lua")
    with run_target("simulator") as upstream, run_target("gateway", upstream.url) as target:
        repeated = target.load("repeated.lua")
        distinct = target.load("distinct.lua")
        streams = target.load("stream.lua", connections=200)
    write_result(
        "gateway",
        {
            "baseline_cpu_us_per_request": baseline.cpu_us_per_request,
            "cpu_us_per_request": repeated.cpu_us_per_request,
            "cpu_us_per_distinct_request": distinct.cpu_us_per_request,
            "ratio_to_baseline": repeated.cpu_us_per_request / baseline.cpu_us_per_request,
            "requests_per_s": repeated.requests_per_s,
            "sse200_completions_per_s": streams.requests_per_s,
            "sse200_cpu_us_per_completion": streams.cpu_us_per_request,
            "not_ok": repeated.not_ok + distinct.not_ok + streams.not_ok,
        },
        COLUMNS,
    )


if __name__ == "__main__":
    main()
