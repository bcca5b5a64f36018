"""The circuit breaker against a reference that keeps the whole history."""

from dataclasses import dataclass

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from tanzaku.gateway.upstreams import Breaker, BreakerSettings

# Whole seconds, and a window of ten: each second is a step of its own.
SETTINGS = BreakerSettings(failures=3, share=0.5, window_s=10, open_s=4)


@dataclass(eq=False)
class Call:
    is_trial: bool


class BreakerMachine(RuleBasedStateMachine):
    """The reference is written from the rules as the documentation has them: it recounts all that
    ended since the breaker last closed, and knows of one call that tries."""

    calls = Bundle("calls")

    def __init__(self) -> None:
        super().__init__()
        self.breaker = Breaker(SETTINGS)
        self.now = 1000.0
        self.ended: list[tuple[float, bool]] = []
        self.opened_at: float | None = None
        self.trial: Call | None = None

    def expect_state(self) -> str:
        if self.opened_at is None:
            return "closed"
        return "open" if self.now < self.opened_at + SETTINGS.open_s else "half_open"

    @rule(seconds=st.integers(1, 12))
    def wait(self, seconds: int) -> None:
        self.now += seconds

    @rule(target=calls)
    def send(self) -> Call:
        """A call goes, as one does that was planned just before, whether or not it is admitted."""
        call = Call(self.breaker.begin(self.now))
        is_first = self.expect_state() == "half_open" and self.trial is None
        assert call.is_trial is is_first
        if is_first:
            self.trial = call
        return call

    @rule(call=consumes(calls), failed=st.sampled_from([True, True, False, None]))
    def end(self, call: Call, failed: bool | None) -> None:
        self.breaker.end(self.now, failed=failed, is_trial=call.is_trial)
        if call is self.trial:
            self.trial = None
            if failed:
                self.opened_at = self.now
            elif failed is False:
                self.opened_at, self.ended = None, []
        elif self.opened_at is None and failed is not None:
            self.ended.append((self.now, failed))
            recent = [bad for at, bad in self.ended if at > self.now - SETTINGS.window_s]
            if failed and sum(recent) >= 3 and sum(recent) * 2 >= len(recent):
                self.opened_at, self.ended = self.now, []

    @invariant()
    def says_what_the_reference_says(self) -> None:
        state = self.expect_state()
        assert self.breaker.state(self.now) == state
        may_go = state == "closed" or (state == "half_open" and self.trial is None)
        assert self.breaker.admits(self.now) is may_go
        if state == "open":
            assert self.opened_at is not None
            assert self.breaker.find_wait(self.now) == self.opened_at + SETTINGS.open_s - self.now
        else:
            assert self.breaker.find_wait(self.now) <= 0


TestBreaker = BreakerMachine.TestCase


def run_calls(breaker: Breaker, now: float, outcomes: str) -> None:
    """One call a letter, all at `now`: `f` fails, `o` does not."""
    for letter in outcomes:
        breaker.end(now, failed=letter == "f", is_trial=breaker.begin(now))


def test_failures_that_are_few_among_many_do_not_open_it() -> None:
    breaker = Breaker(SETTINGS)
    run_calls(breaker, 0, "oooo" + "fff")
    assert breaker.state(0) == "closed"
    run_calls(breaker, 0, "f")
    assert breaker.state(0) == "open"


def test_old_failures_are_forgotten() -> None:
    breaker = Breaker(SETTINGS)
    run_calls(breaker, 0, "ff")
    run_calls(breaker, 10, "ff")
    assert breaker.state(10) == "closed"
    run_calls(breaker, 19, "f")
    assert breaker.state(19) == "open"


def test_what_began_before_it_opened_neither_closes_it_nor_keeps_it_open() -> None:
    breaker = Breaker(SETTINGS)
    early = [breaker.begin(0) for _ in range(2)]
    run_calls(breaker, 0, "fff")
    breaker.end(3, failed=True, is_trial=early[0])
    breaker.end(3, failed=False, is_trial=early[1])
    assert breaker.find_wait(3) == 1
    assert breaker.state(4) == "half_open"


def test_a_trial_whose_client_left_makes_room_for_another() -> None:
    breaker = Breaker(SETTINGS)
    run_calls(breaker, 0, "fff")
    trial = breaker.begin(4)
    assert trial
    assert not breaker.admits(4)
    breaker.end(5, failed=None, is_trial=trial)
    assert breaker.admits(5)
    run_calls(breaker, 5, "o")
    assert breaker.state(5) == "closed"
