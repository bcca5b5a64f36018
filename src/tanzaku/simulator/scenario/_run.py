"""Scenarios at work: which rule answers a request, and with what."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tanzaku.core import InputFileError
from tanzaku.simulator.scenario._conditions import Test
from tanzaku.simulator.scenario._read import Rule, Scenario
from tanzaku.simulator.scenario._replies import Answered
from tanzaku.simulator.scenario._templates import Filling
from tanzaku.simulator.scenario._trace import Miss, encode_trace
from tanzaku.simulator.scenario._view import View
from tanzaku.transport import HeaderList

_MAX_KEPT = 1024


@dataclass(slots=True)
class Count:
    """How often a rule's conditions (`nth_call` apart) held, and how often it answered."""

    matched: int = 0
    answered: int = 0


@dataclass(frozen=True, slots=True)
class Choice:
    """What the scenarios say to a request.

    `rule` is the rule that answers, None where none matched. `answer` is its message, its error,
    or None for the improviser's. `misses` are the earlier rules, each with the condition that did
    not hold; `trace` is the same for a header.
    """

    rule: str | None
    answer: Answered
    misses: tuple[Miss, ...]
    trace: str


@dataclass(frozen=True, slots=True)
class _Ready:
    """A rule laid out for the loop over rules: its conditions' tests, at least one."""

    rule: Rule
    tests: tuple[Test, ...]
    count: Count


type _Failed = tuple[tuple[int, int], ...]


class _Rules:
    """The rules in force and the traces they gave so far; replaced as a whole."""

    def __init__(self, ready: list[_Ready]) -> None:
        self.ready = ready
        self.first_tests = [each.tests[0] for each in ready]
        self._explained: dict[tuple[int, _Failed], tuple[tuple[Miss, ...], str]] = {}

    def explain(self, passed: int, failed: _Failed) -> tuple[tuple[Miss, ...], str]:
        """Misses and trace of the first `passed` rules. Each failed its first condition, but for
        those in `failed`, which pairs a rule's place with that of the condition."""
        key = passed, failed
        explained = self._explained.get(key)
        if explained is None:
            places = dict(failed)
            misses = tuple(
                Miss(each.rule.id, _find_clause(each.rule, places.get(position, 0)))
                for position, each in enumerate(self.ready[:passed])
            )
            if len(self._explained) >= _MAX_KEPT:
                self._explained.clear()
            explained = self._explained[key] = misses, encode_trace(misses)
        return explained


def _find_clause(rule: Rule, at: int) -> str:
    return rule.conditions[at].clause if at < len(rule.conditions) else rule.when.nth_clause


def _always(view: View) -> bool:
    return True


def _find_failure(ready: _Ready, view: View) -> int | None:
    """Which condition behind the first does not hold (`nth_call` is the last); None: all do, and
    the rule has matched once more."""
    for at, test in enumerate(ready.tests):
        if at and not test(view):
            return at
    ready.count.matched += 1
    nth_call = ready.rule.when.nth_call
    if nth_call is not None and ready.count.matched not in nth_call:
        return len(ready.rule.conditions)
    return None


class ScenarioRun:
    """The rules of scenarios, in order, with what they remember: how often each rule matched and
    answered, and the state they set.

    Synchronous, without clock or chance: `now` is Unix seconds, ids follow from `seed`, rule and
    count. Other threads may replace rules and change the state at any time.
    """

    def __init__(self, *scenarios: Scenario, seed: int = 0) -> None:
        self._seed = seed
        self._state: dict[str, Any] = {}
        self._rules = _Rules([])
        self.set_rules(*scenarios)

    def set_rules(self, *scenarios: Scenario) -> None:
        """Run these instead. A rule that says what it said before keeps its counts; the state
        stays. Raises InputFileError for two scenarios of one name."""
        names = [scenario.name for scenario in scenarios]
        for name in names:
            if names.count(name) > 1:
                raise InputFileError(
                    "Two scenarios are called `{name}`.",
                    hint="Rules are known by the name of their file: rename one.",
                    name=name,
                )
        kept = {(ready.rule.id, ready.rule.text): ready.count for ready in self._rules.ready}
        self._rules = _Rules(
            [
                _Ready(
                    rule,
                    tuple(condition.test for condition in rule.conditions) or (_always,),
                    kept.get((rule.id, rule.text)) or Count(),
                )
                for scenario in scenarios
                for rule in scenario.rules
            ]
        )

    def choose(self, request: Mapping[str, Any], headers: HeaderList, *, now: float) -> Choice:
        """The first rule that matches a valid request answers it, sets its state and counts.

        A request that only warms the cache (`max_tokens` 0) has no answer, so no rule is asked.
        """
        if request.get("max_tokens") == 0:
            return Choice(None, None, (), "")
        rules = self._rules
        view = View(request, headers, self._state)
        failed: list[tuple[int, int]] = []
        # Most rules fail at their first condition: that way there is little to do.
        for position, first_test in enumerate(rules.first_tests):
            if not first_test(view):
                continue
            ready = rules.ready[position]
            at = _find_failure(ready, view)
            if at is not None:
                failed.append((position, at))
                continue
            ready.count.answered += 1
            answer = self._answer(ready.rule, view, ready.count.answered, now)
            return Choice(ready.rule.id, answer, *rules.explain(position, tuple(failed)))
        return Choice(None, None, *rules.explain(len(rules.ready), tuple(failed)))

    def _answer(self, rule: Rule, view: View, nth: int, now: float) -> Answered:
        filling = Filling(view, rule.when, rule.id, nth, self._seed, now)
        answer = rule.reply(filling)
        if rule.set_state:
            # All are filled before one is set: they may read each other.
            self.set_state({key: fill(filling) for key, fill in rule.set_state.items()})
        return answer

    def __bool__(self) -> bool:
        """Whether there is any rule: a caller need not ask a run without one."""
        return bool(self._rules.ready)

    @property
    def state(self) -> dict[str, Any]:
        """A copy of the state."""
        return dict(self._state)

    def set_state(self, values: Mapping[str, Any]) -> None:
        """Set these keys; null takes one away."""
        for key, value in values.items():
            if value is None:
                self._state.pop(key, None)
            else:
                self._state[key] = value

    @property
    def counts(self) -> dict[str, Count]:
        """Rule → a copy of its counts, in the order of the rules."""
        return {
            ready.rule.id: Count(ready.count.matched, ready.count.answered)
            for ready in self._rules.ready
        }

    def reset(self) -> None:
        """Forget counts and state; the rules stay."""
        self._state.clear()
        for ready in self._rules.ready:
            ready.count.matched = ready.count.answered = 0
