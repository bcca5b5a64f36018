"""Rules of Claude's API that no schema can state, by its own validation."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from tanzaku.catalog import get_model
from tanzaku.core import UserError
from tanzaku.wire import ANTHROPIC_VERSION, API_VERSIONS, Violation, validate, validate_batch_create
from tanzaku.workbench.cases._bodies import write_body
from tanzaku.workbench.cases._case import MadeCase
from tanzaku.workbench.cases._oracles import DOCUMENTED
from tanzaku.workbench.cases._target import Knows, Target
from tanzaku.workbench.openapi import Operation

MESSAGES: Final = "/v1/messages"
COUNT: Final = "/v1/messages/count_tokens"
BATCHES: Final = "/v1/messages/batches"
_VERSION: Final = ANTHROPIC_VERSION.decode()


def build_body_judge(operation: Operation, fields: Mapping[str, Any]) -> Knows | None:
    """What the API would refuse a body of this operation for (the first violation), None when it
    would not; no judge for an operation whose bodies are not known here."""
    if operation.method != "POST" or operation.path not in {MESSAGES, COUNT, BATCHES}:
        return None
    version = str((fields.get("headers") or {}).get(_VERSION, API_VERSIONS[-1]))
    path = operation.path

    def judge(body: Any) -> Violation | None:
        if not isinstance(body, dict):
            return Violation("", "")
        try:
            return next(iter(_find(path, body, version)), None)
        except (TypeError, ValueError, AttributeError, KeyError):
            return Violation("", "")

    return judge


def _find(path: str, body: Mapping[str, Any], version: str) -> list[Violation]:
    if path == BATCHES:
        return validate_batch_create(body)
    name = body.get("model")
    try:
        model = get_model(name) if isinstance(name, str) else None
    except UserError:
        model = None
    endpoint: Any = "count_tokens" if path == COUNT else "messages"
    return validate(body, model, version, endpoint=endpoint)


def list_domain_cases(target: Target, base: Any) -> Iterator[MadeCase]:
    """One case a rule, each with the API's own text."""
    if not target.is_claude or not target.knows_bodies or not isinstance(base, dict):
        return
    listed = _BATCH if target.operation.path == BATCHES else _MESSAGE
    for rule, change in listed.items():
        body = change(base)
        violation = target.judge_body(body)
        if violation is None or not violation.message:
            continue
        yield MadeCase(
            rule=f"claude.{rule}",
            at="",
            kind="negative",
            patch={"body": _patch(target, body)},
            expect=[
                {"status": violation.status},
                DOCUMENTED,
                {"error.type": violation.error_type},
                {"error.message": str(violation)},
            ],
            goal=("claude", rule, "", False),
            is_certain=False,
            weight=1,
        )


def _patch(target: Target, body: Any) -> Any:
    return write_body(target, body).get("body", {})


type _Change = Callable[[dict[str, Any]], dict[str, Any]]
_TOOL: Final = {"name": "get_weather", "input_schema": {"type": "object"}}
_CALL: Final = {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {}}
_PNG: Final = "iVBORw0KGgo="


def _result(tool_use_id: str) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": tool_use_id, "content": "21 °C"}


def _say(*turns: tuple[str, Any]) -> list[dict[str, Any]]:
    return [{"role": role, "content": content} for role, content in turns]


def _set(**fields: Any) -> _Change:
    return lambda base: {**base, **fields}


_MESSAGE: Final[Mapping[str, _Change]] = {
    "first_role": _set(messages=_say(("assistant", "Hello"))),
    "no_messages": _set(messages=[]),
    "empty_text": _set(messages=_say(("user", [{"type": "text", "text": ""}]))),
    "blank_text": _set(messages=_say(("user", [{"type": "text", "text": " \n"}]))),
    "prefill_trailing_space": _set(messages=_say(("user", "Hello"), ("assistant", "Hi "))),
    "unanswered_tool_use": _set(
        tools=[_TOOL], messages=_say(("user", "Hi"), ("assistant", [_CALL]), ("user", "Well?"))
    ),
    "unasked_tool_result": _set(tools=[_TOOL], messages=_say(("user", [_result("toolu_1")]))),
    "other_tool_result": _set(
        tools=[_TOOL],
        messages=_say(("user", "Hi"), ("assistant", [_CALL]), ("user", [_result("toolu_2")])),
    ),
    "tool_choice_unknown": _set(tools=[_TOOL], tool_choice={"type": "tool", "name": "no_such"}),
    "tool_choice_without_tools": _set(tool_choice={"type": "any"}),
    "twin_tools": _set(tools=[_TOOL, _TOOL]),
    "thinking_over_max": _set(
        max_tokens=2000, thinking={"type": "enabled", "budget_tokens": 2000}
    ),
    "thinking_too_small": _set(
        max_tokens=4000, thinking={"type": "enabled", "budget_tokens": 1023}
    ),
    "thinking_with_temperature": _set(
        max_tokens=4000, temperature=0.5, thinking={"type": "enabled", "budget_tokens": 1024}
    ),
    "thinking_with_top_k": _set(
        max_tokens=4000, top_k=5, thinking={"type": "enabled", "budget_tokens": 1024}
    ),
    "thinking_with_forced_tool": _set(
        max_tokens=4000, tools=[_TOOL], tool_choice={"type": "any"},
        thinking={"type": "enabled", "budget_tokens": 1024},
    ),
    "temperature_and_top_p": _set(temperature=0.5, top_p=0.5),
    "blank_stop_sequence": _set(stop_sequences=[" "]),
    "media_type_mismatch": _set(
        messages=_say(("user", [{"type": "image", "source": {
            "type": "base64", "media_type": "image/jpeg", "data": _PNG}}]))
    ),
    "bad_base64": _set(
        messages=_say(("user", [{"type": "image", "source": {
            "type": "base64", "media_type": "image/png", "data": "not base64!"}}]))
    ),
    "max_tokens_over_model": _set(max_tokens=10_000_000),
    "unknown_model": _set(model="claude-no-such-model"),
    "five_cache_marks": _set(
        system=[
            {"type": "text", "text": f"Part {number}.", "cache_control": {"type": "ephemeral"}}
            for number in range(5)
        ]
    ),
}  # fmt: skip


def _twin_requests(base: dict[str, Any]) -> dict[str, Any]:
    requests = base.get("requests") or [{}]
    return {**base, "requests": [requests[0], requests[0]]}


_BATCH: Final[Mapping[str, _Change]] = {
    "twin_custom_ids": _twin_requests,
    "no_requests": lambda base: {**base, "requests": []},
}
