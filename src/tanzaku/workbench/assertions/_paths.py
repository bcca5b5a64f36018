"""Ways into a value, and to files of the project."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tanzaku.workbench.assertions._finding import CannotJudge

_NAME: Final = re.compile(r"[^\W\d]\w*")


def format_path(path: Sequence[str | int]) -> str:
    """A JSONPath, `$.content[0]['a b']`."""
    parts = [
        f"[{step}]"
        if isinstance(step, int)
        else f".{step}"
        if _NAME.fullmatch(step)
        else f"['{step}']"
        for step in path
    ]
    return "$" + "".join(parts)


def resolve_inside(root: Path, file: str) -> Path:
    """The file of the project; CannotJudge for one outside of it."""
    path = (root / file).resolve()
    if not path.is_relative_to(root.resolve()):
        raise CannotJudge("{file} is outside the project", file=file)
    return path
