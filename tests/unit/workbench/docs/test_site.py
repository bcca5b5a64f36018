"""The documentation of an API: whole, in both languages, sealed against its document's texts."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath
from typing import Any, override

import pytest

from harness.attacks import ATTACKS, LINKS, HtmlReader
from harness.browser import Browser, open_file
from harness.executed import MESSAGE, make_case, make_execution, make_reply
from tanzaku.wire import ERROR_TYPES, encode_event, split_message
from tanzaku.workbench.docs import Example, Material, build_site, write_site
from tanzaku.workbench.openapi import Document, load_document

OWN = Path(__file__).parents[4] / "docs" / "openapi.json"
TOOLS = [
    {"role": "user", "content": "北京今天天气怎么样？"},
    {
        "role": "assistant",
        "content": [
            {"type": "tool_use", "id": "toolu_9", "name": "find_city", "input": {"name": "北京"}}
        ],
    },
    {
        "role": "user",
        "content": [{"type": "tool_result", "tool_use_id": "toolu_9", "content": "晴，5 度"}],
    },
]
STREAM = b"".join(map(encode_event, split_message(MESSAGE)))


class Links(HTMLParser):
    """Where the links of a page lead to, and the places in it that links can name."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.names: list[str] = []
        self.feed(text)

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if given.get("href"):
            self.targets.append(str(given["href"]))
        if given.get("id"):
            self.names.append(str(given["id"]))


def load(folder: Path, content: dict[str, Any]) -> Document:
    path = folder / "api.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return load_document(path)


def describe(schema: dict[str, Any], **schemas: Any) -> dict[str, Any]:
    """A document with one operation that takes `schema`."""
    body = {"content": {"application/json": {"schema": schema}}}
    answers = {
        "200": {"description": "Made."},
        "404": {"description": "No such shop."},
        "503": {"description": "Closed."},
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Shop", "version": "1"},
        "paths": {
            "/orders": {
                "post": {"operationId": "makeOrder", "requestBody": body, "responses": answers}
            }
        },
        "components": {"schemas": schemas},
    }


def record() -> list[Any]:
    """An execution with a stream that brought a tool's result."""
    reply = make_reply(
        STREAM,
        content_type="text/event-stream",
        request_body=json.dumps({"messages": TOOLS}).encode(),
        frame_times_ms=[120.5 + 10 * n for n in range(STREAM.count(b"\n\n"))],
    )
    return make_execution(make_case("weather#a", replies=[reply]))


@pytest.fixture(scope="module")
def own() -> dict[str, str]:
    return build_site(Material(load_document(OWN), {}, "20261124-1", record()), "en")


def test_every_operation_has_a_page_a_row_and_markdown_in_both_languages(
    own: dict[str, str],
) -> None:
    index = HtmlReader(own["index.html"]).text
    count = 0
    for path, methods in json.loads(OWN.read_text("utf-8"))["paths"].items():
        for method in set(methods) & {"get", "post", "delete", "put", "patch"}:
            count += 1
            name = f"{method.upper()} {path}"
            assert name in index
            for suffix in (".html", ".md", ".zh-CN.md"):
                pages = [one for one in own if one.startswith("operations/")]
                assert any(
                    name in own[page].partition("anthropic-version")[0]
                    for page in pages
                    if page.endswith(suffix)
                ), (name, suffix)
    assert own["llms.txt"].count("](operations/") == count
    assert sum(page.startswith("operations/") for page in own) == count * 3


def test_every_link_leads_somewhere(own: dict[str, str]) -> None:
    read = {page: Links(text) for page, text in own.items() if page.endswith(".html")}
    targets = 0
    for page, links in read.items():
        assert len(links.names) == len(set(links.names)), page
        for target in links.targets:
            path, _, name = target.partition("#")
            whole = page if not path else normalize(PurePosixPath(page).parent / path)
            assert whole in read, (page, target)
            assert not name or name in read[whole].names, (page, target)
            targets += 1
    for page, text in own.items():
        for target in re.findall(r"\]\(([^)]+)\)", text) if not page.endswith(".html") else ():
            assert normalize(PurePosixPath(page).parent / target) in own, (page, target)
            targets += 1
    assert targets > 100


def normalize(path: PurePosixPath) -> str:
    parts: list[str] = []
    for part in path.parts:
        parts = parts[:-1] if part == ".." else [*parts, part]
    return "/".join(parts)


def test_the_same_material_gives_the_same_bytes(own: dict[str, str]) -> None:
    assert build_site(Material(load_document(OWN), {}, "20261124-1", record()), "en") == own


def test_a_recorded_stream_is_shown_event_by_event_and_tools_there_and_back(
    own: dict[str, str],
) -> None:
    [page] = [one for one in own if "120.5" in own[one] and one.endswith(".html")]
    text = HtmlReader(own[page]).text
    assert "POST /v1/messages" in text
    for said in ("message_start", "130.5", "content_block_delta", "find_city", "晴，5 度"):
        assert said in text
        assert said in own[page.replace(".html", ".zh-CN.md")].replace("\\_", "_")
    before, after = text.index("北京今天天气怎么样？"), text.index("我来查一下。", text.index("晴"))
    assert before < text.index("find_city") < text.index("晴，5 度") < after


def test_without_an_execution_the_pages_say_so() -> None:
    site = build_site(Material(load_document(OWN)), "en")
    for page, text in site.items():
        if page.startswith("operations/"):
            said = "没有时间线" if page.endswith("zh-CN.md") else "there is no timeline"
            assert said in text


def test_claudes_errors_and_prices_are_those_of_the_catalog(own: dict[str, str]) -> None:
    errors = own["errors.md"].replace("\\_", "_")
    for status, kind in ERROR_TYPES.items():
        [line] = [one for one in errors.splitlines() if f"`{kind}`" in one]
        assert f"`{status}`" in line
        # What the SDKs send again.
        assert ("| yes" in line) == (status in {409, 429} or status >= 500)
    [line] = [
        one for one in own["limits.md"].splitlines() if "haiku-4-5-2025" in one and "$5" in one
    ]
    assert re.findall(r"\$[\d.]+", line) == ["$1.00", "$5.00", "$1.25", "$2.00", "$0.10"]
    assert "2026-09-02" in line


def test_another_apis_errors_are_its_documents_own(tmp_path: Path) -> None:
    site = build_site(Material(load(tmp_path, describe({"type": "object"}))), "zh-CN")
    assert "limits.html" not in site
    lines = site["errors.md"].splitlines()
    [missing] = [one for one in lines if "No such shop." in one]
    [closed] = [one for one in lines if "Closed." in one]
    assert "makeOrder" in missing
    assert "| no" in missing
    assert "| yes" in closed
    assert "Made." not in site["errors.md"]
    assert '<html lang="zh-CN">' in site["errors.html"]


def test_a_union_has_a_tab_a_branch_and_a_recursive_schema_ends(tmp_path: Path) -> None:
    leaf = {"properties": {"type": {"const": "leaf"}, "size": {"type": "integer", "maximum": 9}}}
    reference = {"$ref": "#/components/schemas/Branch"}
    branch = {
        "properties": {"type": {"const": "branch"}, "parts": {"type": "array", "items": reference}}
    }
    union = {"oneOf": [{"$ref": "#/components/schemas/Leaf"}, reference]}
    site = build_site(Material(load(tmp_path, describe(union, Leaf=leaf, Branch=branch))), "en")
    page = site["operations/make-order.html"]
    body = page.partition("Request body")[2].partition("Examples")[0]
    assert body.count('type="radio"') == 2
    assert HtmlReader(body).text.count("parts") == 1
    assert "maximum: 9" in body
    assert "as shown for" in body
    text = site["operations/make-order.md"]
    assert text.count("**`parts`**") == 1
    assert "`maximum: 9`" in text


def test_every_keyword_of_a_schema_that_binds_is_shown(tmp_path: Path) -> None:
    schema = {
        "required": ["a"],
        "properties": {
            "a": {"type": "string", "minLength": 2, "pattern": "^x|y$", "default": "x1"},
            "b": {"enum": ["red", 7, None]},
        },
    }
    site = build_site(Material(load(tmp_path, describe(schema))), "en")
    text = site["operations/make-order.md"]
    for fact in ("minLength: 2", 'default: "x1"', 'enum: ["red", 7, null]', "^x\\|y$", "required"):
        assert fact in text
    [line] = [one for one in text.splitlines() if "**`b`**" in one]
    assert "required" not in line


def test_every_word_of_ours_is_in_both_languages(own: dict[str, str]) -> None:
    for page in ("index", "errors", "limits", "operations/create-message"):
        assert re.search("[\u4e00-\u9fff]", own[f"{page}.zh-CN.md"]), page
        shown = own[f"{page}.html"]
        assert shown.count('class="en"') == shown.count('class="zh"') > 5


def make_hostile(text: str) -> dict[str, Any]:
    """A document with `text` wherever a text may stand."""
    schema = {
        "type": "object",
        "title": text,
        "description": text,
        "required": [text],
        "properties": {
            text: {"type": "string", "description": text, "default": text, "enum": [text]},
            "u": {"oneOf": [{"title": text, "type": "string"}, {"const": text, "title": "b"}]},
        },
    }
    content = {"application/json": {"schema": schema}, f"text/{text}": {"schema": schema}}
    where = {"name": text, "in": "query", "description": text, "schema": {"default": text}}
    operation = {
        "operationId": text,
        "summary": text,
        "description": text,
        "tags": [text],
        "parameters": [where],
        "requestBody": {"content": content},
        "responses": {
            "200": {
                "description": text,
                "content": content,
                "headers": {text: {"description": text, "schema": {"type": "string"}}},
            },
            "400": {"description": text},
        },
        "security": [{text: []}],
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": text, "version": text, "description": text},
        "servers": [{"url": text}],
        "paths": {f"/{text}": {"post": operation}},
        "components": {"securitySchemes": {text: {"type": "apiKey", "in": "header", "name": text}}},
    }


@pytest.mark.needs("chromium")
def test_a_hostile_document_runs_nothing_and_sends_nothing(
    browser: Browser, tmp_path: Path
) -> None:
    text = "\n\n".join(ATTACKS[:-1] + LINKS)
    site = build_site(Material(load(tmp_path, make_hostile(text))), "en")
    write_site(site, tmp_path / "site")
    (tmp_path / "calm").mkdir()
    calm = build_site(Material(load(tmp_path / "calm", make_hostile("calm"))), "en")
    allowed = {tag for name, one in calm.items() if "html" in name for tag in HtmlReader(one).tags}
    pages = [name for name in site if name.endswith(".html")]
    assert len(pages) == 3
    for name in pages:
        assert set(HtmlReader(site[name]).tags) <= allowed
        with open_file(browser, tmp_path / "site" / name) as page:
            page.evaluate("document.querySelectorAll('details').forEach((one) => one.open = true)")
            page.locator("#lang").click()
            assert page.title().startswith("<script>")
            for link in page.locator("a[href]").all():
                assert re.fullmatch(r"#[\w-]+|[\w./-]+\.html", link.get_attribute("href") or "")
    for name, written in site.items():
        if not name.endswith(".html"):
            outside = re.sub(r"(?m)^(`{3,}).*?^\1$|(`+)[^\n]*?\2", "", written, flags=re.DOTALL)
            assert not re.search(r"<\w|\]\((?!operations/|\.\./|errors|limits|index)", outside), (
                name
            )


@pytest.mark.needs("chromium")
def test_hostile_recordings_and_examples_run_nothing_and_send_nothing(
    browser: Browser, tmp_path: Path
) -> None:
    text = " ".join(ATTACKS[:-1] + LINKS).replace("\n", " ")
    name, data = text.encode(), json.dumps({"a": text}).encode()
    block = {"type": "tool_use", "id": "1", "name": text, "input": {text: text}}
    result = {"type": "tool_result", "tool_use_id": "1", "content": text}
    turns = [{"role": text, "content": [{"type": "text", "text": text}, block, result]}]
    reply = make_reply(
        STREAM + b"event: %b\ndata: %b\n\n" % (name, data),
        content_type="text/event-stream",
        request_body=json.dumps({"messages": turns}).encode(),
        frame_times_ms=range(STREAM.count(b"\n\n") + 1),
    )
    document = load(tmp_path, describe({"type": "object"}))
    reply.exchange.path = "/orders"
    events = make_execution(make_case("a#b", replies=[reply]))
    examples = {"makeOrder": [Example(text, {"curl": text, "python": f"```\n{text}"})]}
    site = build_site(Material(document, examples, text, events), "en")
    write_site(site, tmp_path / "site")
    for page in ("index", "operations/make-order"):
        shown = HtmlReader(site[f"{page}.html"])
        assert {"img", "svg", "iframe", "form", "base", "link"} & set(shown.tags) == set()
        assert shown.text.count("alert(1)") > 3
        with open_file(browser, tmp_path / "site" / f"{page}.html") as opened:
            assert opened.locator("script").count() == 1
    assert "````python\n```\n" in site["operations/make-order.md"]


def test_a_description_keeps_its_paragraphs(tmp_path: Path) -> None:
    content = describe({"type": "object"})
    content["paths"]["/orders"]["post"]["description"] = "Makes *one*\norder.\n\n# Not twice."
    text = build_site(Material(load(tmp_path, content)), "en")["operations/make-order.md"]
    assert "\nMakes \\*one\\* order.\n\n\\# Not twice.\n" in text


@pytest.mark.needs("chromium")
def test_a_reader_searches_and_changes_tabs(
    browser: Browser, tmp_path: Path, own: dict[str, str]
) -> None:
    write_site(own, tmp_path)
    with open_file(browser, tmp_path / "index.html") as page:
        page.locator("#search").fill("batches cancel")
        assert page.locator("tr.entry:visible").count() == 1
    with open_file(browser, tmp_path / "operations/create-message.html") as page:
        panels = page.locator(".tabs:visible").last.locator("> .panel")
        assert panels.nth(0).is_visible()
        page.locator(".tabs:visible").last.locator("> input").nth(1).check()
        assert panels.nth(1).is_visible()
        assert not panels.nth(0).is_visible()
