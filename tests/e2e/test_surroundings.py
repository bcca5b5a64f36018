"""Scenarios, mocks, faults, recordings, limits and a shelf around one server, by the SDK and HTTP."""

from pathlib import Path
from typing import Any

import anthropic
import httpx2
import pytest

from tanzaku.core import UserError
from tanzaku.server import Server, ServerOptions
from tanzaku.simulator import SimulatorSettings
from tanzaku.simulator.faults import Fault, FaultPlan
from tanzaku.simulator.quota import Figures, QuotaSettings

EXAMPLES = Path(__file__).parents[2] / "examples"
HELLO: Any = [{"role": "user", "content": "Hello"}]
SCENARIO = """
rules:
  - id: greet
    when: { last_user: { contains: Hello } }
    reply: Good day.
  - id: rest
    when: { state: { mood: bad } }
    reply: Not today.
"""


def build_client(server: Server, **more: Any) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=server.url, api_key="k", max_retries=0, **more)


def ask(server: Server, content: str = "Hello", **more: Any) -> str:
    with build_client(server) as client:
        message = client.messages.create(
            model="claude-haiku-4-5",
            max_tokens=60,
            messages=[{"role": "user", "content": content}],
            **more,
        )
    assert message.content[0].type == "text"
    return message.content[0].text


def call(server: Server, method: str, path: str, value: Any = None) -> Any:
    response = httpx2.request(
        method, f"{server.url}{path}", json=value, trust_env=False, timeout=10
    )
    return response.status_code, response.json()


def test_a_scenario_is_played_by_python_and_by_http() -> None:
    with Server() as server:
        server.play(SCENARIO)
        assert ask(server) == "Good day."
        assert server.exchanges[0].settlement is not None
        assert server.exchanges[0].settlement.rule == "played/greet"
        status, shown = call(server, "PUT", "/_tanzaku/scenario/state", {"mood": "bad"})
        assert (status, shown["state"]) == (200, {"mood": "bad"})
        assert ask(server, "Bye") == "Not today."
        _, shown = call(server, "GET", "/_tanzaku/scenario")
        assert [(rule["rule"], rule["answered"]) for rule in shown["rules"]] == [
            ("played/greet", 1),
            ("played/rest", 1),
        ]
        text = SCENARIO.replace("Good day.", "Hi.")
        status, _ = call(server, "PUT", "/_tanzaku/scenario", {"name": "by-http", "text": text})
        assert (status, ask(server)) == (200, "Hi.")
        broken = {"name": "by-http", "text": "rules: [{when: 1}]"}
        status, refused = call(server, "PUT", "/_tanzaku/scenario", broken)
        assert status == 400
        assert refused["error"]["message"].startswith("by-http:1:")
        assert ask(server) == "Hi."
        server.reset()
        assert ask(server) != "Hi."


def test_faults_are_set_by_http_and_met_by_the_client() -> None:
    with Server() as server:
        plan = {"faults": [{"what": "overloaded", "times": 1}]}
        status, shown = call(server, "PUT", "/_tanzaku/faults", plan)
        assert status == 200
        with pytest.raises(anthropic.OverloadedError):
            ask(server)
        assert ask(server)
        _, shown = call(server, "GET", "/_tanzaku/faults")
        assert shown["faults"][0]["fired"] == 1
        status, _ = call(server, "PUT", "/_tanzaku/faults", {"faults": [{"what": "nonsense"}]})
        assert status == 400


@pytest.mark.requirement("B3")
def test_a_switch_wants_json_which_no_strange_page_can_send() -> None:
    with Server() as server:
        response = httpx2.post(f"{server.url}/_tanzaku/faults/reset", trust_env=False)
        assert response.status_code == 400
        assert response.json()["error"]["message"] == "content-type: must be application/json"


def test_a_fault_at_the_upstream_is_mended_by_the_gateway() -> None:
    options = ServerOptions(faults=FaultPlan((Fault("overloaded", where="upstream", times=1),)))
    with Server(options=options) as server:
        assert ask(server)
        (exchange,) = server.exchanges
        assert exchange.settlement is not None
        assert [attempt.status for attempt in exchange.settlement.attempts] == [529, 200]


def test_mocks_are_served_switched_and_forgotten() -> None:
    options = ServerOptions(mocks=[EXAMPLES / "mocks/payment_query.yaml"])
    with Server(options=options) as server:
        path = "/_tanzaku/mocks/payment_query"
        status, paid = call(server, "POST", f"{path}/call", {"order_id": "PAY-1001"})
        assert status == 200
        status, _ = call(server, "PUT", path, {"set": "bad_args"})
        assert status == 200
        assert call(server, "POST", f"{path}/call", {"order_id": "PAY-1001"}) != (200, paid)
        assert len(server.mocks.calls) == 2
        server.reset()
        assert call(server, "POST", f"{path}/call", {"order_id": "PAY-1001"}) == (200, paid)
    with Server() as server, pytest.raises(UserError, match="no tool mock sets"):
        _ = server.mocks


def test_what_was_recorded_is_replayed(tmp_path: Path) -> None:
    file = tmp_path / "day.jsonl"
    with Server(options=ServerOptions(record=file)) as server:
        heard = ask(server, "What is 15 times 23?")
    lines = file.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 2
    assert '"k"' not in lines[1]
    with Server(seed=9, options=ServerOptions(replay=file)) as server:
        assert ask(server, "What is 15 times 23?") == heard
        assert server.exchanges[0].settlement is not None
        assert server.exchanges[0].settlement.route == "replay"
        with pytest.raises(anthropic.NotFoundError, match="departs at messages"):
            ask(server, "What is 15 times 24?")


def test_a_replay_starts_anew_and_never_stands_beside_the_live_api(tmp_path: Path) -> None:
    file = tmp_path / "day.jsonl"
    with Server(options=ServerOptions(record=file)) as server:
        ask(server)
    options = ServerOptions(replay=file, replay_mode="strict")
    with Server(options=options) as server:
        ask(server)
        with pytest.raises(anthropic.NotFoundError):
            ask(server)
        server.reset()
        ask(server)
    with pytest.raises(UserError, match="not beside it"):
        Server(live_api_key="sk-ant-x", options=options)


def test_limits_are_told_in_headers_and_obeyed() -> None:
    limits = QuotaSettings(models={"haiku-4-5": Figures(requests=2)})
    with (
        Server(options=ServerOptions(simulator=SimulatorSettings(limits=limits))) as server,
        build_client(server) as client,
    ):
        raw = client.messages.with_raw_response.create(
            model="claude-haiku-4-5", max_tokens=20, messages=HELLO
        )
        assert raw.headers["anthropic-ratelimit-requests-remaining"] == "1"
        ask(server)
        with pytest.raises(anthropic.RateLimitError) as caught:
            ask(server)
        assert int(caught.value.response.headers["retry-after"]) > 0
        assert "2 requests per minute" in str(caught.value)


def test_batches_and_files_outlive_the_server_that_keeps_them(tmp_path: Path) -> None:
    options = ServerOptions(shelf=tmp_path / "shelf.db")
    with Server(options=options) as server, build_client(server) as client:
        file = client.files.upload(file=("notes.txt", b"The launch is in Berlin.", "text/plain"))
        item: Any = {
            "custom_id": "one",
            "params": {"model": "claude-haiku-4-5", "max_tokens": 20, "messages": HELLO},
        }
        batch = client.messages.batches.create(requests=[item])
    with Server(options=options) as server, build_client(server) as client:
        assert client.files.retrieve_metadata(file.id).filename == "notes.txt"
        assert client.messages.batches.retrieve(batch.id).processing_status == "ended"
        (result,) = client.messages.batches.results(batch.id)
        assert result.result.type == "succeeded"
        assert result.result.message.usage.service_tier == "batch"


def test_a_reset_forgets_files_that_were_not_to_be_kept() -> None:
    with Server() as server, build_client(server) as client:
        client.files.upload(file=("a.txt", b"a", "text/plain"))
        assert len(client.files.list().data) == 1
        server.reset()
        assert client.files.list().data == []


@pytest.mark.fidelity(
    "unknown families", "a path of a family that is not simulated is a 404 that names it", "not done", "SDK 2.12"
)  # fmt: skip
@pytest.mark.parametrize(
    ("path", "family"),
    [
        ("/v1/skills", "Skills"),
        ("/v1/agents/agent_1", "Managed Agents"),
        ("/v1/organizations/users", "Admin"),
        ("/v1/complete", "Text Completions"),
        ("/v1/memory_stores", "Memory Stores"),
    ],
)
def test_a_family_that_is_not_simulated_is_named(path: str, family: str) -> None:
    with Server() as server:
        status, body = call(server, "POST", path, {})
    assert (status, body["error"]["type"]) == (404, "not_found_error")
    assert family in body["error"]["message"]
    assert body["request_id"].startswith("req_")
