"""What Schemathesis is told, judged by Schemathesis itself."""

import json
from pathlib import Path

import pytest
from schemathesis.config import SchemathesisConfig
from schemathesis.core.output.sanitization import sanitize_value

from harness.projects import MOCK, load_all, write_project
from tanzaku.workbench.fuzz import Fuzzing, Settings, build_settings
from tanzaku.workbench.openapi import load_document

SECRET = "sk-planted-7d1f"
DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "Claude", "version": "1"},
    "components": {
        "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "x-api-key"}}
    },
    "paths": {
        "/v1/messages": {
            "post": {
                "operationId": "ask",
                "parameters": [
                    {
                        "name": "anthropic-version",
                        "in": "header",
                        "required": True,
                        "schema": {"type": "string", "pattern": "^[0-9-]+$"},
                    }
                ],
                "responses": {"200": {"description": ""}},
            },
            "get": {"operationId": "skipped", "responses": {"200": {"description": ""}}},
        }
    },
}


def build(root: Path) -> Settings:
    write_project(
        root,
        {
            "a.json": json.dumps(DOCUMENT),
            "environments/mock.yaml": MOCK.replace("local", '"{{secret.KEY}}"')
            + "secrets: {KEY: {env: KEY}}\n",
        },
    )
    _, environment, request = load_all(root, {"KEY": SECRET})
    document = load_document(root / "a.json")
    return build_settings(
        document, environment, {"ask": request}, Fuzzing(7, 3), "http://127.0.0.1:1"
    )


def read(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> SchemathesisConfig:
    for name, value in settings.environ.items():
        monkeypatch.setenv(name, value)
    return SchemathesisConfig.from_str(settings.text)


def test_max_tokens_is_never_blotted_out_and_a_credential_always(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = read(build(tmp_path), monkeypatch)
    item = {"max_tokens": 1, "budget_tokens": 2, "x-api-key": SECRET, "authorization": SECRET}
    sanitize_value(item, config=config.output.sanitization)
    assert item == {
        "max_tokens": 1,
        "budget_tokens": 2,
        "x-api-key": "[Filtered]",
        "authorization": "[Filtered]",
    }


def test_the_file_holds_no_credential_and_the_variables_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = build(tmp_path)
    config = read(settings, monkeypatch)
    assert SECRET not in settings.text
    assert config.seed == 7
    assert sorted(settings.environ.values()) == ["2023-06-01", SECRET]
    assert 'include-name = "GET /v1/messages"\nenabled = false' in settings.text


def test_on_the_simulator_which_takes_any_key_that_check_is_left_out_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = build(tmp_path)
    assert settings.unchecked == ("ignored_auth",)
    config = read(settings, monkeypatch)
    checks = config.projects.get_default().checks_config_for()
    assert not checks.ignored_auth.enabled
    assert checks.positive_data_acceptance.enabled
