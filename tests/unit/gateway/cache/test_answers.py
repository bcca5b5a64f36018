"""What is answered without asking again, for whom, how long, and what never is."""

import json
from typing import Any

import anthropic
import httpx2
import pytest

from tanzaku.core import InputFileError
from tanzaku.core.plain_yaml import parse_yaml
from tanzaku.gateway._stages import ANYONE, Caller, Target
from tanzaku.gateway.cache import CacheSettings, read_cache
from tanzaku.transport import HttpResponse
from tanzaku.wire import ApiError

KEY_A = Caller("key_a", "blue", "ann", ("prod",))
KEY_B = Caller("key_b", "blue", "bob")
KEY_C = Caller("key_c", "", "cat")


def read_message(answer: HttpResponse, *, is_stream: bool) -> dict[str, Any]:
    """The message as the official SDK reads the bytes."""
    assert isinstance(answer.body, bytes)
    headers = [(n.decode(), v.decode()) for n, v in answer.headers if n == b"content-type"]
    response = httpx2.Response(answer.status, headers=headers, content=answer.body)
    transport = httpx2.MockTransport(lambda request: response)
    with (
        httpx2.Client(transport=transport) as http,
        anthropic.Anthropic(api_key="k", http_client=http) as client,
    ):
        asked: Any = {"model": "claude-haiku-4-5", "max_tokens": 9, "messages": []}
        if is_stream:
            with client.messages.stream(**asked) as stream:
                message = stream.get_final_message()
        else:
            message = client.messages.create(**asked)
        return message.to_dict(mode="json")


def test_nothing_is_kept_unless_it_is_asked_for(kit: Any) -> None:
    async def go() -> None:
        desk = kit.Desk()
        desk.say()
        for _ in range(2):
            answer = await desk.fetch(kit.ask(cache=None))
            assert b"tanzaku-cache" not in dict(answer.headers)
        assert len(desk.calls) == 2

    kit.run(go())


def test_the_second_of_two_equal_requests_gets_the_first_ones_bytes(kit: Any) -> None:
    async def go() -> None:
        desk = kit.Desk()
        limits = (b"anthropic-ratelimit-requests-remaining", b"7")
        desk.say(headers=[(b"request-id", b"req_1"), limits, (b"set-cookie", b"a=b")])
        first = await desk.fetch(kit.ask())
        desk.clock.advance(61)
        second = await desk.fetch(kit.ask())
        assert (kit.state(first), kit.state(second)) == ("miss", "hit")
        assert second.body == first.body
        assert limits in first.headers
        assert dict(second.headers) == {
            b"content-type": b"application/json",
            b"request-id": b"req_1",
            b"age": b"61",
            b"tanzaku-cache": b"hit",
        }
        assert len(desk.calls) == 1
        assert desk.free == [False, True]

    kit.run(go())


@pytest.mark.parametrize("wanted", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("kept", [False, True], ids=["kept whole", "kept streamed"])
def test_a_kept_answer_is_streamed_or_whole_as_it_is_asked_for(
    kit: Any, kept: bool, wanted: bool
) -> None:
    async def go() -> tuple[HttpResponse, HttpResponse]:
        desk = kit.Desk()
        desk.say(kit.FRAMES if kept else None)
        first = await desk.fetch(kit.ask({"stream": kept}))
        second = await desk.fetch(kit.ask({"stream": wanted}))
        assert len(desk.calls) == 1
        return first, second

    first, second = kit.run(go())
    assert read_message(second, is_stream=wanted) == read_message(first, is_stream=kept)


SAME = {
    "keys in another order": b'{"messages":[{"content":"Wie hei\\u00dft der Fluss?","role":"user"}],'
    b'"max_tokens":100,"model":"claude-haiku-4-5"}',
    "streamed": {"stream": True},
    "not streamed": {"stream": False},
}


@pytest.mark.parametrize("how", SAME)
def test_spelling_does_not_make_another_request(kit: Any, how: str) -> None:
    async def go() -> None:
        desk = kit.Desk()
        desk.say()
        await desk.fetch(kit.ask())
        same: Any = SAME[how]
        asked = kit.ask(body=same) if isinstance(same, bytes) else kit.ask(same)
        assert kit.state(await desk.fetch(asked)) == "hit"

    kit.run(go())


OTHER: dict[str, dict[str, Any]] = {
    "model": {"changes": {"model": "claude-haiku-5-5"}},
    "max_tokens": {"changes": {"max_tokens": 101}},
    "a person": {"changes": {"metadata": {"user_id": "ann"}}},
    "a field nobody knows": {"changes": {"new": None}},
    "a text": {"changes": {"messages": [{"role": "user", "content": "Wie heißt der Fluss? "}]}},
    "a number of another type": {"changes": {"temperature": 1.0}},
    "version": {"headers": [("anthropic-version", "2023-06-01")]},
    "beta": {"headers": [("anthropic-beta", "context-1m-2025-08-07")]},
    "workspace": {"headers": [("anthropic-workspace-id", "wrkspc_1")]},
    "query": {"target": "/v1/messages?beta=true"},
}


@pytest.mark.parametrize("what", OTHER)
def test_whatever_else_differs_makes_another_request(kit: Any, what: str) -> None:
    async def go() -> None:
        desk = kit.Desk()
        desk.say()
        await desk.fetch(kit.ask({"temperature": 1} if "number" in what else {}))
        answer = await desk.fetch(kit.ask(**OTHER[what]))
        assert kit.state(answer) == "miss"
        assert len(desk.calls) == 2

    kit.run(go())


def test_where_a_name_ends_and_its_value_begins_counts(kit: Any) -> None:
    async def go() -> None:
        desk = kit.Desk()
        desk.say()
        for name, value in (("anthropic-x", "ab"), ("anthropic-xa", "b")):
            answer = await desk.fetch(kit.ask(headers=[(name, value)]))
            assert kit.state(answer) == "miss"

    kit.run(go())


def test_betas_count_in_any_order_and_spelling(kit: Any) -> None:
    async def go() -> None:
        desk = kit.Desk()
        desk.say()
        await desk.fetch(kit.ask(headers=[("anthropic-beta", "a,b")]))
        twice = [("anthropic-beta", "b"), ("anthropic-beta", "a")]
        assert kit.state(await desk.fetch(kit.ask(headers=twice))) == "hit"

    kit.run(go())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("sk-ant-0123456789abcdefghij-A", ANYONE), ("sk-ant-0123456789abcdefghij-B", ANYONE)),
        (("sk", KEY_A), ("sk", KEY_B)),
        (("key_a", ANYONE), ("key_a", KEY_A)),
    ],
    ids=["credentials that begin alike", "two virtual keys", "a key named like a credential"],
)
def test_callers_never_get_each_others_answers(kit: Any, one: Any, other: Any) -> None:
    async def go() -> None:
        desk = kit.Desk()
        desk.say()
        for credential, caller in (one, other):
            answer = await desk.fetch(kit.ask(credential=credential), caller)
            assert kit.state(answer) == "miss"

    kit.run(go())


@pytest.mark.parametrize(
    ("scope", "states"),
    [("team", ["miss", "hit", "miss"]), ("shared", ["miss", "hit", "hit"])],
)
def test_a_scope_says_who_shares(kit: Any, scope: Any, states: list[str]) -> None:
    async def go() -> None:
        desk = kit.Desk(CacheSettings(scope=scope))
        desk.say()
        callers = (KEY_A, KEY_B, KEY_C)
        assert [kit.state(await desk.fetch(kit.ask(), caller)) for caller in callers] == states

    kit.run(go())


def test_who_is_sent_elsewhere_gets_other_answers(kit: Any) -> None:
    async def go() -> None:
        desk = kit.Desk(CacheSettings(scope="shared"))
        desk.say()
        live, tests = Target("anthropic", desk.upstream), Target("sim", desk.upstream)
        states = []
        for targets in ([live, tests], [tests, live], [tests], [Target("sim", desk.upstream, "x")]):
            desk.targets = targets
            states.append(kit.state(await desk.fetch(kit.ask())))
        assert states == ["miss", "hit", "miss", "miss"]

    kit.run(go())


TOOL = {"name": "map", "input_schema": {"type": "object"}}
NOT_KEPT: dict[str, Any] = {
    "web search": {"tools": [{"type": "web_search_20260318", "name": "web_search"}]},
    "code": {"tools": [TOOL, {"type": "code_execution_20260521", "name": "code_execution"}]},
    "an unknown kind of tool": {"tools": [{"type": "oracle_20270101", "name": "oracle"}]},
    "a container": {"container": "container_1"},
    "MCP servers": {"mcp_servers": [{"type": "url", "url": "https://x", "name": "x"}]},
    "a thread": {"thread": {"type": "create"}},
    "a warmed cache": {"max_tokens": 0},
}


@pytest.mark.parametrize("what", NOT_KEPT)
def test_what_lives_or_acts_at_the_server_is_always_asked_for(kit: Any, what: str) -> None:
    async def go() -> None:
        desk = kit.Desk()
        desk.say()
        for _ in range(2):
            assert kit.state(await desk.fetch(kit.ask(NOT_KEPT[what]))) == "bypass"
        assert len(desk.calls) == 2

    kit.run(go())


def test_tools_of_the_client_do_not_hinder(kit: Any) -> None:
    async def go() -> None:
        desk = kit.Desk()
        desk.say()
        tools = {"tools": [TOOL, {"type": "bash_20250124", "name": "bash"}]}
        states = [kit.state(await desk.fetch(kit.ask(tools))) for _ in range(2)]
        assert states == ["miss", "hit"]

    kit.run(go())


def test_a_body_that_two_readers_read_differently_is_never_kept(kit: Any) -> None:
    async def go() -> None:
        desk = kit.Desk(CacheSettings(scope="shared"))
        desk.say()
        twice = json.dumps(kit.ask().params).replace('"max_tokens"', '"max_tokens":1,"max_tokens"')
        assert kit.state(await desk.fetch(kit.ask(body=twice.encode()))) == "bypass"
        assert kit.state(await desk.fetch(kit.ask())) == "miss"

    kit.run(go())


BAD: dict[str, tuple[Any, int, Any]] = {
    "an error": ({"type": "error", "error": {"type": "overloaded_error", "message": "o"}}, 529, []),
    "no message": ({"type": "message"}, 200, []),
    "compressed": (None, 200, [(b"content-encoding", b"br")]),
}


@pytest.mark.parametrize("what", BAD)
def test_only_complete_messages_are_kept(kit: Any, what: str) -> None:
    async def go() -> None:
        desk = kit.Desk()
        body, status, headers = BAD[what]
        desk.say(body, status, headers)
        for _ in range(2):
            answer = await desk.fetch(kit.ask())
            assert (answer.status, kit.state(answer)) == (status, "miss")

    kit.run(go())


@pytest.mark.parametrize("frames", [4, 6])
@pytest.mark.parametrize("cut", ["before its end", "by an error event"])
def test_a_stream_that_ends_badly_is_not_kept(kit: Any, cut: str, frames: int) -> None:
    async def go() -> None:
        desk = kit.Desk()
        desk.say([*kit.FRAMES[:frames], *([kit.ERROR_FRAME] if "error" in cut else [])])
        for _ in range(2):
            assert kit.state(await desk.fetch(kit.ask({"stream": True}))) == "miss"

    kit.run(go())


def test_an_answer_ends_with_its_time(kit: Any) -> None:
    async def go() -> None:
        desk = kit.Desk(CacheSettings(ttl_s=60, longest_ttl_s=100))
        desk.say()
        for ttl, other in ((None, "a"), ("30", "b"), ("5000", "c")):
            lives = {None: 60, "30": 30, "5000": 100}[ttl]
            headers = [] if ttl is None else [("tanzaku-cache-ttl", ttl)]
            asked = kit.ask({"stop_sequences": [other]}, headers)
            await desk.fetch(asked)
            desk.clock.advance(lives - 1)
            assert kit.state(await desk.fetch(asked)) == "hit"
            desk.clock.advance(1)
            assert kit.state(await desk.fetch(asked)) == "miss"

    kit.run(go())


def test_who_wants_it_fresher_than_it_is_asks_anew(kit: Any) -> None:
    async def go() -> None:
        desk = kit.Desk()
        desk.say()
        await desk.fetch(kit.ask())
        desk.clock.advance(20)
        assert kit.state(await desk.fetch(kit.ask(headers=[("tanzaku-cache-ttl", "20")]))) == "hit"
        assert kit.state(await desk.fetch(kit.ask(headers=[("tanzaku-cache-ttl", "19")]))) == "miss"

    kit.run(go())


def test_refresh_replaces_and_no_store_leaves_alone(kit: Any) -> None:
    async def go() -> list[Any]:
        desk = kit.Desk()
        seen = []
        for text, mode in (
            ("1", "on"),
            ("2", "no-store"),
            ("3", "on"),
            ("4", "refresh"),
            ("5", "on"),
        ):
            desk.say({**kit.MESSAGE, "content": [{"type": "text", "text": text}]})
            answer = await desk.fetch(kit.ask(cache=mode))
            seen.append((kit.state(answer), json.loads(answer.body)["content"][0]["text"]))
        return seen

    assert kit.run(go()) == [
        ("miss", "1"),
        ("bypass", "2"),
        ("hit", "1"),
        ("miss", "4"),
        ("hit", "4"),
    ]


@pytest.mark.parametrize(
    ("cache", "ttl", "blamed"),
    [("yes", None, "tanzaku-cache:"), ("on", "soon", "tanzaku-cache-ttl:"), ("on", "-1", "ttl")],
)
def test_a_header_that_says_something_else_is_refused(
    kit: Any, cache: str, ttl: str | None, blamed: str
) -> None:
    headers = [] if ttl is None else [("tanzaku-cache-ttl", ttl)]
    with pytest.raises(ApiError) as refused:
        kit.Desk().cache.open(kit.ask(cache=cache, headers=headers), ANYONE, ())
    assert refused.value.status == 400
    assert blamed in refused.value.message


def test_a_configuration_turns_it_on_for_some(kit: Any) -> None:
    async def go() -> list[bool]:
        text = "on: [{team: blue, model: 'claude-haiku-*'}, {tag: nightly}]\nmax_mb: 1\nkeep: disk"
        settings = read_cache(parse_yaml(text, "gateway.yaml"))
        assert (settings.most_bytes, settings.is_on_disk) == (1_000_000, True)
        desk = kit.Desk(settings)
        desk.say()
        asked = kit.ask(cache=None)
        other = kit.ask({"model": "claude-opus-4-8"}, cache=None)
        nightly = Caller("key_d", tags=("a", "nightly"))
        calls = [(asked, KEY_A), (asked, KEY_C), (other, KEY_A), (other, nightly)]
        return [b"tanzaku-cache" in dict((await desk.fetch(*call)).headers) for call in calls]

    assert kit.run(go()) == [True, False, False, True]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("scope: everyone", "gateway.yaml:1:8"),
        ("ttl_s: 0", "gateway.yaml:1:8"),
        ("max_mb: 1\nforever: true", "gateway.yaml:2:1"),
        ("on: [{day: monday}]", "gateway.yaml:1:7"),
    ],
)
def test_a_wrong_configuration_is_refused_with_its_place(text: str, place: str) -> None:
    with pytest.raises(InputFileError) as refused:
        read_cache(parse_yaml(text, "gateway.yaml"))
    assert refused.value.message.startswith(place)
