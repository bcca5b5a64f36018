"""A request as a shell command sends the very bytes, whoever wrote them."""

import http.server
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, override

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tanzaku.cli.replayed import write_as
from tanzaku.core import UserError
from tanzaku.exchange import Exchange
from tanzaku.look import strip_controls

type Kept = list[tuple[str, str, dict[str, str], bytes]]


def build(
    body: bytes, *, path: str = "/v1/messages", beta: str = "b1,b2", query: str = ""
) -> Exchange:
    headers = [
        ("content-type", "application/json"),
        ("anthropic-version", "2023-06-01"),
        ("anthropic-beta", beta),
        ("user-agent", "somebody's"),
    ]
    return Exchange("exch_1", 1764000000.0, "POST", path, headers, body, query=query)


@pytest.fixture(scope="module")
def listener() -> Iterator[tuple[str, Kept]]:
    """The URL of a server, and what it was sent: method, target, headers, body."""
    kept: Kept = []

    class Keeper(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            kept.append((self.command, self.path, headers, body))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        @override
        def log_message(self, format: str, *args: Any) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Keeper) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", kept
        server.shutdown()
        thread.join()


def run(command: str, url: str, folder: Path = Path("/")) -> None:
    environment = {
        "PATH": os.environ["PATH"], "ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "k-of-mine",
    }  # fmt: skip
    subprocess.run(["sh", "-c", command], env=environment, cwd=folder, check=True, timeout=60)


TEXTS = st.one_of(
    st.binary(min_size=1, max_size=60),
    st.text(min_size=1, max_size=40).map(lambda text: text.encode("utf-8", "replace")),
    st.lists(
        st.sampled_from(["'", '"', "$HOME", "`id`", "%s", "%", "\\", "\\n", "\n", "\r", "\x1b[31m",
                         "\u202e", "\x9b", "@", "-", "!", "$(id)", "你好", "\x00", "7"]),
        min_size=1,
        max_size=12,
    ).map(lambda parts: "".join(parts).encode()),
)  # fmt: skip


@pytest.mark.needs("curl")
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(body=TEXTS)
@example(body=b"-\x00")
@example(body=b"-n")
def test_whatever_the_body_the_shell_sends_it_and_nothing_of_it_is_run(
    listener: tuple[str, Kept], body: bytes
) -> None:
    url, kept = listener
    command = write_as("curl", build(body))
    assert strip_controls(command) == command
    run(command, url)
    method, target, headers, sent = kept.pop()
    assert (method, target, sent) == ("POST", "/v1/messages", body)
    assert headers["anthropic-version"] == "2023-06-01"
    assert headers["anthropic-beta"] == "b1,b2"
    assert headers["x-api-key"] == "k-of-mine"


@pytest.mark.needs("curl")
@pytest.mark.parametrize(
    "path", ["/v1/{a,b}", "/v1/[1-3]", "/v1/x/../../y", "/v1/'$(id)'", "/v1/%7e%27"]
)
def test_a_path_is_no_pattern_and_no_command(listener: tuple[str, Kept], path: str) -> None:
    url, kept = listener
    run(write_as("curl", build(b"{}", path=path)), url)
    assert [target for _, target, _, _ in kept] == [path]
    kept.clear()


@pytest.mark.needs("curl")
@pytest.mark.parametrize("query", ["beta=true", "a=[1-3]&b={x,y}", "q=$(id)&'`id`'", "a=%20&a=?"])
def test_a_query_goes_as_it_came(listener: tuple[str, Kept], query: str) -> None:
    url, kept = listener
    run(write_as("curl", build(b"{}", query=query)), url)
    assert [target for _, target, _, _ in kept] == [f"/v1/messages?{query}"]
    kept.clear()


@pytest.mark.parametrize("shape", ["python", "typescript"])
def test_a_query_that_no_sdk_can_say_is_not_said_in_part(shape: str) -> None:
    with pytest.raises(UserError, match="a name twice"):
        write_as(shape, build(b'{"model":"m"}', query="tag=a&tag=b"))


@pytest.mark.needs("curl")
def test_a_body_that_names_a_file_of_the_reader_is_sent_as_it_is(
    listener: tuple[str, Kept], tmp_path: Path
) -> None:
    url, kept = listener
    (tmp_path / "private").write_text("a secret of the reader")
    run(write_as("curl", build(b"@private")), url, tmp_path)
    assert kept.pop()[3] == b"@private"


@pytest.mark.needs("curl")
def test_a_long_body_is_no_argument_that_is_too_long(listener: tuple[str, Kept]) -> None:
    url, kept = listener
    body = b'{"text": "' + b"long " * 60_000 + b'"}'
    # The command itself is longer than one argument may be.
    with subprocess.Popen(["sh"], stdin=subprocess.PIPE, env={
        "PATH": os.environ["PATH"], "ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "k",
    }) as shell:  # fmt: skip
        shell.communicate(write_as("curl", build(body)).encode(), timeout=60)
    assert kept.pop()[3] == body


@pytest.mark.requirement("L9")
@pytest.mark.parametrize("shape", ["typescript", "python", "har", "curl"])
def test_nothing_that_is_printed_steers_a_terminal(shape: str) -> None:
    body = (
        '{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"\\u001b\x9b\u202ex"}]}'
    )
    text = write_as(shape, build(body.encode(), beta="\x9b31m"))
    assert strip_controls(text) == text
