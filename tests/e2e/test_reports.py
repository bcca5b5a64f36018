"""Reports of a real execution: all kinds written, shown again from the log, no secret in any."""

import base64
import json
from pathlib import Path
from urllib.parse import quote

import pytest

from harness.command_line import CommandLine
from harness.projects import write_project

CANARY = "sk-ant-api03-CaNaRy_0123456789-abcdefghij"
SECRET = 'hush "hush" 张伟/+'
ENVIRONMENT = """\
tanzaku: environment/v1
upstream: simulator
headers: {anthropic-version: 2023-06-01, x-more: "{{secret.MORE}}"}
auth: {type: api_key, in: header, name: x-api-key, value: "{{secret.KEY}}"}
secrets: {KEY: {env: CANARY_KEY}, MORE: {env: CANARY_MORE}}
"""
SUITE = f"""\
tanzaku: suite/v1
defaults: {{use: requests/ask.yaml}}
cases:
  - id: sends
    name: "pasted {CANARY}"
    with: {{body: {{stream: true, system: "{{{{secret.MORE}}}} {CANARY}"}}}}
    expect: [{{status: 200}}, {{stop_reason: end_turn}}]
  - id: expects
    expect: [{{contains: "{{{{secret.MORE}}}}"}}, {{contains: "{CANARY}"}}]
  - id: refused
    with: {{headers: {{x-api-key: null}}}}
    expect: [{{header: {{x-echo: "{{{{secret.KEY}}}}"}}}}]
"""
KINDS = ("html", "junit", "json", "markdown", "har")


def list_forms(secret: str) -> list[bytes]:
    return [
        secret.encode(),
        base64.b64encode(secret.encode()).rstrip(b"="),
        quote(secret, safe="").encode(),
        json.dumps(secret)[1:-1].encode(),
        json.dumps(secret, ensure_ascii=False)[1:-1].encode(),
    ]


@pytest.mark.requirement("K4")
def test_no_secret_is_in_any_report(tanzaku: CommandLine, tmp_path: Path) -> None:
    environ = {"CANARY_KEY": CANARY, "CANARY_MORE": SECRET}
    line = CommandLine(tanzaku.data, environ)
    files: dict[str, str | bytes] = {
        "environments/mock.yaml": ENVIRONMENT,
        "suites/a.suite.yaml": SUITE,
    }
    root = write_project(tmp_path / "p", files)
    out = tmp_path / "out"
    words = [word for kind in KINDS for word in (f"--{kind}", str(out / kind))]
    shown = line.run("test", str(root), *words, exit_code=1)
    left = [*out.iterdir(), *(path for path in (root / ".tanzaku").rglob("*") if path.is_file())]
    assert {path.name for path in left} >= {*KINDS, "events.jsonl"}
    held = [shown.encode(), *(path.read_bytes() for path in left)]
    forms = [form for secret in (CANARY, SECRET) for form in list_forms(secret)]
    assert [form for form in forms for one in held if form in one] == []
    assert b"a#sends" in held[1]


PLAIN = """\
tanzaku: suite/v1
defaults: {use: requests/ask.yaml}
cases:
  - {id: one, expect: [{status: 200}]}
  - {id: two, expect: [{contains: no model says this}]}
"""


def test_an_execution_is_reported_again_from_its_log(tanzaku: CommandLine, tmp_path: Path) -> None:
    root = write_project(tmp_path / "p", {"suites/a.suite.yaml": PLAIN})
    first, again = (
        [word for kind in KINDS for word in (f"--{kind}", str(tmp_path / name / kind))]
        for name in ("first", "again")
    )
    shown = tanzaku.run("test", str(root), *first, exit_code=1)
    (log,) = (root / ".tanzaku/executions").glob("*/events.jsonl")
    assert tanzaku.run("report", str(log), *again) == shown
    for kind in KINDS:
        assert (tmp_path / "first" / kind).read_bytes() == (tmp_path / "again" / kind).read_bytes()
    har = json.loads((tmp_path / "again/har").read_bytes())
    assert [one["comment"] for one in har["log"]["entries"]] == ["a#one", "a#two"]
    assert [one["response"]["status"] for one in har["log"]["entries"]] == [200, 200]
