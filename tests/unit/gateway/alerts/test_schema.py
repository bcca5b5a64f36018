"""The published schema and the reader agree on `telemetry` and `alerts`."""

import json
from pathlib import Path

import jsonschema_rs
import pytest

from tanzaku.core import InputFileError
from tanzaku.core.plain_yaml import parse_yaml
from tanzaku.gateway.config import parse_config

ROOT = Path(__file__).parents[4]
SCHEMA = jsonschema_rs.validator_for(
    json.loads((ROOT / "docs/schemas/config.schema.json").read_text(encoding="utf-8"))
)
UPSTREAMS = "upstreams: {sim: {kind: simulator}}\n"


@pytest.mark.parametrize(
    "text",
    [
        "telemetry: {}",
        "telemetry: {log: 'off'}",
        "telemetry: {log: json, log_file: calls.jsonl, metrics: {by_key: true}}",
        "telemetry: {spans: {}}",
        "telemetry: {spans: {endpoint: 'http://otel:4318/v1/traces'}}",
        "telemetry: {spans: {endpoint: 'https://otel.example/v1/traces', bodies: true}}",
        "alerts: {rules: []}",
        "alerts: {rules: [{spend_usd_per_hour: 5, over_s: 600}, {p95_ms: 1, least: 1}], cool_down_s: 0}",
        "alerts: {rules: [{error_share: 0.5}, {new_address: true}], webhook: {url: env:HOOK}}",
        "alerts: {rules: [], webhook: {url: 'https://a.example/b?c=d', token: file:t}}",
    ],
)
def test_both_take_it(text: str) -> None:
    assert SCHEMA.is_valid(parse_yaml(UPSTREAMS + text, "x").plain)
    parse_config(UPSTREAMS + text, "x", None)


@pytest.mark.parametrize(
    "text",
    [
        "telemetry: {log: xml}",
        "telemetry: {log_file: calls.jsonl}",
        "telemetry: {log: 'off', log_file: calls.jsonl}",
        "telemetry: {spans: {endpoint: otel}}",
        "telemetry: {spans: {bodies: 1}}",
        "telemetry: {metrics: {by_team: true}}",
        "alerts: {}",
        "alerts: {rules: [{}]}",
        "alerts: {rules: [{p95_ms: 1, error_share: 0.1}]}",
        "alerts: {rules: [{p95_ms: 1, over_s: 1}]}",
        "alerts: {rules: [{p95_ms: 1, least: 0}]}",
        "alerts: {rules: [{error_share: 1.5}]}",
        "alerts: {rules: [{new_address: false}]}",
        "alerts: {rules: [{new_address: true, least: 3}]}",
        "alerts: {rules: [], cool_down_s: -1}",
        "alerts: {rules: [], webhook: {}}",
        "alerts: {rules: [], webhook: {url: 'ftp://x/'}}",
        "alerts: {rules: [], webhook: {url: 'https://x/', token: t0k}}",
    ],
)
def test_both_refuse_it(text: str) -> None:
    assert not SCHEMA.is_valid(parse_yaml(UPSTREAMS + text, "x").plain)
    with pytest.raises(InputFileError):
        parse_config(UPSTREAMS + text, "x", None)


@pytest.mark.parametrize("name", ["observability.md", "observability.zh-CN.md"])
def test_both_take_what_the_documentation_shows(name: str) -> None:
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    sections = [part.partition("```")[0] for part in text.split("```yaml\n")[1:]]
    assert len(sections) == 2
    for section in sections:
        assert SCHEMA.is_valid(parse_yaml(UPSTREAMS + section, "x").plain)
        parse_config(UPSTREAMS + section, "x", None)
