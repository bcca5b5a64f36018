"""The section `telemetry`: how it is read, and the log it makes."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tanzaku.core import InputFileError, UserError, VirtualClock
from tanzaku.core.plain_yaml import parse_yaml
from tanzaku.exchange import Exchange
from tanzaku.gateway.telemetry import (
    SpanSettings,
    Telemetry,
    TelemetrySettings,
    format_line,
    read_telemetry,
)


def read(text: str) -> TelemetrySettings:
    return read_telemetry(parse_yaml(text, "conf/gateway.yaml"))


def test_all_of_it_is_read() -> None:
    text = (
        "log: json\nlog_file: calls.jsonl\n"
        "spans: {endpoint: 'https://otel.example/v1/traces', bodies: true}\nmetrics: {by_key: true}\n"
    )
    assert read(text) == TelemetrySettings(
        json_log=True,
        log_file=Path("conf/calls.jsonl"),
        spans=SpanSettings("https://otel.example/v1/traces", with_bodies=True),
        by_key=True,
    )
    assert read("{}") == TelemetrySettings()
    assert read("spans: {}").spans == SpanSettings(None, with_bodies=False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("log: yes please", "1:6: `log` must be one of off, json"),
        ("log_file: x", "1:1: `log_file` says where lines go, and there are none"),
        ("spans: {endpoint: 'ftp://x/'}", "`spans.endpoint`: the base URL must be http"),
        ("spans: {endpoint: 'http://u:p@x/'}", "must not carry a user name"),
        ("spans: {endpoint: 'http://otel/v1/traces', bodies: true}", "must be https"),
        ("metrics: {by_keys: true}", "unknown key `by_keys`"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: str, message: str) -> None:
    with pytest.raises(InputFileError) as caught:
        read(text)
    assert "conf/gateway.yaml:1:" in caught.value.message
    assert message in caught.value.message


def test_a_file_has_a_line_for_every_call(
    tmp_path: Path, build_settled: Callable[..., Exchange]
) -> None:
    path = tmp_path / "calls.jsonl"

    async def run(*names: str) -> None:
        telemetry = Telemetry(TelemetrySettings(json_log=True, log_file=path), VirtualClock())
        telemetry.open()
        assert telemetry.observer is not None
        for name in names:
            telemetry.observer(build_settled(exchange_id=name))
        await telemetry.close()
        assert telemetry.dropped == 0

    asyncio.run(run("a", "b"))
    asyncio.run(run("c"))  # another start goes on in the same file
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["id"] for line in lines] == ["a", "b", "c"]
    assert lines[0] == {
        "time": "2025-11-24T16:00:00Z",
        "id": "a",
        "method": "POST",
        "path": "/v1/messages",
        "status": 200,
        "route": "sim",
        "model": "claude-haiku-4-5-20251001",
        "labels": {"key": "key_1", "team": "blue"},
        "input_tokens": 10,
        "output_tokens": 4,
        "cost_usd": "0.000037",
        "ttft_ms": 40.0,
        "total_ms": 750.0,
        "attempts": 1,
        "error": None,
        "request_id": "req_1",
    }


def test_nothing_steers_a_terminal_ends_a_line_or_shows_a_key(
    build_settled: Callable[..., Exchange],
) -> None:
    key = "sk-ant-api03-" + "x" * 40
    pem = "-----BEGIN PRIVATE KEY-----"
    line = format_line(
        build_settled(
            path=f"/v1/\x1b]0;owned\x07\n\u202e\x9b31m{key}",
            labels={"run": "\r\n2", "authorization": "hush-hush", key: key, "note": f"{pem}hush"},
            error=key,
            request_id=key,
            response_model=key,
        )
    )
    assert line.isascii()
    assert line.isprintable()
    assert key not in line
    assert "hush" not in line
    told = json.loads(line)
    assert told["labels"]["run"] == "\r\n2"
    assert told["status"] == 200


def test_a_file_that_cannot_be_written_is_said_before_anything_starts(tmp_path: Path) -> None:
    settings = TelemetrySettings(json_log=True, log_file=tmp_path / "no" / "x.jsonl")
    with pytest.raises(UserError, match="cannot be written"):
        Telemetry(settings, VirtualClock())


def test_nothing_asked_for_costs_a_call_nothing() -> None:
    async def run() -> None:
        telemetry = Telemetry(TelemetrySettings(), VirtualClock())
        telemetry.open()
        assert telemetry.observer is None
        await telemetry.close()

    asyncio.run(run())


def test_spans_without_their_package_say_what_to_install() -> None:
    code = (
        "import sys\nsys.modules['opentelemetry'] = None\n"
        "from tanzaku.core import UserError, SystemClock\n"
        "from tanzaku.gateway.telemetry import *\n"
        "try:\n    Telemetry(TelemetrySettings(spans=SpanSettings()), SystemClock())\n"
        "except UserError as error:\n    print(error.message, error.hint)\n"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "needs the package opentelemetry. pip install 'tanzaku[telemetry]'" in told.stdout


def test_metrics_and_settings_do_not_load_the_sdk() -> None:
    code = (
        "import sys, tanzaku.gateway.telemetry\n"
        "print([n for n in sys.modules if n.startswith(('opentelemetry', 'prometheus_client'))])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
