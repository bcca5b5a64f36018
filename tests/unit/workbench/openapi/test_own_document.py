"""The document of the API that Tanzaku serves says what the simulator does."""

import asyncio
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from tanzaku.core import SseDecoder, VirtualClock
from tanzaku.simulator import SERVED, Simulator, explain_unserved
from tanzaku.transport import HttpRequest
from tanzaku.wire import API_VERSIONS, validate_shape
from tanzaku.workbench.openapi import (
    OPERATIONS,
    Document,
    Operation,
    build_own_document,
    check_document,
    import_document,
    parse_document,
)
from tanzaku.workbench.project import build_request, load_environment, load_project, load_request

NEWEST = API_VERSIONS[-1]


@cache
def read(version: str = NEWEST) -> Document:
    return parse_document(json.dumps(build_own_document(version)), "own.json")


def find(operation_id: str) -> Operation:
    operation = read().find_operation(operation_id)
    assert operation is not None
    return operation


def judge(schema: Any) -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for(read().bundle(schema))


def ask(
    method: str, target: str, body: bytes = b"", version: str = NEWEST
) -> tuple[int, Mapping[str, str], bytes]:
    headers = [(b"x-api-key", b"any"), (b"anthropic-version", version.encode())]

    async def run() -> tuple[int, Mapping[str, str], bytes]:
        simulator = Simulator(clock=VirtualClock(1_790_000_000))
        answer = await simulator(HttpRequest(method, target, headers, body))
        given = answer.body
        whole = given if isinstance(given, bytes) else b"".join([chunk async for chunk in given])
        await simulator.close()
        return answer.status, {n.decode(): v.decode() for n, v in answer.headers}, whole

    return asyncio.run(run())


def test_it_is_an_openapi_document_in_order() -> None:
    for version in API_VERSIONS[1:]:
        assert list(OpenAPIV31SpecValidator(build_own_document(version)).iter_errors()) == []
        assert check_document(read(version)) == []


def test_its_operations_are_those_the_simulator_serves() -> None:
    assert {(one.method, one.path) for one in read().operations} == set(SERVED)


EXAMPLES = [
    (operation.id, name, body) for operation in OPERATIONS for name, body in operation.examples.items()
]  # fmt: skip


@pytest.mark.parametrize(("operation_id", "name", "body"), EXAMPLES)
def test_its_examples_fit_their_schemas_and_are_answered_as_it_says(
    operation_id: str, name: str, body: dict[str, Any]
) -> None:
    operation = find(operation_id)
    judge(operation.request_bodies["application/json"].schema).validate(body)
    status, headers, answer = ask(operation.method, operation.path, json.dumps(body).encode())
    assert status == 200
    kind = headers["content-type"]
    content = operation.responses["200"].contents[kind.partition(";")[0]]
    if name != "stream":
        judge(content.schema).validate(json.loads(answer))
        return
    each = judge(content.event_schema)
    frames = list(SseDecoder().feed(answer))
    assert len(frames) > 5
    for frame in frames:
        each.validate(json.loads(frame.data))


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/v1/models?limit=2", 200),
        ("GET", "/v1/models/claude-haiku-4-5", 200),
        ("GET", "/v1/models/none", 404),
        ("GET", "/v1/messages/batches", 200),
        ("GET", "/v1/files", 200),
        ("POST", "/v1/messages", 400),
    ],
)
def test_an_answer_and_its_headers_are_as_it_says(method: str, target: str, status: int) -> None:
    answered, headers, body = ask(method, target)
    assert answered == status
    path = target.partition("?")[0]
    if path.startswith("/v1/models/"):
        path = "/v1/models/{model_id}"
    (operation,) = [one for one in read().operations if (one.method, one.path) == (method, path)]
    schema = operation.find_schema(status, headers["content-type"])
    judge(schema).validate(json.loads(body))
    response = operation.find_response(status)
    assert response is not None
    for name in headers.keys() & response.headers.keys():
        value = headers[name]
        judge(response.headers[name].schema).validate(int(value) if value.isdigit() else value)
    assert "request-id" in headers.keys() & response.headers.keys()


MUTATIONS: list[tuple[str, Any]] = [
    ("max_tokens", "1"),
    ("max_tokens", -1),
    ("messages", {}),
    ("messages", [{"role": "robot", "content": "x"}]),
    ("messages", [{"role": "user", "content": [{"type": "nothing"}]}]),
    ("messages", [{"role": "user", "content": [{"type": "text", "text": "x", "more": 1}]}]),
    ("system", 3),
    ("tools", [{"name": "a b", "input_schema": {"type": "object"}}]),
    ("thinking", {"type": "enabled"}),
    ("surprise", 1),
    ("stream", "true"),
    ("temperature", 0.5),
]


@pytest.mark.parametrize(
    ("name", "value"),
    MUTATIONS,
    ids=[f"{name}-{number}" for number, (name, _) in enumerate(MUTATIONS)],
)
def test_what_its_schema_refuses_is_what_the_api_refuses(name: str, value: Any) -> None:
    body = {**dict(OPERATIONS[0].examples["hello"]), name: value}
    for version in API_VERSIONS[1:]:
        operation = read(version).find_operation("createMessage")
        assert operation is not None
        schema = read(version).bundle(operation.request_bodies["application/json"].schema or True)
        fits = jsonschema_rs.validator_for(schema).is_valid(body)
        status, _, _ = ask("POST", "/v1/messages", json.dumps(body).encode(), version)
        assert fits is (status == 200)
        if name != "temperature":
            assert fits is (validate_shape(body, "messages") == [])


def test_it_is_imported_as_requests_that_the_simulator_answers(tmp_path: Path) -> None:
    source = tmp_path / "tanzaku.json"
    source.write_text(json.dumps(build_own_document()), "utf-8")
    root = tmp_path / "project"
    report = import_document(source, root, explain_unserved)
    assert (report.skipped, report.problems, report.mistakes) == ((), (), {})
    assert report.api_version is not None
    assert report.api_version.version == NEWEST
    environment = load_environment(load_project(root), "mock")
    answered = {}
    for change in report.changes:
        request = build_request(load_request(change.file, root), environment, environment.scope)

        async def run(request: HttpRequest = request) -> int:
            simulator = Simulator(clock=VirtualClock())
            status = (await simulator(request)).status
            await simulator.close()
            return status

        answered[change.operation] = asyncio.run(run())
    # An item that nobody made is not found; everything else is fine.
    assert {name for name, status in answered.items() if status != 200} == {
        "retrieveBatch", "deleteBatch", "cancelBatch", "retrieveBatchResults",
        "retrieveFile", "deleteFile", "downloadFile",
    }  # fmt: skip
