"""A file that is wrong says where, and what would be right; the published schema agrees."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from tanzaku.core import InputFileError
from tanzaku.core.plain_yaml import parse_yaml
from tanzaku.simulator.scenario import load_scenario, parse_scenario

ROOT = Path(__file__).parents[4]
SCHEMA: dict[str, Any] = json.loads(
    (ROOT / "docs/schemas/scenario.schema.json").read_text(encoding="utf-8")
)


def rule(line: str) -> str:
    return f"rules:\n  - {line}\n"


def reply(value: str) -> str:
    return rule(f"reply: {value}")


def when(value: str) -> str:
    return rule(f"{{when: {value}, reply: x}}")


BY_BOTH = {
    "nothing at all": ("", "s:1:1: `$` must be keys with values; found null."),
    "no rules": ("{}", "s:1:1: `$` lacks the key `rules`."),
    "rules that are no list": ("rules: {}", "s:1:8: `rules` must be a list; found {}."),
    "a rule that is text": (
        "rules: [hi]",
        's:1:9: `rules[0]` must be keys with values; found "hi".',
    ),
    "no reply": (rule("id: a"), "s:2:5: `rules[0]` lacks the key `reply`."),
    "a misspelt key": (
        rule("{reply: x, wehn: {}}"),
        "s:2:16: unknown key `wehn`. Did you mean `when`?",
    ),
    "a misspelt condition": (
        when("{last_usr: hi}"),
        "s:2:13: unknown key `last_usr`. Did you mean `last_user`?",
    ),
    "a key nothing is like": (
        when("{system: {zzz: hi}}"),
        "s:2:22: unknown key `zzz`. Known are contains, regex, equals.",
    ),
    "an id with a space": (
        rule("{id: a b, reply: x}"),
        's:2:10: `rules[0].id` must be 1 to 64 of A-Z, a-z, 0-9, `.`, `_`, `-`; found "a b".',
    ),
    "a number for text": (
        reply("{text: 42}"),
        "s:2:19: `rules[0].reply.text` must be text; found 42. Put quotes around it.",
    ),
    "turn 0": (
        when("{turn: 0}"),
        "s:2:19: `rules[0].when.turn` must be a whole number from 1 to 1000000; found 0.",
    ),
    "a range with a dash": (
        when("{turn: 2-4}"),
        "s:2:19: `rules[0].when.turn` must be a number from 1 up, or a range `2..4`, `2..`, "
        '`..4`; found "2-4".',
    ),
    "streaming with words": (
        when("{stream: yes}"),
        's:2:21: `rules[0].when.stream` must be true or false; found "yes".',
    ),
    "no names": (
        when("{tools_offered: []}"),
        "s:2:28: `rules[0].when.tools_offered` must not be empty.",
    ),
    "a body without a path": (
        when("{body: {equals: 1}}"),
        "s:2:19: `rules[0].when.body` lacks the key `path`.",
    ),
    "a reply of nothing": (reply("{}"), "s:2:12: `rules[0].reply` says nothing."),
    "two replies at once": (
        reply("{error: {status: 500}, text: x}"),
        "s:2:35: `text` cannot stand beside `error`.",
    ),
    "a reply beside a sequence": (
        reply("{sequence: [x], then: stay, text: y}"),
        "s:2:40: `text` cannot stand beside `sequence`.",
    ),
    "improvise false": (
        reply("{improvise: false}"),
        "s:2:24: `improvise` is `true` or not there.",
    ),
    "content beside text": (
        reply("{content: [], text: x}"),
        "s:2:26: `text` cannot stand beside `content`.",
    ),
    "citations of nothing": (
        reply("{thinking: x, citations: []}"),
        "s:2:26: `citations` need a `text` beside them.",
    ),
    "JSON beside text": (
        reply("{json: 1, text: x}"),
        "s:2:13: `json` is a text of its own; leave `text` out.",
    ),
    "a block of two kinds": (
        reply("{content: [{text: a, thinking: b}]}"),
        "s:2:23: `rules[0].reply.content[0]` must hold exactly one of text, json, thinking, "
        "tool_call, web_search, web_fetch, code_execution.",
    ),
    "an unknown stop reason": (
        reply("{text: x, stop_reason: pause}"),
        "s:2:35: `rules[0].reply.stop_reason` must be one of end_turn, max_tokens, pause_turn, "
        'model_context_window_exceeded; found "pause".',
    ),
    "a refusal with another reason": (
        reply("{refusal: {}, stop_reason: end_turn}"),
        "s:2:26: `stop_reason` cannot stand beside `refusal`.",
    ),
    "an unknown category": (
        reply("{refusal: {category: chemistry}}"),
        "s:2:33: `rules[0].reply.refusal.category` must be one of cyber, bio, frontier_llm, "
        'reasoning_extraction, general_harms; found "chemistry".',
    ),
    "a tool's name with a space": (
        reply("{tool_calls: [{name: a b}]}"),
        's:2:33: `rules[0].reply.tool_calls[0].name` must match [a-zA-Z0-9_-]{1,128}; found "a b".',
    ),
    "arguments that are a list": (
        reply("{tool_calls: [{name: a, input: [1]}]}"),
        "s:2:43: `rules[0].reply.tool_calls[0].input` must be keys with values; found [1].",
    ),
    "results and an error": (
        reply("{web_search: {query: q, error: unavailable, results: []}}"),
        "s:2:56: `rules[0].reply.web_search` has an `error` and so no `results`.",
    ),
    "code and a command": (
        reply("{code_execution: {code: a, command: b}}"),
        "s:2:29: `rules[0].reply.code_execution` needs either `code` or `command`.",
    ),
    "a citation of no kind": (
        reply("{text: x, citations: [{cited_text: a}]}"),
        "s:2:34: `rules[0].reply.citations[0]` lacks the key `type`.",
    ),
    "a citation with another's key": (
        reply("{text: x, citations: [{type: char_location, source: s}]}"),
        "s:2:56: unknown key `source`. Known are type, cited_text, document_index, "
        "document_title, file_id, start_char_index, end_char_index.",
    ),
    "page 0": (
        reply(
            "{text: x, citations: [{type: page_location, cited_text: a, document_index: 0,"
            " start_page_number: 0, end_page_number: 1}]}"
        ),
        "s:2:109: `rules[0].reply.citations[0].start_page_number` must be a whole number from 1 "
        "to 1000000000; found 0.",
    ),
    "a status of success": (
        reply("{error: {status: 200}}"),
        "s:2:29: `rules[0].reply.error.status` must be a whole number from 400 to 599; found 200.",
    ),
    "a header that frames": (
        reply("{error: {status: 500, headers: {Content-Length: '1'}}}"),
        "s:2:44: `Content-Length` is no header that can be set. The length, type and connection "
        "of an answer follow from the answer.",
    ),
    "a header with a line break": (
        reply('{error: {status: 500, headers: {a: "b\\nc"}}}'),
        "s:2:47: `rules[0].reply.error.headers.a` must be printable ASCII on one line; "
        'found "b\\nc".',
    ),
    "an empty sequence": (
        reply("{sequence: []}"),
        "s:2:23: `rules[0].reply.sequence` must not be empty.",
    ),
    "a sequence in a sequence": (
        reply("{sequence: [{sequence: [x]}]}"),
        "s:2:25: unknown key `sequence`. Known are thinking, web_search, web_fetch, "
        "code_execution, text, citations, json, tool_calls, content, stop_reason, refusal, error, "
        "improvise.",
    ),
    "then without a sequence": (
        reply("{text: x, then: stay}"),
        "s:2:22: unknown key `then`. Known are thinking, web_search, web_fetch, code_execution, "
        "text, citations, json, tool_calls, content, stop_reason, refusal, error, improvise.",
    ),
}

BY_READER = {
    "an id twice": (
        "rules:\n  - {id: a, reply: x}\n  - {id: a, reply: y}\n",
        "s:3:5: another rule is called `a` already.",
    ),
    "an unknown model": (
        when("{model: claude-haiku-4.5}"),
        "s:2:20: no model is called `claude-haiku-4.5`, so the rule could never answer. "
        "Did you mean `claude-haiku-4-5`?",
    ),
    "a range that ends before it begins": (
        when("{nth_call: 4..2}"),
        "s:2:23: `rules[0].when.nth_call` must be a number from 1 up, or a range `2..4`, `2..`, "
        '`..4`; found "4..2".',
    ),
    "an expression that is none": (
        when("{system: {regex: 'a(b'}}"),
        "s:2:29: `rules[0].when.system.regex` is not an expression that is run: "
        "missing ), unterminated subpattern at position 1. "
        "Python's syntax, without look-around and back-references.",
    ),
    "an expression that looks ahead": (
        when("{system: {regex: '(?=a)b'}}"),
        "s:2:29: `rules[0].when.system.regex` is not an expression that is run: look-around, "
        "including look-ahead and look-behind, is not supported. "
        "Python's syntax, without look-around and back-references.",
    ),
    "an expression that repeats repeats": (
        when("{system: {regex: '(.{0,200}){1,20}'}}"),
        "s:2:29: `rules[0].when.system.regex` is not an expression that is run: its counted "
        "repeats write out to more than 500 characters. "
        "Python's syntax, without look-around and back-references.",
    ),
    "a path with a filter": (
        when("{body: {path: '$.a[?(@.b)]'}}"),
        "s:2:26: `rules[0].when.body.path` is no JSONPath from character 4 on; found "
        "\"$.a[?(@.b)]\". It begins with `$`; then come `.name`, `['name']`, `[0]`, `[-1]`, "
        "`[*]`, `..name`. Filters and slices are not read.",
    ),
    "a place nobody knows": (
        reply("'Hi {{last_usr}}'"),
        "s:2:12: nothing is called `last_usr` in a template. Did you mean `last_user`?",
    ),
    "a place nothing is like": (
        reply("'Hi {{ name }}'"),
        "s:2:12: nothing is called `name` in a template. Known are {{last_user}}, {{system}}, "
        "{{last_tool_result}}, {{nth}}, {{state.…}}, {{$.…}}. Write `\\{{` for braces that are "
        "only braces.",
    ),
    "a group without an expression": (
        reply("'{{last_user.1}}'"),
        "s:2:12: `last_user.1` needs a `regex` under `when.last_user` to take a group from.",
    ),
    "a group the expression has not": (
        rule("{when: {last_user: {regex: '(a)(?P<b>c)'}}, reply: '{{last_user.3}}'}"),
        "s:2:56: `(a)(?P<b>c)` has no group `3`. Its groups are 1, 2, b.",
    ),
    "a search without an end": (
        reply("{web_search: {query: q}}"),
        "s:2:12: `rules[0].reply` holds a server tool that has neither result nor error. "
        "That ends in `stop_reason: pause_turn`, or stands beside a tool call.",
    ),
    "a call and an ended turn": (
        reply("{tool_calls: [{name: a}], stop_reason: end_turn}"),
        "s:2:51: an answer that calls tools does not end in `end_turn`. Leave `stop_reason` out.",
    ),
    "a citation that ends where it begins": (
        reply(
            "{text: x, citations: [{type: char_location, cited_text: a, document_index: 0,"
            " start_char_index: 3, end_char_index: 3}]}"
        ),
        "s:2:127: `rules[0].reply.citations[0].end_char_index` must be a whole number from 4 to "
        "1000000000; found 3.",
    ),
}


@pytest.mark.parametrize(
    ("text", "message"), (BY_BOTH | BY_READER).values(), ids=(BY_BOTH | BY_READER).keys()
)
@pytest.mark.fidelity(
    "scenarios",
    "a file that is wrong is refused with file, line, column and the way out",
    "documented",
    "docs/scenarios.md",
)
def test_a_mistake_is_named_with_its_place(text: str, message: str) -> None:
    with pytest.raises(InputFileError) as caught:
        parse_scenario(text, "s")
    assert f"{caught.value.message} {caught.value.hint}".strip() == message


@pytest.mark.parametrize("text", [case[0] for case in BY_BOTH.values()], ids=BY_BOTH.keys())
def test_the_schema_refuses_what_the_reader_refuses(text: str) -> None:
    assert not jsonschema_rs.is_valid(SCHEMA, parse_yaml(text, "s").plain)


def test_a_file_is_named_as_it_was_given(tmp_path: Path) -> None:
    path = tmp_path / "desk.yaml"
    path.write_text("rules:\n- reply: {}\n", encoding="utf-8")
    with pytest.raises(InputFileError, match=r"desk\.yaml:2:10: ") as caught:
        load_scenario(path)
    assert caught.value.message.startswith(str(path))
    with pytest.raises(InputFileError, match="cannot be read: No such file or directory"):
        load_scenario(tmp_path / "none.yaml")
