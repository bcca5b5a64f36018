"""Switches for tests over HTTP: the scenario at work, the faults that happen.

GET  /_tanzaku/scenario         rules with their counts, and the state
PUT  /_tanzaku/scenario         {"name": ..., "text": a scenario file's text}: answer by it from now on
PUT  /_tanzaku/scenario/state   {key: value}; null takes a key away
POST /_tanzaku/scenario/reset   forgets counts and state
GET  /_tanzaku/faults           the plan, with what happened of it
PUT  /_tanzaku/faults           a plan as JSON, followed from the next request on
POST /_tanzaku/faults/reset     the same plan anew
"""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from tanzaku.core import UserError
from tanzaku.simulator import Simulator
from tanzaku.simulator.faults import Faults
from tanzaku.transport import HttpRequest, HttpResponse
from tanzaku.wire import ApiError

SCENARIO = "/_tanzaku/scenario"
FAULTS = "/_tanzaku/faults"


class ControlRoutes:
    """A `Handler` for the paths above. What changes something wants JSON, which no page of another
    origin can send unasked. Raises ApiError."""

    def __init__(self, simulator: Callable[[], Simulator], faults: Callable[[], Faults]) -> None:
        self._simulator = simulator
        self._faults = faults

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        from tanzaku.gateway.keys import read_object, reply

        told = {} if request.method == "GET" else read_object(request)
        try:
            if request.path.startswith(SCENARIO):
                return reply(self._control_scenario(request, told))
            return reply(self._control_faults(request))
        except UserError as error:
            raise ApiError.invalid_request(f"{error.message} {error.hint}".strip()) from error

    def _control_scenario(self, request: HttpRequest, told: dict[str, Any]) -> dict[str, Any]:
        simulator = self._simulator()
        match request.method, request.path.removeprefix(SCENARIO):
            case "GET", "":
                pass
            case "PUT", "":
                from tanzaku.simulator.scenario import parse_scenario

                simulator.play(parse_scenario(str(told.get("text", "")), str(told.get("name"))))
            case "PUT", "/state":
                simulator.scenario.set_state(told)
            case "POST", "/reset":
                simulator.scenario.reset()
            case _:
                raise ApiError.not_found()
        counts = simulator.scenario.counts.items()
        rules = [{"rule": rule, **asdict(count)} for rule, count in counts]
        return {"rules": rules, "state": simulator.scenario.state}

    def _control_faults(self, request: HttpRequest) -> dict[str, Any]:
        faults = self._faults()
        match request.method, request.path.removeprefix(FAULTS):
            case "GET", "":
                pass
            case "PUT", "":
                from tanzaku.simulator.faults import parse_faults

                faults.set_plan(parse_faults(request.body.decode("utf-8", "replace"), "faults"))
            case "POST", "/reset":
                faults.reset()
            case _:
                raise ApiError.not_found()
        return faults.to_json()
