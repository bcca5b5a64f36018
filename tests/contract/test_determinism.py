"""Equal seeds give equal bytes to equal sequences of requests: today, tomorrow, on every Python.

`GOLDEN` is the SHA-256 of everything the simulator answers to `build_requests()`: status, headers
and body of each. A change that alters answers on purpose alters it; renew it by running this file
as a program (`python tests/contract/test_determinism.py`, with `tests` on the path or not) and
writing the line it prints over the old one. A change that was not to alter answers must not.
"""

import asyncio
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tanzaku.core import VirtualClock
from tanzaku.simulator import Simulator
from tanzaku.transport import HttpRequest, read_all

GOLDEN = "620feca4c8963cad0acae57d8e25566eba0b9bf888b1cf61eac6f60822eff2ee"
SEED = 7
HAIKU = "claude-haiku-4-5"
NEW = "claude-haiku-5-5"
KEY = [(b"x-api-key", b"k"), (b"host", b"claude.test")]
VERSION, OLD_VERSION = b"2026-10-21", b"2023-06-01"
MARK = {"cache_control": {"type": "ephemeral"}}
PAYMENT = {
    "name": "query_payment",
    "description": "Looks up the payment of an order.",
    "input_schema": {
        "type": "object",
        "properties": {
            "order_id": {"type": "string"},
            "since": {"type": "string", "format": "date"},
            "states": {"type": "array", "items": {"enum": ["paid", "open", "failed"]}},
            "limits": {"type": "object", "properties": {"most": {"type": "number"}}},
        },
        "required": ["order_id", "states"],
    },
}
ORDER = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "format": "uuid"},
        "total": {"type": "number"},
        "lines": {"type": "array", "items": {"type": "string"}},
        "kind": {"enum": ["gift", "sale"]},
    },
    "required": ["id", "kind", "lines", "total"],
    "additionalProperties": False,
}


def build_body(prompt: Any = "Tell me of the sea.", **fields: Any) -> dict[str, Any]:
    """A body of a message; `prompt` is the last turn's content."""
    turn = {"role": "user", "content": prompt}
    return {"model": HAIKU, "max_tokens": 1_200, "messages": [turn]} | fields


def build_messages() -> list[dict[str, Any]]:
    """Bodies for every way of asking; each is sent whole, as a stream, and counted."""
    use = {
        "type": "tool_use",
        "id": "toolu_1",
        "name": PAYMENT["name"],
        "input": {"order_id": "B7"},
    }
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": '{"state": "paid"}'}
    loop = [
        {"role": "user", "content": "Is order B7 paid?"},
        {"role": "assistant", "content": [use]},
        {"role": "user", "content": [result]},
    ]
    source = {"type": "text", "media_type": "text/plain", "data": "Rain fell. The river rose."}
    document = {"type": "document", "source": source, "citations": {"enabled": True}}
    question = {"type": "text", "text": "Why did the river rise?"}
    config = {"format": {"type": "json_schema", "schema": ORDER}}
    return [
        build_body(),
        build_body("写一首关于春天的短诗。"),
        build_body("Is order B7 paid?", tools=[PAYMENT]),
        build_body("Any.", tools=[PAYMENT], tool_choice={"type": "any"}),
        build_body(messages=loop, tools=[PAYMENT]),
        build_body("What is 17 * 23?", thinking={"type": "enabled", "budget_tokens": 1_024}),
        build_body("Why is the sky blue?", model=NEW, thinking={"type": "adaptive"}),
        build_body("An order, please.", output_config=config),
        build_body([document, question]),
        build_body(system=[{"type": "text", "text": "Be brief. " * 3_000, **MARK}]),
        build_body("Write code.", max_tokens=9, stop_sequences=["x"]),
    ]


def build_requests() -> list[HttpRequest]:
    """The sequence of requests. `{1}` in a target is the id that answer 1 has given."""
    requests: list[HttpRequest] = []

    def add(
        method: str, target: str, body: Any = b"", version: bytes = VERSION, **more: str
    ) -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        lines = [(name.encode(), value.encode()) for name, value in more.items()]
        headers = [*KEY, (b"anthropic-version", version), *lines]
        requests.append(HttpRequest(method, target, headers, raw))

    form = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nhi\r\n--b--\r\n'
    bodies = build_messages()
    items = [{"custom_id": f"n{number}", "params": body} for number, body in enumerate(bodies)]
    add("POST", "/v1/files", form, **{"content-type": "multipart/form-data; boundary=b"})
    add("POST", "/v1/messages/batches", {"requests": [*items, {"custom_id": "bad", "params": {}}]})
    for body in bodies:
        add("POST", "/v1/messages", body)
        add("POST", "/v1/messages", body | {"stream": True})
    for body in bodies[:3]:
        counted = {name: body[name] for name in body if name != "max_tokens"}
        add("POST", "/v1/messages/count_tokens", counted)
    add("POST", "/v1/messages", bodies[0])
    add("POST", "/v1/messages", bodies[9])
    add("POST", "/v1/messages", build_body(temperature=0.5), OLD_VERSION)
    add("POST", "/v1/messages", build_body(temperature=0.5))
    add("POST", "/v1/messages", build_body(max_tokens="x"))
    add("POST", "/v1/messages", b"{")
    add("POST", "/v1/messages", build_body(), b"1")
    add("GET", "/v1/models?limit=3")
    add("GET", f"/v1/models/{HAIKU}")
    add("GET", "/v1/models/unknown")
    add("GET", "/v1/nothing")
    add("GET", "/v1/messages/batches/{1}")
    add("GET", "/v1/messages/batches/{1}/results")
    add("GET", "/v1/messages/batches")
    add("GET", "/v1/files/{0}")
    add("GET", "/v1/files?limit=1")
    add("DELETE", "/v1/files/{0}")
    return requests


async def answer_all(seed: int = SEED) -> list[bytes]:
    """Every answer as bytes, from a simulator that has seen nothing yet."""
    clock = VirtualClock(1_795_000_000.0)
    simulator = Simulator(seed=seed, clock=clock)
    ids: list[str] = []
    answers: list[bytes] = []
    try:
        for request in build_requests():
            request.target = request.target.format(*ids)
            response = await simulator(request)
            body = await read_all(response)
            if len(ids) < 2:
                ids.append(json.loads(body)["id"])
            lines = [b"%s: %s" % line for line in response.headers]
            answers.append(b"\n".join([b"%d" % response.status, *lines, b"", body]))
            clock.advance(1.0)
    finally:
        await simulator.close()
    return answers


@pytest.fixture(scope="module")
def answers() -> list[bytes]:
    return asyncio.run(answer_all())


def digest(answers: list[bytes]) -> str:
    return hashlib.sha256(b"\n\n".join(answers)).hexdigest()


@pytest.mark.fidelity(
    "determinism",
    "the same seed and sequence of requests give the same bytes, on every supported Python",
    "exact",
    "a promise of this simulator; the real service gives none",
)
def test_a_sequence_of_requests_is_answered_with_the_golden_bytes(
    answers: list[bytes],
) -> None:
    assert digest(answers) == GOLDEN


def test_two_fresh_simulators_give_equal_answers(answers: list[bytes]) -> None:
    assert len(answers) >= 40
    assert asyncio.run(answer_all()) == answers


def test_another_seed_gives_other_answers(answers: list[bytes]) -> None:
    others = asyncio.run(answer_all(SEED + 1))
    assert [one for one, other in zip(answers, others, strict=True) if one == other] == []


def test_another_process_with_other_hashes_gives_the_golden_bytes() -> None:
    ran = subprocess.run(
        [sys.executable, Path(__file__)],
        env=os.environ | {"PYTHONHASHSEED": "4242"},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert ran.stdout == f'GOLDEN = "{GOLDEN}"\n'


if __name__ == "__main__":
    sys.stdout.write(f'GOLDEN = "{digest(asyncio.run(answer_all()))}"\n')
