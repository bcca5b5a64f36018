"""Carries out what a flow asks for: sends over HTTP, calls tools, waits."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from json import dumps, loads
from typing import Final, Protocol
from urllib.parse import quote, urlsplit

from tanzaku.core import Clock, derive_id, end_tasks
from tanzaku.exchange import LABEL_PREFIX
from tanzaku.transport import HttpRequest
from tanzaku.workbench.flows import (
    Account,
    Action,
    Bound,
    CallTool,
    FlowMachine,
    Send,
    Taken,
    ToolResult,
    Wait,
    bound_request,
    find_spent,
    try_hold,
)
from tanzaku.workbench.sending import Reply, Sender

_GATEWAY_TIMEOUT: Final = 504
_RUN: Final = f"{LABEL_PREFIX}run".encode()
_JSON: Final = (b"content-type", b"application/json")


class Target(Protocol):
    """Who answers the cases. `tools_url` is where the tools of its mock sets are served, None where
    there are none."""

    @property
    def sender(self) -> Sender: ...
    @property
    def tools_url(self) -> str | None: ...
    @property
    def is_live(self) -> bool: ...


class Driver:
    """Drives the flows of one target; any number at once."""

    def __init__(self, target: Target, clock: Clock) -> None:
        self._target = target
        self._clock = clock
        self._settled = asyncio.Condition()
        self._switched: set[tuple[str, str]] = set()

    async def drive(
        self,
        machine: FlowMachine,
        label: str,
        accounts: Sequence[Account],
        on_reply: Callable[[str, Reply], None],
    ) -> Account | None:
        """Until the flow has ended. `label` is unlike that of any other execution; `on_reply` gets
        the step and each reply. The account that had no room for a request, if one had none."""
        return await _Drive(self, machine, label, accounts, on_reply).run()

    async def hold(self, accounts: Sequence[Account], bound: Bound) -> Account | None:
        """Wait until `bound` is held in all accounts; the account that will never have room."""
        async with self._settled:
            while True:
                room, account = try_hold(accounts, bound)
                if room == "held":
                    return None
                if room == "never":
                    return account
                await self._settled.wait()

    async def charge(self, accounts: Sequence[Account], bound: Bound, spent: Bound) -> None:
        """What was held for `bound` is free, `spent` is gone."""
        async with self._settled:
            for account in accounts:
                account.charge(bound, spent)
            self._settled.notify_all()

    def bound(self, request: HttpRequest) -> Bound:
        """The most that the request can cost here."""
        return bound_request(request, is_live=self._target.is_live)

    async def send(self, action: Send) -> Reply:
        return await self._target.sender.send(action.request, timeout_s=action.timeout_s)

    async def wait(self, action: Wait) -> None:
        await self._clock.sleep(action.seconds)

    def now(self) -> float:
        return self._clock.monotonic()

    async def call_tool(self, action: CallTool, label: str) -> ToolResult:
        """By the mock sets' own door. A run's label goes with a set, so that executions beside this
        one keep theirs."""
        if self._target.tools_url is None:
            return ToolResult(f"no mock set is served for the tool {action.tool}", is_error=True)
        path = f"{urlsplit(self._target.tools_url).path}/{quote(action.tool, safe='')}"
        run = derive_id("run", label, action.mock_set or "")
        if action.mock_set is not None and (run, action.tool) not in self._switched:
            wish = dumps({"set": action.mock_set, "run": run}).encode()
            switched = await self._ask_tools("PUT", path, run, wish, action.timeout_s)
            if switched.status != 200:
                return _read_result(switched)
            self._switched.add((run, action.tool))
        arguments = dumps(action.arguments, ensure_ascii=False).encode()
        return _read_result(
            await self._ask_tools("POST", f"{path}/call", run, arguments, action.timeout_s)
        )

    async def _ask_tools(
        self, method: str, path: str, run: str, body: bytes, timeout_s: float
    ) -> Reply:
        request = HttpRequest(method, path, [_JSON, (_RUN, run.encode())], body)
        return await self._target.sender.send(request, timeout_s=timeout_s)


def _read_result(reply: Reply) -> ToolResult:
    if reply.trouble == "timeout" or reply.status == _GATEWAY_TIMEOUT:
        return ToolResult("the tool did not answer in time", is_error=True, timed_out=True)
    if reply.status is None:
        return ToolResult(reply.problem or "the tool did not answer", is_error=True)
    text = reply.text
    if reply.status != 200:
        return ToolResult(text, is_error=True)
    value = loads(text)
    return ToolResult(value if isinstance(value, str) else text)


@dataclass(frozen=True, slots=True)
class _NoRoom:
    account: Account


class _Drive:
    """One execution of one flow."""

    def __init__(
        self,
        driver: Driver,
        machine: FlowMachine,
        label: str,
        accounts: Sequence[Account],
        on_reply: Callable[[str, Reply], None],
    ) -> None:
        self._driver = driver
        self._machine = machine
        self._label = label
        self._accounts = [one for one in accounts if one.is_limited]
        self._on_reply = on_reply
        self._full: Account | None = None

    async def run(self) -> Account | None:
        waiting = self._machine.start(self._driver.now())
        # One action at a time needs no task: so is every case of one request.
        while len(waiting) == 1:
            (action,) = waiting
            taken = await self._carry_out(action)
            waiting = self._take(action, taken)
        if waiting:
            await self._run_together(waiting)
        return self._full

    async def _run_together(self, actions: Sequence[Action]) -> None:
        tasks: dict[asyncio.Task[Taken | _NoRoom], Action] = {}
        try:
            while actions or tasks:
                for action in actions:
                    tasks[asyncio.create_task(self._carry_out(action))] = action
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                actions = []
                for task in sorted(done, key=lambda one: tasks[one].number):
                    actions += self._take(tasks.pop(task), task.result())
        finally:
            await end_tasks(*tasks)

    def _take(self, action: Action, taken: Taken | _NoRoom) -> list[Action]:
        now = self._driver.now()
        if isinstance(taken, _NoRoom):
            self._full = taken.account
            return self._machine.refuse(action.number, "budget", now)
        if isinstance(taken, Reply):
            self._on_reply(action.step, taken)
        return self._machine.take(action.number, taken, now)

    async def _carry_out(self, action: Action) -> Taken | _NoRoom:
        match action:
            case Send():
                return await self._send(action)
            case CallTool():
                return await self._driver.call_tool(action, self._label)
            case Wait():
                await self._driver.wait(action)
                return None

    async def _send(self, action: Send) -> Reply | _NoRoom:
        if not self._accounts:
            return await self._driver.send(action)
        bound = self._driver.bound(action.request)
        full = self._full or await self._driver.hold(self._accounts, bound)
        if full is not None:
            return _NoRoom(full)
        spent = bound
        try:
            reply = await self._driver.send(action)
            spent = find_spent(reply, bound)
        finally:
            await self._driver.charge(self._accounts, bound, spent)
        return reply
