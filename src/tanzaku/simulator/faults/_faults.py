"""Which request meets which fault: the queue, the header that names one, the plan."""

from collections import deque
from collections.abc import Awaitable
from typing import Any

from tanzaku.core import Clock, SystemClock
from tanzaku.simulator.faults._fault import Fault, FaultPlan, RequestView, Where
from tanzaku.simulator.faults._kinds import KINDS
from tanzaku.simulator.faults._statuses import name_status
from tanzaku.simulator.faults._strike import ArmedFault, Interception, Tally
from tanzaku.transport import Handler, HttpRequest, HttpResponse, get_header

FAULT_HEADER = "tanzaku-fault"

_HEADER = FAULT_HEADER.encode()


class Faults:
    """What goes wrong on purpose: errors on order (`fail`), a plan, and with `by_header` whatever
    a request names in `tanzaku-fault`: a fault of the plan, whose conditions then do not count, or
    a kind.

    `intercept` stands at the edge, in front of a gateway; `wrap` at the upstream, behind it;
    `admits` where connections are taken. Other threads may call `fail` at any time. `seed` feeds
    the request ids of errors no upstream gave.
    """

    def __init__(
        self,
        plan: FaultPlan = FaultPlan(),  # noqa: B008 - frozen
        *,
        seed: int = 0,
        clock: Clock | None = None,
        by_header: bool = False,
    ) -> None:
        self._clock = clock or SystemClock()
        self._by_header = by_header
        self._tally = Tally(seed)
        self._queue: deque[ArmedFault] = deque()
        self._kinds: dict[str, ArmedFault] = {}
        self.set_plan(plan)

    @property
    def plan(self) -> FaultPlan:
        """The plan that is followed."""
        return self._plan

    def set_plan(self, plan: FaultPlan) -> None:
        """Follow `plan` from the next request on, none of its faults having happened."""
        self._plan = plan
        self._armed = [ArmedFault(fault, self._tally, plan.seed) for fault in plan.faults]

    def reset(self) -> None:
        """Start anew with the same plan: no errors on order, nothing has happened."""
        self._queue.clear()
        self._kinds.clear()
        self._tally.happened.clear()
        self.set_plan(self._plan)

    def to_json(self) -> dict[str, Any]:
        """The plan as it stands in a file, each fault with `calls` (requests that fitted) and
        `fired` (how often it happened), and `on_order`: the errors that `fail` still holds."""
        document = self._plan.to_json()
        for entry, armed in zip(document["faults"], self._armed, strict=True):
            entry |= {"calls": armed.calls, "fired": armed.fired}
        document["on_order"] = sum((a.fault.times or 0) - a.fired for a in list(self._queue))
        return document

    def fail(
        self,
        status: int,
        *,
        times: int = 1,
        message: str | None = None,
        retry_after: int | None = None,
        error_type: str | None = None,
    ) -> None:
        """Answer the next `times` (>= 1) POST /v1/messages with `status` (400 to 599), before any
        fault of the plan.

        `error_type` defaults to the API's type for the status, `message` to a text the API is
        known to send with it (a guess where none is known), `retry_after` is in whole seconds.
        """
        if not 400 <= status <= 599:
            raise ValueError(f"{status} is no error status (400 to 599)")
        settings: dict[str, Any] = {"retry_after": retry_after}
        what = name_status(status)
        if what is None:
            what = "status"
            settings["status"] = status
        if message is not None:
            settings["message"] = message
        if error_type is not None:
            settings["error_type"] = error_type
        self._queue.append(ArmedFault(Fault(what, settings, times=times), self._tally))

    def admits(self) -> bool:
        """Whether a new connection is taken; False when a fault `refused` happens to it."""
        for armed in self._armed:
            if armed.fault.is_early and armed.decide():
                armed.strike()
                return False
        return True

    def intercept(self, request: HttpRequest, where: Where = "edge") -> Interception | None:
        """What happens to this request, or may once it is answered; None lets it pass."""
        if not self._armed and not self._queue and not self._by_header:
            return None
        view = RequestView(request)
        if where == "edge" and self._queue and view.is_message:
            armed = self._queue[0]
            blow = armed.strike()
            if armed.fired == armed.fault.times:
                self._queue.popleft()
            return Interception(view, self._clock, blow)
        if self._by_header:
            name = get_header(request.headers, _HEADER)
            if name is not None:
                return self._strike_by_name(name.decode("latin-1").strip(), view, where)
        return self._follow_plan(view, where)

    def wrap(self, handler: Handler) -> Handler:
        """`handler` with the faults whose `where` is `upstream`."""

        def answer(request: HttpRequest) -> Awaitable[HttpResponse]:
            interception = self.intercept(request, "upstream")
            if interception is None:
                return handler(request)
            return interception.answer_upstream(lambda: handler(request))

        return answer

    def _follow_plan(self, view: RequestView, where: Where) -> Interception | None:
        faults = [a for a in self._armed if a.fault.where == where and not a.fault.is_early]
        for at, armed in enumerate(faults):
            if not armed.fault.when.fits_request(view):
                continue
            if armed.waits:
                return Interception(view, self._clock, waiting=faults[at:])
            if armed.decide():
                return Interception(view, self._clock, armed.strike())
        return None

    def _strike_by_name(self, name: str, view: RequestView, where: Where) -> Interception | None:
        armed = self._find(name)
        if armed is None:
            message = f"{FAULT_HEADER}: there is no fault `{name}`"
            unknown = Fault("invalid-request", {"message": message}, name="unknown")
            armed = ArmedFault(unknown, self._tally)
        if armed.fault.where != where:
            return None
        if armed.fault.kind.scope != "any":
            return Interception(view, self._clock, waiting=[armed], is_named=True)
        return Interception(view, self._clock, armed.strike())

    def _find(self, name: str) -> ArmedFault | None:
        """The fault of the plan with that name, else the kind."""
        for armed in self._armed:
            if armed.fault.name == name:
                return armed
        if name in KINDS and name not in self._kinds:
            self._kinds[name] = ArmedFault(Fault(name), self._tally)
        return self._kinds.get(name)
