"""`tanzaku import` as a person runs it."""

import json
from pathlib import Path

from harness.command_line import CommandLine
from harness.documents import build_document

HAIKU = {
    "openapi": "3.0.3",
    "info": {"title": "Claude", "version": "2026-05-06"},
    "servers": [{"url": "https://api.anthropic.com"}],
    "paths": {
        "/v1/models": {"get": {"responses": {"200": {"description": ""}}}},
        "/v1/skills": {"get": {"operationId": "skills", "responses": {"200": {"description": ""}}}},
    },
}


def test_an_import_tells_what_it_did_and_a_check_whether_it_would(
    tanzaku: CommandLine, tmp_path: Path
) -> None:
    source = tmp_path / "haiku.json"
    source.write_text(json.dumps(HAIKU, indent=1), encoding="utf-8")
    root = tmp_path / "project"
    said = tanzaku.run("import", str(source), "--into", str(root)).splitlines()
    assert said == [
        "openapi/haiku.json: 2 operations · 2 requests added",
        "The requests carry anthropic-version 2023-06-01, the newest on the document's date, "
        "2026-05-06.",
        "Made: tanzaku.yaml, .gitignore, environments/mock.yaml, environments/live.yaml",
        "Skipped 1: Tanzaku's simulator does not serve the Skills API.",
        f"{source}:14:11: GET /v1/models: has no operationId; it is called `get_v1_models` "
        "(at /paths/~1v1~1models/get)",
        f"{source}:15:18: GET /v1/models: operation has no response schema, so its answers cannot "
        "be checked (at /paths/~1v1~1models/get/responses)",
        f"{source}:25:18: GET /v1/skills: operation has no response schema, so its answers cannot "
        "be checked (at /paths/~1v1~1skills/get/responses)",
    ]
    check = ("import", str(source), "--into", str(root), "--check")
    assert "The project is as the document wants it." in tanzaku.run(*check)
    source.write_text(source.read_text("utf-8").replace('"skills"', '"list_skills"'), "utf-8")
    assert "An import would change the project." in tanzaku.run(*check, exit_code=1)
    told = json.loads(tanzaku.run(*check, "--json", exit_code=1))
    assert [(one["kind"], one["operation"]) for one in told["changes"]] == [
        ("added", "list_skills"),
        ("removed", "skills"),
    ]


def test_what_is_no_document_ends_with_its_place(tanzaku: CommandLine, tmp_path: Path) -> None:
    source = tmp_path / "a.json"
    source.write_text('{"openapi": "3.1.0",\n "paths": [}', encoding="utf-8")
    said = tanzaku.run("import", str(source), "--into", str(tmp_path), exit_code=2)
    assert f"{source}:2:12: is not JSON" in said
    assert "tanzaku init" in tanzaku.run("import", str(source), exit_code=2)


def test_an_import_speaks_chinese(tanzaku: CommandLine, tmp_path: Path) -> None:
    source = tmp_path / "a.json"
    source.write_text(json.dumps(build_document(resources=("orders",))), encoding="utf-8")
    said = tanzaku.run("--lang", "zh", "import", str(source), "--into", str(tmp_path / "p"))
    assert said.startswith("openapi/a.json：9 个接口 · 新增 9 个请求\n")
