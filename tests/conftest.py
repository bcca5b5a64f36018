"""What every test shares: no live credentials, and parts that may be missing on a machine."""

import os
import shutil
from pathlib import Path

import pytest

from harness.postgres import find_postgres

CLIENTS = Path(__file__).parent / "clients"
PARTS = {
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
