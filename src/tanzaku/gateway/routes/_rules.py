"""Rules: which calls, and where they go."""

from dataclasses import dataclass
from fnmatch import fnmatchcase

from tanzaku.gateway._stages import EVERY_TROUBLE, Asked, Caller, Trouble
from tanzaku.transport import get_header


@dataclass(frozen=True, slots=True)
class When:
    """Conditions that all must hold; an empty one always does. All but the header's name are
    patterns as for file names: `*`, `?`, `[abc]`; letters count as they are written."""

    model: str = ""
    path: str = ""
    key: str = ""
    team: str = ""
    tag: str = ""
    headers: tuple[tuple[bytes, str], ...] = ()

    def find_miss(self, asked: Asked, caller: Caller) -> str | None:
        """Which condition does not hold, None when all do."""
        if self.model and not fnmatchcase(asked.model or "", self.model):
            return "model"
        if self.path and not fnmatchcase(asked.path, self.path):
            return "path"
        if self.key or self.team or self.tag:
            miss = self._find_stranger(caller)
            if miss is not None:
                return miss
        for header, pattern in self.headers:
            found = get_header(asked.request.headers, header)
            if found is None or not fnmatchcase(found.decode("latin-1"), pattern):
                return f"headers.{header.decode()}"
        return None

    def _find_stranger(self, caller: Caller) -> str | None:
        """Which condition on who asks does not hold."""
        if self.key and not fnmatchcase(caller.key_id, self.key):
            return "key"
        if self.team and not fnmatchcase(caller.team, self.team):
            return "team"
        if self.tag and not any(fnmatchcase(tag, self.tag) for tag in caller.tags):
            return "tag"
        return None


@dataclass(frozen=True, slots=True)
class Way:
    """One upstream of a rule, with its weight and, maybe, another model to ask it for."""

    upstream: str
    weight: float = 1.0
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """Calls that meet `when` go to one of `to`, by weight; then, after trouble that `on` lists, to
    the others of `to` and to `fall_back` in order."""

    name: str
    to: tuple[Way, ...]
    when: When = When()
    fall_back: tuple[Way, ...] = ()
    on: frozenset[Trouble] = EVERY_TROUBLE
