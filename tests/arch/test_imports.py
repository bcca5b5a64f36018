"""Light rooms stay light at run time, and the command starts fast because of it."""

import json
import re
import subprocess
import sys
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

HEAVY = {"anthropic", "apsw", "ctok", "genai_prices", "httptools", "rich", "uvloop"}
NOT_YET = HEAVY | {"pydantic"}
# What the first answer of a server without further options does without.
NOT_FOR_A_FIRST_ANSWER = {
    "anthropic", "genai_prices", "httpx2", "importlib.metadata", "prometheus_client", "pydantic",
    "rich", "ruamel", "tanzaku.gateway.alerts", "tanzaku.gateway.batching",
    "tanzaku.gateway.budgets", "tanzaku.gateway.cache", "tanzaku.gateway.config",
    "tanzaku.gateway.keys", "tanzaku.gateway.placement", "tanzaku.gateway.routes",
    "tanzaku.gateway.shaping", "tanzaku.gateway.upstreams", "tanzaku.gateway.whatif",
    "tanzaku.simulator.batches", "tanzaku.simulator.clouds", "tanzaku.simulator.files",
    "tanzaku.simulator.improviser._schema", "tanzaku.simulator.improviser._tools",
    "tanzaku.simulator.mocks", "tanzaku.simulator.quota", "tanzaku.simulator.replay",
    "tanzaku.simulator.scenario",
}  # fmt: skip


@pytest.mark.parametrize(
    ("module", "banned"),
    [
        ("tanzaku", NOT_YET | {"click", "asyncio"}),
        ("tanzaku.core", NOT_YET | {"click", "asyncio"}),
        ("tanzaku.look", NOT_YET | {"click", "asyncio"}),
        ("tanzaku.exchange", NOT_YET | {"click"}),
        ("tanzaku.wire", HEAVY | {"click"}),
        ("tanzaku.catalog", HEAVY | {"click"}),
        ("tanzaku.pytest_plugin", NOT_YET | {"click", "asyncio"}),
        ("tanzaku.cli.main", NOT_YET | {"asyncio"}),
        ("tanzaku.cli.serve", NOT_YET),
        ("tanzaku.cli.demo", NOT_YET),
        ("tanzaku.cli.send", NOT_YET),
        ("tanzaku.cli.log", NOT_YET),
        ("tanzaku.cli.cost", NOT_YET),
        ("tanzaku.cli.count", NOT_YET),
        ("tanzaku.cli.models", NOT_YET),
        ("tanzaku.cli.mocks", NOT_YET),
        ("tanzaku.cli.recordings", NOT_YET),
        ("tanzaku.cli.faults", NOT_YET),
        ("tanzaku.cli.import_", NOT_YET),
        ("tanzaku.cli.export", NOT_YET),
        ("tanzaku.cli.doctor", NOT_YET),
    ],
)
def test_importing_a_light_module_loads_nothing_heavy(module: str, banned: set[str]) -> None:
    code = f"import sys, {module}; print(*sorted({{m.split('.')[0] for m in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert banned & set(done.stdout.split()) == set()


def test_a_server_answers_first_and_loads_what_is_heavy_when_it_is_asked_for(
    tmp_path: Path,
) -> None:
    said = tmp_path / "imports.txt"
    code = "from tanzaku.cli.main import main; main()"
    words = ["serve", "--port", "0", "--ledger", str(tmp_path / "ledger.db")]
    with (
        said.open("w") as stderr,
        subprocess.Popen(
            [sys.executable, "-X", "importtime", "-c", code, *words],
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        try:
            found = re.search(r"http://\S+", process.stdout.readline())
            assert found is not None, said.read_text()
            answer = _ask(found[0])
        finally:
            process.terminate()
    assert answer["usage"]["output_tokens"] > 0
    loaded = set(re.findall(r"^import time:.*\| +(\S+)$", said.read_text(), re.MULTILINE))
    assert {"tanzaku.server", "tanzaku.simulator", "ctok"} <= loaded
    assert NOT_FOR_A_FIRST_ANSWER & loaded == set()


def _ask(url: str) -> dict[str, dict[str, int]]:
    request = {
        "model": "claude-haiku-4-5",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": "Tell me about bridges."}],
    }
    headers = {"content-type": "application/json", "x-api-key": "any"}
    headers["anthropic-version"] = "2023-06-01"
    with urlopen(
        Request(f"{url}/v1/messages", json.dumps(request).encode(), headers), timeout=60
    ) as answer:
        told: dict[str, dict[str, int]] = json.load(answer)
        return told
