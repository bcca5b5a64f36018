"""Cases of flows on the simulator: a tool loop answered by mock sets, in every variant."""

import asyncio
from pathlib import Path

from harness.executions import execute
from harness.projects import write_project
from tanzaku.workbench.runner import ReplyCame
from tanzaku.workbench.suites import Choice

MOCKS = """\
tools:
  get_weather:
    input_schema: {type: object, properties: {city: {type: string}}, required: [city]}
    sets:
      success: {result: {temp_c: 21}}
      broken: {error: {status: 500, message: out of order}}
"""
SCENARIO = """\
rules:
  - when: {turn: 1}
    reply: {tool_calls: [{name: get_weather, input: {city: 北京}}]}
  - reply: done
"""
REQUEST = """\
tanzaku: request/v1
method: POST
path: /v1/messages
body:
  model: claude-haiku-4-5
  max_tokens: 200
  messages: [{role: user, content: "{{city}} 今天天气怎么样？"}]
  tools:
    - name: get_weather
      input_schema: {type: object, properties: {city: {type: string}}, required: [city]}
"""
FLOW = """\
tanzaku: flow/v1
vars: {city: 上海}
matrix: {get_weather: [success, broken, timeout]}
steps:
  - id: ask
    use: requests/weather.yaml
    tools: {max_turns: 3, timeout_s: 0.2}
"""
SUITE = """\
tanzaku: suite/v1
defaults: {mocks: [mocks/weather.yaml], scenario: scenarios/weather.yaml}
cases:
  - id: agent
    flow: flows/weather.flow.yaml
    vars: {city: 北京}
    expect:
      - tool_call: {name: get_weather}
        on: any
      - stop_reason: end_turn
"""


def test_a_flow_is_a_case_for_each_variant(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "mocks/weather.yaml": MOCKS,
        "scenarios/weather.yaml": SCENARIO,
        "requests/weather.yaml": REQUEST,
        "flows/weather.flow.yaml": FLOW,
        "suites/s.suite.yaml": SUITE,
    }
    root = write_project(tmp_path, files)
    done = asyncio.run(execute(root, parallel=3))
    assert done.verdicts == {
        "agent(get_weather=success)": "passed",
        "agent(get_weather=broken)": "passed",
        "agent(get_weather=timeout)": "passed",
    }
    told: dict[str, str] = {}
    for event in done.ordered:
        if isinstance(event, ReplyCame) and event.step == "ask":
            told[event.case] = event.reply.exchange.request_body.decode()
    success, broken, timeout = told.values()
    assert '"is_error": true' not in success.replace('":true', '": true')
    assert "temp_c" in success
    assert "北京 今天天气" in success
    assert "out of order" in broken
    assert "out of order" not in timeout
    assert "temp_c" not in timeout
    one = asyncio.run(execute(root, choice=Choice(patterns=["s#agent(get_weather=broken)"])))
    assert list(one.verdicts) == ["agent(get_weather=broken)"]
