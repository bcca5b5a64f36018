"""Mocked tools met by real clients: an HTTP client, the official MCP client, the SDK's tool loop."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx2
import pytest
from anthropic import Anthropic, AsyncAnthropic, beta_async_tool, beta_tool
from mcp import Client, MCPError, StdioServerParameters
from mcp.types import TextContent

from harness.command_line import TANZAKU, CommandLine
from harness.mocked import PARCEL, PAYMENT
from tanzaku.server import Server, ServerOptions
from tanzaku.simulator.mocks import ToolMocks, load_mocks

CALL = "/_tanzaku/mocks/payment_query/call"
ORDER = {"order_id": "PAY-20261123"}
QUESTION = "Has order PAY-20261123 been paid? Use payment_query."
MODES = pytest.mark.parametrize("mode", ["auto", "legacy"])


@pytest.fixture
def served() -> Iterator[Server]:
    """Both examples on a server, over HTTP and MCP."""
    with Server(options=ServerOptions(mocks=[PAYMENT, PARCEL])) as server:
        yield server


@pytest.fixture
def http(served: Server) -> Iterator[httpx2.Client]:
    with closing(httpx2.Client(base_url=served.url)) as client:
        yield client


def test_an_implementation_meets_success_refusals_and_recovery(http: httpx2.Client) -> None:
    paid = http.post(CALL, json=ORDER)
    assert (paid.status_code, paid.json()["status_text"]) == (200, "支付成功")
    wrong = http.post(CALL, json={"order_id": "20261123"})
    assert (wrong.status_code, wrong.json()["message"]) == (400, "参数错误")
    http.put("/_tanzaku/mocks/payment_query", json={"set": "recovering"}).raise_for_status()
    answers = [http.post(CALL, json=ORDER) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 200, 200]
    assert answers[0].headers["retry-after"] == "2"
    assert [answer.json()["status"] for answer in answers[1:]] == ["pending", "paid"]


def test_a_run_meets_its_own_sets(http: httpx2.Client) -> None:
    refunded = http.post(CALL, json=ORDER, headers={"tanzaku-run": "refund-desk"})
    assert (refunded.json()["status"], http.post(CALL, json=ORDER).json()["status"]) == (
        "refunded",
        "paid",
    )


def wait_for_state(http: httpx2.Client, state: str) -> dict[str, Any]:
    """The newest call of the log, once it is in `state`."""
    for _ in range(1000):
        newest: dict[str, Any] = http.get("/_tanzaku/mocks/calls").json()["calls"][-1]
        if newest["state"] == state:
            return newest
    raise AssertionError(newest)


def test_a_tool_that_hangs_holds_the_client_until_it_gives_up(http: httpx2.Client) -> None:
    http.put("/_tanzaku/mocks/payment_query", json={"set": "timeout"}).raise_for_status()
    with pytest.raises(httpx2.ReadTimeout):
        http.post(CALL, json=ORDER, timeout=2)
    newest = wait_for_state(http, "abandoned")
    assert (newest["set"], newest["latency_s"], newest["arguments"]) == ("timeout", None, ORDER)


def test_a_page_of_another_site_reaches_neither_tools_nor_switches(
    served: Server, http: httpx2.Client
) -> None:
    foreign = {"origin": "https://elsewhere.example"}
    switch = http.put("/_tanzaku/mocks/payment_query", json={"set": "timeout"}, headers=foreign)
    asked = [http.post(path, json=ORDER, headers=foreign) for path in (CALL, "/_tanzaku/mcp")]
    assert [answer.status_code for answer in (switch, *asked)] == [403, 403, 403]
    assert (served.mocks.calls, served.mocks.find_set("payment_query")) == ([], "success")


def test_an_unknown_tool_is_refused_in_the_servers_own_form(http: httpx2.Client) -> None:
    refused = http.post("/_tanzaku/mocks/payment/call", json=ORDER)
    assert (refused.status_code, refused.json()["error"]["type"]) == (404, "not_found_error")
    assert "No tool is called `payment`." in refused.json()["error"]["message"]


def text_of(result: Any) -> str:
    (block,) = result.content
    assert isinstance(block, TextContent)
    return block.text


async def use_mcp(client: Client) -> None:
    """Everything a client may meet, over any transport."""
    async with client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert list(tools) == ["payment_query", "parcel_tracking"]
        assert tools["payment_query"].input_schema["required"] == ["order_id"]
        assert "按运单号查询物流" in (tools["parcel_tracking"].description or "")

        paid = await client.call_tool("payment_query", ORDER)
        assert paid.structured_content == json.loads(text_of(paid))
        assert (paid.is_error, paid.structured_content["status"]) == (False, "paid")

        wrong = await client.call_tool("payment_query", {"order_id": 7})
        assert wrong.is_error
        assert "order_id: must be string, not integer" in text_of(wrong)

        refunded = await client.call_tool(
            "payment_query",
            ORDER,
            meta={"tanzaku-run": "refund-desk"},
        )
        assert refunded.structured_content["status"] == "refunded"

        with pytest.raises(MCPError, match="timed out"):
            await client.call_tool(
                "payment_query",
                ORDER,
                read_timeout_seconds=0.2,
                meta={"tanzaku-run": "bad-day"},
            )
        with pytest.raises(MCPError, match="No tool is called `payment`"):
            await client.call_tool("payment", ORDER)


@MODES
def test_the_official_mcp_client_meets_the_tools_over_stdio(mode: str) -> None:
    parameters = StdioServerParameters(
        command=TANZAKU, args=["mocks", "mcp", str(PAYMENT), str(PARCEL)]
    )
    asyncio.run(use_mcp(Client(parameters, mode=mode)))


@MODES
def test_the_official_mcp_client_meets_the_tools_over_http(served: Server, mode: str) -> None:
    asyncio.run(use_mcp(Client(f"{served.url}/_tanzaku/mcp", mode=mode)))
    assert [call.run for call in served.mocks.calls] == ["", "", "refund-desk", "bad-day"]


def test_mcp_calls_follow_a_switch_made_over_http(served: Server, http: httpx2.Client) -> None:
    async def ask() -> str:
        async with Client(f"{served.url}/_tanzaku/mcp") as client:
            return text_of(await client.call_tool("payment_query", ORDER))

    assert json.loads(asyncio.run(ask()))["status"] == "paid"
    http.put("/_tanzaku/mocks/payment_query", json={"set": "not_found"}).raise_for_status()
    assert asyncio.run(ask()) == "ORDER_NOT_FOUND 订单不存在: PAY-20261123"


def test_mcp_over_http_takes_posts_alone(http: httpx2.Client) -> None:
    refused = http.get("/_tanzaku/mcp", headers={"accept": "text/event-stream"})
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--run", "refund-desk"], '"status": "refunded"'),
        (["--run", "refund-desk", "--set", "payment_query=pending"], '"status": "pending"'),
        (["--set", "payment_query=rate_limited"], "FREQUENCY_LIMITED 请求过于频繁"),
    ],
)
def test_the_command_chooses_sets_for_an_mcp_client(options: list[str], told: str) -> None:
    async def ask() -> str:
        parameters = StdioServerParameters(
            command=TANZAKU, args=["mocks", "mcp", str(PAYMENT), *options]
        )
        async with Client(parameters) as client:
            return text_of(await client.call_tool("payment_query", ORDER))

    assert told in asyncio.run(ask())


def test_the_mcp_server_ends_with_its_input_and_on_ctrl_c() -> None:
    command = [TANZAKU, "mocks", "mcp", str(PAYMENT)]
    ping = b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n'
    done = subprocess.run(command, input=ping, capture_output=True, timeout=60, check=True)
    assert json.loads(done.stdout)["id"] == 1
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(ping)
        process.stdin.flush()
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == -signal.SIGINT


WITHOUT_MCP = """
import asyncio, sys
sys.modules["mcp"] = None
from tanzaku.cli.main import main
from tanzaku.simulator.mocks import McpRoute, ToolMocks, load_mocks
from tanzaku.transport import HttpRequest
from tanzaku.wire import ApiError

async def ask():
    route = McpRoute(ToolMocks(load_mocks(sys.argv[1])))
    try:
        await route(HttpRequest("POST", "/_tanzaku/mcp", [], b"{}"))
    except ApiError as error:
        print(error.status, error.message)
    await route.close()

asyncio.run(ask())
main(["mocks", "mcp", sys.argv[1]])
"""


def test_without_the_package_both_mcp_doors_say_how_to_get_it() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", WITHOUT_MCP, str(PAYMENT)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == "404 MCP needs: pip install 'tanzaku[agents]'\n"
    assert done.stderr.splitlines() == [
        "error: the package mcp is not installed",
        "  → pip install 'tanzaku[agents]'",
    ]
    assert done.returncode == 2


def run_loop(server: Server, mocks: ToolMocks) -> list[dict[str, Any]]:
    """One question in the SDK's tool loop; the tool results the model was told."""
    tools = [
        beta_tool(function, description=function.__doc__, input_schema=function.input_schema)
        for function in mocks.tools()
    ]
    with Anthropic(base_url=server.url, api_key="any") as client:
        client.beta.messages.tool_runner(
            model="claude-haiku-4-5",
            max_tokens=500,
            tools=tools,
            messages=[{"role": "user", "content": QUESTION}],
        ).until_done()
    return [
        block
        for message in server.requests[-1].body["messages"]
        for block in message["content"]
        if isinstance(block, dict) and block["type"] == "tool_result"
    ]


@pytest.mark.parametrize(
    ("set_name", "is_error", "told"),
    [
        ("success", False, '"status": "paid"'),
        ("refunded", False, '"status_text": "已退款"'),
        ("timeout", True, "TimeoutError('payment_query did not answer within 600 s')"),
        ("bad_args", True, "INVALID_PARAMETER 参数错误: the arguments are refused"),
        ("not_found", True, "ORDER_NOT_FOUND 订单不存在: PAY-20261123"),
    ],
)
def test_the_sdks_tool_loop_tells_the_model_what_the_set_says(
    set_name: str, is_error: bool, told: str
) -> None:
    mocks = ToolMocks(load_mocks(PAYMENT), pace="instant")
    mocks.use("payment_query", set_name)
    with Server() as server:
        results = run_loop(server, mocks)
    assert bool(results[0].get("is_error")) is is_error
    assert told in json.dumps(results[0]["content"], ensure_ascii=False).replace('\\"', '"')
    assert mocks.calls[0].arguments == ORDER


def test_the_sdks_asynchronous_tool_loop_takes_the_coroutine_functions() -> None:
    mocks = ToolMocks(load_mocks(PAYMENT), pace="instant")
    (function,) = mocks.async_tools()

    async def ask(server: Server) -> None:
        tool = beta_async_tool(
            function, description=function.__doc__, input_schema=function.input_schema
        )
        async with AsyncAnthropic(base_url=server.url, api_key="any") as client:
            await client.beta.messages.tool_runner(
                model="claude-haiku-4-5",
                max_tokens=500,
                tools=[tool],
                messages=[{"role": "user", "content": QUESTION}],
            ).until_done()

    with Server() as server:
        asyncio.run(ask(server))
    assert [call.state for call in mocks.calls] == ["answered"]


def test_the_command_lists_and_checks_files(tanzaku: CommandLine) -> None:
    table = tanzaku.run("mocks", "list", str(PAYMENT), str(PARCEL))
    assert "payment_query" in table
    assert "in_customs" in table
    (payment,) = json.loads(tanzaku.run("mocks", "list", str(PAYMENT), "--json"))
    assert (payment["name"], payment["default"]) == ("payment_query", "success")
    assert {"success", "timeout", "bad_args", "refunded"} <= set(payment["sets"])
    assert tanzaku.run("mocks", "check", str(PAYMENT)) == "fine; tools: 1, sets: 8\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["check", "{file}"], "{file}:1:13: unknown key `input_shema`. → Did you mean"),
        (["--lang", "zh", "check", "{file}"], "{file}:1:13：未知的键 `input_shema`。"),
        (["mcp", str(PAYMENT), "--set", "refunded"], "--set wants TOOL=SET; found refunded"),
        (["mcp", str(PAYMENT), "--set", "payment_query=x"], "has no set `x`. → Its sets are"),
        (["list", str(PAYMENT), str(PAYMENT)], "another file has a tool `payment_query` already."),
    ],
)
def test_the_command_names_a_mistake(tanzaku: CommandLine, words: list[str], said: str) -> None:
    file = str(tanzaku.data / "wrong.yaml")
    (tanzaku.data / "wrong.yaml").write_text("tools: {t: {input_shema: {}}}", encoding="utf-8")
    out = tanzaku.run("mocks", *(word.format(file=file) for word in words), exit_code=2)
    assert said.format(file=file) in " ".join(out.split())
