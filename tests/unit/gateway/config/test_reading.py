"""What a configuration says is what is read, and what the published schema says of it is so."""

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from tanzaku.core import InputFileError
from tanzaku.core.plain_yaml import parse_yaml
from tanzaku.gateway import RetryPolicy
from tanzaku.gateway.config import load_config, parse_config
from tanzaku.gateway.routes import Rule, Way, When
from tanzaku.gateway.upstreams import BreakerSettings, UpstreamSettings
from tanzaku.ledger import LedgerSettings, Retention
from tanzaku.transport import Timeouts

ROOT = Path(__file__).parents[4]
SCHEMA_FILE: dict[str, Any] = json.loads(
    (ROOT / "docs/schemas/config.schema.json").read_text(encoding="utf-8")
)
SCHEMA = jsonschema_rs.validator_for(SCHEMA_FILE)
EXAMPLES = sorted((ROOT / "examples/gateway").glob("*.yaml"))
ENVIRONMENT = {
    name: f"sk-ant-{name.lower()}"
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_API_KEY_2", "RELAY_KEY", "RELAY_TENANT")
}

WHOLE = """
upstreams:
  sim:
    kind: simulator
  api:
    kind: anthropic
    live: true
    keys: [env:ANTHROPIC_API_KEY, env:ANTHROPIC_API_KEY_2]
    retry: {max_retries: 1, backoff_s: [1, 2.5], longest_wait_s: 5}
    timeouts: {connect_s: 3, first_byte_s: 90}
    breaker: {failures: 8, share: 0.25, window_s: 60, open_s: 5}
    probe_s: 30
  relay:
    kind: anthropic
    url: https://relay.test/claude/
    live: true
    allow_private: true
    keys: env:RELAY_KEY
    auth: bearer
    headers: {X-Tenant: env:RELAY_TENANT, x-plan: "team a"}
  aws:
    kind: bedrock
    live: true
    region: eu-west-1
    profile: eu
    endpoint: mantle
    models: {claude-haiku-4-5: "arn:aws:bedrock:x"}
  google:
    kind: vertex
    live: true
    region: us-east5
    project: team-7
    service_account: HERE
    keys: env:RELAY_KEY
routes:
  - name: cheap
    when: {model: claude-haiku-*, path: /v1/messages, key: key_1, team: a, tag: b, headers: {X-App: "c*"}}
    to: sim
    on: [429, "529", 5xx]
  - to:
      - {upstream: api, weight: 9}
      - {upstream: relay, model: claude-haiku-4-5}
    fall_back: [{upstream: relay, model: claude-haiku-5-5}, sim]
keys: {required: true}
budgets:
  - {scope: each key, per: day, usd: "1.50"}
preflight: warn
ledger: {privacy: redacted, keep_days: 90, keep_gb: 20.5, bodies_days: 7, policy: best_effort}
""".replace("HERE", __file__)


def test_a_configuration_says_what_it_says() -> None:
    config = parse_config(WHOLE, "gateway.yaml", ENVIRONMENT)
    assert config.upstreams == {
        "sim": UpstreamSettings("sim", "simulator"),
        "api": UpstreamSettings(
            "api",
            "anthropic",
            "https://api.anthropic.com",
            ("sk-ant-anthropic_api_key", "sk-ant-anthropic_api_key_2"),
            is_live=True,
            retry=RetryPolicy(1, (1, 2.5), 5),
            timeouts=Timeouts(connect_s=3, first_byte_s=90),
            breaker=BreakerSettings(8, 0.25, 60, 5),
            probe_s=30,
        ),
        "relay": UpstreamSettings(
            "relay",
            "anthropic",
            "https://relay.test/claude",
            ("sk-ant-relay_key",),
            "bearer",
            ((b"x-tenant", b"sk-ant-relay_tenant"), (b"x-plan", b"team a")),
            is_live=True,
            allow_private=True,
            retry=RetryPolicy(),
        ),
        "aws": UpstreamSettings(
            "aws",
            "bedrock",
            auth="bearer",
            is_live=True,
            retry=RetryPolicy(),
            region="eu-west-1",
            profile="eu",
            endpoint="mantle",
            models=(("claude-haiku-4-5", "arn:aws:bedrock:x"),),
        ),
        "google": UpstreamSettings(
            "google",
            "vertex",
            "",
            ("sk-ant-relay_key",),
            "bearer",
            is_live=True,
            retry=RetryPolicy(),
            region="us-east5",
            project="team-7",
            service_account=Path(__file__),
        ),
    }
    when = When("claude-haiku-*", "/v1/messages", "key_1", "a", "b", ((b"x-app", "c*"),))
    assert config.rules == (
        Rule("cheap", (Way("sim"),), when, on=frozenset({"429", "529", "5xx"})),
        Rule(
            "route 2",
            (Way("api", 9), Way("relay", model="claude-haiku-4-5")),
            fall_back=(Way("relay", model="claude-haiku-5-5"), Way("sim")),
        ),
    )
    assert (config.name, config.needs_key, config.preflight) == ("gateway.yaml", True, "warn")
    assert Decimal(config.budgets[0].most).scaleb(-12) == Decimal("1.5")
    assert config.live == ["api", "relay", "aws", "google"]
    assert config.ledger == LedgerSettings("redacted", Retention(90, 7, 20.5), "best_effort")
    SCHEMA.validate(parse_yaml(WHOLE, "gateway.yaml").plain)


def test_the_least_configuration_sends_everything_to_the_simulator_and_costs_nothing() -> None:
    config = parse_config("upstreams: {sim: {kind: simulator}}", "g.yaml", {})
    assert config.rules == (Rule("default", (Way("sim"),)),)
    assert config.live == []
    assert (config.needs_key, config.budgets, config.preflight) == (False, (), "off")
    assert config.upstreams["sim"].retry is None


def test_what_is_outside_is_tried_again_unless_it_is_said_otherwise() -> None:
    text = "upstreams: {a: {kind: anthropic, url: 'http://localhost:9'%s}}"
    assert parse_config(text % "", "g", {}).upstreams["a"].retry == RetryPolicy()
    none = parse_config(text % ", retry: {max_retries: 0}", "g", {}).upstreams["a"].retry
    assert none == RetryPolicy(max_retries=0)


def test_a_secret_file_is_looked_for_beside_the_configuration(tmp_path: Path) -> None:
    secret = tmp_path / "api.key"
    secret.write_text(" sk-ant-1 \n")
    secret.chmod(0o600)
    path = tmp_path / "gateway.yaml"
    path.write_text("upstreams: {a: {kind: anthropic, live: true, keys: 'file:api.key'}}")
    assert load_config(path, {}).upstreams["a"].keys == ("sk-ant-1",)


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.stem for path in EXAMPLES])
def test_an_example_is_a_good_configuration(path: Path) -> None:
    config = load_config(path, ENVIRONMENT)
    assert config.rules
    SCHEMA.validate(parse_yaml(path.read_text(encoding="utf-8"), path.name).plain)


@pytest.mark.requirement("K2")
def test_no_example_holds_a_secret_or_is_live_by_accident() -> None:
    assert len(EXAMPLES) >= 3
    for path in EXAMPLES:
        assert "sk-" not in path.read_text(encoding="utf-8")


def find_defaults(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {name: one["default"] for name, one in schema["properties"].items() if "default" in one}


def test_the_schema_names_the_defaults_that_hold() -> None:
    upstream = SCHEMA_FILE["definitions"]["upstream"]
    parts = upstream["properties"]
    retry, timeouts, breaker = RetryPolicy(), Timeouts(), BreakerSettings()
    for name, settings in (("retry", retry), ("timeouts", timeouts), ("breaker", breaker)):
        defaults = find_defaults(parts[name])
        assert defaults
        assert defaults == {key: getattr(settings, key) for key in defaults}
    plain = UpstreamSettings("a", "anthropic")
    assert find_defaults(upstream) == {
        "live": plain.is_live,
        "allow_private": plain.allow_private,
        "auth": plain.auth,
        "profile": plain.profile,
        "endpoint": plain.endpoint,
    }
    assert find_defaults(SCHEMA_FILE) == {"preflight": "off"}


def test_the_schema_knows_the_sections_that_the_reader_knows() -> None:
    with pytest.raises(InputFileError) as refused:
        parse_config("upstreams: {sim: {kind: simulator}}\nqqq: 1\n", "g.yaml", {})
    known = refused.value.hint.removeprefix("Known are ").removesuffix(".").split(", ")
    assert sorted(SCHEMA_FILE["properties"]) == sorted(known)
