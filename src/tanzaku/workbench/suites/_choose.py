"""Which cases of many are executed."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from tanzaku.core import UserError
from tanzaku.workbench.suites._suite import Case

MAX_SHARDS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Shard:
    """The `index`th (from 1) of `count` parts. A case belongs to one of them by its key alone, so
    machines that know nothing of each other execute every case once."""

    index: int
    count: int

    def has(self, key: str) -> bool:
        digest = blake2b(key.encode(), digest_size=8).digest()
        return int.from_bytes(digest) % self.count == self.index - 1


def parse_shard(text: str) -> Shard:
    """`2/5` is the second of five. UserError for anything else."""
    found = re.fullmatch(r"([0-9]{1,5})/([0-9]{1,5})", text, re.ASCII)
    index, count = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= index <= count <= MAX_SHARDS:
        raise UserError(
            "A shard is written I/N with I from 1 to N, as in 2/5; found `{text}`.", text=text
        )
    return Shard(index, count)


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person asked for; what is empty chooses nothing away.

    A case must have one of `tags` and none of `not_tags`. One of `patterns` must match its key, with
    or without its suite and its row; `*` stands for any characters and `?` for one.
    """

    tags: Sequence[str] = ()
    not_tags: Sequence[str] = ()
    patterns: Sequence[str] = ()
    shard: Shard | None = None

    def pick(self, cases: Iterable[Case]) -> list[Case]:
        """The cases chosen, in the order they came."""
        patterns = [_compile(pattern) for pattern in self.patterns]
        return [case for case in cases if self._has(case, patterns)]

    def _has(self, case: Case, patterns: Sequence[re.Pattern[str]]) -> bool:
        tags = set(case.tags)
        if self.tags and not tags & set(self.tags):
            return False
        if tags & set(self.not_tags):
            return False
        if patterns and not _matches(case, patterns):
            return False
        return self.shard is None or self.shard.has(case.key)


def _matches(case: Case, patterns: Sequence[re.Pattern[str]]) -> bool:
    _, _, short = case.key.rpartition("#")
    names = {case.key, short, case.case_id, f"{case.suite}#{case.case_id}"}
    return any(pattern.fullmatch(name) for pattern in patterns for name in names)


def _compile(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)
