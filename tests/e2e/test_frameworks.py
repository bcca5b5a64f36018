"""Frameworks on top of the SDK, each in its own environment: LangChain and pydantic-ai."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tanzaku.server import Server

CLIENTS = Path(__file__).parents[1] / "clients"


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("langchain", marks=pytest.mark.needs("langchain")),
        pytest.param("pydantic_ai", marks=pytest.mark.needs("pydantic_ai")),
    ],
)
def test_a_framework_says_hello_streams_calls_a_tool_and_reads_an_object(
    server: Server, name: str
) -> None:
    folder = CLIENTS / name
    done = subprocess.run(
        [folder / ".venv/bin/python", folder / "client.py"],
        env={
            "PATH": os.environ["PATH"],
            "ANTHROPIC_BASE_URL": server.url,
            "ANTHROPIC_API_URL": server.url,
            "ANTHROPIC_API_KEY": "k",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout)
    assert "Hello" in seen["hello"] or "Hi" in seen["hello"]
    assert "1, 2, 3, 4, 5" in seen["streamed"]
    assert seen["chunks"] > 1
    assert seen["call"] == {"tracking_number": "SF1234567890"}
    assert "in customs" in seen["answer"]
    assert seen["invoice"] == {"number": "INV-2231", "total": 199.5}
    assert {exchange.settlement.status for exchange in server.exchanges if exchange.settlement} == {
        200
    }
