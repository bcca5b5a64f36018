"""Tool ids of a recorded answer, where the conversation that asks has other ones."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tanzaku.core import derive_id


def plan_renames(
    recorded: Sequence[str], asked: Sequence[str], answered: Sequence[Mapping[str, Any]]
) -> dict[str, str]:
    """Recorded id → the id to send in its place; empty where all stay.

    `recorded` and `asked` are the ids that stand in the two conversations, counted together from
    the end; `answered` are the blocks of the recorded answer. A new call whose id the asking
    conversation already uses gets one of its own, derived, so that no id comes twice.
    """
    pairs = zip(reversed(recorded), reversed(asked), strict=False)
    renames = {mine: theirs for mine, theirs in pairs if mine != theirs}
    taken = set(asked)
    for block in answered:
        call_id = block.get("id")
        if not isinstance(call_id, str) or call_id in recorded:
            continue
        if call_id in taken:
            renames[call_id] = derive_id(call_id.partition("_")[0], call_id, *asked)
    return renames


def rename_block(block: Mapping[str, Any], renames: Mapping[str, str]) -> dict[str, Any]:
    """`block` with the ids it should have."""
    return {
        name: renames.get(str(value), value) if name in ("id", "tool_use_id") else value
        for name, value in block.items()
    }


def iter_answered_blocks(content: Any) -> Iterator[Mapping[str, Any]]:
    """The blocks of a message's content that are objects."""
    if isinstance(content, list):
        yield from (block for block in content if isinstance(block, dict))
