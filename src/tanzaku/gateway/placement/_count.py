"""How many tokens the prompt has up to one of its blocks."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from tanzaku.catalog import count_tokens
from tanzaku.gateway.placement._prefix import Prefix

_SETTINGS = ("output_config", "tool_choice", "thinking")


def cut_request(params: Mapping[str, Any], prefix: Prefix, block: int) -> dict[str, Any]:
    """The request as far as that block, it included, for `count_tokens`."""
    cut: dict[str, Any] = {name: params[name] for name in _SETTINGS if name in params}
    cut |= {"tools": [], "system": [], "messages": []}
    for section, *place in prefix.paths[: block + 1]:
        whole = params[str(section)]
        if section != "messages":
            cut[str(section)].append(whole[place[0]] if place else _as_block(whole))
            continue
        index, _, *inner = place
        turns, message = cut["messages"], whole[index]
        content = message["content"]
        if not turns or turns[-1][0] != index:
            turns.append((index, {"role": message["role"], "content": []}))
        turns[-1][1]["content"].append(content[inner[0]] if inner else _as_block(content))
    cut["messages"] = [turn for _, turn in cut["messages"]]
    return cut


@lru_cache(maxsize=256)
def count_frame(model: str) -> int:
    """Tokens that stand around a prompt and not in it."""
    return count_tokens({"messages": []}, model)


def _as_block(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}
