"""Light rooms stay light at run time, and the command starts fast because of it."""

import subprocess
import sys

import pytest

HEAVY = {"anthropic", "apsw", "ctok", "genai_prices", "httptools", "rich", "uvloop"}
NOT_YET = HEAVY | {"pydantic"}


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
        ("tanzaku.cli.doctor", NOT_YET),
    ],
)
def test_importing_a_light_module_loads_nothing_heavy(module: str, banned: set[str]) -> None:
    code = f"import sys, {module}; print(*sorted({{m.split('.')[0] for m in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert banned & set(done.stdout.split()) == set()
