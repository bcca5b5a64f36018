"""Failures that are known and accepted for now."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tanzaku.core import UserError
from tanzaku.workbench.runner._events import CaseEnded, CaseVerdict

FORMAT: Final = "baseline/v1"


@dataclass(frozen=True, slots=True)
class Baseline:
    """By case, which of its assertions do not hold; `error` stands for a case that broke."""

    failures: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def accepts(self, case: str, failing: Iterable[str]) -> bool:
        """Whether the case is known to fail, and in nothing but what is known."""
        known = self.failures.get(case)
        return known is not None and known.issuperset(failing)


def name_failures(ended: CaseEnded) -> list[str]:
    """What does not hold, each once: assertions with the place in the reply they look at."""
    names = [
        f"{one.assertion} {one.path}".strip()
        for one in ended.outcomes
        if one.verdict != "pass" and one.severity == "error"
    ]
    return list(dict.fromkeys(names)) or ["error"]


def load_baseline(path: Path) -> Baseline:
    """The file that `format_baseline` wrote. UserError when it is not one."""
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(
            "{file}: cannot be read: {reason}.",
            hint="Write it with --write-baseline.",
            file=path,
            reason=error.strerror,
        ) from None
    except ValueError:
        content = None
    if not isinstance(content, dict) or content.get("tanzaku") != FORMAT:
        raise UserError(
            "{file}: is no baseline.", hint="Write it with --write-baseline.", file=path
        )
    failures = content.get("failures")
    return Baseline({case: frozenset(names) for case, names in dict(failures or {}).items()})


def format_baseline(ended: Iterable[CaseEnded]) -> str:
    """The failures among `ended` as a file, sorted so that a difference is a change."""
    bad: tuple[CaseVerdict, ...] = ("failed", "error")
    failures = {one.case: sorted(name_failures(one)) for one in ended if one.verdict in bad}
    content = {"tanzaku": FORMAT, "failures": dict(sorted(failures.items()))}
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"
