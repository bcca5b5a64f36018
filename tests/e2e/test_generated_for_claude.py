"""Cases generated from documents of Claude's API, executed on the simulator: none is red."""

import json
from pathlib import Path
from typing import Any

import pytest

from harness.command_line import CommandLine

ERROR = {
    "type": "object",
    "required": ["type", "error"],
    "properties": {"type": {"const": "error"}, "error": {"type": "object"}},
}
COUNT = {
    "type": "object",
    "required": ["model", "messages"],
    "properties": {
        "model": {"type": "string"},
        "messages": {"type": "array", "items": {"type": "object"}},
    },
}
NAME = {"name": "file_id", "in": "path", "required": True, "schema": {"type": "string"}}
FILE = {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}}
FORM = {"type": "object", "required": ["file"], "properties": {"file": {"contentEncoding": "raw"}}}


def answer(kind: str, schema: dict[str, Any], error_kind: str = "application/json") -> Any:
    return {
        "200": {"description": "", "content": {kind: {"schema": schema}}},
        "4XX": {"description": "", "content": {error_kind: {"schema": ERROR}}},
    }


def build_document(count: dict[str, Any]) -> dict[str, Any]:
    """A document of the API as of 2026-05, with the places where it is wrong."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Claude", "version": "2026-05-06"},
        "servers": [{"url": "https://api.anthropic.com"}],
        "paths": {
            "/v1/messages/count_tokens?beta=true": {
                "post": {
                    "operationId": "count",
                    "requestBody": {"content": {"application/json": {"schema": COUNT}}},
                    "responses": answer("application/json", count),
                }
            },
            "/v1/files": {
                "post": {
                    "operationId": "upload",
                    "requestBody": {"content": {"multipart/form-data": {"schema": FORM}}},
                    "responses": answer("application/json", FILE),
                }
            },
            "/v1/files/{file_id}": {
                "get": {
                    "operationId": "show",
                    "parameters": [NAME],
                    "responses": answer("application/json", FILE),
                }
            },
            "/v1/files/{file_id}/content": {
                "get": {
                    "operationId": "download",
                    "parameters": [NAME],
                    "responses": answer(
                        "application/octet-stream", {"type": "string"}, "application/octet-stream"
                    ),
                }
            },
        },
    }


def execute(tanzaku: CommandLine, document: Path, root: Path, exit_code: int = 0) -> Any:
    """The report of what was generated, and what generating said."""
    tanzaku.run("init", str(root))
    tanzaku.run("import", str(document))
    said = tanzaku.run("generate")
    report = root / "report.json"
    words = ("test", "suites", "--budget", "1000000", "--json", str(report))
    tanzaku.run(*words, exit_code=exit_code)
    return json.loads(report.read_text(encoding="utf-8")), said


def test_where_its_document_is_wrong_the_api_is_right(
    tanzaku: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "p"
    root.mkdir()
    monkeypatch.chdir(root)
    count = {
        "type": "object",
        "required": ["input_tokens", "context_management"],
        "properties": {
            "input_tokens": {"type": "integer"},
            "context_management": {"type": ["object", "null"]},
        },
    }
    document = tmp_path / "claude.json"
    document.write_text(json.dumps(build_document(count)), encoding="utf-8")
    report, said = execute(tanzaku, document, root)
    assert report["counts"]["failed"] == 0
    assert report["counts"]["passed"] > 50
    assert "count: the document requires context_management" in said
    assert "download: the document has its errors in another type" in said


def test_what_else_its_document_requires_is_asked_for(
    tanzaku: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "p"
    root.mkdir()
    monkeypatch.chdir(root)
    count = {
        "type": "object",
        "required": ["input_tokens", "cached_tokens"],
        "properties": {"input_tokens": {"type": "integer"}, "cached_tokens": {"type": "null"}},
    }
    document = tmp_path / "claude.json"
    document.write_text(json.dumps(build_document(count)), encoding="utf-8")
    report, _ = execute(tanzaku, document, root, exit_code=1)
    red = {one["suite"] for one in report["cases"] if one["verdict"] == "failed"}
    assert len(red) == 1
    assert "count" in red.pop()


@pytest.mark.full
def test_no_case_generated_from_our_own_document_is_red_on_the_simulator(
    tanzaku: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    report, _ = execute(tanzaku, Path(__file__).parents[2] / "docs" / "openapi.json", tmp_path)
    assert report["counts"]["failed"] == report["counts"]["error"] == 0
    assert report["counts"]["passed"] > 1000
