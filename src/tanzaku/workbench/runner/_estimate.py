"""What an execution may cost at most, said before anything is sent."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from tanzaku.workbench.flows import Send, bound_request
from tanzaku.workbench.runner._prepare import Chosen


@dataclass(frozen=True, slots=True)
class Estimate:
    """`usd` adds up the worst cases of the requests that are known before any answer: `requests` of
    them. Of `unbounded` ones nobody can say the worst case; `flows` send more, depending on the
    answers."""

    usd: Decimal
    requests: int
    unbounded: int
    flows: int


def estimate(chosen: Iterable[Chosen]) -> Estimate:
    """Of all chosen cases at the live API's prices, runs included and retries not."""
    usd, requests, unbounded, flows = Decimal(0), 0, 0, 0
    for one in chosen:
        for prepared in one.cases:
            if prepared.skip:
                continue
            flows += (prepared.case.flow or prepared.case.before) is not None
            for action in prepared.begin(1).start(0.0):
                if isinstance(action, Send):
                    bound = bound_request(action.request, is_live=True)
                    requests += prepared.case.runs
                    unbounded += prepared.case.runs * (bound.usd is None)
                    usd += (bound.usd or Decimal(0)) * prepared.case.runs
    return Estimate(usd, requests, unbounded, flows)
