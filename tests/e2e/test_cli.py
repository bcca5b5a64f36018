"""`tanzaku` from outside: what is printed, what is recorded, how it ends."""

import json
import re
import sys
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import anthropic
import pytest

from harness.command_line import CommandLine, Serving
from tanzaku import get_model

Serve = Callable[..., Serving]


def test_version_is_the_packages(tanzaku: CommandLine) -> None:
    from importlib.metadata import version

    assert tanzaku.run("--version") == f"tanzaku {version('tanzaku')}\n"


@pytest.mark.parametrize(
    ("flag", "word"), [(("--lang", "zh"), "启动本地"), (("--lang=en",), "Serve the local")]
)
def test_help_speaks_the_language_asked_for(
    tanzaku: CommandLine, flag: tuple[str, ...], word: str
) -> None:
    assert word in tanzaku.run(*flag, "--help")
    assert word in tanzaku.run("serve", "--help", *flag)


def test_a_word_that_is_no_command_ends_with_2(tanzaku: CommandLine) -> None:
    assert "No such command" in tanzaku.run("sevre", exit_code=2)


def test_a_served_call_is_logged_priced_and_shown(tanzaku: CommandLine, serve: Serve) -> None:
    with anthropic.Anthropic(base_url=serve().url, api_key="canary-key-5b1c") as client:
        message = client.messages.create(
            model="claude-haiku-4-5",
            max_tokens=100,
            messages=[{"role": "user", "content": "你好"}],
        )
    (row,) = json.loads(tanzaku.run("log", "--json"))
    assert row["model"] == "claude-haiku-4-5"
    assert row["usage"]["output_tokens"] == message.usage.output_tokens
    expected = (message.usage.input_tokens * 1 + message.usage.output_tokens * 5) / Decimal(10**6)
    assert Decimal(row["cost_usd"]) == expected
    assert row["exchange_id"][:14] in tanzaku.run("log")
    shown = tanzaku.run("log", "show", row["exchange_id"])
    assert "你好" in shown
    assert "canary-key-5b1c" not in shown + tanzaku.run("log", "show", "--json", row["exchange_id"])
    costs = json.loads(tanzaku.run("cost", "--json"))
    assert Decimal(costs["total_usd"]) == expected


def test_log_takes_the_start_of_an_id_and_names_one_it_does_not_know(
    tanzaku: CommandLine, serve: Serve
) -> None:
    tanzaku.run("send", "Hello", "--url", serve().url)
    (row,) = json.loads(tanzaku.run("log", "--json"))
    start = row["exchange_id"][:12]
    assert json.loads(tanzaku.run("log", "show", start, "--json"))["exchange_id"].startswith(start)
    assert "exch_nothing" in tanzaku.run("log", "show", "exch_nothing", exit_code=2)


def test_log_without_a_ledger_says_how_to_get_one(tanzaku: CommandLine) -> None:
    assert "ledger" in tanzaku.run("log", exit_code=2)


def test_serve_ends_well_on_sigterm_and_keeps_its_ledger(
    tanzaku: CommandLine, serve: Serve
) -> None:
    serving = serve()
    tanzaku.run("send", "Hello", "--url", serving.url)
    serving.process.terminate()
    assert serving.process.wait(timeout=30) == 0
    assert len(json.loads(tanzaku.run("log", "--json"))) == 1


def test_serve_says_that_nothing_is_billed(serve: Serve) -> None:
    assert "nothing is billed" in serve().banner


def test_live_without_a_key_is_refused_before_anything_starts(tanzaku: CommandLine) -> None:
    out = tanzaku.run("serve", "--port", "0", "--live", exit_code=2)
    assert "ANTHROPIC_API_KEY" in out
    assert not list(tanzaku.data.iterdir())


def test_live_with_a_key_shows_a_banner_and_never_the_key(tanzaku: CommandLine) -> None:
    tanzaku.environment = {"ANTHROPIC_API_KEY": "sk-ant-canary-0123456789abcdef0123"}
    process = tanzaku.start("serve", "--port", "0", "--live")
    assert process.stdout
    banner = "".join(next(process.stdout) for _ in range(4))
    process.terminate()
    rest, errors = process.communicate(timeout=30)
    assert "LIVE" in banner
    assert "canary" not in banner + rest + errors


def test_a_port_that_is_taken_is_named_with_the_way_out(tanzaku: CommandLine, serve: Serve) -> None:
    port = serve().url.rpartition(":")[2]
    other = str(tanzaku.data / "other.db")
    out = tanzaku.run("serve", "--port", port, "--ledger", other, exit_code=2)
    assert port in out
    assert "--port 0" in out


@pytest.mark.requirement("B1")
def test_a_host_beyond_this_machine_is_refused(tanzaku: CommandLine) -> None:
    assert "0.0.0.0" in tanzaku.run("serve", "--port", "0", "--host", "0.0.0.0", exit_code=2)


def test_send_streams_text_and_figures(tanzaku: CommandLine, serve: Serve) -> None:
    out = tanzaku.run("send", "Count from 1 to 5.", "--url", serve().url)
    assert all(str(number) in out for number in range(1, 6))
    assert re.search(r"claude-haiku-4-5-20251001 · end_turn · \d+ in, \d+ out · TTFT", out)


def test_send_without_a_server_brings_its_own(tanzaku: CommandLine) -> None:
    message = json.loads(tanzaku.run("send", "Hello", "--json"))
    assert (message["type"], message["stop_reason"]) == ("message", "end_turn")


def test_send_shows_the_apis_refusal(tanzaku: CommandLine, serve: Serve) -> None:
    out = tanzaku.run("send", "Hello", "--model", "claude-1", "--url", serve().url, exit_code=1)
    assert "404 not_found_error: model: claude-1" in out


def test_send_to_nobody_says_so(tanzaku: CommandLine) -> None:
    out = tanzaku.run("send", "Hello", "--url", "http://127.0.0.1:9", exit_code=1)
    assert "http://127.0.0.1:9" in out
    assert "tanzaku serve" in out


def test_count_agrees_with_count_tokens_of_the_server(tanzaku: CommandLine, serve: Serve) -> None:
    text = "短冊 is the strip of paper a haiku is written on."
    with anthropic.Anthropic(base_url=serve().url, api_key="k") as client:
        served = client.messages.count_tokens(
            model="claude-haiku-4-5", messages=[{"role": "user", "content": text}]
        )
    assert json.loads(tanzaku.run("count", text, "--json"))["input_tokens"] == served.input_tokens
    assert json.loads(tanzaku.run("count", "--json", stdin=text)) == json.loads(
        tanzaku.run("count", "-", "--json", stdin=text)
    )


def test_count_for_a_model_nobody_knows_suggests_one(tanzaku: CommandLine) -> None:
    out = tanzaku.run("count", "x", "--model", "claude-haiku-45", exit_code=2)
    assert "claude-haiku-4-5" in out


def test_models_lists_prices_and_hides_the_retired(tanzaku: CommandLine) -> None:
    rows: dict[str, Any] = {row["id"]: row for row in json.loads(tanzaku.run("models", "--json"))}
    haiku = rows["claude-haiku-4-5-20251001"]
    assert (haiku["context_window"], haiku["max_output_tokens"]) == (200_000, 64_000)
    assert Decimal(haiku["usd_per_mtok"]["input"]) == 1
    assert Decimal(haiku["usd_per_mtok"]["output"]) == 5
    retired = {row["id"] for row in json.loads(tanzaku.run("models", "--all", "--json"))} - set(
        rows
    )
    assert any("opus-4-1" in name for name in retired)
    assert "claude-haiku-5-5" in tanzaku.run("models", "--lang", "zh")


def test_estimate_compares_models_by_hand_checked_figures(tanzaku: CommandLine) -> None:
    words = ("--requests-per-day", "10000", "--tokens-in", "800", "--tokens-out", "200")
    models = ("--model", "claude-haiku-4-5", "--model", "claude-sonnet-4-5")
    rows = {
        row["model"]: row
        for row in json.loads(tanzaku.run("cost", "estimate", *words, *models, "--json"))
    }
    assert Decimal(rows["claude-haiku-4-5-20251001"]["usd_per_day"]) == Decimal(18)
    assert Decimal(rows["claude-sonnet-4-5-20250929"]["usd_per_day"]) == Decimal(54)
    half = json.loads(
        tanzaku.run("cost", "estimate", *words, *models[:2], "--batch-share", "1", "--json")
    )
    assert Decimal(half[0]["usd_per_day"]) == Decimal(9)
    cached = json.loads(
        tanzaku.run("cost", "estimate", *words, *models[:2], "--cache-share", "0.5", "--json")
    )
    assert Decimal(cached[0]["usd_per_day"]) == Decimal("14.4")
    assert "x3.0" in tanzaku.run("cost", "estimate", *words, *models)


def test_doctor_says_what_it_found_and_never_the_key(tanzaku: CommandLine) -> None:
    key = "sk-ant-canary-0123456789abcdef0123"
    tanzaku.environment = {"ANTHROPIC_API_KEY": key}
    checks = {row["check"]: row for row in json.loads(tanzaku.run("doctor", "--json"))}
    assert {row["verdict"] for row in checks.values()} <= {"good", "warn"}
    assert checks["interpreter"]["found"] == f"Python {sys.version.split()[0]}"
    assert checks["sdk"]["found"] == f"anthropic {anthropic.__version__}"
    assert checks["key"]["verdict"] == "good"
    assert "canary" not in tanzaku.run("doctor") + json.dumps(checks)


def test_doctor_ends_with_1_when_the_ledger_cannot_be_written(tanzaku: CommandLine) -> None:
    (tanzaku.data / "notes.txt").write_text("not a ledger")
    out = tanzaku.run("doctor", "--ledger", str(tanzaku.data / "notes.txt"), exit_code=1)
    assert "--ledger" in out
    assert (tanzaku.data / "notes.txt").read_text() == "not a ledger"


def test_demo_runs_without_key_and_network_and_shows_the_bill(tanzaku: CommandLine) -> None:
    out = tanzaku.run("demo")
    assert "calculator(15*23) = 345" in out.replace(" * ", "*")
    assert out.count("haiku ‹") == 4
    used = set(re.findall(r"^ exch_\w+ .*?(claude-[\w.-]+)", out, re.MULTILINE))
    assert len(used) > 1
    assert [model for model in used if get_model(model).retires_on is not None] == []
    assert "400 invalid_request_error: max_tokens: 100000 > 64000" in out
    assert "claude-sonnet-4-5" in out
    chinese = tanzaku.run("demo", "--lang", "zh")
    assert "首 token" in chinese
