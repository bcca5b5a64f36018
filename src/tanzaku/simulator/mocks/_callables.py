"""The tools as plain Python functions, for tests: the SDK's `beta_tool` takes them as they are."""

import json
import threading
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from anthropic.lib.tools import ToolError

from tanzaku.core import Clock, TanzakuError, VirtualClock
from tanzaku.simulator.mocks._log import Pending
from tanzaku.simulator.mocks._outcomes import MockAnswer, MockFailure, MockResult
from tanzaku.simulator.mocks._read import MockTool


class MockToolError(TanzakuError, ToolError):
    """What a set's `error` becomes in Python: `status` is the one HTTP would have answered with.

    The SDK's tool runner hands its text to the model as it stands, with `is_error`.
    """

    def __init__(self, message: str, status: int) -> None:
        ToolError.__init__(self, message)
        self.status = status


class MockFunction(Protocol):
    """A tool as a function: arguments by name, the result as text (JSON unless it is text).

    `__name__`, `__doc__` and `input_schema` are those of the tool. Raises MockToolError where the
    set says `error`, TimeoutError where it does not answer.
    """

    __name__: str
    __doc__: str
    input_schema: dict[str, Any]

    def __call__(self, **arguments: Any) -> str: ...


class AsyncMockFunction(Protocol):
    """The same as a coroutine function."""

    __name__: str
    __doc__: str
    input_schema: dict[str, Any]

    async def __call__(self, **arguments: Any) -> str: ...


def build_function(
    tool: MockTool, begin: Callable[[dict[str, Any]], Pending], clock: Clock
) -> MockFunction:
    """A function that holds up its thread, as a tool's own code does, for as long as the tool
    takes; on a virtual clock it moves the clock."""

    def function(**arguments: Any) -> str:
        pending = begin(arguments)
        try:
            _hold_up(clock, pending.wait_s)
        except BaseException:
            pending.abandon()
            raise
        return _unwrap(pending.finish())

    _dress(function, tool)
    return function  # type: ignore[return-value] # it was given the attributes


def build_async_function(
    tool: MockTool, call: Callable[[dict[str, Any]], Awaitable[MockAnswer]]
) -> AsyncMockFunction:
    """A coroutine function that waits on the clock for as long as the tool takes."""

    async def function(**arguments: Any) -> str:
        return _unwrap(await call(arguments))

    _dress(function, tool)
    return function  # type: ignore[return-value] # it was given the attributes


def _hold_up(clock: Clock, seconds: float) -> None:
    if isinstance(clock, VirtualClock):
        clock.advance(seconds)
    elif seconds > 0:
        threading.Event().wait(seconds)


def _dress(function: Any, tool: MockTool) -> None:
    function.__name__ = function.__qualname__ = tool.name
    function.__doc__ = tool.description
    function.input_schema = dict(tool.schema.plain)


def _unwrap(answer: MockAnswer) -> str:
    match answer:
        case MockResult(value):
            return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        case MockFailure(message, status):
            raise MockToolError(message, status)
        case timeout:
            raise TimeoutError(timeout.message)
