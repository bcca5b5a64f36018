"""The tools as Python functions."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.mocked import PARCEL, PAYMENT, build_mocks, write_tool
from tanzaku.core import VirtualClock
from tanzaku.simulator.mocks import MockToolError, ToolMocks, load_mocks

ONE = write_tool(
    "{success: {latency_s: 2, result: {a: 支付}}, text: {result: plain},"
    " refused: {error: {message: not today, status: 409}}}"
)


def test_a_function_is_called_named_and_described_as_the_tool() -> None:
    payment, parcel = ToolMocks(load_mocks(PAYMENT), load_mocks(PARCEL), pace="instant").tools()
    assert (payment.__name__, parcel.__name__) == ("payment_query", "parcel_tracking")
    assert "按订单号查询支付结果" in payment.__doc__
    assert payment.input_schema["required"] == ["order_id"]
    assert json.loads(payment(order_id="PAY-1001"))["status"] == "paid"


def test_a_result_is_text_and_json_unless_it_is_text() -> None:
    mocks = build_mocks(ONE)
    (function,) = mocks.tools()
    assert function() == '{"a": "支付"}'
    mocks.use("t", "text")
    assert function() == "plain"


def test_a_function_takes_the_time_of_the_tool() -> None:
    mocks = build_mocks(ONE)
    (function,) = mocks.tools()
    function()
    assert mocks.clock.monotonic() == 2


def test_an_error_is_raised_with_its_text_and_status() -> None:
    mocks = build_mocks(ONE)
    mocks.use("t", "refused")
    (function,) = mocks.tools()
    with pytest.raises(MockToolError, match=r"^not today$") as caught:
        function()
    assert caught.value.status == 409


def test_a_tool_that_does_not_answer_raises_a_timeout_at_the_cap() -> None:
    mocks = build_mocks(ONE, hang_cap_s=30)
    mocks.use("t", "timeout")
    (function,) = mocks.tools()
    with pytest.raises(TimeoutError, match=r"^t did not answer within 30 s$"):
        function()
    assert mocks.clock.monotonic() == 30


def test_a_coroutine_function_waits_on_the_clock() -> None:
    mocks = build_mocks(ONE)
    (function,) = mocks.async_tools()

    async def scenario() -> str:
        assert isinstance(mocks.clock, VirtualClock)
        task = asyncio.create_task(function())
        await asyncio.sleep(0)
        mocks.clock.advance(1.9)
        await asyncio.sleep(0)
        assert not task.done()
        mocks.clock.advance(0.1)
        return await task

    assert asyncio.run(scenario()) == '{"a": "支付"}'


def test_functions_of_a_run_answer_for_that_run() -> None:
    mocks = build_mocks(write_tool("{success: {result: a}, b: {result: b}}", runs="{r: {t: b}}"))
    assert [mocks.tools()[0](), mocks.tools(run="r")[0]()] == ["a", "b"]
    assert [logged.run for logged in mocks.calls] == ["", "r"]


def test_calls_from_many_threads_are_each_counted_once() -> None:
    mocks = build_mocks(write_tool("{success: {result: '{{n}}'}}"))
    (function,) = mocks.tools()
    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(lambda _: int(function()), range(800)))
    assert sorted(numbers) == list(range(1, 801))
