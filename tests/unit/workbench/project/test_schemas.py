"""The published schemas take what the readers take, and refuse what they refuse."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from harness.projects import MOCK, PROJECT, REQUEST, write_project
from tanzaku.core import UserError
from tanzaku.core.plain_yaml import parse_yaml
from tanzaku.workbench.project import load_environment, load_project, load_request, read_schemas

SCHEMAS = {name.partition(".")[0]: json.loads(text) for name, text in read_schemas().items()}
FILES = {
    "project": "tanzaku.yaml",
    "environment": "environments/mock.yaml",
    "request": "requests/ask.yaml",
}
GET = "tanzaku: request/v1\nmethod: get\npath: /x\n"
POST = "tanzaku: request/v1\nmethod: POST\npath: /x\n"
URL = "tanzaku: environment/v1\nupstream: url\nbase_url: http://127.0.0.1:1/api\n"

GOOD = [
    ("project", PROJECT),
    (
        "project",
        "tanzaku: project/v1\nname: 订单\nseed: 7\nbudget: {usd: 0}\nvariables: {v-1: [{}], 城市: null}\n",
    ),
    ("environment", MOCK),
    ("environment", MOCK + "simulator: {scenario: f, mocks: [f, f], pace: fast, faults: f}\n"),
    ("environment", URL + "headers: {A: b, c: 1, d: true, e: null}\nauth: none\n"),
    (
        "environment",
        URL
        + "auth: {type: bearer, token: '{{secret.T}}'}\nsecrets: {T: {file: /x}, U: {env: Y}}\n",
    ),
    ("environment", "tanzaku: environment/v1\nupstream: live\nvariables: {a: {b: 1}}\n"),
    ("request", REQUEST),
    ("request", GET + "query: {a: 1, b: [x, true], c: ''}\nheaders: {A: null}\nskip: nobody\n"),
    (
        "request",
        POST.replace("/x", "/x/{id}") + "path_params: {id: 7}\nraw: ''\ncontent_type: a/b\n",
    ),
    ("request", POST + "file: f\ntimeout_s: 0.5\noperation: o\ndocument: d\nname: n\n"),
    (
        "request",
        POST + "form: {a: b, c: {file: f, content_type: x/y, filename: z}, d: [1, {file: f}]}\n",
    ),
    ("request", POST + "body: null\nauth: {type: api_key, in: cookie, name: a, value: b}\n"),
    ("request", POST + "body: [1]\nauth: {type: basic, username: a, password: b}\n"),
]
BAD = [
    ("project", "tanzaku: project/v2\n"),
    ("project", "name: x\n"),
    ("project", "tanzaku: project/v1\nnmae: x\n"),
    ("project", "tanzaku: project/v1\nseed: -1\n"),
    ("project", "tanzaku: project/v1\nseed: 1.5\n"),
    ("project", "tanzaku: project/v1\nbudget: {usd: -1}\n"),
    ("project", "tanzaku: project/v1\nbudget: {}\n"),
    ("project", "tanzaku: project/v1\nvariables: {a.b: 1}\n"),
    ("project", "tanzaku: project/v1\nvariables: {secret: 1}\n"),
    ("project", "tanzaku: project/v1\nvariables: [a]\n"),
    ("environment", "tanzaku: environment/v1\n"),
    ("environment", "tanzaku: environment/v1\nupstream: other\n"),
    ("environment", "tanzaku: environment/v1\nupstream: url\n"),
    ("environment", MOCK + "base_url: http://x\n"),
    ("environment", URL.replace("http:", "ftp:")),
    ("environment", URL.replace("/api", "/api?x=1")),
    ("environment", MOCK + "secrets: {K: value}\n"),
    ("environment", MOCK + "secrets: {K: {}}\n"),
    ("environment", MOCK + "secrets: {K: {env: a, file: b}}\n"),
    ("environment", MOCK + "simulator: {mock: f}\n"),
    ("environment", MOCK + "simulator: {mocks: f}\n"),
    ("environment", URL + "headers: {'a b': c}\n"),
    ("environment", URL + "headers: {a: [b]}\n"),
    ("environment", URL + "auth: bearer\n"),
    ("environment", URL + "auth: {type: bearer, name: x}\n"),
    ("environment", URL + "auth: {type: digest}\n"),
    ("request", "tanzaku: request/v1\nmethod: GET\n"),
    ("request", "tanzaku: request/v1\nmethod: GTE\npath: /x\n"),
    ("request", "tanzaku: request/v1\nmethod: GET\npath: x\n"),
    ("request", "tanzaku: request/v1\nmethod: GET\npath: /x?a\n"),
    ("request", GET + "query: {a: null}\n"),
    ("request", GET + "query: {a: [[]]}\n"),
    ("request", GET + "query: {a: 1.10}\n"),
    ("request", GET + "headers: {a: 1.10}\n"),
    ("request", GET + "hedaers: {}\n"),
    ("request", POST + "body: {}\nraw: x\n"),
    ("request", POST + "file: f\nform: {}\n"),
    ("request", POST + "raw: {}\n"),
    ("request", POST + "form: {a: {content_type: x}}\n"),
    ("request", POST + "form: {a: {fiel: x}}\n"),
    ("request", POST + "timeout_s: 0\n"),
    ("request", POST + "auth: {type: api_key, in: body, name: a, value: b}\n"),
]  # fmt: skip


def _accepts(root: Path, kind: str, text: str) -> bool:
    write_project(root, {FILES[kind]: text, "f": ""})
    try:
        project = load_project(root, {})
        load_environment(project, "mock")
        load_request("requests/ask.yaml", root)
    except UserError:
        return False
    return True


@pytest.mark.parametrize(("kind", "text"), GOOD)
def test_what_is_read_is_taken_by_the_schema(tmp_path: Path, kind: str, text: str) -> None:
    assert _accepts(tmp_path, kind, text)
    jsonschema_rs.validator_for(SCHEMAS[kind]).validate(parse_yaml(text, "x").plain)


@pytest.mark.parametrize(("kind", "text"), BAD)
def test_what_is_refused_is_refused_by_the_schema(tmp_path: Path, kind: str, text: str) -> None:
    assert not _accepts(tmp_path, kind, text)
    assert not jsonschema_rs.validator_for(SCHEMAS[kind]).is_valid(parse_yaml(text, "x").plain)


@pytest.mark.parametrize("page", ["projects.md", "projects.zh-CN.md"])
def test_the_examples_of_the_documentation_are_read(tmp_path: Path, page: str) -> None:
    text = (Path(__file__).parents[4] / "docs" / page).read_text(encoding="utf-8")
    blocks = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    kinds = [block.partition("tanzaku: ")[2].partition("/v1")[0] for block in blocks]
    assert kinds == ["environment", "request"]
    write_project(tmp_path, {"prompts/system.md": "x"})
    for kind, block in zip(kinds, blocks, strict=True):
        jsonschema_rs.validator_for(SCHEMAS[kind]).validate(parse_yaml(block, page).plain)
        assert _accepts(tmp_path, kind, block)


def _find_undescribed(schema: Any, way: str) -> list[str]:
    properties = schema.get("properties", {}) if isinstance(schema, dict) else {}
    return [
        f"{way}.{name}"
        for name, one in properties.items()
        if not ({"description", "$ref", "const"} & set(one))
    ] + [
        found
        for name, one in properties.items()
        for found in _find_undescribed(one, f"{way}.{name}")
    ]


@pytest.mark.parametrize("kind", sorted(FILES))
def test_every_key_is_described(kind: str) -> None:
    assert _find_undescribed(SCHEMAS[kind], kind) == []
