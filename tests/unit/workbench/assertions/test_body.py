"""JSON and text: exact numbers, JSONPath against an oracle, schemas explained, text as people count."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.replied import STREAM, a_message, a_reply, a_stream, a_subject, an_error, judge

UNION = """
schema:
  type: object
  properties:
    content:
      type: array
      items:
        anyOf:
          - {type: string}
          - type: object
            properties: {type: {const: text}, text: {type: string}}
            required: [type, text]
          - type: object
            properties: {type: {enum: [tool, tool_use]}, n: {type: integer, minimum: 1}}
            required: [type, n]
""".strip()


def at_value(ops: str, value: Any) -> str:
    """The verdict on a body `{"v": value}`."""
    return judge(f"jsonpath: $.v\n{ops}", a_reply({"v": value})).verdict


@pytest.mark.parametrize(
    ("ops", "value", "verdict"),
    [
        ("equals: 1", 1.0, "pass"),
        ("equals: 1", True, "fail"),
        ("equals: true", 1, "fail"),
        ("equals: 0", False, "fail"),
        ("equals: '1'", 1, "fail"),
        ("equals: null", None, "pass"),
        ("equals: [1, 2]", [2, 1], "fail"),
        ("equals: [[1]]", [[True]], "fail"),
        ("equals: {a: 1, b: 2}", {"b": 2, "a": 1}, "pass"),
        ("equals: {a: 1}", {"a": 1, "b": 2}, "fail"),
        ("in: [1, 2]", 2, "pass"),
        ("in: [1, 2]", True, "fail"),
        ("gte: 1", True, "error"),
        ("gte: 1", "2", "error"),
        ("not: {gte: 1}", "2", "error"),
        ("not: {gte: 3}", 2, "pass"),
        ("gt: 9007199254740992", 9007199254740993, "pass"),
        ("lt: 0.3", 0.30000000000000004, "fail"),
        ("between: [1, 2]", 2, "pass"),
        ("between: [1, 2]", 2.1, "fail"),
        ("type: integer", 2.0, "pass"),
        ("type: integer", True, "fail"),
        ("type: number", True, "fail"),
        ("type: null", None, "pass"),
        ("contains: 2", [1, 2], "pass"),
        ("contains: 1", [True], "fail"),
        ("contains: x", {"x": 1}, "error"),
        ("contains: x", 5, "error"),
        ("not: {contains: x}", 5, "error"),
        ("not: {contains: x, equals: y}", "z", "pass"),
        ("not: {contains: x, equals: z}", "z", "fail"),
        ("length: 2", [1, 2], "pass"),
        ("length: 2", "北京", "pass"),
        ("length: 2", 22, "error"),
        ("exists: true", None, "pass"),
        ("exists: false", None, "fail"),
        ("schema: {type: integer}\ngt: 1", 2, "pass"),
        ("schema: {type: integer}\ngt: 1", 1, "fail"),
        ("gt: 3\ncontains: x", 1, "fail"),
    ],
)
def test_a_value_is_compared_exactly(ops: str, value: Any, verdict: str) -> None:
    assert at_value(ops, value) == verdict


@pytest.mark.parametrize(
    ("item", "verdict"),
    [
        ("jsonpath: $.a[*].n\ngt: 0", "pass"),
        ("jsonpath: $.a[*].n\ngt: 1", "fail"),
        ("jsonpath: $.a[*].n\nvalues: [1, 2]", "pass"),
        ("jsonpath: $.a[*].n\nvalues: [2, 1]", "fail"),
        ("jsonpath: $.a[*].n\ncount: 2", "pass"),
        ("jsonpath: $.b[*]\ncount: 0", "pass"),
        ("jsonpath: $.b[*]\ncount: {gt: 0}", "fail"),
        ("jsonpath: $.b", "fail"),
        ("jsonpath: $.b\nequals: null", "fail"),
        ("jsonpath: $.b\nexists: false", "pass"),
        ("jsonpath: $.b\nnot: true", "pass"),
        ("jsonpath: $.a[?@.n > 1].s\nequals: two", "pass"),
        ("jsonpath: $.a[?match(@.s, 't.*')].n\nequals: 2", "pass"),
        ("jsonpath: $.a[?match(@.s, 'w.*')].n\nexists: false", "pass"),
        ("jsonpath: $.a[?search(@.s, 'w.')].n\nequals: 2", "pass"),
        ("jsonpath: $.a[?match(@.n, '.*')]\nexists: false", "pass"),
        ("jsonpath: $.a[?search(@.s, '(')]\nexists: false", "pass"),
        ("jsonpath: $.a[?search(@.s, '(o|o)*x')]\nexists: false", "pass"),
        ("jsonpath: $.a[?length(@.s) == 3].n\nvalues: [1, 2]", "pass"),
        ("jsonpath: $..n\nvalues: [1, 2]", "pass"),
    ],
)
def test_a_path_leads_to_each_of_its_values(item: str, verdict: str) -> None:
    body = {"a": [{"n": 1, "s": "one"}, {"n": 2, "s": "two"}]}
    assert judge(item, a_reply(body)).verdict == verdict


values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "x", "北"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "é"]), inner, max_size=3)
    ),
    max_leaves=12,
)
steps = st.lists(
    st.sampled_from(["a", "b", "é", 0, 1, -1, "*", "..a", "..*", "0:2", "::-1"]), max_size=4
)


def follow(value: Any, step: Any) -> Iterator[Any]:
    """One step of RFC 9535, written from its text."""
    if isinstance(step, str) and step.startswith(".."):
        yield from follow(value, step[2:])
        for child in children(value):
            yield from follow(child, step)
    elif step == "*":
        yield from children(value)
    elif isinstance(step, int):
        if isinstance(value, list) and -len(value) <= step < len(value):
            yield value[step]
    elif ":" in step:
        if isinstance(value, list):
            ends = [int(end) if end else None for end in step.split(":")]
            yield from value[slice(*ends)]
    elif isinstance(value, dict) and step in value:
        yield value[step]


def children(value: Any) -> list[Any]:
    return (
        list(value.values())
        if isinstance(value, dict)
        else value
        if isinstance(value, list)
        else []
    )


def spell(step: Any) -> str:
    if isinstance(step, int) or ":" in step:
        return f"[{step}]"
    return step if step.startswith("..") else f".{step}" if step == "*" else f"['{step}']"


@given(values, steps)
def test_paths_lead_where_the_rfc_says(body: Any, way: list[Any]) -> None:
    nodes = [body]
    for step in way:
        nodes = [found for node in nodes for found in follow(node, step)]
    path = "$" + "".join(map(spell, way))
    right = f'jsonpath: "{path}"\nvalues: {json.dumps(nodes)}\ncount: {len(nodes)}'
    wrong = f'jsonpath: "{path}"\nvalues: {json.dumps([*nodes, "more"])}'
    reply = a_reply(json.dumps(body))
    assert judge(right, reply).verdict == "pass"
    assert judge(wrong, reply).verdict == "fail"


@pytest.mark.parametrize(
    ("content", "at", "reason"),
    [
        ([{"type": "tool", "n": 0}], "$.content[0].n", "0 is less than the minimum of 1"),
        ([{"type": "text"}], "$.content[0]", '"text" is a required property'),
        (["x", {"type": "txet", "text": "x"}], "$.content[1].type", '"txet" is none of "text", '),
        ([5], "$.content[0]", '5 is not of type "string"'),
        ("x", "$.content", '"x" is not of type "array"'),
    ],
)
def test_a_union_is_explained_along_its_closest_branch(content: Any, at: str, reason: str) -> None:
    outcome = judge(UNION, a_reply({"content": content}))
    assert (outcome.verdict, outcome.path) == ("fail", at)
    assert reason in outcome.message


def test_schemas_stand_in_files_of_the_project_and_refer_to_each_other(tmp_path: Path) -> None:
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "a.json").write_text(
        '{"properties": {"n": {"$ref": "b.yaml#/$defs/n"}}}'
    )
    (tmp_path / "schemas" / "b.yaml").write_text("$defs: {n: {type: integer}}\n")
    (tmp_path / "bad.json").write_text('{"type": "nope"}')
    (tmp_path.parent / "outside.json").write_text("{}")

    def verdict(file: str, body: Any) -> str:
        return judge(f"schema: {{file: {file}}}", a_reply(body), root=tmp_path).verdict

    assert verdict("schemas/a.json", {"n": 1}) == "pass"
    assert verdict("schemas/a.json", {"n": "1"}) == "fail"
    for file in ("schemas/none.json", "bad.json", "../outside.json", "/etc/hosts"):
        assert verdict(file, {}) == "error", file
    (tmp_path / "bad.json").write_text('{"$ref": "../outside.json"}')
    assert verdict("bad.json", {}) == "error"


def test_the_imported_documents_schema_is_found_by_status_and_type() -> None:
    asked: list[tuple[int, str]] = []

    def find(status: int, content_type: str) -> Any:
        asked.append((status, content_type))
        return {"type": "object", "required": ["id"]} if status == 200 else None

    verdicts = [
        judge("schema: openapi", reply, response_schema=find).verdict
        for reply in (a_reply({"id": 1}), a_reply({}), a_reply({"id": 1}, status=404))
    ]
    assert verdicts == ["pass", "fail", "error"]
    assert asked == [(200, "application/json")] * 2 + [(404, "application/json")]
    assert judge("schema: openapi", a_reply({"id": 1})).verdict == "error"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("{", "the body is not JSON"),
        ('{"n": NaN}', "the body is not JSON"),
        ("[" * 100_000, "the body is not JSON"),
        ("", "the body is not JSON"),
    ],
)
def test_what_is_no_json_cannot_be_evaluated(body: str, reason: str) -> None:
    for item in ("jsonpath: $.n\nexists: false", "schema: {}", "equals: {n: 1}", "equals: null"):
        outcome = judge(item, a_reply(body))
        assert (outcome.verdict, reason in outcome.message) == ("error", True), item


def test_a_path_through_too_much_is_an_error() -> None:
    wide = json.dumps([0] * 100_001)
    assert judge("jsonpath: $[*]\nequals: 0", a_reply(wide)).verdict == "error"
    deep = json.dumps({"a": 1}).replace("1", '{"a":' * 300 + "1" + "}" * 300)
    assert judge("jsonpath: $..b\nexists: false", a_reply(deep)).verdict == "error"


@pytest.mark.parametrize(
    ("item", "text", "verdict"),
    [
        ("contains: 'café'", "cafe\u0301", "pass"),
        ("equals: 'café'", "cafe\u0301", "pass"),
        ("icontains: STRASSE", "Die Straße", "pass"),
        ("length: 4", "cafe\u0301", "pass"),
        ("length: 2", "𠮷野", "pass"),
        ("word_count: 4", "北京 is nice", "pass"),
        ("word_count: 2", "don't 1,000.5", "pass"),
        ("word_count: 5", "東京タワ", "fail"),
        ("word_count: 4", "東京タワ", "pass"),
        ("word_count: 0", "…!？，。", "pass"),
        ("word_count: 3", "서울 은 좋다", "pass"),
        ("regex: '^北.*晴$'", "北京今天晴", "pass"),
        ("regex: '(a+)+$'", "a" * 50_000 + "b", "fail"),
        ("starts_with: 北京", "北京今天晴", "pass"),
        ("json: true", '{"a": 1}', "pass"),
        ("json: true", '```json\n{"a": 1}\n```', "fail"),
        ("json: true", '{"a": Infinity}', "fail"),
        ("json: false", "no", "pass"),
        ("json: {schema: {required: [a]}}", '{"a": 1}', "pass"),
        ("json: {schema: {required: [a]}}", "no", "fail"),
        ("json: {path: $.a, not: {gt: 1}}", "no", "fail"),
        ("json: {path: '$.a[*]', count: 2}", '{"a": [1, 2]}', "pass"),
    ],
)
def test_text_is_compared_as_people_read_it(item: str, text: str, verdict: str) -> None:
    assert judge(item, a_reply(a_message(text))).verdict == verdict


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("zh", "北京今天晴，气温 21 度。"),
        ("zh", "请先调用 get_weather API，再看 HTTP 状态码是否为 200。"),
        ("zh", "我们在上海那家名叫「海の家」的餐厅吃了晚饭，大家都觉得味道很好。"),
        ("en", "The weather in Beijing (北京) is sunny and it will be warm."),
        ("ja", "東京の天気は晴れです。"),
        ("ko", "서울의 날씨는 맑습니다"),
        ("ru", "Сегодня в Москве солнечно"),
        ("fr", "Le temps est beau dans les rues de la ville et il fait chaud."),
        ("de", "Das Wetter ist schön und die Sonne scheint nicht in der Stadt."),
        ("es", "El tiempo en la ciudad es muy bueno y no hay nubes."),
    ],
)
def test_the_language_of_an_answer_is_told(language: str, text: str) -> None:
    reply = a_reply(a_message(text))
    assert judge(f"language: {language}", reply).verdict == "pass"
    other = "zh" if language != "zh" else "en"
    assert judge(f"language: {other}", reply).verdict == "fail"


@pytest.mark.parametrize("text", ["", "21 %", "OK", "¯\\_()_/"])
def test_a_text_that_does_not_tell_its_language_is_an_error(text: str) -> None:
    assert judge("language: en", a_reply(a_message(text))).verdict == "error"


def test_a_text_of_a_broken_answer_is_not_judged() -> None:
    text = a_message("It is 21 °C in Paris.")
    event = b'event: error\ndata: {"type":"error","error":{"type":"api_error","message":"x"}}\n\n'
    for reply in (
        a_stream(text, cut=1),
        a_stream(text, cut=2, end=event),
        a_stream(text, problem="the connection was closed"),
        a_reply(an_error(), status=529),
    ):
        for item in ("contains: Paris", "not: {contains: 抱歉}", "length: {lt: 100}"):
            assert judge(item, reply).verdict == "error", item


def test_any_http_services_text_and_stream_can_be_judged() -> None:
    plain = a_reply("order 7 shipped", content_type="text/plain", path="/orders/7")
    stream = a_reply(b"data: tick\n\ndata: tock\n\n", content_type=STREAM, path="/ticks")
    assert judge("contains: shipped", plain).verdict == "pass"
    assert judge("contains: tock", stream).verdict == "pass"
    assert judge("events.count: 2", stream).verdict == "pass"
    assert judge("stream.order_valid: true", stream).verdict == "error"
    assert judge("stop_reason: end_turn", plain).verdict == "error"
    assert a_subject(plain).final is plain
