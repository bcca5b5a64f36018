"""Tokens of recorded calls under another model's tokenizer."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from tanzaku.catalog import Model, UnknownModelError, count_content, count_tokens, get_model
from tanzaku.gateway.whatif._past import Past

type How = Literal["same_tokenizer", "counted", "by_ratio"]

# Past this a call is told by the ratio of those counted: counting takes 20 us a word never seen.
_LONGEST_BYTES: Final = 200_000
_MOST_COUNTED: Final = 2_000


@dataclass(slots=True)
class _Sums:
    """Tokens of what was counted with both tokenizers."""

    calls: int = 0
    before: int = 0
    after: int = 0

    @property
    def ratio(self) -> float | None:
        return self.after / self.before if self.before else None


class TokenScale:
    """How many tokens of `target` recorded tokens are.

    The same where both models have one tokenizer; else the recorded figure times what
    `catalog.count_tokens` says of the call with the one and the other, for the first 2,000 calls of
    a pair of models and bodies up to 200 kB; else times the ratio of those.
    """

    def __init__(self, target: Model) -> None:
        self._target = target
        self._sums: dict[tuple[str, str], _Sums] = {}
        self.how: Counter[How] = Counter()

    def measure(self, past: Past) -> tuple[float, float] | None:
        """Factors for input and output; None where nothing tells them."""
        try:
            before = get_model(past.model or "")
        except UnknownModelError:
            return None
        if before.tokenizer == self._target.tokenizer:
            self.how["same_tokenizer"] += 1
            return 1.0, 1.0
        name = before.id
        if self._may_count(past, name) and past.params is not None:
            factor = self._add("input", name, self._count_input(past.params, name))
            content = past.read_content()
            written = (
                self._add("output", name, self._count_output(content, name)) if content else None
            )
            if factor is not None:
                self.how["counted"] += 1
                return factor, written or self._get_ratio("output", name) or factor
        whole = self._get_ratio("input", name)
        if whole is None:
            return None
        self.how["by_ratio"] += 1
        return whole, self._get_ratio("output", name) or whole

    def list_ratios(self) -> list[dict[str, Any]]:
        """For each model what its tokens came to, input and output."""
        return [
            {"model": model, "kind": kind, "calls": sums.calls, "ratio": round(sums.ratio, 4)}
            for (kind, model), sums in sorted(self._sums.items())
            if sums.ratio is not None
        ]

    def _may_count(self, past: Past, name: str) -> bool:
        sums = self._sums.get(("input", name))
        is_known = sums is not None and sums.calls >= _MOST_COUNTED
        return not past.is_veiled and past.size <= _LONGEST_BYTES and not is_known

    def _count_input(self, params: Mapping[str, Any], name: str) -> tuple[int, int]:
        return count_tokens(params, name), count_tokens(params, self._target.id)

    def _count_output(self, content: list[Any], name: str) -> tuple[int, int]:
        return count_content(content, name), count_content(content, self._target.id)

    def _add(self, kind: str, name: str, counts: tuple[int, int]) -> float | None:
        sums = self._sums.setdefault((kind, name), _Sums())
        sums.calls += 1
        sums.before += counts[0]
        sums.after += counts[1]
        return counts[1] / counts[0] if counts[0] else None

    def _get_ratio(self, kind: str, name: str) -> float | None:
        sums = self._sums.get((kind, name))
        return None if sums is None else sums.ratio
