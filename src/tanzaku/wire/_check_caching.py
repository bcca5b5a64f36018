"""Rules on cache breakpoints."""

from collections.abc import Iterator, Mapping
from typing import Any

from tanzaku.wire._inspection import Inspection

MAX_BREAKPOINTS = 4
_UNMARKABLE = ("thinking", "redacted_thinking")


def check_caching(inspection: Inspection) -> None:
    """Runs when all blocks were passed, so `inspection.marks` is complete."""
    automatic = inspection.request.get("cache_control")
    marks = inspection.marks
    if automatic is None and not marks:
        return
    count = len(marks)
    if automatic is not None:
        target = next(_iter_cacheable(inspection.request), None)
        explicit = None if target is None else target.get("cache_control")
        if explicit is None:
            count += target is not None
        elif _ttl(explicit) != _ttl(automatic):
            inspection.refuse(
                "",
                f"Top-level cache_control has ttl='{_ttl(automatic)}' but the target block already "
                f"has cache_control with ttl='{_ttl(explicit)}'. Remove one of them or use the "
                "same ttl for both.",
                is_guess=True,
            )
    if count > MAX_BREAKPOINTS:
        inspection.refuse(
            "",
            f"A maximum of {MAX_BREAKPOINTS} blocks with cache_control may be provided. "
            f"Found {count}.",
        )
    _check_order(inspection)


def _check_order(inspection: Inspection) -> None:
    is_short_passed = False
    for path, mark in inspection.marks:
        if _ttl(mark) == "5m":
            is_short_passed = True
        elif is_short_passed:
            inspection.refuse(
                f"{path}.cache_control.ttl",
                "a ttl='1h' cache_control block must not come after a ttl='5m' cache_control "
                "block. Note that blocks are processed in the following order: tools, system, "
                "messages.",
            )
            return


def _ttl(mark: Mapping[str, Any]) -> str:
    ttl: str = mark.get("ttl", "5m")
    return ttl


def _iter_cacheable(request: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Blocks an automatic breakpoint may be put on, the last first. Text alone counts as a block."""
    for message in reversed(request["messages"]):
        yield from _iter_marked_last(message["content"])
    yield from _iter_marked_last(request.get("system") or ())
    yield from reversed(request.get("tools") or ())


def _iter_marked_last(content: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(content, str):
        if content:
            yield {}
        return
    for block in reversed(content):
        if block["type"] not in _UNMARKABLE and block.get("text") != "":
            yield block
