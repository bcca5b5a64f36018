"""Configurations with one mistake each: the place, what is wrong, and the way out (P8)."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tanzaku.core import InputFileError
from tanzaku.core.plain_yaml import parse_yaml
from tanzaku.gateway.config import load_config, parse_config

ROOT = Path(__file__).parents[4]
SCHEMA = jsonschema_rs.validator_for(
    json.loads((ROOT / "docs/schemas/config.schema.json").read_text(encoding="utf-8"))
)
ENVIRONMENT = {"KEY": "sk-ant-of-the-house", "OTHER": "sk-ant-other", "SPACED": "two words"}
SIM = "upstreams:\n  sim: {kind: simulator}\n"
API = "upstreams:\n  api:\n    kind: anthropic\n    live: true\n    keys: [env:KEY]\n"
LOCAL = "upstreams:\n  api:\n    kind: anthropic\n    url: http://127.0.0.1:9\n"
BEDROCK = "upstreams:\n  b:\n    kind: bedrock\n    live: true\n"
VERTEX = "upstreams:\n  v:\n    kind: vertex\n    live: true\n    region: us\n"
ROUTE = SIM + "routes:\n  - to: sim\n"


class Broken(NamedTuple):
    name: str
    text: str
    line: int
    column: int
    says: str
    hint: str = ""


BROKEN = [
    # The file as a whole
    Broken("empty", "", 1, 1, "`$` must be keys with values; found null"),
    Broken("a list", "- upstreams\n", 1, 1, "`$` must be keys with values"),
    Broken("no upstreams", "preflight: warn\n", 1, 1, "`$` lacks the key `upstreams`"),
    Broken("misspelt section", SIM + "rutes: []\n", 3, 1, "unknown key `rutes`", "`routes`"),
    Broken("unknown section", SIM + "plugins: []\n", 3, 1, "unknown key `plugins`", "Known are"),
    Broken("section twice", SIM + SIM, 3, 1, "stands here a second time; first in line 1"),
    Broken("not YAML", "upstreams: {sim: [}\n", 1, 19, "is not YAML"),
    Broken("bad indentation", "upstreams:\n  a: {kind: simulator}\n b: 1\n", 3, 2, "is not YAML"),
    Broken("a tab", "upstreams:\n\tsim: {kind: simulator}\n", 2, 1, "is not YAML"),
    Broken("an anchor", "upstreams: &u\n  sim: {kind: simulator}\n", 1, 12, "anchors", "Write"),
    Broken("two documents", SIM + "---\n" + SIM, 3, 1, "a second document"),
    Broken("a bell", 'upstreams:\n  s\a: {}\n', 2, 4, "U+0007 may not stand in YAML"),
    # Upstreams
    Broken("upstreams a list", "upstreams: [sim]\n", 1, 12, "`upstreams` must be keys"),
    Broken("upstreams empty", "upstreams: {}\n", 1, 12, "`upstreams` names no upstream"),
    Broken("no kind", "upstreams:\n  sim: {}\n", 2, 8, "`upstreams.sim` lacks the key `kind`"),
    Broken(
        "unknown kind",
        "upstreams:\n  sim: {kind: openai}\n",
        2, 15, "`upstreams.sim.kind` must be one of simulator, replay, anthropic",
    ),
    Broken(
        "name with a space", "upstreams:\n  my sim: {kind: simulator}\n",
        2, 3, "`my sim` cannot be the name of an upstream", "at most 64",
    ),
    Broken("name taken", "upstreams:\n  gateway: {kind: simulator}\n", 2, 3, "`gateway` cannot be"),
    Broken(
        "misspelt field", "upstreams:\n  sim: {kind: simulator, brekaer: {}}\n",
        2, 26, "unknown key `brekaer`", "Did you mean `breaker`?",
    ),
    Broken(
        "field of another kind", "upstreams:\n  sim: {kind: simulator, url: http://a}\n",
        2, 26, "an upstream of kind `simulator` has no `url`", "It has kind, retry, breaker.",
    ),
    Broken("probes on a cloud", "upstreams:\n  b: {kind: bedrock, region: r, probe_s: 5}\n",
           2, 33, "an upstream of kind `bedrock` has no `probe_s`"),
    Broken("replay of nothing", "upstreams:\n  r: {kind: replay}\n", 2, 6,
           "`upstreams.r` lacks the key `recording`"),
    Broken("replay of no file", "upstreams:\n  r: {kind: replay, recording: no.jsonl}\n", 2, 32,
           "there is no file"),
    Broken("bedrock without a region", "upstreams:\n  b: {kind: bedrock, live: true}\n",
           2, 6, "`upstreams.b` lacks the key `region`"),
    Broken("vertex without a project", "upstreams:\n  v: {kind: vertex, region: us}\n",
           2, 6, "`upstreams.v` lacks the key `project`"),
    Broken("region no part of a host", BEDROCK + "    region: a.b/c\n", 5, 13,
           "`upstreams.b.region` cannot be a.b/c"),
    Broken("project no part of a path", VERTEX + "    project: a/b\n", 6, 14,
           "`upstreams.v.project` cannot be a/b"),
    Broken("profile unknown", BEDROCK + "    region: r\n    profile: mars\n", 6, 14, "one of global, us"),
    Broken("endpoint unknown", BEDROCK + "    region: r\n    endpoint: converse\n", 6, 15,
           "one of runtime, mantle"),
    Broken("key file of nobody", VERTEX + "    project: p\n    service_account: no.json\n", 7, 22,
           "there is no file"),
    Broken("endpoint of another cloud", VERTEX + "    endpoint: mantle\n", 6, 5,
           "an upstream of kind `vertex` has no `endpoint`"),
    Broken(
        "not said to be live", API.replace("    live: true\n", ""),
        2, 3, "the upstream `api` may cost money and does not say so", "`live: true`",
    ),
    Broken("live no boolean", API.replace("true", "yes"), 4, 11, "must be true or false"),
    Broken(
        "no keys", API.replace("    keys: [env:KEY]\n", ""),
        2, 3, "the upstream `api` has no `keys`", "env:ANTHROPIC_API_KEY",
    ),
    Broken("keys empty", API.replace("[env:KEY]", "[]"), 5, 11, "`upstreams.api.keys` is empty"),
    Broken("key twice", API.replace("[env:KEY]", "[env:KEY, env:KEY]"), 5, 21, "is the same key"),
    Broken("key written out", API.replace("env:KEY", "sk-ant-canary"), 5, 12,
           "must refer to a secret, not hold one", "`env:NAME`"),
    Broken("key not in a list", API.replace("[env:KEY]", "sk-ant-canary"), 5, 11,
           "must refer to a secret, not hold one"),
    Broken("keys by name", API.replace("[env:KEY]", "{a: sk-ant-canary}"), 5, 11,
           "must refer to a secret, not hold one"),
    Broken("key taken for a variable", API.replace("env:KEY", "env:sk-ant-canary"), 5, 12,
           "must refer to a secret, not hold one"),
    Broken("variable not set", API.replace("env:KEY", "env:NONE"), 5, 12,
           "the environment variable NONE is not set", "`file:PATH`"),
    Broken("secret with a space", API.replace("env:KEY", "env:SPACED"), 5, 12,
           "holds a space", "Keep the key alone there."),
    Broken("secret file missing", API.replace("env:KEY", "file:none.key"), 5, 12,
           "none.key cannot be read: No such file"),
    Broken("URL in clear", API + "    url: http://relay.test\n", 6, 10, "must be https"),
    Broken("URL with a password", API + "    url: https://a:canary@relay.test\n", 6, 10,
           "must not carry a user name or password"),
    Broken("URL with a query", API + "    url: https://relay.test/?a=1\n", 6, 10, "must end with"),
    Broken("URL of another scheme", API + "    url: ftp://relay.test\n", 6, 10, "http://host or"),
    Broken("URL of a private network", API + "    url: https://10.1.2.3\n", 6, 10,
           "requests cannot go to 10.1.2.3, an address of a private network", "allow_private"),
    Broken("URL of the metadata service",
           API + "    url: https://169.254.169.254\n    allow_private: true\n", 6, 10,
           "requests cannot go to 169.254.169.254, a link-local address"),
    Broken("URL hidden in an IPv6 address", API + '    url: "https://[::ffff:10.0.0.1]"\n', 6, 10,
           "an IPv4 address in an IPv6 one"),
    Broken("header no token", LOCAL + "    headers: {x team: a}\n", 5, 15, "`x team` is no header"),
    Broken("header of the connection", LOCAL + "    headers: {Host: a}\n", 5, 15,
           "the header `Host` is the connection's own"),
    Broken("header with an umlaut", LOCAL + "    headers: {x-team: ä}\n", 5, 23, "printable ASCII"),
    Broken("credential in a header", LOCAL + "    headers: {Authorization: sk-ant-canary}\n", 5, 30,
           "must refer to a secret, not hold one"),
    Broken("retries below none", LOCAL + "    retry: {max_retries: -1}\n", 5, 26,
           "must be a whole number from 0 to 20; found -1"),
    Broken("retries a text", LOCAL + "    retry: {max_retries: '2'}\n", 5, 26, 'found "2"'),
    Broken("pauses no list", LOCAL + "    retry: {backoff_s: 1}\n", 5, 24, "must be a list"),
    Broken("timeout of nothing", LOCAL + "    timeouts: {idle_s: 0}\n", 5, 24, "a number from 0.001"),
    Broken("timeout unknown", LOCAL + "    timeouts: {idel_s: 1}\n", 5, 16, "`idel_s`", "`idle_s`"),
    Broken("share above one", LOCAL + "    breaker: {share: 50}\n", 5, 22, "a number from 0.01 to 1"),
    Broken("auth unknown", LOCAL + "    auth: basic\n", 5, 11, "must be bearer, or the name of a header"),
    # Routes
    Broken("routes empty", SIM + "routes: []\n", 3, 9, "`routes` is empty"),
    Broken("route no mapping", SIM + "routes: [sim]\n", 3, 10, "`routes[0]` must be keys"),
    Broken("route without a target", SIM + "routes:\n  - when: {model: a}\n", 4, 5,
           "`routes[0]` lacks the key `to`"),
    Broken("target empty", SIM + "routes:\n  - to: []\n", 4, 9, "`routes[0].to` names no upstream"),
    Broken("target unknown", SIM + "routes:\n  - to: sin\n", 4, 9, "there is no upstream `sin`",
           "Did you mean `sim`?"),
    Broken("fall-back unknown", ROUTE + "    fall_back: [bedrock]\n", 5, 17, "no upstream `bedrock`",
           "Known are sim."),
    Broken("weight of nothing", SIM + "routes:\n  - to: [{upstream: sim, weight: 0}]\n", 4, 34,
           "a number from 0.001"),
    Broken("weight of a fall-back", ROUTE + "    fall_back: [{upstream: sim, weight: 2}]\n", 5, 33,
           "unknown key `weight`"),
    Broken("trouble unknown", ROUTE + "    on: [429, 418]\n", 5, 15,
           "must be one of 429, 529, 5xx, timeout, connect; found 418"),
    Broken("trouble no list", ROUTE + "    on: 529\n", 5, 9, "`routes[0].on` must be a list"),
    Broken("condition misspelt", ROUTE + "    when: {modle: a}\n", 5, 12, "`modle`", "`model`"),
    Broken("condition no text", ROUTE + "    when: {model: 4.5}\n", 5, 19, "must be text", "quotes"),
    Broken("header condition no mapping", ROUTE + "    when: {headers: x-app}\n", 5, 21,
           "`routes[0].when.headers` must be keys"),
    Broken("route twice", SIM + "routes:\n  - {name: a, when: {model: b}, to: sim}\n"
           "  - {name: a, to: sim}\n", 5, 5, "there are two routes `a`"),
    Broken("route never reached", ROUTE + "  - {name: late, to: sim}\n", 5, 5,
           "no call reaches `late`: the route `route 1` takes every one", "last"),
    # The rest
    Broken("preflight unknown", SIM + "preflight: maybe\n", 3, 12, "one of off, warn, block"),
    Broken("preflight off in YAML 1.1's sense", SIM + "preflight: false\n", 3, 12, "found false"),
    Broken("keys empty section", SIM + "keys: {}\n", 3, 7, "`keys` lacks the key `required`"),
    Broken("budget without an amount", SIM + "budgets:\n  - {scope: all, per: day}\n", 4, 5,
           "must have one of usd, tokens"),
    Broken("budget with two amounts",
           SIM + "budgets:\n  - {scope: all, per: day, usd: 1, tokens: 2}\n", 4, 5, "one of usd"),
    Broken("budget scope", SIM + "budgets:\n  - {scope: every key, per: day, usd: 1}\n", 4, 13,
           "is no scope", "`each key`"),
    Broken("budget per year", SIM + "budgets:\n  - {scope: all, per: year, usd: 1}\n", 4, 23,
           "one of minute, day, month, total"),
]  # fmt: skip

# What lies in the text before it is a value, in the surroundings, or between two values.
NO_MATTER_OF_SHAPE = {
    "section twice", "not YAML", "bad indentation", "a tab", "an anchor", "two documents", "a bell",
    "not said to be live", "no keys", "variable not set", "secret with a space",
    "secret file missing", "replay of no file", "key file of nobody", "URL in clear", "URL of a private network",
    "URL of the metadata service", "URL hidden in an IPv6 address", "target unknown",
    "fall-back unknown", "route twice", "route never reached",
}  # fmt: skip
SHAPES = [broken for broken in BROKEN if broken.name not in NO_MATTER_OF_SHAPE]


@pytest.mark.requirement("K2", "L5", "L7")
@pytest.mark.parametrize("broken", BROKEN, ids=[broken.name for broken in BROKEN])
def test_a_mistake_is_named_where_it_stands(broken: Broken, tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text(broken.text, encoding="utf-8")
    with pytest.raises(InputFileError) as found:
        load_config(path, ENVIRONMENT)
    error = found.value
    assert error.message.startswith(f"{path}:{broken.line}:{broken.column}: ")
    assert broken.says in error.message
    assert broken.hint in error.hint
    assert error.exit_code == 2
    assert "canary" not in error.message + error.hint + repr(error)


def test_the_table_is_as_long_as_it_is_said_to_be() -> None:
    assert len({broken.text for broken in BROKEN}) == len(BROKEN) >= 40


@pytest.mark.parametrize("broken", SHAPES, ids=[broken.name for broken in SHAPES])
def test_the_published_schema_refuses_it_too(broken: Broken) -> None:
    assert not SCHEMA.is_valid(parse_yaml(broken.text, "gateway.yaml").plain)


@pytest.mark.parametrize("base", [SIM, API, LOCAL, ROUTE])
def test_what_the_mistakes_were_made_in_is_fine(base: str) -> None:
    parse_config(base, "gateway.yaml", ENVIRONMENT)
    SCHEMA.validate(parse_yaml(base, "gateway.yaml").plain)


@pytest.mark.requirement("K2")
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_secret_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    secret = tmp_path / "api.key"
    secret.write_text("sk-ant-canary\n")
    secret.chmod(mode)
    path = tmp_path / "gateway.yaml"
    path.write_text(API.replace("env:KEY", "file:api.key"))
    with pytest.raises(InputFileError, match="may be read by others") as found:
        load_config(path, {})
    assert f"chmod 600 {secret}" in found.value.hint
    secret.chmod(0o600)
    assert load_config(path, {}).upstreams["api"].keys == ("sk-ant-canary",)


def test_a_secret_file_that_is_empty_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "api.key"
    secret.write_text("\n")
    secret.chmod(0o600)
    with pytest.raises(InputFileError, match="is empty"):
        parse_config(API.replace("env:KEY", f"file:{secret}"), "gateway.yaml", {})


def test_a_file_that_is_not_there_or_no_text_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match="cannot be read"):
        load_config(tmp_path / "none.yaml", {})
    path = tmp_path / "gateway.yaml"
    path.write_bytes(b"upstreams:\n  \xff: {}\n")
    with pytest.raises(InputFileError, match="not UTF-8"):
        load_config(path, {})


WHOLE = {
    "upstreams": {
        "sim": {"kind": "simulator"},
        "api": {
            "kind": "anthropic",
            "live": True,
            "keys": ["env:KEY", "env:OTHER"],
            "headers": {"x-team": "a"},
            "retry": {"max_retries": 1, "backoff_s": [1, 2]},
            "timeouts": {"idle_s": 5},
            "breaker": {"share": 0.5},
            "url": "https://relay.test/claude",
            "probe_s": 5,
        },
    },
    "routes": [
        {"name": "a", "when": {"model": "m*", "headers": {"x-app": "*"}}, "to": "sim"},
        {"to": [{"upstream": "api", "weight": 2}], "fall_back": [{"upstream": "sim"}], "on": [529]},
    ],
    "keys": {"required": True},
    "budgets": [{"scope": "all", "per": "day", "usd": 1}],
    "preflight": "warn",
    "cache": {"max_mb": 1, "scope": "team", "on": [{"model": "m*"}], "keep": "disk"},
    "batching": {"collect_s": 1, "max_requests": 5, "on_late": "send_now"},
    "limits": {"queue_s": 1},
    "cors": ["https://app.example", "http://localhost:3000"],
}


def list_places(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every value below `value`."""
    inner: list[Any] = []
    if isinstance(value, dict):
        inner = list(value)
    elif isinstance(value, list):
        inner = list(range(len(value)))
    ways = [(*way, key) for key in inner]
    return ways + [below for one, key in zip(ways, inner, strict=True)
                   for below in list_places(value[key], one)]  # fmt: skip


JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**17), 10**17),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=12),
    st.sampled_from(["env:KEY", "env:", "file:", "http://[", "https://a:b@c", "*", "-1", "5xx"]),
    st.lists(st.sampled_from(["sim", "api", 1, None]), max_size=2),
    st.dictionaries(st.sampled_from(["kind", "x", "to", ""]), st.integers(0, 9), max_size=2),
)


def find_mistake(value: Any) -> str:
    """What is wrong with the configuration; empty for a good one."""
    try:
        parse_config(json.dumps(value, ensure_ascii=False), "gateway.yaml", ENVIRONMENT)
    except InputFileError as error:
        return error.message
    return ""


@settings(max_examples=200)
@given(st.sampled_from(list_places(WHOLE)), JUNK)
def test_whatever_stands_in_one_place_is_named_there_or_is_what_the_schema_takes(
    way: tuple[Any, ...], junk: Any
) -> None:
    changed = json.loads(json.dumps(WHOLE))
    inner = changed
    for key in way[:-1]:
        inner = inner[key]
    inner[way[-1]] = junk
    mistake = find_mistake(changed)
    assert mistake.startswith("gateway.yaml:1:") or (mistake == "" and SCHEMA.is_valid(changed))


def test_the_file_that_is_broken_there_is_good_before() -> None:
    assert find_mistake(WHOLE) == ""
    SCHEMA.validate(WHOLE)
