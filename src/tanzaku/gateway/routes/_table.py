"""Which upstreams a call goes to, by rules in order."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from random import Random

from tanzaku.gateway._stages import Asked, Caller, Target
from tanzaku.gateway.upstreams import Upstream
from tanzaku.transport import get_header
from tanzaku.wire import RETRY_AFTER, ApiError, get_error_type


@dataclass(frozen=True, slots=True)
class When:
    """Conditions that all must hold; an empty one always does. All but the header's name are
    patterns: `*` and `?` as in file names."""

    model: str = ""
    path: str = ""
    key: str = ""
    team: str = ""
    tag: str = ""
    headers: tuple[tuple[bytes, str], ...] = ()

    def find_miss(self, asked: Asked, caller: Caller) -> str | None:
        """Which condition does not hold, None when all do."""
        given = {
            "model": asked.model or "",
            "path": asked.path,
            "key": caller.key_id,
            "team": caller.team,
        }
        for name, value in given.items():
            pattern = getattr(self, name)
            if pattern and not fnmatchcase(value, pattern):
                return name
        if self.tag and not any(fnmatchcase(tag, self.tag) for tag in caller.tags):
            return "tag"
        for header, pattern in self.headers:
            found = get_header(asked.request.headers, header)
            if found is None or not fnmatchcase(found.decode("latin-1"), pattern):
                return f"headers.{header.decode()}"
        return None


@dataclass(frozen=True, slots=True)
class Way:
    """One upstream of a rule, with its weight and, maybe, another model to ask it for."""

    upstream: str
    weight: float = 1.0
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """Calls that meet `when` go to one of `to`, by weight; then to the others of `to`, then to
    `fall_back` in order."""

    name: str
    to: tuple[Way, ...]
    when: When = When()
    fall_back: tuple[Way, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What a call would do: the rule, every way with what stands against it, why earlier rules did
    not take it."""

    rule: Rule
    ways: Sequence[tuple[Way, str | None]]
    missed: Mapping[str, str] = field(default_factory=dict)


class RouteTable:
    """Implements `Routes` over rules and upstreams; `replace` swaps both for calls to come.

    What is no message (files, batches, lists) goes to the first upstream of its rule alone, as it
    is: what was made there is found nowhere else.
    """

    def __init__(
        self, rules: Sequence[Rule], upstreams: Mapping[str, Upstream], chance: Random
    ) -> None:
        self._chance = chance
        self._rules = tuple(rules)
        self.upstreams = upstreams
        self._ready = _build_targets(rules, upstreams)

    def replace(self, rules: Sequence[Rule], upstreams: Mapping[str, Upstream]) -> None:
        """Plan by these from now on; calls under way keep what they were given."""
        ready = _build_targets(rules, upstreams)
        self._rules, self.upstreams, self._ready = tuple(rules), upstreams, ready

    def plan(self, asked: Asked, caller: Caller) -> Sequence[Target]:
        """The targets in the order they are tried.

        ApiError 404 where no rule takes the call, 503 where every upstream is left alone for its
        failures.
        """
        rule = self._find(asked, caller)[0]
        if not asked.is_message:
            return (self._ready[rule.to[0]],)
        targets = [self._ready[way] for way in self._order(rule) if self._admits(way)]
        if not targets:
            raise self._refuse(rule)
        return targets

    def explain(self, asked: Asked, caller: Caller) -> Plan:
        """What `plan` would do, and why. Raises ApiError 404 as it does."""
        rule, missed = self._find(asked, caller)
        ways = rule.to[:1] if not asked.is_message else (*rule.to, *rule.fall_back)
        stands_against = [
            (way, None if self._admits(way) else "its breaker is open") for way in ways
        ]
        return Plan(rule, stands_against, missed)

    def _find(self, asked: Asked, caller: Caller) -> tuple[Rule, dict[str, str]]:
        missed: dict[str, str] = {}
        for rule in self._rules:
            miss = rule.when.find_miss(asked, caller)
            if miss is None:
                return rule, missed
            missed[rule.name] = miss
        what = asked.model or asked.path
        raise ApiError.not_found(f"No route of this gateway takes {what}.")

    def _order(self, rule: Rule) -> Sequence[Way]:
        if len(rule.to) == 1:
            return (*rule.to, *rule.fall_back)
        weights = [way.weight if self._admits(way) else 0.0 for way in rule.to]
        if not any(weights):
            weights = [way.weight for way in rule.to]
        first = self._chance.choices(rule.to, weights)[0]
        return (first, *(way for way in rule.to if way is not first), *rule.fall_back)

    def _admits(self, way: Way) -> bool:
        return self.upstreams[way.upstream].admits()

    def _refuse(self, rule: Rule) -> ApiError:
        ways = (*rule.to, *rule.fall_back)
        waits = [self.upstreams[way.upstream].describe().get("open_for_s", 1.0) for way in ways]
        wait_s = max(1, math.ceil(min(waits)))
        return ApiError(
            503,
            get_error_type(503),
            f"Every upstream of the route {rule.name} failed too often and is left alone for now.",
            headers=((RETRY_AFTER, b"%d" % wait_s),),
        )


def _build_targets(rules: Sequence[Rule], upstreams: Mapping[str, Upstream]) -> dict[Way, Target]:
    ready = {}
    for rule in rules:
        for way in (*rule.to, *rule.fall_back):
            upstream = upstreams[way.upstream]
            retry = upstream.settings.retry
            ready[way] = Target(upstream.name, upstream, model=way.model, retry=retry)
    return ready
