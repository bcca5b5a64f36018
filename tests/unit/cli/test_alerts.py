"""`tanzaku alerts check`: its exit code says whether a rule fired."""

import asyncio
import json
from decimal import Decimal
from pathlib import Path

import pytest

from tanzaku.cli.main import main
from tanzaku.core import SystemClock
from tanzaku.exchange import Cost, Exchange, Settlement, Timings
from tanzaku.ledger import Ledger

RULES = "upstreams: {sim: {kind: simulator}}\nalerts: {rules: [%s]}\n"


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """A call of half a dollar five minutes ago, from a second address; another a day before."""
    path, clock = tmp_path / "ledger.db", SystemClock()
    now = clock.now()

    async def keep(ledger: Ledger) -> None:
        for number, (ago, address) in enumerate([(86_400, "10.0.0.1"), (300, "10.0.0.2")]):
            at = now - ago
            exchange = Exchange(
                f"exch_{number}", at, "POST", "/v1/messages", [], b"",
                labels={"key": "key_1", "address": address},
                settlement=Settlement(
                    at, 200, "sim", [], b"", Timings(None, 5.0), [], cost=Cost(Decimal("0.5"), {})
                ),
            )  # fmt: skip
            ledger.start(exchange)
            await ledger.settle(exchange)

    with Ledger.open(path, clock=clock) as kept:
        asyncio.run(keep(kept))
    return path


def check(
    ledger: Path, rules: str, capsys: pytest.CaptureFixture[str], *words: str
) -> tuple[int | str | None, str]:
    config = ledger.with_name("gateway.yaml")
    config.write_text(RULES % rules)
    with pytest.raises(SystemExit) as caught:
        main(["alerts", "check", "--config", str(config), "--ledger", str(ledger), *words])
    told = capsys.readouterr()
    return caught.value.code, told.out + told.err


@pytest.mark.parametrize(
    ("rules", "since", "code"),
    [
        ("{spend_usd_per_hour: 5}", "1h", 1),  # half a dollar in five minutes are six an hour
        ("{spend_usd_per_hour: 6}", "1h", 0),
        ("{spend_usd_per_hour: 5}", "2d", 1),
        ("{p95_ms: 1}", "2d", 0),  # too few calls
        ("{p95_ms: 1, least: 1}", "1h", 1),
        ("{new_address: true}", "1h", 1),
        ("{new_address: true}", "1m", 0),
    ],
)
def test_the_exit_code_says_whether_a_rule_fired(
    ledger: Path, capsys: pytest.CaptureFixture[str], rules: str, since: str, code: int
) -> None:
    assert check(ledger, rules, capsys, "--since", since)[0] == code


def test_what_fired_is_told_in_json(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = check(ledger, "{new_address: true}", capsys, "--json")
    assert code == 1
    (notice,) = json.loads(told)
    assert (notice["measure"], notice["key"], notice["addresses"]) == (
        "new_address", "key_1", ["10.0.0.2"],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("language", "words"), [("en", ["fired", "a new address"]), ("zh-CN", ["触发", "新地址"])]
)
def test_a_table_tells_it_in_the_language_of_the_run(
    ledger: Path, capsys: pytest.CaptureFixture[str], language: str, words: list[str]
) -> None:
    rules = "{new_address: true}, {spend_usd_per_hour: 5}"
    _, told = check(ledger, rules, capsys, "--lang", language)
    assert [word for word in words if word not in told] == []
    assert "10.0.0.2" in told


@pytest.mark.parametrize(
    ("rules", "since", "message"),
    [("{p95_ms: 1}", "soon", "is no span of time"), ("{p95: 1}", "1h", "unknown key `p95`")],
)
def test_what_cannot_be_read_is_no_alert(
    ledger: Path, capsys: pytest.CaptureFixture[str], rules: str, since: str, message: str
) -> None:
    code, told = check(ledger, rules, capsys, "--since", since)
    assert (code, message in told) == (2, True)


def test_a_configuration_without_alerts_is_said(
    ledger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = ledger.with_name("gateway.yaml")
    config.write_text("upstreams: {sim: {kind: simulator}}\n")
    with pytest.raises(SystemExit) as caught:
        main(["alerts", "check", "--config", str(config), "--ledger", str(ledger)])
    assert caught.value.code == 2
    assert "there are no alerts to check" in capsys.readouterr().err
