"""A finished answer: everything of a Message but the ids, and the stream it is sent as."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import to_json

from tanzaku.catalog import Model, count_text
from tanzaku.core import canonical_json, derive_id
from tanzaku.simulator._limit import Ending, find_family, limit_answer
from tanzaku.simulator._script import ScriptedAnswer
from tanzaku.simulator.improviser import (
    Conversation,
    Draft,
    improvise,
    is_omitted,
    is_thinking,
    read_conversation,
    sign,
    write_thinking,
)
from tanzaku.wire import encode_event, split_message

_PIECE = re.compile(
    r"\s*(?:[\u3000-\u9fff\uac00-\ud7a3\uff00-\uffef]{1,2}|[^\s\u3000-\u9fff\uac00-\ud7a3\uff00-\uffef]{1,10})|\s+"
)
_PREWARM_RULE = "prewarm"
# The first field of a message, whole or in its first event: no text before it could look alike.
_NO_ID = b'"id":""'


@dataclass(slots=True)
class Answer:
    """A Message without ids (`id` of the message and of its tool calls are filled in by `stamp`).

    `told_usage` is what a script says of the usage, which beats what was counted. `encoded` keeps
    what stands before and behind the message's id, as JSON or as events (whichever was asked for;
    one request has one way).
    """

    rule: str
    message: Mapping[str, Any]
    told_usage: Mapping[str, Any] = field(default_factory=dict)
    encoded: tuple[bytes, bytes] | None = None

    def encode(self, seed: int, key: bytes, occurrence: int, *, is_stream: bool) -> bytes:
        """What `stamp` gives, as JSON or as all of its events."""
        if self.encoded is None:
            if self._has_more_ids():
                message = self.stamp(seed, key, occurrence)
                return encode_events(message) if is_stream else to_json(message)
            whole = encode_events(self.message) if is_stream else to_json(self.message)
            before, _, behind = whole.partition(_NO_ID)
            self.encoded = before, behind
        before, behind = self.encoded
        message_id = derive_id("msg", seed, key, occurrence)
        return b'%b"id":"%b"%b' % (before, message_id.encode(), behind)

    def _has_more_ids(self) -> bool:
        """Whether more than the message's own id is to be filled in, or that one is told."""
        calls = (block for block in self.message["content"] if block["type"] == "tool_use")
        return bool(self.message["id"]) or any(not block.get("id") for block in calls)

    def stamp(self, seed: int, key: bytes, occurrence: int) -> dict[str, Any]:
        """The message with ids that follow from seed, request and how often it came."""
        content = []
        for at, block in enumerate(self.message["content"]):
            if block["type"] == "tool_use" and not block.get("id"):
                block = {**block, "id": derive_id("toolu", seed, key, occurrence, at)}
            content.append(block)
        message_id = self.message["id"] or derive_id("msg", seed, key, occurrence)
        return {**self.message, "id": message_id, "content": content}


def answer_request(
    request: Mapping[str, Any], model: Model, input_tokens: int, seed: int
) -> Answer:
    """What the improviser answers to a valid request."""
    if request["max_tokens"] == 0:
        ending = Ending(None, "", (), "max_tokens", None, 0, 0)
        return _build(request, model, input_tokens, _PREWARM_RULE, [], ending)
    conversation = read_conversation(request, seed)
    draft = improvise(conversation)
    thinking = None
    if is_thinking(
        conversation,
        thinks_by_default=model.default_thinking == "adaptive",
        is_answer=draft.rule != "improviser/schema",
    ):
        thinking = write_thinking(conversation, list(draft.calls))
    ending = limit_answer(draft, thinking, request, model, input_tokens)
    content = _write_blocks(conversation, model, draft, ending)
    return _build(request, model, input_tokens, draft.rule, content, ending)


def _write_blocks(
    conversation: Conversation, model: Model, draft: Draft, ending: Ending
) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if ending.thinking is not None:
        omitted = is_omitted(
            conversation.request.get("thinking"),
            omitted_by_default=model.thinking_display == "omitted",
        )
        blocks.append(
            {
                "type": "thinking",
                "thinking": "" if omitted else ending.thinking,
                "signature": sign(conversation.seed, ending.thinking),
            }
        )
    if ending.text:
        blocks.append({"type": "text", "text": ending.text, "citations": None})
    for call, arguments in zip(draft.calls, ending.inputs, strict=False):
        block = {
            "type": "tool_use",
            "id": "",
            "name": call.name,
            "input": arguments,
            "caller": {"type": "direct"},
        }
        if call.toolset is not None:
            block["toolset_name"] = call.toolset
        blocks.append(block)
    return blocks


def _build(
    request: Mapping[str, Any],
    model: Model,
    input_tokens: int,
    rule: str,
    content: list[dict[str, Any]],
    ending: Ending,
) -> Answer:
    geo = "not_available"
    if model.us_inference_factor is not None:
        geo = request.get("inference_geo") or "global"
    message = {
        "id": "",
        "type": "message",
        "role": "assistant",
        "model": model.id,
        "content": content,
        "stop_reason": ending.stop_reason,
        "stop_sequence": ending.stop_sequence,
        "stop_details": None,
        "container": None,
        "diagnostics": None,
        "usage": {
            "input_tokens": input_tokens,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
            "output_tokens": ending.output_tokens,
            "output_tokens_details": {"thinking_tokens": ending.thinking_tokens},
            "server_tool_use": None,
            "service_tier": "standard",
            "inference_geo": geo,
            "speed": request.get("speed") or "standard",
        },
    }
    return Answer(rule, message)


def answer_script(
    scripted: ScriptedAnswer, request: Mapping[str, Any], model: Model, input_tokens: int
) -> Answer:
    """A scripted answer as a Message; what the script leaves open is filled in."""
    content = [_complete(block) for block in scripted.content]
    has_calls = any(block["type"] == "tool_use" for block in content)
    ending = Ending(
        thinking=None,
        text="",
        inputs=(),
        stop_reason="tool_use" if has_calls else "end_turn",
        stop_sequence=None,
        output_tokens=sum(_count_block(block, model) for block in content),
        thinking_tokens=0,
    )
    built = _build(request, model, input_tokens, scripted.rule, content, ending)
    fields = dict(scripted.fields)
    told_usage = fields.pop("usage", None) or {}
    usage = {**built.message["usage"], **told_usage}
    return Answer(scripted.rule, {**built.message, **fields, "usage": usage}, told_usage)


def _complete(block: Mapping[str, Any]) -> dict[str, Any]:
    match block["type"]:
        case "text":
            return {"citations": None, **block}
        case "tool_use":
            return {"id": "", "caller": {"type": "direct"}, **block}
        case "thinking":
            return {"signature": sign(0, block["thinking"]), **block}
        case _:
            return dict(block)


def _count_block(block: Mapping[str, Any], model: Model) -> int:
    if block["type"].endswith("_tool_result"):
        return 0  # what a server tool found is input of the turn behind it
    text = block.get("text") or block.get("thinking")
    if text is None:
        text = canonical_json(block.get("input", {})).decode()
    return count_text(text, find_family(model))


def cut_tokens(text: str) -> list[str]:
    """Pieces of about one to three tokens, as a model's stream brings them."""
    return _PIECE.findall(text)


def encode_frames(message: Mapping[str, Any]) -> list[bytes]:
    """The events of a stamped message, each as a frame."""
    return list(map(encode_event, split_message(message, pieces=cut_tokens)))


def encode_events(message: Mapping[str, Any]) -> bytes:
    """All events of `message` as one run of bytes."""
    return b"".join(encode_frames(message))
