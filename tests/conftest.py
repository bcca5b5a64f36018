"""What every test shares: no live credentials, and parts that may be missing on a machine."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from harness.browser import Browser, find_chromium, open_browser
from harness.postgres import find_postgres
from harness.unclosed import HttpClient, fail_for_unclosed, note_clients

# How long an example takes says nothing on a machine that others use.
settings.register_profile("untimed", settings(), deadline=None)
settings.load_profile("untimed")

CLIENTS = Path(__file__).parent / "clients"
PARTS = {
    "chromium": find_chromium,
    "curl": lambda: shutil.which("curl"),
    "openssl": lambda: shutil.which("openssl"),
    "postgres": find_postgres,
    "sdk071": lambda: (CLIENTS / "sdk071" / ".venv" / ".ready").exists(),
    "langchain": lambda: (CLIENTS / "langchain" / ".venv" / ".ready").exists(),
    "pydantic_ai": lambda: (CLIENTS / "pydantic_ai" / ".venv" / ".ready").exists(),
    "typescript": lambda: (
        shutil.which("node") and (CLIENTS / "typescript" / "node_modules" / ".ready").exists()
    ),
}


@pytest.fixture(autouse=True)
def _no_live_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("ANTHROPIC_", "TANZAKU_"))]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session", autouse=True)
def _clients() -> Iterator[list[HttpClient]]:
    with note_clients() as made:
        yield made
        fail_for_unclosed(made)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """For tests that need chromium. While it is open no other event loop runs in this thread, so
    the tests of its module run none."""
    with open_browser() as opened:
        yield opened


@pytest.fixture(autouse=True)
def _closes_its_clients(_clients: list[HttpClient]) -> Iterator[None]:
    """A client made in a test is closed when the test ends (one of a wider fixture, by its end)."""
    longer_lived = [client for client in _clients if not client.is_closed]
    _clients.clear()
    yield
    fail_for_unclosed(_clients)
    _clients.extend(longer_lived)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "needs(part): skipped where the part is missing; with CI=true that is a failure"
    )


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("needs"):
        (part,) = mark.args
        if PARTS[part]():
            continue
        if os.environ.get("CI") == "true":
            pytest.fail(f"{part} is missing and CI must have it", pytrace=False)
        pytest.skip(f"{part} is not installed on this machine")
