"""Request files: what is sent for them, byte by byte, and what is refused before anything is."""

import json
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.projects import load_all, write_project
from tanzaku.core import InputFileError
from tanzaku.core.plain_yaml import Place, parse_yaml
from tanzaku.transport import HttpRequest
from tanzaku.workbench.project import Scope, build_request, load_request

GET = "tanzaku: request/v1\nmethod: get\n"
POST = "tanzaku: request/v1\nmethod: POST\npath: /x\n"
REST = "tanzaku: environment/v1\nupstream: url\nbase_url: http://127.0.0.1:1/api\n"


def build(
    root: Path,
    request: str,
    *,
    variables: dict[str, Any] | None = None,
    environment: str = REST,
    files: dict[str, str | bytes] | None = None,
    patch: Any = None,
    environ: dict[str, str] | None = None,
) -> HttpRequest:
    """What is sent for one request file in a project of its own."""
    write_project(
        root, {"requests/ask.yaml": request, "environments/mock.yaml": environment, **(files or {})}
    )
    _, loaded, file = load_all(root, environ)
    return build_request(file, loaded, loaded.scope.with_temporary(variables or {}), patch)


def refuse(root: Path, request: str, **more: Any) -> InputFileError:
    with pytest.raises(InputFileError) as caught:
        build(root, request, **more)
    return caught.value


def read_form(request: HttpRequest) -> list[Message]:
    kind = dict(request.headers)[b"content-type"]
    parts: Any = message_from_bytes(b"Content-Type: " + kind + b"\r\n\r\n" + request.body)
    return list(parts.get_payload())


def test_a_request_to_claude_is_sent_with_the_environments_headers(tmp_path: Path) -> None:
    _, environment, file = load_all(write_project(tmp_path))
    request = build_request(file, environment, environment.scope)
    assert (request.method, request.target) == ("POST", "/v1/messages")
    assert request.headers == [
        (b"content-type", b"application/json"),
        (b"anthropic-version", b"2023-06-01"),
        (b"x-api-key", b"local"),
    ]
    assert (
        request.body
        == (
            '{"model":"claude-haiku-4-5","max_tokens":100,'
            '"messages":[{"role":"user","content":"北京 今天天气怎么样？"}]}'
        ).encode()
    )


@pytest.mark.parametrize(
    ("path", "params", "target"),
    [
        ("/v1/batches/{id}/results", {"id": "a/b c"}, "/v1/batches/a%2Fb%20c/results"),
        ("/orders/{order}", {"order": "订单?#%"}, "/orders/%E8%AE%A2%E5%8D%95%3F%23%25"),
        ("/orders/{order}", {"order": ".."}, "/orders/%2E%2E"),
        ("/a/{x}/{y}.json", {"x": 7, "y": True}, "/a/7/true.json"),
        ("/城市/a b", {}, "/%E5%9F%8E%E5%B8%82/a%20b"),
        ("/kept%20escapes/a:b@c", {}, "/kept%20escapes/a:b@c"),
        ("/v/{{where}}/x", {}, "/v/%E4%B8%8A%2F%E6%B5%B7/x"),
        ("/v/{id}", {"id": "{{where}}"}, "/v/%E4%B8%8A%2F%E6%B5%B7"),
        ("/v/{id}", {"id": "{{n}}"}, "/v/0.5"),
    ],
)
def test_what_fills_a_path_stays_in_its_segment(
    tmp_path: Path, path: str, params: dict[str, Any], target: str
) -> None:
    text = f"{GET}path: '{path}'\npath_params: {json.dumps(params)}\n"
    request = build(tmp_path, text, variables={"where": "上/海", "n": 0.5})
    assert request.target == target


@pytest.fixture(scope="module")
def echo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose request carries `x` in its path and its query."""
    text = f"{GET}path: /a/{{id}}\npath_params: {{id: '{{{{x}}}}'}}\nquery: {{q: '{{{{x}}}}'}}\n"
    files: dict[str, str | bytes] = {"requests/ask.yaml": text, "environments/mock.yaml": REST}
    return write_project(tmp_path_factory.mktemp("echo"), files)


@settings(deadline=None)
@given(text=st.text(st.characters(codec="utf-8"), max_size=10))
def test_any_text_travels_through_path_and_query(echo: Path, text: str) -> None:
    _, environment, file = load_all(echo)
    request = build_request(file, environment, Scope({"x": text}))
    path, _, query = request.target.partition("?")
    assert path.isascii()
    assert path.count("/") == 2
    assert unquote(path.rpartition("/")[2]) == text
    assert parse_qsl(query, keep_blank_values=True) == [("q", text)]


def test_query_parameters_are_repeated_for_lists(tmp_path: Path) -> None:
    text = (
        f"{GET}path: /orders\n"
        "query:\n  city: [北京, '{{n}}', true]\n  ids: '{{ids}}'\n  limit: 20\n  on: no\n  d: 2023-06-01\n"
    )
    request = build(tmp_path, text, variables={"n": 3, "ids": [1, "b&c"]})
    assert parse_qsl(request.target.partition("?")[2], strict_parsing=True) == [
        ("city", "北京"),
        ("city", "3"),
        ("city", "true"),
        ("ids", "1"),
        ("ids", "b&c"),
        ("limit", "20"),
        ("on", "no"),
        ("d", "2023-06-01"),
    ]
    assert request.body == b""
    assert b"content-type" not in dict(request.headers)


@pytest.mark.parametrize(
    ("auth", "header", "query"),
    [
        ("none", None, ""),
        (
            "{type: api_key, in: header, name: X-Token, value: '{{secret.T}}'}",
            (b"x-token", b"t p"),
            "",
        ),
        ("{type: api_key, name: X-Token, value: '{{secret.T}}'}", (b"x-token", b"t p"), ""),
        ("{type: api_key, in: query, name: key, value: '{{secret.T}}'}", None, "?key=t%20p"),
        (
            "{type: api_key, in: cookie, name: sid, value: '{{secret.T}}'}",
            (b"cookie", b"sid=t p"),
            "",
        ),
        ("{type: bearer, token: '{{secret.T}}'}", (b"authorization", b"Bearer t p"), ""),
        (
            "{type: basic, username: Aladdin, password: open sesame}",
            (b"authorization", b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
            "",
        ),
    ],
)
@pytest.mark.parametrize("where", ["request", "environment"])
def test_the_ways_to_show_who_asks(
    tmp_path: Path, auth: str, header: tuple[bytes, bytes] | None, query: str, where: str
) -> None:
    environment = REST + "secrets: {T: {env: T_VARIABLE}}\n"
    request = build(
        tmp_path,
        f"{GET}path: /x\n" + (f"auth: {auth}\n" if where == "request" else ""),
        environment=environment
        + (f"auth: {auth}\n" if where == "environment" else "auth: {type: bearer, token: other}\n"),
        environ={"T_VARIABLE": "t p"},
    )
    assert request.headers == ([] if header is None else [header])
    assert request.target == "/x" + query


def test_a_request_takes_the_environments_header_away_or_replaces_it(tmp_path: Path) -> None:
    environment = REST + "headers: {A: env, B: env, C: env}\nauth: {type: bearer, token: t}\n"
    text = f"{GET}path: /x\nheaders: {{a: null, B: own, n: 5, yes: on, when: 2023-06-01}}\n"
    request = build(tmp_path, text, environment=environment)
    assert sorted(request.headers) == [
        (b"authorization", b"Bearer t"),
        (b"b", b"own"),
        (b"c", b"env"),
        (b"n", b"5"),
        (b"when", b"2023-06-01"),
        (b"yes", b"on"),
    ]
    patched = build(
        tmp_path,
        text,
        environment=environment,
        patch={"headers": {"AUTHORIZATION": None, "b": "c"}},
    )
    assert sorted(patched.headers) == [
        (b"b", b"c"),
        (b"c", b"env"),
        (b"n", b"5"),
        (b"when", b"2023-06-01"),
        (b"yes", b"on"),
    ]


@pytest.mark.parametrize(
    ("body", "variables", "sent"),
    [
        ("body: {n: '{{n}}', s: '{{n}} 个'}", {"n": 3}, {"n": 3, "s": "3 个"}),
        ("body: {n: null, list: [1, '{{x}}']}", {"x": None}, {"n": None, "list": [1, None]}),
        ("body: '{{all}}'", {"all": {"k": [True]}}, {"k": [True]}),
        ("body: [1, 2]", {}, [1, 2]),
        (
            "body: {file: data.txt, input: {file: x}}",
            {},
            {"file": "data.txt", "input": {"file": "x"}},
        ),
    ],
)
def test_json_bodies(tmp_path: Path, body: str, variables: dict[str, Any], sent: Any) -> None:
    request = build(tmp_path, f"{POST}{body}\n", variables=variables)
    assert json.loads(request.body) == sent
    assert dict(request.headers)[b"content-type"] == b"application/json"
    assert b" " not in request.body.replace("3 个".encode(), b"")


@pytest.mark.parametrize(
    ("more", "body", "kind"),
    [
        ("raw: '{\"a\": {{n}}'", b'{"a": 3', b"text/plain; charset=utf-8"),
        ("raw: ''", b"", b"text/plain; charset=utf-8"),
        ("raw: <a/>\ncontent_type: application/xml", b"<a/>", b"application/xml"),
        ("raw: x\nheaders: {Content-Type: a/b}", b"x", b"a/b"),
        ("raw: x\nheaders: {Content-Type: null}", b"x", None),
        ("body: {}\ncontent_type: application/x+json", b"{}", b"application/x+json"),
        ("file: data/猫.png", b"\x89PNG\x00", b"image/png"),
        ("file: data/blob", b"\xff", b"application/octet-stream"),
        (
            "form: {城市: '{{city}}', n: 3, l: [a, b]}\ncontent_type: application/x-www-form-urlencoded",
            b"%E5%9F%8E%E5%B8%82=%E5%8C%97+%E4%BA%AC&n=3&l=a&l=b",
            b"application/x-www-form-urlencoded",
        ),
    ],
)
def test_other_bodies(tmp_path: Path, more: str, body: bytes, kind: bytes | None) -> None:
    request = build(
        tmp_path,
        f"{POST}{more}\n",
        variables={"n": 3, "city": "北 京"},
        files={"data/猫.png": b"\x89PNG\x00", "data/blob": b"\xff"},
    )
    assert request.body == body
    assert dict(request.headers).get(b"content-type") == kind


def test_a_form_carries_texts_and_files(tmp_path: Path) -> None:
    text = (
        f"{POST}form:\n  purpose: '{{{{why}}}}'\n  file:\n"
        "    - {file: data/a.jsonl}\n"
        "    - {file: data/a.jsonl, content_type: text/x-lines, filename: '引\"号.txt'}\n"
    )
    content = b"--boundary\r\n\xff\x00\n"
    request = build(
        tmp_path, text, variables={"why": "批\r\n处理"}, files={"data/a.jsonl": content}
    )
    purpose, first, second = read_form(request)
    assert purpose.get_payload(decode=True) == "批\r\n处理".encode()
    assert purpose.get_param("name", header="content-disposition") == "purpose"
    assert first.get_payload(decode=True) == content
    assert first.get_filename() == "a.jsonl"
    assert first.get_param("name", header="content-disposition") == "file"
    assert second.get_content_type() == "text/x-lines"
    assert second.get_payload(decode=True) == content
    assert "引%22号.txt".encode() in request.body
    again = build(tmp_path, text, variables={"why": "批\r\n处理"}, files={"data/a.jsonl": content})
    assert again == request


def test_prompts_come_from_files_and_are_filled(tmp_path: Path) -> None:
    text = (
        f"{POST}body:\n  system: {{file: prompts/系统.md}}\n  tool: {{file: kept}}\n"
        "  messages:\n"
        "    - {role: user, content: {file: prompts/ask.md}}\n"
        "    - role: user\n"
        "      content:\n"
        "        - {type: text, text: {file: prompts/ask.md}}\n"
        "        - {type: tool_use, input: {content: {file: a.txt}}}\n"
        "        - {type: tool_result, content: [{type: text, text: {file: prompts/ask.md}}]}\n"
    )
    files: dict[str, str | bytes] = {
        "prompts/系统.md": "\ufeff你是 {{who}}。\r\n第二行 \\{{x}}\r\n",
        "prompts/ask.md": "问：{{who}}\n\n",
    }
    sent = json.loads(build(tmp_path, text, files=files, variables={"who": "短冊"}).body)
    asked = "问：短冊\n"
    assert sent == {
        "system": "你是 短冊。\n第二行 {{x}}",
        "tool": {"file": "kept"},
        "messages": [
            {"role": "user", "content": asked},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": asked},
                    {"type": "tool_use", "input": {"content": {"file": "a.txt"}}},
                    {"type": "tool_result", "content": [{"type": "text", "text": asked}]},
                ],
            },
        ],
    }
    error = refuse(tmp_path, text, files=files)
    assert f"{tmp_path}/prompts/系统.md:1:4: the variable `who`" in error.message


def test_a_patch_changes_what_is_sent(tmp_path: Path) -> None:
    text = f"{POST}body: {{a: 1, b: {{c: 2, d: [1]}}, e: null}}\nquery: {{x: 1}}\n"
    patch: dict[str, Any] = {
        "method": "PUT",
        "query": {"x": None, "y": "{{n}}"},
        "body": {"a": None, "b": {"d": [2, None]}, "f": "{{null}}", "g": "{{n}}"},
    }
    request = build(tmp_path, text, patch=patch, variables={"n": 7})
    assert (request.method, request.target) == ("PUT", "/x?y=7")
    assert json.loads(request.body) == {"b": {"c": 2, "d": [2, None]}, "e": None, "f": None, "g": 7}


@pytest.mark.parametrize(
    ("before", "patch", "body", "kind"),
    [
        ("body: {a: 1}", {"raw": '{"a":'}, b'{"a":', b"application/json"),
        ("body: {a: 1}", {"raw": "x", "content_type": "text/x"}, b"x", b"text/x"),
        ("body: {a: 1}\ncontent_type: a/b", {"raw": "x"}, b"x", b"a/b"),
        ("raw: x", {"body": [1]}, b"[1]", b"application/json"),
        ("form: {a: b}", {"body": {"c": 1}}, b'{"c":1}', b"application/json"),
        ("body: {a: 1}", {"body": None}, b"", None),
        ("body: {a: 1}", {"body": "text"}, b'"text"', b"application/json"),
        ("raw: x", {"raw": "y"}, b"y", b"text/plain; charset=utf-8"),
    ],
)
def test_a_patch_may_give_another_kind_of_body(
    tmp_path: Path, before: str, patch: dict[str, Any], body: bytes, kind: bytes | None
) -> None:
    request = build(tmp_path, f"{POST}{before}\n", patch=patch)
    assert request.body == body
    assert dict(request.headers).get(b"content-type") == kind


def test_patches_follow_each_other_and_leave_the_file_alone(tmp_path: Path) -> None:
    write_project(tmp_path, {"requests/ask.yaml": f"{POST}body: {{a: 1}}\nheaders: {{h: v}}\n"})
    _, environment, file = load_all(tmp_path)
    changed = file.patched({"body": {"b": 2}, "headers": {"h": None}}).patched({"body": {"a": 3}})
    first = build_request(file, environment, environment.scope)
    second = build_request(changed, environment, environment.scope)
    assert json.loads(first.body) == {"a": 1}
    assert json.loads(second.body) == {"a": 3, "b": 2}
    assert b"h" in dict(first.headers)
    assert b"h" not in dict(second.headers)
    assert build_request(
        file.patched({"headers": None}), environment, environment.scope
    ).headers == [line for line in first.headers if line[0] != b"h"]


def test_a_mistake_in_a_patch_has_the_patchs_place(tmp_path: Path) -> None:
    write_project(tmp_path)
    _, environment, file = load_all(tmp_path)
    suite = parse_yaml("with:\n  body: {max_tokens: '{{mx}}'}\n", "suites/a.suite.yaml")
    patch = suite.as_mapping()["with"]
    with pytest.raises(InputFileError, match=r"^suites/a\.suite\.yaml:2:22: the variable `mx`"):
        build_request(file, environment, environment.scope, patch)
    with pytest.raises(InputFileError, match=r"^s\.yaml:4:2: unknown key `boddy`") as caught:
        file.patched({"boddy": {}}, Place("s.yaml", 4, 2))
    assert caught.value.hint == "Did you mean `body`?"
    with pytest.raises(InputFileError, match="lacks the key `method`"):
        file.patched({"method": None})


@pytest.mark.parametrize(
    ("text", "place", "words", "hint"),
    [
        ("method: GET\npath: /x\n", "1:1", "does not say what it is", "`tanzaku: request/v1`"),
        ("tanzaku: suite/v1\nmethod: GET\npath: /x\n", "1:10", 'found "suite/v1"', ""),
        ("tanzaku: request/v2\nmethod: GET\npath: /x\n", "1:10", 'found "request/v2"', ""),
        ("tanzaku: request/v1\npath: /x\n", "1:1", "lacks the key `method`", ""),
        (f"{GET}path: /x\nhedaers: {{}}\n", "4:1", "unknown key `hedaers`", "`headers`"),
        ("tanzaku: request/v1\nmethod: GTE\npath: /x\n", "2:9", "must be one of GET", ""),
        (f"{GET}path: x\n", "3:7", "must begin with `/`", "`query`"),
        (f"{GET}path: /x?a=b\n", "3:7", "end before any `?`", "`query`"),
        (f"{GET}path: /x/{{id}}\n", "3:7", "parameter `id` has no value", "`path_params`"),
        (
            f"{GET}path: /x/{{id}}\npath_params: {{id: 1, ids: 2}}\n",
            "4:22",
            "no parameter `ids`",
            "`id`",
        ),
        (f"{GET}path: /x\nheaders: {{v: 1.10}}\n", "4:14", "another way", "quotes"),
        (f"{GET}path: /x\nquery: {{v: [1.10]}}\n", "4:13", "another way", "quotes"),
        (f"{GET}path: /x\nheaders: {{v: [a]}}\n", "4:14", "must be text; found array", ""),
        (f"{GET}path: /x\nheaders: {{'a b': c}}\n", "4:11", "name of a header", ""),
        (f"{GET}path: /x\nheaders: {{A: b, a: c}}\n", "4:17", "a second time", ""),
        (f'{GET}path: /x\nheaders: {{a: "b\\nc"}}\n', "4:14", "line break", ""),
        (f"{GET}path: /x\nquery: {{a: null}}\n", "4:12", "must be text; found null", ""),
        (f"{GET}path: /x\nquery: {{a: '{{{{obj}}}}'}}\n", "4:12", "object cannot stand", "json"),
        (f"{GET}path: /x\nheaders: {{a: '{{{{obj}}}}'}}\n", "4:14", "object cannot stand", "json"),
        (f"{POST}body: {{}}\nraw: x\n", "5:1", "`body` stands here too", ""),
        (f'{POST}body: {{a: "\\ud800"}}\n', "4:7", "sent as JSON", ""),
        (f'{POST}raw: "\\ud800"\n', "4:6", "half a character", "`raw`"),
        (f"{POST}file: data/nmaes.txt\n", "4:7", "no file data/nmaes.txt", "`data/names.txt`"),
        (f"{POST}file: ../outside.txt\n", "4:7", "outside the project", ""),
        (f"{POST}file: /etc/hostname\n", "4:7", "outside the project", ""),
        (f"{POST}body: {{system: {{file: data/latin.txt}}}}\n", "", "is not UTF-8", ""),
        (f"{POST}form: {{a: {{fiel: x}}}}\n", "4:12", "unknown key `fiel`", "`file`"),
        (f"{POST}form: {{a: b}}\ncontent_type: text/plain\n", "5:15", "multipart/form-data", ""),
        (f"{GET}path: /x\nauth: bearer\n", "4:7", "must be `none`", "bearer and basic"),
        (f"{GET}path: /x\nauth: {{type: bearer, name: x}}\n", "4:22", "unknown key `name`", ""),
        (
            f"{GET}path: /x\nauth: {{type: basic, username: x}}\n",
            "4:7",
            "lacks the key `password`",
            "",
        ),
        (f"{GET}path: /x\nauth: {{type: api_key, name: a b, value: c}}\n", "4:29", "name of a", ""),
        (f"{GET}path: /x\ntimeout_s: 0\n", "4:12", "must be a number from 0.001", ""),
        (
            f"{GET}path: /x\nheaders: {{k: sk-ant-api03-{'Ab1_' * 12}}}\n",
            "4:14",
            "an API key",
            "secret",
        ),
        (f"{GET}path: /x\npath: /y\n", "4:1", "a second time", ""),
        (f"{GET}path: &a /x\n", "3:7", "anchors", ""),
    ],
)
def test_mistakes_have_a_place_and_a_way_out(
    tmp_path: Path, text: str, place: str, words: str, hint: str
) -> None:
    error = refuse(
        tmp_path,
        text,
        variables={"obj": {"hidden": 1}},
        files={"data/names.txt": "x", "data/latin.txt": b"\xe9"},
    )
    assert error.message.startswith(f"{tmp_path}/")
    assert f":{place}: " in error.message if place else "latin.txt" in error.message
    assert words in error.message
    assert hint in error.hint
    assert "hidden" not in error.message
    assert "Ab1_" not in f"{error.message} {error.hint} {error.values}"


def test_a_secret_that_cannot_be_a_header_is_not_shown(tmp_path: Path) -> None:
    error = refuse(
        tmp_path,
        f"{GET}path: /x\n",
        environment=REST + "secrets: {T: {env: T}}\nauth: {type: bearer, token: '{{secret.T}}'}\n",
        environ={"T": "topsecret\nx"},
    )
    assert "environments/mock.yaml:5:29: the value of `auth.token`" in error.message
    assert "topsecret" not in f"{error.message} {error.hint} {error.values}"


def test_a_request_that_is_not_there_is_named_with_the_nearest(tmp_path: Path) -> None:
    write_project(tmp_path)
    with pytest.raises(InputFileError, match="no such file") as caught:
        load_request("requests/aks.yaml", tmp_path)
    assert caught.value.hint == "Did you mean `requests/ask.yaml`?"


def test_what_a_request_says_of_itself(tmp_path: Path) -> None:
    text = (
        f"{GET}path: /v1/models/{{id}}\npath_params: {{id: x}}\nname: 模型\noperation: getModel\n"
    )
    text += "document: openapi/claude.yaml\nskip: nobody serves it\ntimeout_s: 1.5\n"
    write_project(tmp_path, {"requests/models/get.one.yaml": text})
    file = load_request("requests/models/get.one.yaml", tmp_path)
    assert (file.id, file.name, file.operation) == ("models/get.one", "模型", "getModel")
    assert (file.method, file.url_path) == ("GET", "/v1/models/{id}")
    assert (file.document, file.skip, file.timeout_s) == (
        "openapi/claude.yaml",
        "nobody serves it",
        1.5,
    )
    plain = load_request("requests/ask.yaml", tmp_path)
    assert (plain.name, plain.operation, plain.document, plain.skip) == ("ask", None, None, None)
