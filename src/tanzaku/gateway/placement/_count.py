"""How many tokens the prompt has up to one of its blocks."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from tanzaku.catalog import count_tokens
from tanzaku.gateway.placement._prefix import Prefix

# What of the settings is rendered, and where: those of messages only in front of messages.
_SETTINGS = ("output_config",)
_MESSAGE_SETTINGS = ("tool_choice", "thinking")


def cut_request(params: Mapping[str, Any], prefix: Prefix, block: int) -> dict[str, Any]:
    """The request as far as that block, it included, for `count_tokens`."""
    cut: dict[str, Any] = {"tools": [], "system": [], "messages": []}
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
    settings = _SETTINGS + (_MESSAGE_SETTINGS if cut["messages"] else ())
    return cut | {name: params[name] for name in settings if name in params}


@lru_cache(maxsize=256)
def count_frame(model: str) -> int:
    """Tokens that stand around a prompt and not in it."""
    return count_tokens({"messages": []}, model)


def _as_block(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}
