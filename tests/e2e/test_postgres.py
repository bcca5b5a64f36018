"""A server whose exchanges go to PostgreSQL, and the commands that read them there."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import anthropic
import pytest

from harness.command_line import CommandLine, Serving
from harness.postgres import PostgresServer, run_postgres
from tanzaku.ledger import Ledger

pytestmark = pytest.mark.needs("postgres")

CONFIG = """
upstreams:
  sim: {kind: simulator}
ledger:
  url: env:CALLS_URL
"""


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with run_postgres() as server:
        yield server


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    postgres.run("DROP SCHEMA IF EXISTS tanzaku CASCADE")
    return postgres.url()


def ask(base_url: str, key: str = "k") -> None:
    with anthropic.Anthropic(base_url=base_url, api_key=key, max_retries=0) as client:
        client.messages.create(
            model="claude-haiku-4-5",
            max_tokens=20,
            messages=[{"role": "user", "content": "Hello."}],
        )


@pytest.mark.parametrize("is_configured", [True, False])
def test_what_is_served_is_found_by_the_commands_at_the_same_url(
    is_configured: bool,
    url: str,
    tanzaku: CommandLine,
    serve: Callable[..., Serving],
    tmp_path: Path,
) -> None:
    config = tmp_path / "gateway.yaml"
    config.write_text(CONFIG)
    tanzaku.environment = {"CALLS_URL" if is_configured else "TANZAKU_LEDGER": url}
    running = serve(*(["--config", str(config)] if is_configured else []))
    assert "postgresql://" in running.banner
    ask(running.url)
    ask(running.url)
    tanzaku.environment = {}
    listed = json.loads(tanzaku.run("log", "--json", "--ledger", url))
    costs = json.loads(tanzaku.run("cost", "--json", "--ledger", url))
    sound = json.loads(tanzaku.run("ledger", "verify", "--json", "--ledger", url))
    with Ledger.read(url) as reader:
        exchanges = reader.list_exchanges()
        total = reader.totals().total_usd
    assert len(exchanges) == 2
    ids = [exchange.exchange_id for exchange in exchanges]
    assert [row["exchange_id"] for row in listed] == ids
    assert total > 0
    assert costs["total_usd"] == f"{total:f}"
    assert (sound["exchanges"], sound["faults"]) == (2, [])


def test_commands_that_write_take_the_url_too(
    url: str, tanzaku: CommandLine, serve: Callable[..., Serving], tmp_path: Path
) -> None:
    tanzaku.environment = {"TANZAKU_LEDGER": url}
    running = serve()
    ask(running.url)
    said = tanzaku.run("ledger", "prune", "--keep-days", "0", exit_code=2)
    assert "being written by another process" in said
    running.process.terminate()
    running.process.communicate(timeout=40)
    target = tmp_path / "calls.csv"
    tanzaku.run("ledger", "export", str(target))
    assert len(target.read_text().splitlines()) == 2
    assert "0 exchanges are gone, 1 are left" in tanzaku.run("ledger", "prune", "--keep-gb", "1")
    assert "1 exchanges are gone, 0 are left" in tanzaku.run("ledger", "prune", "--keep-days", "0")
    with Ledger.read(url) as reader:
        assert reader.count_exchanges() == 0


def test_a_ledger_there_is_copied_while_it_is_written_and_put_back(
    url: str,
    postgres: PostgresServer,
    tanzaku: CommandLine,
    serve: Callable[..., Serving],
    tmp_path: Path,
) -> None:
    secret = url.replace("@", ":s3cret@", 1)
    tanzaku.environment = {"TANZAKU_LEDGER": secret}
    running = serve()
    ask(running.url)
    copy = tmp_path / "copy.db"
    made = json.loads(tanzaku.run("ledger", "backup", str(copy), "--json"))
    assert (made["exchanges"], made["lost"], made["faults"]) == (1, 0, [])
    assert "being written" in tanzaku.run("ledger", "restore", str(copy), exit_code=2)
    running.process.terminate()
    running.process.communicate(timeout=40)
    assert "is not empty" in tanzaku.run("ledger", "restore", str(copy), exit_code=2)
    postgres.run("DROP SCHEMA tanzaku CASCADE")
    said = tanzaku.run("ledger", "restore", str(copy))
    told = tanzaku.run("ledger", "verify", "--json")
    assert json.loads(told)["digest"] == made["digest"]
    assert "s3cret" not in said + told


def test_a_url_with_a_password_has_no_place_in_a_configuration(
    tanzaku: CommandLine, tmp_path: Path
) -> None:
    config = tmp_path / "gateway.yaml"
    config.write_text(CONFIG.replace("env:CALLS_URL", "postgresql://ann:s3cret@db/calls"))
    said = tanzaku.run("config", "check", str(config), exit_code=2)
    assert "gateway.yaml:5:8" in said
    assert "holds a password" in said
    assert "s3cret" not in said
