wrk.method = "POST"
wrk.path = "/v1/messages"
wrk.headers["content-type"] = "application/json"
wrk.headers["x-api-key"] = os.getenv("BENCH_KEY") or "bench"
wrk.headers["anthropic-version"] = "2023-06-01"
wrk.body = '{"model":"claude-haiku-4-5","max_tokens":64,"messages":[{"role":"user","content":"Explain in one sentence what a hash map is and when you would use one."}]}'
