"""Why no recording answers a request, said so that a person sees what to change."""

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from tanzaku.exchange import NormalRequest
from tanzaku.simulator.replay._tapes import ReplayMode, Tape, Tapes

_MOST_DEPARTURES = 3
_MOST_LINES = 8
_SHOWN_CHARS = 80
_BEFORE_CHARS = 20
_NOTHING: Final = object()


def explain_miss(tapes: Tapes, asked: NormalRequest, name: str, mode: ReplayMode) -> str:
    """One paragraph on a request that nothing in the recording `name` answers: the nearest
    recording, and up to three places where the two part, each value in 80 characters at most."""
    played = tapes.find_exact(asked)
    if played:
        lines = ", ".join(str(tape.exchange.line) for tape in played[:_MOST_LINES])
        return (
            f"Replay: every recording of this request in {name} has been played (line "
            f"{lines}), and {mode} replay plays each once."
        )
    nearest = tapes.find_nearest(asked)
    if nearest is None:
        return f"Replay: {name} holds no recording of {asked.endpoint}."
    return (
        f"Replay: no recording in {name} matches this request ({mode}). "
        f"Nearest is line {nearest.exchange.line}{_describe(nearest, asked)}"
    )


def _describe(nearest: Tape, asked: NormalRequest) -> str:
    departures = list(find_departures(nearest.normal.document, asked.document))
    if not departures:
        return f", the same request, but its answer was cut off by the {nearest.exchange.cut}."
    shown = "; ".join(islice(departures, _MOST_DEPARTURES))
    more = len(departures) - _MOST_DEPARTURES
    return f", which departs at {shown}{f'; and {more} more places' if more > 0 else ''}."


def find_departures(recorded: Any, asked: Any, path: str = "") -> Iterator[str]:
    """Each place where two JSON values differ: its path, what was recorded, what was asked."""
    if isinstance(recorded, dict) and isinstance(asked, dict):
        for key in [*recorded, *(key for key in asked if key not in recorded)]:
            mine, theirs = recorded.get(key, _NOTHING), asked.get(key, _NOTHING)
            yield from find_departures(mine, theirs, f"{path}.{key}" if path else key)
    elif isinstance(recorded, list) and isinstance(asked, list):
        for at in range(max(len(recorded), len(asked))):
            mine = recorded[at] if at < len(recorded) else _NOTHING
            theirs = asked[at] if at < len(asked) else _NOTHING
            yield from find_departures(mine, theirs, f"{path}[{at}]")
    elif type(recorded) is not type(asked) or recorded != asked:
        start = _find_start(recorded, asked)
        yield f"{path}: recorded {_show(recorded, start)}, asked {_show(asked, start)}"


def _find_start(recorded: Any, asked: Any) -> int:
    """Where in two texts to begin to show: a little before they part."""
    if not isinstance(recorded, str) or not isinstance(asked, str):
        return 0
    same = 0
    for left, right in zip(recorded, asked, strict=False):
        if left != right:
            break
        same += 1
    return max(0, same - _BEFORE_CHARS)


def _show(value: Any, start: int) -> str:
    if value is _NOTHING:
        return "nothing"
    if isinstance(value, str):
        end = start + _SHOWN_CHARS
        text = json.dumps(value[start:end], ensure_ascii=False)
        return f"{'…' if start else ''}{text}{'…' if end < len(value) else ''}"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "…"
