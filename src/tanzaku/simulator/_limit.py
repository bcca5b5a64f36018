"""Where an answer ends: its own end, a stop sequence, `max_tokens`, the context window."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from tanzaku.catalog import Model, TokenFamily, count_text, take_tokens
from tanzaku.core import canonical_json
from tanzaku.simulator.improviser import Draft

_THINKING_FRAME_TOKENS = 4
_CALL_FRAME_TOKENS = 12


@dataclass(frozen=True, slots=True)
class Ending:
    """The answer as it leaves: what is left of thinking, text and calls, why it stopped, and the
    tokens it took (thinking's among `output_tokens`)."""

    thinking: str | None
    text: str
    inputs: tuple[dict[str, Any], ...]
    stop_reason: str
    stop_sequence: str | None
    output_tokens: int
    thinking_tokens: int


def limit_answer(
    draft: Draft, thinking: str | None, request: Mapping[str, Any], model: Model, input_tokens: int
) -> Ending:
    """Cut `draft` to `stop_sequences`, `max_tokens` and the context window, to the token.

    Text and thinking are counted exactly; the frames of thinking (4 tokens) and of a tool call (12,
    besides its JSON) are guesses. A call that no longer fits is left with an empty input, a guess
    at what the API makes of half an input.
    """
    window_left = model.context_window - input_tokens
    left = min(request["max_tokens"], max(window_left, 1))
    full = "max_tokens" if left == request["max_tokens"] else "model_context_window_exceeded"
    family = find_family(model)
    thinking_tokens = 0
    if thinking is not None:
        thinking_tokens = count_text(thinking, family) + _THINKING_FRAME_TOKENS
        if thinking_tokens > left:
            room = max(left - _THINKING_FRAME_TOKENS, 0)
            begun, _ = take_tokens(thinking, room, family)
            return Ending(begun, "", (), full, None, left, left)
    text, stop_sequence = _stop(draft.text, request.get("stop_sequences") or ())
    begun, text_tokens = take_tokens(text, left - thinking_tokens, family)
    if len(begun) < len(text):
        return Ending(thinking, begun, (), full, None, left, thinking_tokens)
    total = thinking_tokens + text_tokens
    inputs: list[dict[str, Any]] = []
    for call in draft.calls:
        total += _CALL_FRAME_TOKENS + count_text(canonical_json(call.input).decode(), family)
        if total > left:
            return Ending(thinking, text, (*inputs, {}), full, None, left, thinking_tokens)
        inputs.append(call.input)
    reason = "stop_sequence" if stop_sequence else "tool_use" if inputs else "end_turn"
    return Ending(thinking, text, tuple(inputs), reason, stop_sequence, total, thinking_tokens)


def find_family(model: Model) -> TokenFamily:
    return cast(TokenFamily, model.tokenizer)


def _stop(text: str, sequences: Sequence[str]) -> tuple[str, str | None]:
    """The text before the stop sequence that occurs first, and that sequence."""
    found = [(at, sequence) for sequence in sequences if (at := text.find(sequence)) >= 0]
    if not found:
        return text, None
    at, sequence = min(found)
    return text[:at], sequence
