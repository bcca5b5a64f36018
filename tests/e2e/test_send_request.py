"""`tanzaku send requests/x.yaml` as a person runs it: against the simulator, and copied as code."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.command_line import CommandLine, Serving
from harness.projects import write_project

TYPESCRIPT = Path(__file__).parents[1] / "clients" / "typescript"
LOCAL = """\
tanzaku: environment/v1
upstream: url
base_url: {url}
secrets: {{ANTHROPIC_API_KEY: {{env: ANTHROPIC_API_KEY}}}}
headers: {{anthropic-version: 2023-06-01}}
auth: {{type: api_key, name: x-api-key, value: "{{{{secret.ANTHROPIC_API_KEY}}}}"}}
"""
STREAM = """\
tanzaku: request/v1
method: POST
path: /v1/messages
body:
  model: claude-haiku-4-5
  max_tokens: 60
  stream: true
  messages: [{role: user, content: "Count to 12, it's `easy`."}]
"""


@pytest.mark.needs("curl")
@pytest.mark.needs("typescript")
def test_a_request_and_its_copies_get_the_same_answer(
    tmp_path: Path, serve: Callable[..., Serving], tanzaku: CommandLine
) -> None:
    serving = serve()
    write_project(
        tmp_path,
        {
            "environments/local.yaml": LOCAL.format(url=serving.url),
            "requests/count.yaml": STREAM,
        },
    )
    file = str(tmp_path / "requests" / "count.yaml")
    shown = CommandLine(tmp_path, {"ANTHROPIC_API_KEY": "canary-7c0f"}).run(
        "send", file, "-e", "local", "--json"
    )
    assert "canary" not in shown
    told = json.loads(shown)
    assert "10, 11, 12" in told["text"]
    logged = json.loads(tanzaku.run("log", "show", told["server_exchange_id"], "--json"))
    assert logged["usage"] == told["exchange"]["usage"]
    assert logged["cost_usd"] == told["exchange"]["cost_usd"]
    (tmp_path / "node_modules").symlink_to(TYPESCRIPT / "node_modules")
    for language, name, command in (
        ("curl", "again.sh", "sh"),
        ("python", "again.py", sys.executable),
        ("typescript", "again.mjs", "node"),
    ):
        script = tmp_path / name
        script.write_text(
            tanzaku.run("send", file, "-e", "local", "--copy", language), encoding="utf-8"
        )
        done = subprocess.run(
            [command, str(script)],
            env=os.environ | {"ANTHROPIC_API_KEY": "canary-7c0f"},
            capture_output=True,
            timeout=60,
            check=True,
        )
        assert b"message_stop" in done.stdout
        [newest, *_] = json.loads(tanzaku.run("log", "--json"))
        again = json.loads(tanzaku.run("log", "show", newest["exchange_id"], "--json"))
        assert again["exchange_id"] != logged["exchange_id"]
        assert again["request"]["body"] == logged["request"]["body"]
        assert (again["status"], again["api_version"]) == (200, "2023-06-01")
