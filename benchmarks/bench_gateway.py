"""The gateway: as it is served (simulator in process, ledger on disk), and alone in front of a
simulator in another process, beside a bare server of the same stack."""

from measure import require_wrk, run_target, write_result

COLUMNS = [
    ("baseline_cpu_us_per_request", "bare server, CPU µs a request"),
    ("cpu_us_per_request", "gateway + simulator + ledger, repeated, CPU µs a request"),
    ("cpu_us_per_distinct_request", "the same, distinct 50-word prompts"),
    ("ratio_to_baseline", "repeated prompt, ratio to the bare server"),
    ("requests_per_s", "repeated prompt, requests/s (32 connections)"),
    ("sse200_completions_per_s", "200 streams, completions/s"),
    ("sse200_cpu_us_per_completion", "200 streams, CPU µs a completion"),
    ("forward_cpu_us_per_request", "gateway alone, forwarding over a socket, CPU µs a request"),
    ("not_ok", "answers that were not 2xx"),
]


def main() -> None:
    require_wrk()
    with run_target("baseline") as target:
        baseline = target.load("repeated.lua")
    with run_target("server") as target:
        repeated = target.load("repeated.lua")
        distinct = target.load("distinct.lua")
        streams = target.load("stream.lua", connections=200)
    with run_target("simulator") as upstream, run_target("gateway", upstream.url) as target:
        forwarded = target.load("repeated.lua")
    loads = (repeated, distinct, streams, forwarded)
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
            "forward_cpu_us_per_request": forwarded.cpu_us_per_request,
            "not_ok": sum(load.not_ok for load in loads),
        },
        COLUMNS,
    )


if __name__ == "__main__":
    main()
