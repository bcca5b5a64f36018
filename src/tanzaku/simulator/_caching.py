"""The prompt cache on the request path: what is marked, counted, read, written and diagnosed."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

from tanzaku.simulator._brain import Brain, Prepared
from tanzaku.simulator._cache import CachePlan, CacheUsage, PromptCache
from tanzaku.simulator._diagnose import CacheDiagnoses, Fingerprint, read_fingerprint
from tanzaku.simulator._prefix import read_prefix, split_server_turns
from tanzaku.simulator._prefix_tokens import count_breakpoints

type _Count = Callable[[Mapping[str, Any]], Awaitable[int]]


class Caching:
    """One organization's prompt cache, and the fingerprints that tell why it missed."""

    def __init__(self, brain: Brain) -> None:
        self._brain = brain
        self._cache = PromptCache()
        self._diagnoses = CacheDiagnoses()

    async def mark(self, prepared: Prepared, workspace: str, size: int) -> None:
        """Find what of a request with `cache_control` is to be cached, and count it."""
        prefix = read_prefix(prepared.request, prepared.model)
        if prefix is not None:
            prepared.breakpoint_tokens = await count_breakpoints(
                prefix,
                prepared.request,
                prepared.input_tokens,
                self._count(prepared, size),
                lambda digest: self._cache.find_tokens(workspace, digest),
            )
            prepared.prefix = prefix

    def plan(self, now: float, workspace: str, prepared: Prepared) -> CachePlan | None:
        """What a request that starts now reads and will write; None where nothing is marked."""
        if prepared.prefix is None:
            return None
        return self._cache.plan(
            now, workspace, prepared.prefix, prepared.breakpoint_tokens, prepared.input_tokens
        )

    def commit(self, plan: CachePlan, now: float) -> None:
        """The answer begins: what it wrote can be read."""
        self._cache.commit(plan, now)

    async def follow_server_turns(
        self,
        now: float,
        plan: CachePlan,
        prepared: Prepared,
        content: list[dict[str, Any]],
        size: int,
    ) -> CacheUsage:
        """The usage of a whole answer with server tools: behind each of their results the API goes
        on as from a new prompt, which reads and writes for itself. Commits `plan`."""
        self._cache.commit(plan, now)
        usage = plan.usage
        count = self._count(prepared, size)
        for answered in split_server_turns(content):
            reply = {"role": "assistant", "content": answered}
            whole = {**prepared.request, "messages": [*prepared.request["messages"], reply]}
            prefix = read_prefix(prepared.request, prepared.model, answered)
            if prefix is None:
                break
            total = await count(whole)
            tokens = await count_breakpoints(prefix, whole, total, count)
            turn = self._cache.plan(now, plan.workspace, prefix, tokens, total)
            self._cache.commit(turn, now)
            usage += turn.usage
        return usage

    def diagnose(
        self,
        now: float,
        workspace: str,
        prepared: Prepared,
        betas: Collection[str],
    ) -> tuple[dict[str, Any] | None, Fingerprint]:
        """The message's `diagnostics`, and the fingerprint to remember once its id is sent."""
        fingerprint = read_fingerprint(prepared.request, prepared.model.id, betas)
        previous = prepared.request["diagnostics"].get("previous_message_id")
        return self._diagnoses.diagnose(now, workspace, previous, fingerprint), fingerprint

    def remember(
        self, now: float, workspace: str, message_id: str, fingerprint: Fingerprint
    ) -> None:
        """The answer with this id begins."""
        self._diagnoses.remember(now, workspace, message_id, fingerprint)

    def _count(self, prepared: Prepared, size: int) -> _Count:
        async def count(request: Mapping[str, Any]) -> int:
            return await self._brain.count(request, prepared.model, size)

        return count
