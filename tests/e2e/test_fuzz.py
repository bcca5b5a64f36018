"""`tanzaku fuzz` as a person runs it, against a small service with a planted fault."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from harness.command_line import CommandLine
from harness.projects import write_project
from tanzaku.transport import HttpRequest, HttpResponse, ThreadedServer, serve

SECRET = "sk-planted-7d1f"
PROJECT = "tanzaku: project/v1\nenvironment: here\n"
ENVIRONMENT = """\
tanzaku: environment/v1
upstream: url
base_url: {url}
headers: {{x-client: tests}}
auth: {{type: api_key, in: header, name: x-api-key, value: "{{{{secret.KEY}}}}"}}
secrets: {{KEY: {{env: ORDERS_KEY}}}}
"""
REQUEST = """\
tanzaku: request/v1
operation: order
document: openapi/orders.json
method: POST
path: /orders
body: {max_tokens: 1}
"""
DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "Orders", "version": "1"},
    "components": {
        "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "x-api-key"}}
    },
    "security": [{"key": []}],
    "paths": {
        "/orders": {
            "post": {
                "operationId": "order",
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {
                            "schema": {
                                "type": "object",
                                "required": ["max_tokens"],
                                "additionalProperties": False,
                                "properties": {"max_tokens": {"enum": [1, 2]}},
                            }
                        }
                    },
                },
                "responses": {
                    status: {
                        "description": "",
                        "content": {"application/json": {"schema": {"type": "object"}}},
                    }
                    for status in ("200", "400", "401", "405", "415")
                },
            }
        }
    },
}


class Ordered:
    """Right in all, but that `broken` orders of 2 fall over."""

    def __init__(self, *, is_broken: bool) -> None:
        self._is_broken = is_broken

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        status = self._judge(request)
        headers = [(b"content-type", b"application/json"), (b"allow", b"POST")]
        return HttpResponse(status, headers, b"{}")

    def _judge(self, request: HttpRequest) -> int:
        given = {name.lower(): value for name, value in request.headers}
        if request.method != "POST":
            return 405
        if given.get(b"x-api-key") != SECRET.encode():
            return 401
        if given.get(b"content-type") != b"application/json":
            return 415
        try:
            body = json.loads(request.body)
        except ValueError:
            return 400
        if not isinstance(body, dict) or set(body) != {"max_tokens"}:
            return 400
        wanted = body["max_tokens"]
        if isinstance(wanted, bool) or wanted not in (1, 2):
            return 400
        return 500 if self._is_broken and wanted == 2 else 200


def write_orders(root: Path, url: str) -> None:
    write_project(
        root,
        {
            "tanzaku.yaml": PROJECT,
            "environments/here.yaml": ENVIRONMENT.format(url=url),
            "requests/order.yaml": REQUEST,
            "openapi/orders.json": json.dumps(DOCUMENT),
        },
    )


@pytest.mark.full
def test_a_planted_fault_becomes_a_case_that_is_red_until_it_is_mended(
    tanzaku: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tanzaku = replace(tanzaku, environment={**tanzaku.environment, "ORDERS_KEY": SECRET})
    words = ("fuzz", "--max-examples", "5", "--seed", "1", "--json")
    with ThreadedServer(lambda: serve(Ordered(is_broken=True), max_body_bytes=1 << 20)) as server:
        write_orders(tmp_path, f"http://127.0.0.1:{server.port}")
        told = json.loads(tanzaku.run(*words, exit_code=1))
        found = {(one["operation"], one["check"]) for one in told["findings"]}
        assert ("POST /orders", "not_a_server_error") in found
        assert found <= {
            ("POST /orders", check)
            for check in (
                "not_a_server_error",
                "status_code_conformance",
                "positive_data_acceptance",
            )
        }
        suite = tmp_path / "suites/orders/fuzz.suite.yaml"
        text = suite.read_text(encoding="utf-8")
        assert "max_tokens: 2" in text
        assert "Filtered" not in text
        tanzaku.run("test", str(suite), exit_code=1)
    with ThreadedServer(lambda: serve(Ordered(is_broken=False), max_body_bytes=1 << 20)) as server:
        url = f"http://127.0.0.1:{server.port}"
        (tmp_path / "environments/here.yaml").write_text(ENVIRONMENT.format(url=url), "utf-8")
        tanzaku.run("test", str(suite))
        assert json.loads(tanzaku.run(*words))["findings"] == []
    assert suite.read_text(encoding="utf-8") == text
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in kept if SECRET.encode() in path.read_bytes()]


def test_the_live_api_is_fuzzed_within_bounds_that_were_said_or_not_at_all(
    tanzaku: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_orders(tmp_path, "https://api.anthropic.com")
    assert "costs money" in tanzaku.run("fuzz", exit_code=2)
    assert "cannot be estimated" in tanzaku.run("fuzz", "--live", exit_code=2)
