"""What the official SDK did against one upstream it does again against its recording."""

import http.client
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from anthropic import Anthropic, NotFoundError, beta_tool

from harness.taped import Talk, open_recorded, open_replayed
from tanzaku.exchange import load_recording
from tanzaku.simulator import parse_pace

HAIKU = "claude-haiku-4-5"
LOOP = Path(__file__).parents[2] / "examples/scenarios/agent-loop.yaml"
TRACK: dict[str, Any] = {
    "name": "track_parcel",
    "description": "Find where a parcel is.",
    "input_schema": {
        "type": "object",
        "properties": {"tracking_number": {"type": "string"}},
        "required": ["tracking_number"],
    },
}


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    return tmp_path / "talk.jsonl"


def run_tools(client: Anthropic, **more: Any) -> tuple[list[tuple[str, str]], Any]:
    """The SDK's own loop: what its tools were asked, and the last message."""
    asked: list[tuple[str, str]] = []

    @beta_tool
    def query_payment(order_id: str) -> str:
        """Find the payment of an order."""
        asked.append(("query_payment", order_id))
        return '{"state": "paid", "tracking": "PX99"}'

    @beta_tool
    def track_parcel(tracking_number: str) -> str:
        """Find where a parcel is."""
        asked.append(("track_parcel", tracking_number))
        return '{"status": "in Kyoto"}'

    runner = client.beta.messages.tool_runner(
        model=HAIKU,
        max_tokens=200,
        tools=[query_payment, track_parcel],
        messages=[{"role": "user", "content": "Where is order B-7?"}],
        **more,
    )
    return asked, runner.until_done()


@pytest.mark.fidelity(
    "replay",
    "the SDK's tool_runner does the same again, with threads and without",
    "exact",
    "SDK 2.12.0",
)
@pytest.mark.parametrize("more", [{}, {"thread": False}], ids=["threads", "no threads"])
def test_the_tool_runner_does_it_again(tape: Path, more: dict[str, Any]) -> None:
    with open_recorded(tape, LOOP) as talk:
        asked, last = run_tools(talk.client(), **more)
        recorded = len(talk.exchanges)
        assert any(b'"thread"' in one.request_body for one in talk.exchanges) == (not more)
    assert asked == [("query_payment", "B-7"), ("track_parcel", "PX99")]
    for _ in range(2):
        with open_replayed(tape) as talk:
            assert run_tools(talk.client(), **more) == (asked, last)
            assert talk.rules == [f"replay/{line}" for line in range(2, 2 + recorded)]


def run_loop(client: Anthropic, *, as_stream: bool) -> list[Any]:
    """A loop as people write it: every message it got."""
    messages: list[Any] = [{"role": "user", "content": "Track parcel PX1, then parcel PX2."}]
    got: list[Any] = []
    while len(got) < 8:
        request: Any = {"model": HAIKU, "max_tokens": 300, "tools": [TRACK], "messages": messages}
        if as_stream:
            with client.messages.stream(**request) as stream:
                answer = stream.get_final_message()
        else:
            answer = client.messages.create(**request)
        got.append(answer)
        calls = [block for block in answer.content if block.type == "tool_use"]
        if not calls:
            return got
        results = [
            {"type": "tool_result", "tool_use_id": call.id, "content": f"{call.input} arrived"}
            for call in calls
        ]
        messages += [
            {"role": "assistant", "content": answer.content},
            {"role": "user", "content": results},
        ]
    raise AssertionError("the loop does not end")


def plain(messages: list[Any]) -> list[Any]:
    """What a reader sees of messages; a stream leaves out nulls here and there."""
    return [
        (
            m.id,
            m.stop_reason,
            m.usage.output_tokens,
            [b.model_dump(exclude_none=True) for b in m.content],
        )
        for m in messages
    ]


@pytest.mark.parametrize("recorded_as", ["json", "stream"])
@pytest.mark.parametrize("replayed_as", ["json", "stream"])
def test_a_plain_loop_does_it_again_in_either_form(
    tape: Path, recorded_as: str, replayed_as: str
) -> None:
    with open_recorded(tape) as talk:
        first = run_loop(talk.client(), as_stream=recorded_as == "stream")
    assert len(first) >= 2
    with open_replayed(tape) as talk:
        again = run_loop(talk.client(), as_stream=replayed_as == "stream")
    assert plain(again) == plain(first)


def test_calls_of_equal_words_at_once_get_each_their_own_answer(tape: Path) -> None:
    systems = [f"You are agent {at}. Repeat your number." for at in range(12)]

    def ask(client: Anthropic, system: str) -> str:
        message = client.messages.create(
            model=HAIKU, max_tokens=60, system=system, messages=[{"role": "user", "content": "Go."}]
        )
        return message.id

    def ask_all(talk: Talk, order: list[str]) -> dict[str, str]:
        client = talk.client()
        with ThreadPoolExecutor(6) as pool:
            return dict(
                zip(order, pool.map(lambda system: ask(client, system), order), strict=True)
            )

    with open_recorded(tape) as talk:
        first = ask_all(talk, systems)
    assert len(set(first.values())) == len(systems)
    for mode in ("strict", "lenient"):
        with open_replayed(tape, mode) as talk:  # type: ignore[arg-type]
            assert ask_all(talk, systems[::-1]) == first


def test_a_person_in_the_loop_is_heard_again(tape: Path) -> None:
    """`yes` twice, each after another question of the model's."""

    def talk_it_over(client: Anthropic) -> list[str]:
        messages: list[Any] = []
        for said in ("Book a table.", "yes", "yes"):
            messages.append({"role": "user", "content": said})
            answer = client.messages.create(model=HAIKU, max_tokens=60, messages=messages)
            messages.append({"role": "assistant", "content": answer.content})
        return [message["content"][0].text for message in messages[1::2]]

    with open_recorded(tape) as talk:
        first = talk_it_over(talk.client())
    with open_replayed(tape) as talk:
        assert talk_it_over(talk.client()) == first
        assert talk.rules == ["replay/2", "replay/3", "replay/4"]


def send(
    talk: Talk, body: Any, path: str = "/v1/messages", method: str = "POST"
) -> tuple[Any, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", talk.port, timeout=30)
    headers = {
        "x-api-key": "k",
        "anthropic-version": "2026-10-21",
        "content-type": "application/json",
    }
    connection.request(method, path, body and json.dumps(body), headers)
    answer = connection.getresponse()
    received = answer.read()
    connection.close()
    left_out = {"date", "tanzaku-exchange-id", "tanzaku-rule"}
    kept = [(k.lower(), v) for k, v in answer.getheaders() if k.lower() not in left_out]
    return (answer.status, sorted(kept)), received


CALLS: list[tuple[Any, ...]] = [
    ({"model": HAIKU, "max_tokens": 300, "messages": [{"role": "user", "content": "短冊: tell me."}]},),
    ({"model": HAIKU, "max_tokens": 300, "stream": True,
      "messages": [{"role": "user", "content": "Count to 40."}]},),
    ({"model": HAIKU, "max_tokens": 300, "stream": True, "tools": [TRACK], "tool_choice": {"type": "any"},
      "messages": [{"role": "user", "content": "Parcel PX1?"}]},),
    ({"model": HAIKU, "max_tokens": 2000, "stream": True,
      "thinking": {"type": "enabled", "budget_tokens": 1024},
      "messages": [{"role": "user", "content": "What is 17 * 23?"}]},),
    ({"model": HAIKU, "max_tokens": 0, "messages": []},),
    ({"model": "claude-nothing", "max_tokens": 5, "messages": [{"role": "user", "content": "Hi"}]},),
    ({"model": HAIKU, "messages": [{"role": "user", "content": "Hi"}]}, "/v1/messages/count_tokens"),
    (None, "/v1/models?limit=3", "GET"),
    (None, "/v1/models/claude-haiku-4-5", "GET"),
]  # fmt: skip


@pytest.mark.fidelity(
    "replay", "bytes, status and headers are those of the simulator that was recorded", "exact",
    "docs/recordings.md",
)  # fmt: skip
def test_the_bytes_are_those_that_were_recorded(tape: Path) -> None:
    with open_recorded(tape) as talk:
        first = [send(talk, *call) for call in CALLS]
    assert [answer[0][0] for answer in first] == [200, 200, 200, 200, 400, 404, 200, 200, 200]
    with open_replayed(tape) as talk:
        assert [send(talk, *call) for call in CALLS] == first


class NoRecorder:
    """The upstream itself, with a recorder's doors."""

    def __init__(self, upstream: Callable[..., Any], *_: Any, **__: Any) -> None:
        self._upstream = upstream

    async def __call__(self, request: Any) -> Any:
        return await self._upstream(request)

    async def close(self) -> None:
        pass


def test_a_client_cannot_tell_that_it_is_recorded(tape: Path) -> None:
    with open_recorded(tape, recorder=NoRecorder) as talk:
        bare = [send(talk, *call) for call in CALLS]
    with open_recorded(tape) as talk:
        assert [send(talk, *call) for call in CALLS] == bare


def test_a_client_that_leaves_is_recorded_as_cut_and_not_played(tape: Path) -> None:
    request: Any = {
        "model": HAIKU,
        "max_tokens": 4000,
        "messages": [{"role": "user", "content": "Count to 1500."}],
    }
    with (
        open_recorded(tape, pace=parse_pace("realistic")) as talk,
        talk.client().messages.stream(**request) as stream,
    ):
        assert next(event for event in stream if event.type == "content_block_delta")
    (cut,) = load_recording(tape).exchanges
    assert (cut.cut, cut.response.kind) == ("client", "events")
    with (
        open_replayed(tape) as talk,
        pytest.raises(NotFoundError, match="cut off by the client"),
    ):
        talk.client().messages.create(**request)


def test_a_question_of_another_kind_is_a_miss_the_sdk_understands(tape: Path) -> None:
    def ask(talk: Talk, text: str) -> None:
        messages: Any = [{"role": "user", "content": text}]
        talk.client(max_retries=2).messages.create(model=HAIKU, max_tokens=30, messages=messages)

    with open_recorded(tape) as talk:
        ask(talk, "Where is parcel 7?")
    with open_replayed(tape) as talk:
        with pytest.raises(NotFoundError, match=r'recorded "Where is parcel 7\?", asked "And 8\?"'):
            ask(talk, "And 8?")
        assert len(talk.exchanges) == 1
