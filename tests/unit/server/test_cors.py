"""Pages of other origins, as a browser lets them speak: refused but for those that are named."""

import http.client
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tanzaku.core import InputFileError
from tanzaku.gateway.config import parse_config
from tanzaku.server import Server, ServerOptions
from tanzaku.server._cors import show_to
from tanzaku.transport import HttpResponse

pytestmark = pytest.mark.requirement("B5")

PAGE = "https://app.example"
CONFIG = "upstreams: {sim: {kind: simulator}}\nkeys: {required: true}\n"
TOKEN = "admin-token-0123456789"
ASKS = {"access-control-request-method": "POST", "sec-fetch-site": "cross-site"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    config = tmp_path_factory.mktemp("cors") / "gateway.yaml"
    config.write_text(CONFIG + f"cors: [{PAGE}, 'http://localhost:3000']\n")
    with Server(
        options=ServerOptions(config=config, environment={"TANZAKU_ADMIN_TOKEN": TOKEN})
    ) as running:
        yield running


def send(
    server: Server, method: str, target: str, origin: str | None, **headers: str
) -> tuple[int, dict[str, str]]:
    """Status and headers; a name's underscores are dashes."""
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=20)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if origin is not None:
        named["origin"] = origin
    try:
        connection.request(method, target, headers=named)
        answer = connection.getresponse()
        answer.read()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}
    finally:
        connection.close()


def find_doors(headers: dict[str, str]) -> list[str]:
    return [name for name in headers if name.startswith("access-control-")]


@pytest.mark.parametrize("origin", [PAGE, "http://localhost:3000"])
def test_a_named_page_may_ask_and_read_without_the_browsers_credentials(
    server: Server, origin: str
) -> None:
    wanted = "anthropic-version,content-type,x-api-key"
    asked = ASKS | {"access-control-request-headers": wanted}
    status, headers = send(server, "OPTIONS", "/v1/messages", origin, **asked)
    assert (status, headers["access-control-allow-origin"]) == (204, origin)
    assert "POST" in headers["access-control-allow-methods"].split(", ")
    assert headers["access-control-allow-headers"] == wanted
    assert headers["vary"] == "origin"
    status, answer = send(server, "GET", "/v1/models", origin, sec_fetch_site="cross-site")
    # Its origin opens the door; a virtual key is wanted of it as of anybody, and it can read that.
    assert (status, answer["access-control-allow-origin"]) == (401, origin)
    assert "request-id" in answer["access-control-expose-headers"].split(", ")
    for said in (headers, answer):
        assert "access-control-allow-credentials" not in said
        assert "*" not in [said[name] for name in find_doors(said)]


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example", "https://app.example.evil.test", "https://app.example:8443",
        "http://app.example", "https://APP.example", "https://app.example/", "null", "*", "",
        "https://app.example, https://evil.example",
    ],
)  # fmt: skip
def test_any_other_page_is_refused_and_reads_nothing(server: Server, origin: str) -> None:
    for method in ("OPTIONS", "GET", "POST"):
        status, headers = send(server, method, "/v1/messages", origin, **ASKS)
        assert (status, find_doors(headers)) == (403, [])


def test_a_named_page_is_not_let_in_beside_a_second_origin(server: Server) -> None:
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=20)
    connection.putrequest("GET", "/v1/models")
    for origin in (PAGE, "https://evil.example"):
        connection.putheader("origin", origin)
    connection.endheaders()
    assert connection.getresponse().status == 403
    connection.close()


@pytest.mark.parametrize(
    "target",
    ["/_tanzaku/health", "/_tanzaku/keys", "/_tanzaku/exchanges", "/model/m/invoke", "/v1", "/"],
)
def test_a_named_page_reaches_nothing_but_the_api(server: Server, target: str) -> None:
    for method in ("OPTIONS", "GET", "POST"):
        headers = ASKS | {"tanzaku-admin-token": TOKEN}
        status, answer = send(server, method, target, PAGE, **headers)
        assert (status, find_doors(answer)) == (403, [])


def test_a_named_page_does_not_open_another_host(server: Server) -> None:
    assert send(server, "GET", "/v1/models", PAGE, host="evil.example")[0] == 421


def test_who_comes_from_no_page_is_told_nothing_of_pages(server: Server) -> None:
    status, headers = send(server, "OPTIONS", "/v1/messages", None)
    assert (status, find_doors(headers)) == (401, [])


def test_options_that_is_no_browsers_question_goes_on_to_the_api(server: Server) -> None:
    assert send(server, "OPTIONS", "/v1/messages", PAGE)[0] == 401


def test_without_a_word_of_it_no_page_is_let_in_and_a_reload_takes_it_back(tmp_path: Path) -> None:
    config = tmp_path / "gateway.yaml"
    config.write_text(CONFIG + f"cors: [{PAGE}]\n")
    options = ServerOptions(config=config, environment={"TANZAKU_ADMIN_TOKEN": TOKEN})
    with Server(options=options) as server:
        assert send(server, "OPTIONS", "/v1/messages", PAGE, **ASKS)[0] == 204
        config.write_text(CONFIG)
        connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=20)
        headers = {"tanzaku-admin-token": TOKEN, "content-type": "application/json"}
        connection.request("POST", "/_tanzaku/config/reload", "{}", headers)
        assert connection.getresponse().status == 200
        connection.close()
        assert send(server, "OPTIONS", "/v1/messages", PAGE, **ASKS)[0] == 403


def test_what_an_upstream_says_of_pages_does_not_count() -> None:
    said = [
        (b"access-control-allow-origin", b"*"),
        (b"access-control-allow-credentials", b"true"),
        (b"request-id", b"req_1"),
    ]
    answer = HttpResponse(200, said, b"{}")
    show_to(answer, PAGE.encode())
    assert (b"request-id", b"req_1") in answer.headers
    doors = [line for line in answer.headers if line[0].startswith(b"access-control-allow")]
    assert doors == [(b"access-control-allow-origin", PAGE.encode())]


@pytest.mark.parametrize(
    "origin",
    [
        "'*'", "'null'", "app.example", "https://app.example/", "https://app.example/page",
        "https://*.example", "https://App.example", "https://u@app.example", "http://app.example",
        "'https://app.example https://b.example'", "ftp://app.example", "https://app.example:0",
    ],
)  # fmt: skip
def test_only_exact_origins_can_be_named(origin: str) -> None:
    with pytest.raises(InputFileError, match=r"3:8: `cors\[0\]` is no origin of a web page"):
        parse_config(f"{CONFIG}cors: [{origin}]\n", "gateway.yaml", {})
