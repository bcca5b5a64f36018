"""The pytest fixtures: `claude`, a running simulator with the environment pointed at it, and
`tool_mocks`, which reads tool mock sets. With `--suites` suites are collected as tests.

pytest imports this file in every run of every project that has Tanzaku installed, so nothing of
Tanzaku is imported before a test asks for a fixture or suites are asked for.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tanzaku.cli.pytest_suites import Bench, SuiteFile
    from tanzaku.server import Server
    from tanzaku.simulator.mocks import ToolMocks


@pytest.fixture(scope="session")
def _claude_server() -> Iterator["Server"]:
    from tanzaku.server import Server

    with Server() as server:
        yield server


@pytest.fixture
def claude(_claude_server: "Server", monkeypatch: pytest.MonkeyPatch) -> "Server":
    """A local Claude that forgot everything of earlier tests.

    ANTHROPIC_BASE_URL and ANTHROPIC_API_KEY point at it, so `Anthropic()` needs no argument.
    `claude.url`, `claude.requests`, `claude.say(...)` and `claude.fail(...)` are documented in
    docs/pytest.md. The server lives as long as the session; its script and its requests, a test.
    """
    _claude_server.reset()
    monkeypatch.setenv("ANTHROPIC_BASE_URL", _claude_server.url)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-local-tanzaku")
    monkeypatch.delenv("ANTHROPIC_AUTH_TOKEN", raising=False)
    for name in ("NO_PROXY", "no_proxy"):  # a proxy of the developer's cannot reach this server
        monkeypatch.setenv(name, ",".join(filter(None, [os.environ.get(name), "127.0.0.1"])))
    return _claude_server


@pytest.fixture
def tool_mocks() -> "Callable[..., ToolMocks]":
    """Reads mocks files: `tool_mocks("mocks/payment.yaml").tools()` are functions that answer.

    Nobody waits: latencies are only logged, and a tool that never answers raises TimeoutError at
    once. docs/mocks.md has the files and what a test can switch and look at.
    """
    from tanzaku.simulator.mocks import ToolMocks, load_mocks

    def load(*files: Path | str) -> ToolMocks:
        return ToolMocks(*map(load_mocks, files), pace="instant")

    return load


_BENCH: "pytest.StashKey[Bench]" = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--suites`, or `tanzaku_suites` in the configuration, collects suites."""
    group = parser.getgroup("tanzaku")
    group.addoption(
        "--suites", action="store_true", help="collect *.suite.yaml; each of their cases is a test"
    )
    group.addoption(
        "--suites-environment", metavar="NAME", help="the environment that answers the suites"
    )
    parser.addini("tanzaku_suites", "collect *.suite.yaml", type="bool", default=False)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> "SuiteFile | None":
    """A suite's file, where suites are asked for."""
    config = parent.config
    if not file_path.name.endswith(".suite.yaml"):
        return None
    if not (config.getoption("suites") or config.getini("tanzaku_suites")):
        return None
    from tanzaku.cli.pytest_suites import Bench, SuiteFile

    if _BENCH not in config.stash:
        config.stash[_BENCH] = Bench(config.getoption("suites_environment"))
    file = SuiteFile.from_parent(parent, path=file_path)
    file.bench = config.stash[_BENCH]
    return file


def pytest_unconfigure(config: pytest.Config) -> None:
    """Who answered the suites ends with the session."""
    if _BENCH in config.stash:
        config.stash[_BENCH].close()
