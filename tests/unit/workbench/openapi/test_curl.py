"""curl commands as people copy them become requests; their secrets become references."""

import json
from pathlib import Path
from typing import Any

import pytest

from tanzaku.core import UserError
from tanzaku.workbench.openapi import import_curl
from tanzaku.workbench.project import (
    build_request,
    load_environment,
    load_project,
    load_request,
    render_yaml,
)

CANARY = "sk-ant-canary-7Jx"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "project"


def read(root: Path, command: str | list[str]) -> dict[str, Any]:
    report = import_curl(command, root)
    fields: dict[str, Any] = load_request(report.file, root).entry.plain
    return fields


@pytest.mark.parametrize(
    "command",
    [
        "curl -X PUT http://a.test/x -H 'X-A: it'\\''s' -H \"X-B: two\\\"q\"",
        "curl -XPUT http://a.test/x \\\n  -H $'X-A: it\\'s' \\\n -H $'X-B: two\\x22q'",
        "$ curl --request=PUT http://a.test/x \\\r\n -H 'X-A: it'\"'\"s -H 'X-B: two\"q' | jq .",
        'curl -X PUT "http://a.test/x" ^\n  -H "X-A: it\'s" ^\n  -H ^"X-B: two\\^"q^"',
        "curl.exe http://a.test/x -sSLXPUT -H \"X-A: it's\" -H 'X-B: two\"q' > out.json",
        "curl http://a.test/x -X PUT -H \"X-A: it's\" -H 'X-B: two\"q' && echo done",
    ],
)
def test_every_shells_quotes_are_read(root: Path, command: str) -> None:
    fields = read(root, command)
    assert (fields["method"], fields["path"]) == ("PUT", "/x")
    assert fields["headers"] == {"x-a": "it's", "x-b": 'two"q'}


@pytest.mark.parametrize(
    ("options", "reference"),
    [
        (f"-H 'Authorization: Bearer {CANARY}'", "token: '{{secret.TOKEN}}'"),
        (f"--oauth2-bearer {CANARY}", "token: '{{secret.TOKEN}}'"),
        (f"-H 'authorization: Digest {CANARY}'", "value: '{{secret.AUTHORIZATION}}'"),
        (f"-H 'x-api-key: {CANARY}'", "value: '{{secret.API_KEY}}'"),
        (f"-H 'X-Auth-Token: {CANARY}'", "x-auth-token: '{{secret.X_AUTH_TOKEN}}'"),
        (f"-u me:{CANARY}", "password: '{{secret.PASSWORD}}'"),
        (f"-b session={CANARY}", "cookie: '{{secret.COOKIE}}'"),
        (f"-d access_token={CANARY}", "access_token: '{{secret.ACCESS_TOKEN}}'"),
        (f'--json \'{{"password": "{CANARY}"}}\'', "password: '{{secret.PASSWORD}}'"),
        (f"-G -d api_key={CANARY}", "api_key: '{{secret.API_KEY}}'"),
        ('-H "Authorization: Bearer $MY_TOKEN"', "token: '{{secret.MY_TOKEN}}'"),
    ],
)
def test_a_credential_becomes_a_reference_and_its_value_is_kept_nowhere(
    root: Path, options: str, reference: str
) -> None:
    report = import_curl(f"curl http://a.test/x {options}", root)
    assert reference in (root / report.file).read_text("utf-8")
    (name,) = report.secrets
    assert f"secrets:\n  {name}:\n    env: {name}\n" in (
        root / "environments/a-test.yaml"
    ).read_text("utf-8")
    assert all(CANARY not in file.read_text() for file in root.rglob("*") if file.is_file())
    assert CANARY not in repr(report)


def test_a_call_of_claude_goes_to_the_simulator_and_to_the_api(root: Path) -> None:
    body = {"model": "claude-haiku-4-5", "max_tokens": 9, "messages": []}
    report = import_curl(
        'curl https://api.anthropic.com/v1/messages -H "x-api-key: $KEY" '
        f"-H 'anthropic-version: 2023-06-01' --json '{json.dumps(body)}'",
        root,
    )
    assert report.secrets == ("ANTHROPIC_API_KEY",)
    project = load_project(root, {"ANTHROPIC_API_KEY": "k"})
    file = load_request(report.file, root)
    for name, key in (("mock", b"any"), ("live", b"k")):
        environment = load_environment(project, name)
        request = build_request(file, environment, environment.scope)
        assert (b"x-api-key", key) in request.headers
        assert json.loads(request.body) == body


def test_a_variable_of_the_shell_becomes_one_of_the_project(root: Path) -> None:
    report = import_curl('curl "http://a.test/$PLACE/${WHAT}" -d "{{x}}" -H "X-A: $A"', root)
    assert set(report.variables) == {"PLACE", "WHAT", "A"}
    fields = load_request(report.file, root).entry.plain
    assert fields["path"] == "/{{PLACE}}/{{WHAT}}"
    assert fields["headers"] == {"x-a": "{{A}}"}
    assert fields["raw"] == "\\{{x}}"


def test_what_a_request_cannot_say_is_named(root: Path) -> None:
    report = import_curl("curl -k --proxy http://p --cert c.pem -sSL -m 5 http://a.test", root)
    assert report.left == ("--insecure", "--proxy", "--cert")
    assert load_request(report.file, root).timeout_s == 5


def test_a_second_command_to_the_same_address_uses_its_environment(root: Path) -> None:
    first = import_curl("curl http://127.0.0.1:8000/a", root)
    path = root / "environments/local.yaml"
    path.write_text(path.read_text("utf-8") + "# mine\n", "utf-8")
    second = import_curl("curl http://127.0.0.1:8000/a -H 'x-token: 1'", root)
    assert (first.file, second.file) == ("requests/get-a.yaml", "requests/get-a-2.yaml")
    assert second.files == ("environments/local.yaml",)
    assert path.read_text("utf-8").endswith("# mine\nsecrets:\n  X_TOKEN:\n    env: X_TOKEN\n")


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("wget http://a.test", "This is no curl command: it begins with wget."),
        ("curl -X POST", "The curl command names no URL."),
        ("curl http://a.test -H", "The curl command ends after -H."),
        ("curl 'http://a.test", "The command ends within quotes."),
        ("curl ftp://a.test/x", "ftp://a.test/x is no address of an HTTP server."),
        ("curl http://a.test -d @nowhere.json", "sends the file nowhere.json, which is not there."),
        ("curl http://a.test -T -", "reads its body from standard input."),
    ],
)
def test_what_is_no_request_is_refused(root: Path, command: str, message: str) -> None:
    with pytest.raises(UserError, match=message.replace("(", r"\(")):
        import_curl(command, root)
    assert not (root / "requests").exists()


def test_a_file_of_the_project_is_named_and_another_is_copied(root: Path) -> None:
    root.mkdir()
    inside, outside = root / "b.json", root.parent / "c.json"
    for file in (inside, outside):
        file.write_text("{}")
    assert read(root, f"curl http://a.test -d @{inside}")["file"] == "b.json"
    assert read(root, f"curl http://a.test -T {outside}") | {"file": "data/c.json"} == read(
        root, f"curl http://a.test -X PUT --upload-file {outside}"
    )
    assert (root / "data/c.json").read_text() == "{}"
    assert render_yaml({"a": 1}) == "a: 1\n"
