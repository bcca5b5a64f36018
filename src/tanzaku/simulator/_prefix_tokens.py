"""How many tokens a prefix has: `count_tokens` of the request cut off behind it.

What the API puts around a prompt is taken off again: the header of the answer, and the first
user's too where no message has begun. So a prompt cached to its end leaves that header as
`input_tokens`. `thinking` and `tool_choice` are kept only where a message is, which is where a
change of them ends the cache. Equal digests therefore have equal counts.
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from typing import Any

from tanzaku.catalog import count_tokens
from tanzaku.simulator._prefix import Prefix


async def count_breakpoints(
    prefix: Prefix,
    request: Mapping[str, Any],
    total_tokens: int,
    count: Callable[[Mapping[str, Any]], Awaitable[int]],
    find_tokens: Callable[[bytes], int | None] = lambda digest: None,
) -> list[int]:
    """Tokens up to each of a prefix's breakpoints.

    `request` is what the prefix was read from (with the answer so far as its last message, where
    there is one) and `total_tokens` its count. `count` counts a request; it is not asked where a
    breakpoint ends the prompt, nor where `find_tokens` knows the digest.
    """
    tokens: list[int] = []
    for block, _ in prefix.breakpoints:
        known = find_tokens(prefix.digests[block])
        if known is None:
            if _is_end(prefix, request, block):
                known = total_tokens - _count_frame(request, prefix.model.id)
            else:
                begun = cut_request(prefix, request, block)
                known = await count(begun) - _count_frame(begun, prefix.model.id)
        tokens.append(known)
    return tokens


def cut_request(prefix: Prefix, request: Mapping[str, Any], block: int) -> dict[str, Any]:
    """The request as far as block number `block`, that one included."""
    kept: dict[str, list[Any]] = {"tools": [], "system": [], "messages": []}
    for section, index, inner in prefix.places[: block + 1]:
        whole = request[section]
        if section != "messages":
            kept[section].append(_as_block(whole) if isinstance(whole, str) else whole[index])
            continue
        turns = kept["messages"]
        # Messages without a block have a header all the same.
        turns += [{"role": turn["role"], "content": []} for turn in whole[len(turns) : index + 1]]
        content = whole[index]["content"]
        turns[index]["content"].append(_as_block(content) if inner < 0 else content[inner])
    begun: dict[str, Any] = dict(kept)
    settings = (
        ("output_config", "tool_choice", "thinking") if kept["messages"] else ("output_config",)
    )
    return begun | {name: request[name] for name in settings if name in request}


def _as_block(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}


def _is_end(prefix: Prefix, request: Mapping[str, Any], block: int) -> bool:
    last = len(request["messages"]) - 1
    section, index, _ = prefix.places[block]
    return block == len(prefix.places) - 1 and section == "messages" and index == last


def _count_frame(begun: Mapping[str, Any], model: str) -> int:
    """Tokens that stand around a prompt and not in it."""
    frame, header = _measure_frame(model)
    messages = begun["messages"]
    if not messages:
        return frame
    return 0 if messages[-1]["role"] == "assistant" else header


@lru_cache(maxsize=256)
def _measure_frame(model: str) -> tuple[int, int]:
    """Tokens of the frame and of one turn's header, told from counts of empty prompts."""
    frame = count_tokens({"messages": []}, model)
    turns = [{"role": role, "content": ""} for role in ("user", "assistant", "user")]
    return frame, (count_tokens({"messages": turns}, model) - frame) // 2
