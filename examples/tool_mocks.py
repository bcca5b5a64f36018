"""A support agent's tool loop against every way its tools may behave: success, timeout, bad arguments."""

import json
import logging
from pathlib import Path

from anthropic import Anthropic, beta_tool

from tanzaku import Server
from tanzaku.simulator.mocks import ToolMocks, load_mocks

MOCKS = Path(__file__).parent / "mocks"
QUESTIONS = {
    "payment_query": "用 payment_query 查询订单 PAY-20261123 是否已支付。",
    "parcel_tracking": "Where is parcel SF123456789CN? Use parcel_tracking.",
}
ROUNDS = [
    ("payment_query", "success"),
    ("payment_query", "timeout"),
    ("payment_query", "bad_args"),
    ("payment_query", "refunded"),
    ("parcel_tracking", "success"),
    ("parcel_tracking", "in_customs"),
    ("parcel_tracking", "unavailable"),
]

# The SDK logs a traceback for every tool that raises; here they are meant to.
logging.getLogger("anthropic").setLevel(logging.CRITICAL)

# "instant": nobody waits, and every call ends at once as it would have ended after 10 s at most.
mocks = ToolMocks(
    load_mocks(MOCKS / "payment_query.yaml"),
    load_mocks(MOCKS / "parcel_tracking.yaml"),
    pace="instant",
    hang_cap_s=10,
)
tools = [
    beta_tool(function, description=function.__doc__, input_schema=function.input_schema)
    for function in mocks.tools()
]

with Server() as server:
    client = Anthropic(base_url=server.url, api_key="any")
    for tool, set_name in ROUNDS:
        mocks.reset()
        mocks.use(tool, set_name)
        answer = client.beta.messages.tool_runner(
            model="claude-haiku-4-5",
            max_tokens=500,
            tools=tools,
            messages=[{"role": "user", "content": QUESTIONS[tool]}],
        ).until_done()
        for call in mocks.calls:
            seen = call.to_json()
            told = seen.get("result", seen.get("error"))
            print(f"{tool}[{call.set}] {json.dumps(told, ensure_ascii=False)}")
        print(f"  {answer.stop_reason}: {answer.content[-1].text}\n")
