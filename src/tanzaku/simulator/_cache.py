"""Prompt caching: what a request reads and writes, and until when it can be read again.

Rules: platform.claude.com/docs/en/build-with-claude/prompt-caching (October 2026). An entry is
written at each breakpoint and nowhere else, under the digest of all up to it. Each breakpoint looks
for an entry at itself and at the positions before it, 20 in all; the highest found is the hit. A
prefix below the model's minimum is neither written nor read. Not published, so guesses:

- an entry ends exactly at its lifetime;
- a run of tool calls or results is one position of the look-back, and any entry inside is found;
- breakpoints at or before the hit are kept alive with it: refreshed, or written again, unbilled;
- where two requests wrote the same prefix, the longer life holds;
- a model whose minimum is unknown has that of the newest whose is known, 512 tokens.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from tanzaku.simulator._prefix import Prefix, Ttl

_LOOK_BACK_POSITIONS = 20
_LIFETIMES_S = {"5m": 300.0, "1h": 3600.0}
_GUESSED_MINIMUM_TOKENS = 512


@dataclass(frozen=True, slots=True)
class CacheUsage:
    """Tokens of a prompt by what they cost; the four make up the prompt."""

    input_tokens: int
    read_tokens: int
    write_5m_tokens: int
    write_1h_tokens: int

    def __add__(self, other: "CacheUsage") -> "CacheUsage":
        return CacheUsage(
            self.input_tokens + other.input_tokens,
            self.read_tokens + other.read_tokens,
            self.write_5m_tokens + other.write_5m_tokens,
            self.write_1h_tokens + other.write_1h_tokens,
        )

    def to_usage(self) -> dict[str, object]:
        """The fields of a message's `usage`."""
        return {
            "input_tokens": self.input_tokens,
            "cache_creation_input_tokens": self.write_5m_tokens + self.write_1h_tokens,
            "cache_read_input_tokens": self.read_tokens,
            "cache_creation": {
                "ephemeral_5m_input_tokens": self.write_5m_tokens,
                "ephemeral_1h_input_tokens": self.write_1h_tokens,
            },
        }


@dataclass(frozen=True, slots=True)
class CachePlan:
    """What a request read, and what it will have written once its answer begins."""

    usage: CacheUsage
    workspace: str
    started_at: float
    writes: Sequence[tuple[bytes, Ttl, int]]


@dataclass(slots=True)
class _Entry:
    tokens: int
    lifetime_s: float
    ends_at: float


class PromptCache:
    """The caches of all workspaces, as a state machine over Unix seconds.

    A request is planned when it starts and committed when its answer does, so that requests sent
    at once all miss; one whose answer never begins leaves nothing. Holds at most `max_entries`
    (some 300 bytes each) and then forgets the one used longest ago, which the API does not promise.
    """

    def __init__(self, *, max_entries: int = 20_000) -> None:
        self._max_entries = max_entries
        self._entries: OrderedDict[tuple[str, bytes], _Entry] = OrderedDict()

    def find_tokens(self, workspace: str, digest: bytes) -> int | None:
        """The tokens of a prefix that is or was cached."""
        entry = self._entries.get((workspace, digest))
        return None if entry is None else entry.tokens

    def plan(
        self,
        now: float,
        workspace: str,
        prefix: Prefix,
        breakpoint_tokens: Sequence[int],
        total_tokens: int,
    ) -> CachePlan:
        """Account for a request that starts now; what it reads lives on from now.

        `breakpoint_tokens` are the tokens up to each breakpoint, `total_tokens` those of the whole
        prompt.
        """
        minimum = prefix.model.cache_minimum_tokens
        if minimum is None:
            minimum = _GUESSED_MINIMUM_TOKENS
        hit, read = self._find_hit(now, workspace, prefix)
        end_1h = end = read
        writes: list[tuple[bytes, Ttl, int]] = []
        for (block, ttl), tokens in zip(prefix.breakpoints, breakpoint_tokens, strict=True):
            if tokens < minimum:
                continue
            digest = prefix.digests[block]
            if block > hit:
                end = tokens
                if ttl == "1h":
                    end_1h = tokens
            elif self._refresh(now, workspace, digest):
                continue
            writes.append((digest, ttl, tokens))
        usage = CacheUsage(total_tokens - end, read, end - end_1h, end_1h - read)
        return CachePlan(usage, workspace, now, writes)

    def commit(self, plan: CachePlan, now: float) -> None:
        """The answer begins: from now on others can read what the request wrote."""
        for digest, ttl, tokens in plan.writes:
            key = (plan.workspace, digest)
            lifetime_s = _LIFETIMES_S[ttl]
            ends_at = plan.started_at + lifetime_s
            entry = self._find(now, plan.workspace, digest)
            if entry is not None:
                lifetime_s = max(lifetime_s, entry.lifetime_s)
                ends_at = max(ends_at, entry.ends_at)
            self._entries[key] = _Entry(tokens, lifetime_s, ends_at)
            self._entries.move_to_end(key)
        while len(self._entries) > self._max_entries:
            self._entries.popitem(last=False)

    def _find(self, now: float, workspace: str, digest: bytes) -> _Entry | None:
        entry = self._entries.get((workspace, digest))
        return entry if entry is not None and now < entry.ends_at else None

    def _find_hit(self, now: float, workspace: str, prefix: Prefix) -> tuple[int, int]:
        """The block of the highest entry in reach and its tokens; -1 and 0 if there is none."""
        unseen = len(prefix.digests)
        for start, _ in reversed(prefix.breakpoints):
            lowest = prefix.positions[start] - _LOOK_BACK_POSITIONS + 1
            block = min(start, unseen - 1)
            while block >= 0 and prefix.positions[block] >= lowest:
                entry = self._find(now, workspace, prefix.digests[block])
                if entry is not None:
                    self._refresh(now, workspace, prefix.digests[block])
                    return block, entry.tokens
                block -= 1
            unseen = block + 1
        return -1, 0

    def _refresh(self, now: float, workspace: str, digest: bytes) -> bool:
        entry = self._find(now, workspace, digest)
        if entry is None:
            return False
        entry.ends_at = max(entry.ends_at, now + entry.lifetime_s)
        self._entries.move_to_end((workspace, digest))
        return True
