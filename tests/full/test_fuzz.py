"""20,000 generated requests: none is answered 5xx, none hangs, and every answer has its form.

Half and more come from Hypothesis: requests the API accepts, and the same with one place broken.
Bodies of the shapes alone come from the engine of schemathesis, fed with the JSON Schema that
pydantic derives of the request types. A 200 must parse by the official SDK's types, an error must
be the API's envelope with its `request-id` (behind a cloud's path: that cloud's own form).
"""

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from harness.fuzzed import KEY, Fuzz
from harness.generated import HAIKU, TEXTS, break_one_place, build_bodies
from tanzaku.transport import HeaderList
from tanzaku.wire import _schema

pytestmark = pytest.mark.full

SHARES = {
    # part: examples, requests in each, answered 200 at least
    "valid": (1_500, 3, 0.95),
    "broken": (1_300, 6, 0.12),
    "schema": (300, 3, 0.15),
    "families": (320, 10, 0.28),
    "clouds": (600, 2, 0.3),
    "odd": (2_400, 1, 0.0),
}


def run_part(name: str, use: Callable[[Fuzz, st.DataObject], None]) -> None:
    """Call `use` with as many examples as the part has."""
    examples, each, share = SHARES[name]
    with Fuzz() as fuzz:

        @settings(
            max_examples=examples,
            database=None,
            deadline=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(st.data())
        def run(data: st.DataObject) -> None:
            use(fuzz, data)

        run()
    # Examples that Hypothesis left off half way are not counted among its own, their requests are.
    assert fuzz.sent >= examples * each
    assert fuzz.answered >= share * fuzz.sent, fuzz.answered / fuzz.sent


def test_the_parts_are_20_000_requests_with_30_percent_answered() -> None:
    assert sum(examples * each for examples, each, _ in SHARES.values()) == 20_000
    assert sum(examples * each * share for examples, each, share in SHARES.values()) >= 6_000


def test_requests_the_api_accepts() -> None:
    def use(fuzz: Fuzz, data: st.DataObject) -> None:
        body = data.draw(build_bodies())
        fuzz.post("/v1/messages", body)
        fuzz.post("/v1/messages", body | {"stream": True})
        counted = body.keys() - {"max_tokens", "stop_sequences", "metadata", "service_tier"}
        fuzz.post("/v1/messages/count_tokens", {name: body[name] for name in sorted(counted)})

    run_part("valid", use)


BETAS = st.sampled_from(
    [
        [],
        [],
        [],
        [(b"anthropic-beta", b"files-api-2025-04-14")],
        [(b"anthropic-beta", b"interleaved-thinking-2025-05-14,message-threads-2026-09-08")],
        [(b"anthropic-workspace-id", b"wrkspc_1")],
    ]
)


def test_requests_broken_in_one_place() -> None:
    def use(fuzz: Fuzz, data: st.DataObject) -> None:
        body = data.draw(build_bodies())
        if data.draw(st.booleans()):
            body["stream"] = True
        headers = KEY + data.draw(BETAS)
        for _ in range(6):
            path = data.draw(st.sampled_from(["/v1/messages", "/v1/messages/count_tokens"]))
            if path.endswith("tokens"):
                kept = body.keys() - {"max_tokens", "stop_sequences", "stream", "metadata"}
                whole = {name: body[name] for name in sorted(kept - {"service_tier"})}
            else:
                whole = body
            fuzz.post(path, data.draw(break_one_place(whole)), headers)

    run_part("broken", use)


def build_openapi(kinds: dict[str, _schema.Body]) -> dict[str, Any]:
    """The bodies of paths as an OpenAPI document, from the types that requests are checked by."""
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    for path, kind in kinds.items():
        adapter: TypeAdapter[Any] = TypeAdapter(_schema.SHAPES[kind], config=_schema.CONFIG)
        schema = adapter.json_schema(ref_template="#/components/schemas/{model}")
        schemas |= schema.pop("$defs", {})
        if "model" in schema["properties"]:
            schema["properties"]["model"] = {"enum": [HAIKU, "claude-haiku-5-5"]}
        content = {"application/json": {"schema": schema}}
        post = {"requestBody": {"required": True, "content": content}, "responses": {}}
        paths[path] = {"post": post}
    info = {"title": "requests", "version": "1"}
    return {
        "openapi": "3.1.0",
        "info": info,
        "paths": paths,
        "components": {"schemas": schemas},
    }


def test_bodies_of_the_types_of_requests() -> None:
    operations = schemathesis.openapi.from_dict(
        build_openapi(
            {
                "/v1/messages": "messages",
                "/v1/messages/count_tokens": "count_tokens",
                "/v1/messages/batches": "batch",
            }
        )
    )
    cases = {path: operations[path]["POST"].as_strategy() for path in operations}

    def use(fuzz: Fuzz, data: st.DataObject) -> None:
        for path, strategy in cases.items():
            fuzz.post(path, data.draw(strategy).body)

    run_part("schema", use)


def build_form(data: st.DataObject) -> tuple[bytes, bytes]:
    """A multipart form, often a right one, and its content type."""
    name = data.draw(st.sampled_from(["file", "file", "file", "file", "other", ""]))
    filename = data.draw(st.sampled_from(['; filename="a.txt"', '; filename="ä\\".pdf"', "", ";;"]))
    kind = data.draw(
        st.sampled_from(["\r\nContent-Type: text/plain", "", "\r\nContent-Type: \xff"])
    )
    content = data.draw(st.binary(max_size=60) | st.just(b"%PDF-1.7\n"))
    head = f'Content-Disposition: form-data; name="{name}"{filename}{kind}\r\n\r\n'
    parts = [head.encode("utf-8") + content]
    expiry = data.draw(st.sampled_from(["", "", "3600", "x", "-1", "9" * 30]))
    if expiry:
        disposition = 'Content-Disposition: form-data; name="expires_in_seconds"'
        parts.append(f"{disposition}\r\n\r\n{expiry}".encode())
    body = b"".join(b"--b\r\n" + part + b"\r\n" for part in parts)
    body += data.draw(st.sampled_from([b"--b--\r\n", b"--b--\r\n", b"--b--", b"", b"--"]))
    boundary = data.draw(st.sampled_from([b"b", b"b", b"b", b"b", b'"b"', b"", b"c"]))
    return body, b"multipart/form-data; boundary=" + boundary


QUERIES = st.sampled_from(
    [
        "",
        "",
        "?limit=1",
        "?limit=0",
        "?limit=x",
        "?after_id=a",
        "?page=%FF",
        "?ids=a&ids[]=b",
        "?%",
        "?limit=1&limit=2",
        "?lifecycle=retired",
        "?lifecycle[]=active&beta=true",
        "?before_id=",
        "?=&&",
    ]
)
ROOTS = {"file": "/v1/files", "msgbatch": "/v1/messages/batches"}


def do_one(
    fuzz: Fuzz, data: st.DataObject, ids: list[str], headers: HeaderList
) -> tuple[int, bytes]:
    """One call of the batches, files or models."""
    deed = data.draw(
        st.sampled_from(["upload", "batch", "one", "one", "one", "list", "model", "use"])
    )
    known = data.draw(st.sampled_from([*ids * 4, "file_unknown", "msgbatch_%00", "claude-x"]))
    root = ROOTS.get(known.partition("_")[0], "/v1/models")
    match deed:
        case "upload":
            form, kind = build_form(data)
            return fuzz.send("POST", "/v1/files", form, [*headers, (b"content-type", kind)])
        case "batch":
            params = data.draw(
                st.lists(build_bodies() | st.just({"model": 3}), min_size=1, max_size=3)
            )
            if data.draw(st.booleans()):
                params[0] = data.draw(break_one_place(params[0]))
            items = [
                {"custom_id": f"id{number}", "params": one} for number, one in enumerate(params)
            ]
            return fuzz.post("/v1/messages/batches", {"requests": items}, headers)
        case "one":
            method = data.draw(st.sampled_from(["GET", "GET", "GET", "DELETE", "POST"]))
            action = data.draw(
                st.sampled_from(["", "", "", "/results", "/results", "/content", "/cancel", "/x"])
            )
            return fuzz.send(method, f"{root}/{known}{action}", b"", headers)
        case "list":
            return fuzz.send("GET", root + data.draw(QUERIES), b"", headers)
        case "model":
            name = data.draw(
                st.sampled_from([HAIKU, "claude-opus-5-5", "claude-2.1", "%F0", "a b"])
            )
            return fuzz.send("GET", f"/v1/models/{name}", b"", headers)
    source = {"type": "file", "file_id": known}
    block = {"type": data.draw(st.sampled_from(["document", "image"])), "source": source}
    turn = {"role": "user", "content": [block, {"type": "text", "text": data.draw(TEXTS)}]}
    return fuzz.post(
        "/v1/messages", {"model": HAIKU, "max_tokens": 90, "messages": [turn]}, headers
    )


def test_batches_files_and_models() -> None:
    def use(fuzz: Fuzz, data: st.DataObject) -> None:
        fuzz.restart()
        ids: list[str] = []
        headers = KEY + data.draw(BETAS)
        for _ in range(10):
            status, body = do_one(fuzz, data, ids, headers)
            fuzz.clock.advance(data.draw(st.sampled_from([0.0, 1.0, 1.0, 3600.0, 90_000.0])))
            if status == 200 and body.startswith(b'{"id"'):
                named = json.loads(body).get("id", "")
                ids += [named] if named.startswith(("file_", "msgbatch_")) else []

    run_part("families", use)


PROJECT = "/v1/projects/p/locations/us-east5/publishers/anthropic/models"
BEARER = [(b"authorization", b"Bearer t")]


def test_paths_of_the_clouds() -> None:
    models = {
        f"/model/us.anthropic.{HAIKU}-20251001-v1:0/invoke": "bedrock-2023-05-31",
        f"/model/us.anthropic.{HAIKU}-20251001-v1%3A0/invoke-with-response-stream": "bedrock-2023-05-31",
        f"/model/{HAIKU}/invoke": "bedrock-2023-05-31",
        "/model/arn:aws:x/%FF/invoke": "bedrock-2023-05-31",
        f"{PROJECT}/{HAIKU}@20251001:rawPredict": "vertex-2023-10-16",
        f"{PROJECT}/{HAIKU}@20251001:streamRawPredict": "vertex-2023-10-16",
        f"{PROJECT}/count-tokens:rawPredict": "vertex-2023-10-16",
        f"{PROJECT}/x:rawPredict": "vertex-2023-10-16",
        "/v1/projects/": "vertex-2023-10-16",
        "/anthropic/v1/messages": "",
        "/anthropic/v1/nothing": "",
    }

    def use(fuzz: Fuzz, data: st.DataObject) -> None:
        body = data.draw(build_bodies())
        path = data.draw(st.sampled_from(sorted(models)))
        if path.startswith("/anthropic"):
            body["model"] = data.draw(st.sampled_from([HAIKU, f"anthropic.{HAIKU}"]))
        else:
            del body["model"]
            body["anthropic_version"] = models[path]
        if "streamRaw" in path:
            body["stream"] = True
        if "count-tokens" in path:
            kept = body.keys() - {"max_tokens", "stop_sequences", "metadata", "service_tier"}
            body = {name: body[name] for name in sorted(kept)} | {"model": f"{HAIKU}@20251001"}
        # What manual thinking of the other model has is not for this one.
        if body.get("thinking") == {"type": "adaptive"}:
            del body["thinking"]
        fuzz.post(path, body, [*KEY, *BEARER])
        credential = data.draw(st.sampled_from([BEARER, [], [(b"authorization", b"AWS4-HMAC x")]]))
        fuzz.post(path, data.draw(break_one_place(body)), [KEY[1], *credential])

    run_part("clouds", use)


PLAIN = json.dumps(
    {"model": HAIKU, "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
).encode()
BODIES = st.binary(max_size=80) | st.sampled_from(
    [
        PLAIN,
        PLAIN[:-1],
        PLAIN * 2,
        b"\xef\xbb\xbf" + PLAIN,
        PLAIN.decode().encode("utf-16"),
        gzip.compress(PLAIN, mtime=0),
        gzip.compress(PLAIN, mtime=0)[:-9],
        gzip.compress(b"0" * 10**6),
        b"[" * 10000,
        b'{"a":' * 500,
        b"NaN",
        b'{"model":NaN}',
        b'{"a":1e999}',
        b'"\\ud800"',
        b"{}",
        PLAIN.replace(b"Hi", b"\\ud800"),
        PLAIN.replace(b"Hi", b"\xff"),
        PLAIN.replace(b"9", b"9" * 5000),
    ]
)
TARGETS = st.sampled_from(
    [
        "/v1/messages",
        "/v1/messages",
        "/v1/messages?beta=true",
        "/v1/messages/count_tokens",
        "/v1/messages/batches",
        "/v1/files",
        "/v1/models",
        "/v1/complete",
        "/v1/agents/a",
        "/",
        "*",
        "",
        "/v1",
        "/v1/",
        "/v1//",
        "//",
        "/v1/messages/",
        "/v1/messages/batches//results",
        "/v1/files/%00",
        "/model//invoke",
        "/anthropic/",
        "http://[",
        "/v1/organizations/x?",
        "/v1/messages#a",
        "?",
    ]
) | st.text(st.characters(min_codepoint=0x21, max_codepoint=0xFF), max_size=30).map("/".__add__)
LINES = st.tuples(
    st.sampled_from(
        [
            b"anthropic-beta",
            b"anthropic-version",
            b"authorization",
            b"content-encoding",
            b"host",
            b"content-type",
            b"anthropic-workspace-id",
            b"x-api-key",
            b"accept",
            b"content-length",
            b"x-stainless-retry-count",
            b"x-odd",
            b"expect",
            b"idempotency-key",
        ]
    ),
    st.binary(max_size=20).map(lambda value: value.translate(None, b"\r\n\0"))
    | st.sampled_from([b"gzip", b"deflate", b"br", b"zstd", b"gzip, gzip", b"identity", b"Bearer "])
    | st.sampled_from(
        [b"2023-06-01", b"2023-01-01", b"multipart/form-data; boundary=", b"-1", b",,"]
    ),
)


def test_odd_methods_paths_headers_and_bytes() -> None:
    def use(fuzz: Fuzz, data: st.DataObject) -> None:
        method = data.draw(
            st.sampled_from(["POST", "POST", "GET", "DELETE", "PUT", "HEAD", "BREW"])
        )
        given_key = data.draw(st.sampled_from([KEY, KEY, KEY, []]))
        headers: HeaderList = [*data.draw(st.lists(LINES, max_size=3)), *given_key]
        fuzz.send(method, data.draw(TARGETS), data.draw(BODIES), headers)

    run_part("odd", use)
