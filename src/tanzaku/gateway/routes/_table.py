"""Which upstreams a call goes to, by rules in order."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from random import Random
from typing import Final

from tanzaku.catalog import UnknownModelError, get_model
from tanzaku.gateway._asked import COUNT_TOKENS, MESSAGES
from tanzaku.gateway._stages import Asked, Caller, Target, Tariff, Trouble
from tanzaku.gateway.routes._rules import Rule, Way, When
from tanzaku.gateway.upstreams import Bar, Upstream
from tanzaku.wire import RETRY_AFTER, ApiError, get_error_type

_SPREAD: Final = frozenset({MESSAGES, COUNT_TOKENS})
_ALWAYS: Final = When()


@dataclass(frozen=True, slots=True)
class Plan:
    """What a call would do: the rule, every way in order with what stands against it now, why
    earlier rules did not take it. Of several ways with a weight, chance decides which is first."""

    rule: Rule
    ways: Sequence[tuple[Way, Bar | None]]
    missed: Mapping[str, str] = field(default_factory=dict)


class RouteTable:
    """Implements `Routes` over rules and upstreams; `replace` swaps both for calls to come.

    Messages and token counts are spread by weight and fall back. All else (batches, files, lists)
    goes to the first upstream of its rule alone, with its model as it is: what was made there is
    found nowhere else. `source` names for people where the rules stand.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        upstreams: Mapping[str, Upstream],
        chance: Random,
        source: str = "the configuration",
    ) -> None:
        self._chance = chance
        self._source = source
        self.upstreams = upstreams
        self._lines = [_Line(rule, upstreams) for rule in rules]

    def replace(self, rules: Sequence[Rule], upstreams: Mapping[str, Upstream]) -> None:
        """Plan by these from now on; calls under way keep what they were given."""
        self._lines = [_Line(rule, upstreams) for rule in rules]
        self.upstreams = upstreams

    def plan(self, asked: Asked, caller: Caller) -> Sequence[Target]:
        """The targets in the order they are tried.

        ApiError 404 where no rule takes the call; where nothing may be asked now 429 if keys rest,
        503 if upstreams failed, both with `retry-after`.
        """
        line = self._find(asked, caller)
        if asked.path not in _SPREAD:
            return (line.to[0].aim(asked),)
        lanes = [lane for lane in line.to if lane.find_bar(asked) is None]
        if len(lanes) > 1:
            lanes.insert(0, lanes.pop(self._choose(lanes)))
        lanes += [lane for lane in line.fall_back if lane.find_bar(asked) is None]
        if not lanes:
            raise _refuse(line, asked)
        return [lane.aim(asked) for lane in lanes]

    def explain(self, asked: Asked, caller: Caller) -> Plan:
        """What `plan` would do, and why. Raises ApiError 404 as it does."""
        taken = self._find(asked, caller)
        missed: dict[str, str] = {}
        for line in self._lines[: self._lines.index(taken)]:
            missed[line.rule.name] = line.rule.when.find_miss(asked, caller) or ""
        lanes = taken.lanes if asked.path in _SPREAD else taken.to[:1]
        return Plan(taken.rule, [(lane.way, lane.find_bar(asked)) for lane in lanes], missed)

    def _choose(self, lanes: "Sequence[_Lane]") -> int:
        """The place of one of them, by weight."""
        point = self._chance.random() * sum([lane.way.weight for lane in lanes])
        for place, lane in enumerate(lanes):
            point -= lane.way.weight
            if point < 0:
                return place
        return len(lanes) - 1

    def _find(self, asked: Asked, caller: Caller) -> "_Line":
        for line in self._lines:
            if line.when is None or line.when.find_miss(asked, caller) is None:
                return line
        if asked.model is None:
            raise ApiError.not_found(f"No route of {self._source} takes {asked.path}.")
        raise ApiError.not_found(
            f"model: {asked.model}. No route of {self._source} takes {asked.path} with it."
        )


class _Line:
    """A rule with its upstreams; `when` is None where it takes every call."""

    __slots__ = ("fall_back", "rule", "to", "when")

    def __init__(self, rule: Rule, upstreams: Mapping[str, Upstream]) -> None:
        self.rule = rule
        self.when = None if rule.when == _ALWAYS else rule.when
        self.to = [_Lane(way, upstreams[way.upstream], rule.on) for way in rule.to]
        self.fall_back = [_Lane(way, upstreams[way.upstream], rule.on) for way in rule.fall_back]

    @property
    def lanes(self) -> "list[_Lane]":
        return [*self.to, *self.fall_back]


class _Lane:
    """One way of a rule, with the targets it becomes: one for each group of calls that has a rate
    limit or prices of its own."""

    __slots__ = ("_on", "_targets", "_upstream", "way")

    def __init__(self, way: Way, upstream: Upstream, on: frozenset[Trouble]) -> None:
        self.way = way
        self._on = on
        self._upstream = upstream
        self._targets: dict[tuple[str, Tariff], Target] = {}

    def find_bar(self, asked: Asked) -> Bar | None:
        """What stands against this way now."""
        return self._upstream.find_bar(self._find_group(asked))

    def find_wait(self, asked: Asked) -> float:
        """Seconds until that may be gone."""
        return self._upstream.find_wait(self._find_group(asked))

    def aim(self, asked: Asked) -> Target:
        """The target for a call."""
        upstream = self._upstream
        group = self._find_group(asked)
        tariff = upstream.settings.find_tariff(self.way.model or asked.model or "")
        target = self._targets.get((group, tariff))
        if target is None:
            # What is neither message nor count keeps its model: see the class of the table.
            model = self.way.model if asked.path in _SPREAD else None
            retry = upstream.settings.retry
            target = Target(upstream.name, upstream.bind(group), model, retry, self._on, tariff)
            self._targets[group, tariff] = target
        return target

    def _find_group(self, asked: Asked) -> str:
        if asked.is_message:
            return _find_rate_pool(self.way.model or asked.model or "")
        return "count_tokens" if asked.path == COUNT_TOKENS else "other"


@lru_cache(maxsize=512)
def _find_rate_pool(model: str) -> str:
    """The class of models that share a rate limit with `model`; empty for one not known."""
    try:
        return get_model(model).rate_pool or ""
    except UnknownModelError:
        return ""


def _refuse(line: _Line, asked: Asked) -> ApiError:
    wait_s = max(1, math.ceil(min(lane.find_wait(asked) for lane in line.lanes)))
    name = line.rule.name
    if any(lane.find_bar(asked) == "keys" for lane in line.lanes):
        return ApiError.rate_limit(
            f"Every key of the route {name} was told by its upstream to wait.",
            retry_after_s=wait_s,
        )
    return ApiError(
        503,
        get_error_type(503),
        f"Every upstream of the route {name} failed too often and is left alone for now.",
        headers=((RETRY_AFTER, b"%d" % wait_s),),
    )
