"""A case before it is written."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Literal

type Kind = Literal["positive", "negative", "boundary", "security"]
type Goal = tuple[str, str, str, bool | None]
"""Where, which keyword, in which branch, and whether it is kept (True), broken or neither."""
type Expect = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class MadeCase:
    """`rule` says how it was made and `at` what was varied: together they name it. `patch` is merged
    over the request's file. `flow` is executed instead, with its own expectations. `goal` is what it
    counts for in the coverage; `is_certain`: the document says so, else a heuristic does."""

    rule: str
    at: str
    kind: Kind
    patch: Mapping[str, Any] = field(default_factory=dict)
    expect: Expect = ()
    goal: Goal = ("", "", "", None)
    branch: str = ""
    flow: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    is_certain: bool = True
    weight: int = 5

    @property
    def stem(self) -> str:
        """An id, but for what tells it from others of its kind."""
        words = f"{self.rule} {self.branch} {self.at}"
        text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", words)
        slug = re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-").lower()
        return slug[:100].rstrip("-") or "case"


def write_canonical(value: Any) -> str:
    """JSON by which values are compared: True is not 1, the order of keys means nothing."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def make_digest(fields: Mapping[str, Any]) -> str:
    """Of what a case does, not of its name: by it an edited case is known."""
    own = {key: one for key, one in fields.items() if key not in {"name", "origin"}}
    return blake2b(write_canonical(own).encode(), digest_size=6).hexdigest()
