"""A fault that is ready to happen, and a request that meets it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tanzaku.core import Clock, derive_id
from tanzaku.simulator._chance import Chance
from tanzaku.simulator.faults._fault import Fault, RequestView
from tanzaku.simulator.faults._kinds import Action, Break, Refuse, build_action
from tanzaku.simulator.faults._play import Ask, is_stream, name_rule, play, read_rule
from tanzaku.simulator.faults._sides import EdgeSide, Side, UpstreamSide
from tanzaku.transport import HeaderList, HttpResponse, close_body

_WHOLE = 1 << 31


@dataclass(slots=True)
class Tally:
    """What all faults of one server share: how often each name happened, and the seed of request
    ids."""

    seed: int
    happened: Counter[str] = field(default_factory=Counter)


class ArmedFault:
    """A fault with what it does, how many requests fitted and how often it happened."""

    def __init__(self, fault: Fault, tally: Tally, seed: int = 0) -> None:
        self.fault = fault
        self.action: Action = build_action(fault.kind, fault.settings)
        self.calls = 0
        self.fired = 0
        self._tally = tally
        self._seed = seed

    @property
    def waits(self) -> bool:
        """Whether it can be decided only once the upstream has answered."""
        return self.fault.when.rule is not None or self.fault.kind.scope != "any"

    def fits(self, view: RequestView, answer: HttpResponse) -> bool:
        """Whether all conditions hold, those about the answer too."""
        when = self.fault.when
        return when.fits_request(view) and when.fits_rule(read_rule(answer)) and self.suits(answer)

    def suits(self, answer: HttpResponse) -> bool:
        """Whether such an answer has what the fault is about: no error has a stream to break."""
        scope = self.fault.kind.scope
        return scope == "any" or (answer.status == 200 and is_stream(answer) == (scope == "stream"))

    def decide(self) -> bool:
        """Count a request that fits, and say whether the fault is to happen to it."""
        self.calls += 1
        when, times = self.fault.when, self.fault.times
        if times is not None and self.fired >= times:
            return False
        if when.nth_call is not None:
            first, last = when.nth_call
            if self.calls < first or (last is not None and self.calls > last):
                return False
        if when.probability is None:
            return True
        chance = Chance(self._seed, "fault", self.fault.name, self.calls)
        return chance.below(_WHOLE) < when.probability * _WHOLE

    def strike(self) -> "Blow":
        """Let it happen once."""
        self.fired += 1
        name = self.fault.name
        self._tally.happened[name] += 1
        number = self._tally.happened[name]
        request_id = derive_id("req", self._tally.seed, "fault", name, number)
        return Blow(self, f"fault:{name}#{number}", request_id)


@dataclass(frozen=True, slots=True)
class Blow:
    """One time that a fault happens: the rule that names it, and the id of the answer where no
    upstream gave one."""

    armed: ArmedFault
    rule: str
    request_id: str


@dataclass(slots=True)
class Interception:
    """A request that meets a fault, or one of `waiting` once its answer is known.

    Called with what asks the upstream it gives the answer, or raises ConnectionFault. With
    `is_named` the conditions of the one that waits do not count.
    """

    view: RequestView
    clock: Clock
    blow: Blow | None = None
    waiting: Sequence[ArmedFault] = ()
    is_named: bool = False

    @property
    def headers(self) -> HeaderList:
        """What names the fault in the record; empty while none has happened."""
        return [] if self.blow is None else name_rule(self.blow.rule)

    async def __call__(self, ask: Ask) -> HttpResponse:
        return await self._play(ask, EdgeSide(self.clock))

    async def answer_upstream(self, ask: Ask) -> HttpResponse:
        """The same for a gateway: what breaks or takes too long becomes the TransportError that an
        HTTP client with the usual limits would raise."""
        sent = max(1, len(self.view.request.body))
        return await self._play(ask, UpstreamSide(self.clock, sent))

    async def _play(self, ask: Ask, side: Side) -> HttpResponse:
        if self.blow is None:
            answer = await ask()
            self.blow = self._decide(answer)
            if self.blow is None:
                return answer
            if isinstance(self.blow.armed.action, Refuse | Break):
                await close_body(answer.body)

            async def give_answer() -> HttpResponse:
                return answer

            ask = give_answer
        blow = self.blow
        return await play(
            blow.armed.action,
            ask,
            rule=blow.rule,
            request_id=blow.request_id,
            side=side,
        )

    def _decide(self, answer: HttpResponse) -> Blow | None:
        for armed in self.waiting:
            if self.is_named:
                happens = armed.suits(answer)
            else:
                happens = armed.fits(self.view, answer) and armed.decide()
            if happens:
                return armed.strike()
        return None
