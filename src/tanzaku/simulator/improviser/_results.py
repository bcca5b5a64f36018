"""Answers that tell what the tools brought."""

import json

from tanzaku.simulator.improviser._arithmetic import prettify
from tanzaku.simulator.improviser._conversation import Conversation, ToolResult
from tanzaku.simulator.improviser._phrases import get_phrases


def write_results(conversation: Conversation) -> str:
    language = conversation.language
    lines = [_write_result(conversation, result) for result in conversation.results]
    return ("\n" if len(lines) > 1 or language in {"zh", "ja"} else " ").join(lines)


def _write_result(conversation: Conversation, result: ToolResult) -> str:
    language = conversation.language
    text = _read_json_result(result.text) or get_phrases(language, "empty")[0]
    if result.is_error:
        return get_phrases(language, "failed")[0].format(tool=result.name, result=text)
    sums = {found.expression for found in conversation.facts.sums}
    for value in result.input.values():
        if isinstance(value, str) and value in sums and len(text) < 40:
            expression = prettify(value)
            return get_phrases(language, "result_sum")[0].format(expression=expression, result=text)
    subject = ", ".join(
        str(value) for value in result.input.values() if isinstance(value, str | int | float)
    )
    tool = f"{result.name} ({subject})" if 0 < len(subject) <= 60 else result.name
    return get_phrases(language, "result")[0].format(tool=tool, result=text)


def _read_json_result(text: str) -> str:
    """A result for reading: `{"a": 1, "b": [2, 3]}` → `a: 1, b: 2, 3`; other text as it is."""
    text = text.strip()
    if text[:1] not in {"{", "["}:
        return text
    try:
        return _flatten(json.loads(text), depth=0)
    except (ValueError, RecursionError):
        return text


def _flatten(value: object, depth: int) -> str:
    if isinstance(value, dict):
        inner = ", ".join(f"{name}: {_flatten(part, depth + 1)}" for name, part in value.items())
        return f"({inner})" if depth else inner
    if isinstance(value, list):
        return ", ".join(_flatten(part, depth + 1) for part in value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
