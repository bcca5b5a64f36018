"""Why a request could not go on from another's cache: `diagnostics.cache_miss_reason`.

Rules: platform.claude.com/docs/en/build-with-claude/cache-diagnostics (October 2026) and the SDK's
types (2.12.0). Two requests are compared, whatever the cache did: model (and speed), tools, system,
the other parameters that enter the prompt, messages. The first difference is the reason. Not
published, so guesses: the order of tools and system (the prompt's), that a changed parameter hides
a changed message, how long a fingerprint is kept (an hour: later ones were seen not to be found),
how far messages are compared (2,000), and bytes a token (4) in the estimate of what was lost.
`{"cache_miss_reason": null}`, a comparison not yet done, never comes.
"""

from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any

from pydantic_core import to_json

from tanzaku.simulator._prefix import encode_block, encode_text

_KEPT_S = 3600.0
_COMPARED_MESSAGES = 2_000
_BYTES_PER_TOKEN = 4
_PARAMETERS = ("tool_choice", "thinking", "context_management", "output_config", "output_format")

# A digest and the bytes behind it.
type _Part = tuple[bytes, int]


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A request in digests: enough to tell what another changed, nothing of what it said."""

    model: bytes
    tools: Sequence[_Part]
    system: Sequence[_Part]
    parameters: bytes
    messages: Sequence[_Part]


@dataclass(frozen=True, slots=True)
class _Kept:
    """`messages` of the fingerprint are those compared one by one; `rest` stands for the others."""

    at: float
    fingerprint: Fingerprint
    message_count: int
    rest: bytes


def read_fingerprint(
    request: Mapping[str, Any], model_id: str, betas: Collection[str] = ()
) -> Fingerprint:
    """The fingerprint of a valid request, sent with the betas named."""
    system = request.get("system") or ()
    blocks = [encode_text(system)] if isinstance(system, str) else map(encode_block, system)
    chosen = [request.get(name) for name in _PARAMETERS]
    speed = request.get("speed") or "standard"
    return Fingerprint(
        model=_digest(to_json([model_id, speed]))[0],
        tools=[_digest(_encode_tool(tool)) for tool in request.get("tools") or ()],
        system=[_digest(block) for block in blocks],
        parameters=_digest(to_json([chosen, sorted(betas)]))[0],
        messages=[_digest(_encode_turn(turn)) for turn in request["messages"]],
    )


class CacheDiagnoses:
    """Fingerprints of the requests that asked for diagnosis, by workspace and message id.

    At most `max_fingerprints` are held (some 130 bytes a message of theirs); the oldest goes first.
    """

    def __init__(self, *, max_fingerprints: int = 1_000) -> None:
        self._max_fingerprints = max_fingerprints
        self._kept: OrderedDict[tuple[str, str], _Kept] = OrderedDict()

    def remember(
        self, now: float, workspace: str, message_id: str, fingerprint: Fingerprint
    ) -> None:
        """Keep the fingerprint of the request that `message_id` answers."""
        messages = fingerprint.messages
        compared = replace(fingerprint, messages=messages[:_COMPARED_MESSAGES])
        kept = _Kept(now, compared, len(messages), _digest_rest(messages))
        self._kept[workspace, message_id] = kept
        self._kept.move_to_end((workspace, message_id))
        while len(self._kept) > self._max_fingerprints:
            self._kept.popitem(last=False)

    def diagnose(
        self, now: float, workspace: str, previous_message_id: str | None, fingerprint: Fingerprint
    ) -> dict[str, Any] | None:
        """The message's `diagnostics`; None on a first turn, and where nothing changed."""
        if previous_message_id is None:
            return None
        previous = self._kept.get((workspace, previous_message_id))
        if previous is None or now >= previous.at + _KEPT_S:
            return {"cache_miss_reason": {"type": "previous_message_not_found"}}
        reason = _compare(previous, fingerprint)
        return None if reason is None else {"cache_miss_reason": reason}


def _compare(kept: _Kept, current: Fingerprint) -> dict[str, Any] | None:
    previous = kept.fingerprint
    lost = [*previous.tools, *previous.system, *previous.messages]
    if previous.model != current.model:
        return _change("model_changed", lost)
    if previous.tools != current.tools:
        return _change("tools_changed", lost[_count_common(previous.tools, current.tools) :])
    lost = lost[len(previous.tools) :]
    if previous.system != current.system:
        return _change("system_changed", lost[_count_common(previous.system, current.system) :])
    common = _count_common(previous.messages, current.messages)
    if previous.parameters == current.parameters and common < len(previous.messages):
        return _change("messages_changed", previous.messages[common:])
    rest = _digest_rest(current.messages[: kept.message_count])
    if previous.parameters != current.parameters or kept.rest != rest:
        return {"type": "unavailable"}
    return None


def _digest_rest(messages: Sequence[_Part]) -> bytes:
    return _digest(b"".join(digest for digest, _ in messages[_COMPARED_MESSAGES:]))[0]


def _change(kind: str, lost: Sequence[_Part]) -> dict[str, Any]:
    tokens = sum(size for _, size in lost) // _BYTES_PER_TOKEN
    return {"type": kind, "cache_missed_input_tokens": tokens}


def _count_common(previous: Sequence[_Part], current: Sequence[_Part]) -> int:
    for common, (one, other) in enumerate(zip(previous, current, strict=False)):
        if one != other:
            return common
    return min(len(previous), len(current))


def _encode_tool(tool: Mapping[str, Any]) -> bytes:
    return to_json({key: value for key, value in tool.items() if key != "cache_control"})


def _encode_turn(turn: Mapping[str, Any]) -> bytes:
    content = turn["content"]
    blocks = [encode_text(content)] if isinstance(content, str) else map(encode_block, content)
    kept = b"".join(b"%d:" % len(block) + block for block in blocks)
    return to_json([turn["role"], turn.get("output_config")]) + kept


def _digest(encoded: bytes) -> _Part:
    return blake2b(encoded, digest_size=16).digest(), len(encoded)
