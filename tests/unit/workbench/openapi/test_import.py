"""A document becomes request files that can be sent, and stays in step with them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jsonschema_rs
import pytest

from harness.documents import build_document, refer
from tanzaku.transport import get_header
from tanzaku.workbench.openapi import ImportReport, import_document, load_document
from tanzaku.workbench.project import (
    build_request,
    load_environment,
    load_project,
    load_request,
)

type Import = Callable[..., ImportReport]


def serve_messages(method: str, path: str) -> str:
    return "" if path == "/v1/messages" else f"{method} {path} is not served."


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "project"


@pytest.fixture
def run(tmp_path: Path, root: Path) -> Import:
    """Import a document under a file name."""

    def run(document: dict[str, Any], name: str = "api.json", **more: Any) -> ImportReport:
        source = tmp_path / name
        source.write_text(json.dumps(document), encoding="utf-8")
        return import_document(source, root, serve_messages, **more)

    return run


def list_changes(report: ImportReport) -> list[tuple[Any, ...]]:
    return [(one.kind, one.file, *one.fields) for one in report.changes]


def build_claude(version_schema: Any = None, **more: Any) -> dict[str, Any]:
    message = {
        "operationId": "create",
        "parameters": [
            {"name": "anthropic-version", "in": "header", "schema": version_schema or {}}
        ],
        "requestBody": {
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "required": ["model", "max_tokens", "messages"],
                        "properties": {
                            "model": {"type": "string"},
                            "max_tokens": {"type": "integer"},
                            "messages": {"type": "array"},
                        },
                    }
                }
            }
        },
        "responses": {},
    }
    other = {"operationId": "other", "responses": {}}
    return build_document(
        resources=(),
        paths={
            "/v1/messages?beta=true": {"post": message},
            "/v1/others": {"get": other},
        },
        servers=[{"url": "https://api.anthropic.com"}],
        **more,
    )


def test_every_operation_of_a_large_document_can_be_sent(
    run: Import, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = run(build_document())
    document = load_document(root / "openapi/api.json")
    assert len(document.operations) == 72
    assert [one.kind for one in report.changes] == ["added"] * 72
    assert (report.mistakes, report.problems) == ({}, ())
    project = load_project(root, {"API_KEY": "k-1"})
    environment = load_environment(project)
    assert environment.base_url == "https://deliveries.example.test/v1"
    for change in report.changes:
        file = load_request(change.file, root)
        request = build_request(file, environment, environment.scope)
        operation = document.find_operation(change.operation)
        assert operation is not None
        assert request.method == operation.method
        content = operation.request_bodies.get("application/json")
        if content is not None and content.schema is not None:
            judge = jsonschema_rs.validator_for(document.bundle(content.schema))
            judge.validate(json.loads(request.body))
        key = get_header(request.headers, b"x-key")
        assert key == (None if operation.id.startswith("delete_") else b"k-1")


def test_parameters_travel_as_their_style_says(run: Import, root: Path) -> None:
    run(build_document(resources=("orders",)))
    project = load_project(root, {"API_KEY": "k-1"})
    environment = load_environment(project)
    file = load_request("requests/search_orders.yaml", root)
    request = build_request(file, environment, environment.scope)
    assert parse_qs(urlsplit(request.target).query) == {
        "q": ["text"], "tags": ["new", "new"], "pair": ["1,1"], "range[from]": ["5"],
    }  # fmt: skip
    assert get_header(request.headers, b"x-trace") == b"text"


def test_a_form_uploads_a_file_of_the_project(run: Import, root: Path) -> None:
    report = run(build_document(resources=("orders",)))
    assert "data/example.txt" in report.files
    environment = load_environment(load_project(root, {"API_KEY": "k-1"}))
    file = load_request("requests/upload_orders.yaml", root)
    body = build_request(file, environment, environment.scope).body
    assert b'name="file"; filename="example.txt"' in body
    assert b'name="note"\r\n\r\ntext\r\n' in body


def test_many_requests_lie_in_folders_and_few_do_not(run: Import, root: Path) -> None:
    few = run(build_document(resources=("orders",)))
    assert {str(Path(one.file).parent) for one in few.changes} == {"requests"}
    many = run(build_document(resources=("orders", "stores")), "two.json")
    assert {str(Path(one.file).parent) for one in many.changes} == {
        "requests/orders", "requests/stores",
    }  # fmt: skip


def test_claudes_document_carries_version_key_and_haiku(run: Import, root: Path) -> None:
    report = run(build_claude(), "claude-2026-05.json")
    file = load_request("requests/create.yaml", root)
    project = load_project(root, {"ANTHROPIC_API_KEY": "sk-1"})
    for name, key in (("mock", b"any"), ("live", b"sk-1")):
        environment = load_environment(project, name)
        request = build_request(file, environment, environment.scope)
        assert request.target == "/v1/messages?beta=true"
        assert get_header(request.headers, b"anthropic-version") == b"2023-06-01"
        assert get_header(request.headers, b"x-api-key") == key
        assert json.loads(request.body)["model"] == "claude-haiku-4-5"
    assert project.default_environment == "mock"
    assert [(one.operation, one.reason) for one in report.skipped] == [
        ("other", "GET /v1/others is not served.")
    ]
    assert load_request("requests/other.yaml", root).skip == "GET /v1/others is not served."


@pytest.mark.parametrize(
    ("date", "version", "decided_by"),
    [
        ("2022-01", "2023-01-01", "date"),
        ("2023-05-31", "2023-01-01", "date"),
        ("2023-06", "2023-06-01", "date"),
        ("2026-10-20", "2023-06-01", "date"),
        ("2026-10", "2026-10-21", "date"),
        ("1.0", "2026-10-21", "newest"),
    ],
)
def test_the_documents_date_decides_the_api_version(
    run: Import, root: Path, date: str, version: str, decided_by: str
) -> None:
    report = run(build_claude(version=date))
    assert report.api_version is not None
    assert (report.api_version.version, report.api_version.decided_by) == (version, decided_by)
    environment = load_environment(load_project(root))
    file = load_request("requests/create.yaml", root)
    request = build_request(file, environment, environment.scope)
    assert get_header(request.headers, b"anthropic-version") == version.encode()


@pytest.mark.parametrize(
    "schema", [{"enum": ["2023-01-01", "2023-06-01"]}, {"type": "string", "const": "2023-06-01"}]
)
def test_the_documents_own_api_version_comes_before_its_date(
    run: Import, root: Path, schema: dict[str, Any]
) -> None:
    run(build_claude(schema, version="2026-10-30"))
    environment = load_environment(load_project(root))
    file = load_request("requests/create.yaml", root)
    request = build_request(file, environment, environment.scope)
    assert get_header(request.headers, b"anthropic-version") == b"2023-06-01"


def test_requests_of_no_document_are_left_alone_and_one_put_there_by_hand_is_new(
    root: Path,
) -> None:
    own = root / "requests" / "own.yaml"
    own.parent.mkdir(parents=True)
    own.write_text("tanzaku: request/v1\nmethod: GET\npath: /mine\n")
    (root / "openapi").mkdir()
    place = root / "openapi" / "claude.json"
    place.write_text(json.dumps(build_claude()))
    before = own.read_text()
    report = import_document(place, root, serve_messages)
    assert [change.kind for change in report.changes] == ["added", "added"]
    assert own.read_text() == before


def test_importing_again_changes_nothing(run: Import, root: Path) -> None:
    run(build_document())
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    report = run(build_document())
    assert (report.changes, report.unchanged, report.is_drift) == ((), 72, False)
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before


def edit(root: Path, name: str, *swaps: tuple[str, str]) -> None:
    path = root / "requests" / name
    text = path.read_text("utf-8")
    for old, new in swaps:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text, "utf-8")


@pytest.mark.parametrize("is_fresh_clone", [False, True])
def test_edits_by_hand_stay_and_the_documents_changes_come(
    run: Import, root: Path, is_fresh_clone: bool
) -> None:
    document = build_document(resources=("orders",))
    run(document)
    edit(
        root,
        "create_orders.yaml",
        ("body:", "# 订单\nbody:"),
        ("count: 2", "count: 7  # more"),
        ("street: text", "street: Main"),
    )
    edit(root, "get_orders.yaml", ("id: id", "id: ord_1"))
    edit(root, "search_orders.yaml", ("q: text", "q: tea"))
    (root / "requests/plant_orders.yaml").unlink()
    if is_fresh_clone:
        (root / ".tanzaku/imports/api.json.json").unlink()
    new = json.loads(json.dumps(document))
    schemas = new["components"]["schemas"]
    schemas["Address"]["properties"]["street"] = {"const": "Side"}  # was edited: a conflict
    schemas["Address"]["required"].append("zip")
    schemas["Address"]["properties"]["zip"] = {"const": 12345}
    new["paths"]["/orders/{id}"]["get"]["summary"] = "One order"
    del new["paths"]["/orders/upload"]
    new["paths"]["/orders/count"] = {"get": {"operationId": "count_orders", "responses": {}}}

    report = run(new)

    body = "body.to"
    assert sorted(list_changes(report)) == [
        ("added", "requests/count_orders.yaml"),
        ("changed", "requests/create_orders.yaml", f"{body}.zip"),
        ("changed", "requests/get_orders.yaml", "name"),
        ("changed", "requests/replace_orders.yaml", f"{body}.street", f"{body}.zip"),
        ("conflict", "requests/create_orders.yaml", f"{body}.street"),
        ("deleted", "requests/plant_orders.yaml"),
        ("edited", "requests/create_orders.yaml", "body.lines"),
        ("edited", "requests/get_orders.yaml", "path_params.id"),
        ("edited", "requests/search_orders.yaml", "query.q"),
        ("removed", "requests/upload_orders.yaml", "skip"),
    ]
    text = (root / "requests/create_orders.yaml").read_text("utf-8")
    assert "# 订单\nbody:" in text
    assert "count: 7  # more" in text
    assert "street: Main" in text
    assert "zip: 12345" in text
    assert not (root / "requests/plant_orders.yaml").exists()
    assert "no longer" in (load_request("requests/upload_orders.yaml", root).skip or "")
    # What was told once is settled: the next import has nothing to do.
    again = run(new, is_check=True)
    assert not again.is_drift
    # And an operation that comes back is asked for again.
    back = run(document)
    assert ("changed", "requests/upload_orders.yaml", "skip") in list_changes(back)
    assert load_request("requests/upload_orders.yaml", root).skip is None


def test_a_check_writes_nothing(run: Import, root: Path) -> None:
    report = run(build_document(), is_check=True)
    assert report.is_drift
    assert not root.exists()


def test_a_newer_document_of_another_date_takes_the_place_of_the_older(
    run: Import, root: Path
) -> None:
    run(build_claude(), "claude-2026-05.json")
    report = run(build_claude(), "claude-2026-11.json")
    assert report.replaces == "openapi/claude-2026-05.json"
    assert [path.name for path in (root / "openapi").iterdir()] == ["claude-2026-11.json"]
    assert list_changes(report)[0] == (
        "changed", "requests/create.yaml", "document", "headers.anthropic-version",
    )  # fmt: skip
    assert load_request("requests/create.yaml", root).document == "openapi/claude-2026-11.json"


@pytest.mark.parametrize(
    ("scheme", "auth", "secrets"),
    [
        (
            {"type": "apiKey", "in": "query", "name": "k"},
            "type: api_key\n  in: query\n  name: k\n  value: '{{secret.MY_KEY}}'",
            ["MY_KEY"],
        ),
        (
            {"type": "http", "scheme": "Bearer"},
            "type: bearer\n  token: '{{secret.MY_KEY}}'",
            ["MY_KEY"],
        ),
        (
            {"type": "http", "scheme": "basic"},
            "type: basic\n  username: '{{secret.MY_KEY_USERNAME}}'"
            "\n  password: '{{secret.MY_KEY_PASSWORD}}'",
            ["MY_KEY_PASSWORD", "MY_KEY_USERNAME"],
        ),
        (
            {"type": "oauth2", "flows": {}},
            "type: bearer\n  token: '{{secret.MY_KEY}}'",
            ["MY_KEY"],
        ),
    ],
)
def test_security_schemes_become_auth_with_secrets_by_reference(
    run: Import, root: Path, scheme: dict[str, Any], auth: str, secrets: list[str]
) -> None:
    document = build_document(resources=("orders",), security=[{"myKey": []}])
    document["components"]["securitySchemes"] = {"myKey": scheme}
    run(document)
    text = (root / "environments/live.yaml").read_text("utf-8")
    assert f"auth:\n  {auth}\n" in text
    assert list(load_environment(load_project(root)).secrets) == secrets
    assert "auth: none" in (root / "requests/delete_orders.yaml").read_text("utf-8")


def test_servers_become_environments_and_one_that_is_there_stays(run: Import, root: Path) -> None:
    servers = [
        {"url": "https://api.example.test/v2"},
        {"url": "http://localhost:9000/"},
        {"url": "/v3", "description": "Staging"},
    ]
    (root / "environments").mkdir(parents=True)
    kept = "tanzaku: environment/v1\nupstream: url\nbase_url: http://127.0.0.1:1\n"
    (root / "environments/local.yaml").write_text(kept, "utf-8")
    report = run(build_document(resources=("orders",), servers=servers))
    assert report.files[:4] == (
        "tanzaku.yaml", ".gitignore", "environments/api-example-test.yaml", "environments/staging.yaml",
    )  # fmt: skip
    project = load_project(root)
    urls = {name: load_environment(project, name).base_url for name in project.environments}
    assert urls == {
        "api-example-test": "https://api.example.test/v2",
        "local": "http://127.0.0.1:1",
        "staging": "http://127.0.0.1:8000/v3",
    }


def test_the_documents_braces_are_no_places(run: Import, root: Path) -> None:
    body = {"content": {"application/json": {"schema": {}, "example": {"t": "Hi {{name}}"}}}}
    paths = {"/a": {"post": {"operationId": "a", "requestBody": body, "responses": {}}}}
    run(build_document(resources=(), paths=paths, security=[]))
    environment = load_environment(load_project(root))
    request = build_request(load_request("requests/a.yaml", root), environment, environment.scope)
    assert json.loads(request.body) == {"t": "Hi {{name}}"}


def test_an_example_is_taken_unless_it_does_not_fit(run: Import, root: Path) -> None:
    order = {"id": "ord_0000000a", "lines": [{"sku": "S-1", "count": 3}], "to": {"kind": "pickup"}}
    whole = {**order, "placed_at": "2026-11-24T00:00:00Z", "total": 1.5}
    for name, example, count in (("good", whole, 3), ("bad", order, 2)):
        content = {"application/json": {"schema": refer("Order"), "example": example}}
        operation = {"operationId": name, "requestBody": {"content": content}, "responses": {}}
        document = build_document(resources=(), paths={"/a": {"post": operation}})
        run(document, f"{name}.json")
        fields = load_request(f"requests/{name}.yaml", root).entry.plain
        assert fields["body"]["lines"][0]["count"] == count
