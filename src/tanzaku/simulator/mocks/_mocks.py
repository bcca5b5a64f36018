"""Mocked tools at work: which set answers a call, with what and after how long."""

import difflib
import math
from collections import deque
from collections.abc import Mapping
from functools import partial
from random import Random
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal

from tanzaku.core import Clock, InputFileError, SystemClock, UserError
from tanzaku.simulator.mocks import _keys
from tanzaku.simulator.mocks._log import MockCall, Pending
from tanzaku.simulator.mocks._outcomes import MockAnswer, MockTimeout
from tanzaku.simulator.mocks._read import MockSequence, MocksFile, MockTool
from tanzaku.simulator.mocks._templates import Filling

if TYPE_CHECKING:
    from tanzaku.simulator.mocks._callables import AsyncMockFunction, MockFunction

type MockPace = Literal["realistic", "instant"]

HANG_CAP_S = 600.0
_REMEMBERED = 1000
_REMEMBERED_RUNS = 10_000
_REFUSED = "the arguments are refused"


class ToolMocks:
    """The tools of one or more mocks files, ready to be called; from any thread.

    Which set answers a call: the one switched to for the call's run, the one the file names for
    that run, the one switched to for all, the tool's default. A run is named by a label; calls
    without one share the run "". Arguments that the tool's schema does not allow get the set
    `bad_args` whatever is switched on.

    `seed` decides the latencies: the same for the same tool, run and call number. No call
    takes longer than `hang_cap_s` seconds: then it times out. With `pace` `instant` nobody waits,
    and every call ends at once as it would have ended.
    """

    def __init__(
        self,
        *files: MocksFile,
        clock: Clock | None = None,
        seed: int = 0,
        pace: MockPace = "realistic",
        hang_cap_s: float = HANG_CAP_S,
    ) -> None:
        self._tools: dict[str, MockTool] = {}
        self._runs: dict[tuple[str, str], str] = {}
        for file in files:
            self._add(file)
        self.clock: Clock = SystemClock() if clock is None else clock
        self._seed = seed
        self._pace = pace
        self._hang_cap_s = hang_cap_s
        self._lock = Lock()
        self._switched: dict[tuple[str, str], str] = {}
        self._numbers: dict[tuple[str, str], int] = {}
        self._steps: dict[tuple[str, str, str], int] = {}
        self._calls: deque[MockCall] = deque(maxlen=_REMEMBERED)
        self._taken = 0

    def _add(self, file: MocksFile) -> None:
        for name, tool in file.tools.items():
            if name in self._tools:
                raise InputFileError(
                    "{file}: another file has a tool `{name}` already.", file=file.name, name=name
                )
            self._tools[name] = tool
        for label, chosen in file.runs.items():
            for name, set_name in chosen.items():
                self._runs[name, label] = set_name

    @property
    def definitions(self) -> Mapping[str, MockTool]:
        """Name → tool, in the order of the files."""
        return self._tools

    def tools(self, *, run: str = "") -> "list[MockFunction]":
        """A function for every tool, for `beta_tool` of the SDK or to be called as it is."""
        from tanzaku.simulator.mocks._callables import build_function

        return [
            build_function(tool, partial(self.begin, tool.name, run=run), self.clock)
            for tool in self._tools.values()
        ]

    def async_tools(self, *, run: str = "") -> "list[AsyncMockFunction]":
        """A coroutine function for every tool, for `beta_async_tool`."""
        from tanzaku.simulator.mocks._callables import build_async_function

        return [
            build_async_function(tool, partial(self.call, tool.name, run=run))
            for tool in self._tools.values()
        ]

    @property
    def calls(self) -> list[MockCall]:
        """The calls since the start or the last `reset`, oldest first, the newest 1000."""
        with self._lock:
            return list(self._calls)

    def use(self, tool: str, set_name: str | None, *, run: str = "") -> None:
        """Answer the next calls of `tool` with this set, in one run or (without `run`) in all that
        nothing else is said of; None takes the switch back. A sequence begins anew.

        UserError for a tool or set that does not exist.
        """
        known = self.get_tool(tool).sets
        if set_name is not None and set_name not in known:
            raise UserError(
                "The tool `{tool}` has no set `{name}`.",
                hint="Its sets are {known}.",
                tool=tool,
                name=set_name,
                known=", ".join(known),
            )
        with self._lock:
            if set_name is None:
                self._switched.pop((tool, run), None)
            else:
                self._switched[tool, run] = set_name
            for key in [key for key in self._steps if key[0] == tool and run in ("", key[1])]:
                del self._steps[key]

    def reset(self) -> None:
        """Forget calls, their numbers and every switch."""
        with self._lock:
            self._switched.clear()
            self._numbers.clear()
            self._steps.clear()
            self._calls.clear()
            self._taken = 0

    def get_tool(self, name: str) -> MockTool:
        """UserError for a name no file has."""
        tool = self._tools.get(name)
        if tool is None:
            near = "".join(difflib.get_close_matches(name, self._tools, n=1))
            raise UserError(
                "No tool is called `{name}`.",
                hint="Did you mean `{near}`?" if near else "There are {known}.",
                name=name,
                near=near,
                known=", ".join(self._tools),
            )
        return tool

    def find_set(self, tool: str, run: str = "") -> str:
        """The name of the set that answers the next call of `tool` in `run`; it may be a sequence."""
        for key in ((tool, run), (tool, "")):
            if key in self._switched:
                return self._switched[key]
            if key in self._runs:
                return self._runs[key]
        return self.get_tool(tool).default

    def begin(self, tool: str, arguments: dict[str, Any], *, run: str = "") -> Pending:
        """Take a call: choose its set, draw its latency, fill its answer. Waits for nothing.

        UserError for a tool that does not exist.
        """
        known = self.get_tool(tool)
        violation = known.schema.find_violation(arguments)
        now = self.clock.now()
        with self._lock:
            self._taken += 1
            n = _count(self._numbers, (tool, run))
            set_name = self._choose(known, run)
            if violation is not None:
                set_name = _keys.BAD_ARGS
            call = MockCall(
                self._taken, tool, run, n, set_name, arguments, violation, now, latency_s=None
            )
            self._calls.append(call)
        filling = Filling(arguments, n, now, violation or _REFUSED)
        return self._plan(call, known, filling)

    async def call(self, tool: str, arguments: dict[str, Any], *, run: str = "") -> MockAnswer:
        """Take a call and answer it when its time has come. Cancelled, it is abandoned."""
        return await self.wait(self.begin(tool, arguments, run=run))

    async def wait(self, pending: Pending) -> MockAnswer:
        """The answer to a call that was begun, when its time has come."""
        try:
            if pending.wait_s > 0:
                await self.clock.sleep(pending.wait_s)
        except BaseException:
            pending.abandon()
            raise
        return pending.finish()

    def _choose(self, tool: MockTool, run: str) -> str:
        name = self.find_set(tool.name, run)
        chosen = tool.sets[name]
        if not isinstance(chosen, MockSequence):
            return name
        return chosen.get_step(_count(self._steps, (tool.name, run, name)))

    def _plan(self, call: MockCall, tool: MockTool, filling: Filling) -> Pending:
        outcome = tool.get_set(call.set).pick(filling.arguments)
        due_s = math.inf
        if outcome.answer is not None:
            key = f"mock:{self._seed}:{call.tool}:{call.run}:{call.n}"
            due_s = call.latency_s = outcome.latency.draw(Random(key))
        answer: MockAnswer
        if outcome.answer is None or due_s > self._hang_cap_s:
            answer = MockTimeout(call.tool, self._hang_cap_s)
        else:
            answer = outcome.answer(filling)
        wait_s = 0.0 if self._pace == "instant" else min(due_s, self._hang_cap_s)
        return Pending(call, wait_s, answer)


def _count[Key](counts: dict[Key, int], key: Key) -> int:
    """How often `key` came, this time included; the oldest keys are forgotten beyond a number."""
    if key not in counts and len(counts) >= _REMEMBERED_RUNS:
        del counts[next(iter(counts))]
    counts[key] = counts.get(key, 0) + 1
    return counts[key]
