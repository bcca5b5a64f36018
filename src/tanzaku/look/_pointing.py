"""A caret under a place in a line, whatever the width of its characters."""

from typing import Final

from tanzaku.look._terminal import strip_controls

_CUT: Final = "…"


def point_at(line: str, column: int, width: int) -> tuple[str, str]:
    """The line, or as much of it around `column` (in characters, from 1) as fits into `width` cells,
    and a line with the caret. Chinese characters are two cells wide. What could steer a terminal is
    shown as a space."""
    from rich.cells import cell_len

    shown = [one if one != "\t" and strip_controls(one) else " " for one in line]
    at = min(column - 1, len(shown))
    start, room = at, width // 2
    while start > 0 and (room := room - cell_len(shown[start - 1])) >= 0:
        start -= 1
    before = "".join(shown[start:at])
    if start > 0:
        before = _CUT + before
    end, room = at, width - cell_len(before) - cell_len(_CUT)
    while end < len(shown) and (room := room - cell_len(shown[end])) >= 0:
        end += 1
    after = "".join(shown[at:end]) + (_CUT if end < len(shown) else "")
    return before + after, " " * cell_len(before) + "^"
