"""Equal requests at the same time: one asks, all get the answer, whoever leaves."""

import asyncio
import json
from collections.abc import AsyncIterator
from random import Random
from typing import Any

import pytest

from tanzaku.transport import ConnectError, HttpResponse, read_all
from tanzaku.wire import ApiError


async def drain(answer: HttpResponse, into: list[bytes]) -> None:
    """Read a streamed answer piece by piece."""
    assert not isinstance(answer.body, bytes)
    while (chunk := await anext(answer.body, None)) is not None:
        into.append(chunk)


async def hang_up(answer: HttpResponse) -> None:
    assert isinstance(answer.body, AsyncIterator)
    await answer.body.aclose()  # type: ignore[attr-defined]


def test_of_many_at_once_one_asks(kit: Any) -> None:
    async def go() -> None:
        desk = kit.Desk()
        clients = [asyncio.create_task(desk.fetch(kit.ask())) for _ in range(50)]
        await kit.settle()
        [call] = desk.calls
        call.head.set_result(
            HttpResponse(
                200, [(b"content-type", b"application/json")], json.dumps(kit.MESSAGE).encode()
            )
        )
        answers = await asyncio.gather(*clients)
        assert {answer.body for answer in answers} == {json.dumps(kit.MESSAGE).encode()}
        assert sorted(kit.state(answer) for answer in answers) == ["hit"] * 49 + ["miss"]
        assert sorted(desk.free) == [False] + [True] * 49

    kit.run(go())


def test_those_who_follow_a_stream_get_it_as_it_comes(kit: Any) -> None:
    async def go() -> None:
        desk = kit.Desk()
        asked = kit.ask({"stream": True})
        leader = asyncio.create_task(desk.send(asked))
        await kit.settle()
        call = desk.calls[0]
        call.begin()
        call.push(*kit.FRAMES[:2])
        first: list[bytes] = []
        reading = [asyncio.create_task(drain(await leader, first))]
        await kit.settle()
        late = await desk.send(asked)
        assert kit.state(late) == "hit"
        second: list[bytes] = []
        reading.append(asyncio.create_task(drain(late, second)))
        await kit.settle()
        assert b"".join(second) == b"".join(kit.FRAMES[:2])
        for frame in kit.FRAMES[2:]:
            call.push(frame)
            await kit.settle()
            assert (first[-1], second[-1]) == (frame, frame)
        call.push(None)
        await asyncio.gather(*reading)
        assert b"".join(first) == b"".join(second) == b"".join(kit.FRAMES)
        assert kit.state(await desk.send(asked)) == "hit"
        assert len(desk.calls) == 1

    kit.run(go())


@pytest.mark.parametrize("leads_stream", [True, False])
def test_a_follower_may_want_the_other_shape(kit: Any, leads_stream: bool) -> None:
    async def go() -> None:
        desk = kit.Desk()
        leader = asyncio.create_task(desk.fetch(kit.ask({"stream": leads_stream})))
        await kit.settle()
        follower = asyncio.create_task(desk.fetch(kit.ask({"stream": not leads_stream})))
        await kit.settle()
        if leads_stream:
            desk.calls[0].begin()
            desk.calls[0].push(*kit.FRAMES, None)
        else:
            whole = json.dumps(kit.MESSAGE).encode()
            desk.calls[0].head.set_result(
                HttpResponse(200, [(b"content-type", b"application/json")], whole)
            )
        await leader
        body = (await follower).body
        assert len(desk.calls) == 1
        if leads_stream:
            assert json.loads(body)["content"] == [{"type": "text", "text": "Elbe"}]
        else:
            assert body.startswith(b"event: message_start\n")
            assert body.endswith(b'event: message_stop\ndata: {"type":"message_stop"}\n\n')

    kit.run(go())


def test_a_leader_whose_client_leaves_harms_nobody_and_pays_to_the_end(kit: Any) -> None:
    async def go() -> None:
        desk = kit.Desk()
        asked = kit.ask({"stream": True})
        leader = asyncio.create_task(desk.send(asked))
        await kit.settle()
        call = desk.calls[0]
        call.begin()
        call.push(*kit.FRAMES[:3])
        leading = await leader
        follower = asyncio.create_task(desk.fetch(asked))
        await kit.settle()
        leaving = asyncio.create_task(hang_up(leading))
        await kit.settle()
        assert not leaving.done()
        call.push(*kit.FRAMES[3:])
        await kit.settle()
        assert not leaving.done()
        call.push(None)
        assert (await follower).body == b"".join(kit.FRAMES)
        await leaving
        assert (len(desk.calls), call.is_closed) == (1, True)

    kit.run(go())


def test_a_leader_cancelled_before_the_first_byte_harms_nobody(kit: Any) -> None:
    async def go() -> None:
        desk = kit.Desk()
        asked = kit.ask({"stream": True})
        leader = asyncio.create_task(desk.send(asked))
        await kit.settle()
        follower = asyncio.create_task(desk.fetch(asked))
        await kit.settle()
        leader.cancel()
        await kit.settle()
        assert not leader.done()
        desk.calls[0].begin()
        desk.calls[0].push(*kit.FRAMES, None)
        assert (await follower).body == b"".join(kit.FRAMES)
        with pytest.raises(asyncio.CancelledError):
            await leader
        assert len(desk.calls) == 1

    kit.run(go())


@pytest.mark.parametrize("followers", [0, 3])
def test_the_upstream_is_let_go_when_the_last_one_leaves(kit: Any, followers: int) -> None:
    async def go() -> None:
        desk = kit.Desk()
        asked = kit.ask({"stream": True})
        leader = asyncio.create_task(desk.send(asked))
        await kit.settle()
        call = desk.calls[0]
        call.begin()
        call.push(kit.FRAMES[0])
        riding = [await leader, *[await desk.send(asked) for _ in range(followers)]]
        leaving = [asyncio.create_task(hang_up(answer)) for answer in riding[:-1]]
        await kit.settle()
        assert not call.is_closed
        await hang_up(riding[-1])
        await asyncio.gather(*leaving)
        assert call.is_closed
        assert kit.state(await asyncio.wait_for(start_again(desk), 20)) == "miss"

    async def start_again(desk: Any) -> HttpResponse:
        desk.say(kit.FRAMES)
        answer: HttpResponse = await desk.fetch(kit.ask({"stream": True}))
        return answer

    kit.run(go())


def test_who_hangs_up_at_the_last_event_leaves_a_whole_answer(kit: Any) -> None:
    async def go() -> None:
        desk = kit.Desk()
        asked = kit.ask({"stream": True})
        leader = asyncio.create_task(desk.send(asked))
        await kit.settle()
        desk.calls[0].begin()
        desk.calls[0].push(*kit.FRAMES)
        answer = await leader
        await kit.settle()
        await hang_up(answer)
        assert kit.state(await desk.send(asked)) == "hit"

    kit.run(go())


def test_who_comes_while_the_last_one_leaves_asks_anew(kit: Any) -> None:
    async def go() -> None:
        desk = kit.Desk()
        asked = kit.ask({"stream": True})
        leader = asyncio.create_task(desk.send(asked))
        await kit.settle()
        desk.calls[0].begin()
        desk.calls[0].push(kit.FRAMES[0])
        leaving = asyncio.create_task(hang_up(await leader))
        late = asyncio.create_task(desk.fetch(asked))
        await kit.settle()
        desk.calls[1].begin()
        desk.calls[1].push(*kit.FRAMES, None)
        assert (await late).body == b"".join(kit.FRAMES)
        await leaving

    kit.run(go())


@pytest.mark.parametrize("steps", range(15))
def test_who_cannot_read_what_is_ending_asks_anew(kit: Any, steps: int) -> None:
    """A stream ends in an error while someone comes who wants a whole answer."""

    async def go() -> None:
        desk = kit.Desk()
        leader = asyncio.create_task(desk.fetch(kit.ask({"stream": True})))
        await kit.settle()
        desk.calls[0].begin()
        desk.calls[0].push(kit.FRAMES[0], kit.ERROR_FRAME, None)
        for _ in range(steps):
            await asyncio.sleep(0)
        whole = asyncio.create_task(desk.fetch(kit.ask()))
        await kit.settle()
        body = json.dumps(kit.MESSAGE).encode()
        desk.calls[1].head.set_result(
            HttpResponse(200, [(b"content-type", b"application/json")], body)
        )
        assert (await whole).body == body
        await leader

    kit.run(go())


def test_an_error_goes_to_all_once_and_is_not_kept(kit: Any) -> None:
    async def go() -> None:
        desk = kit.Desk()
        clients = [
            asyncio.create_task(desk.fetch(kit.ask({"stream": stream})))
            for stream in (False, True, False)
        ]
        await kit.settle()
        headers = [(b"content-type", b"application/json"), (b"retry-after", b"3")]
        desk.calls[0].head.set_result(HttpResponse(529, headers, b'{"type":"error"}'))
        for answer in await asyncio.gather(*clients):
            assert (answer.status, answer.body) == (529, b'{"type":"error"}')
            assert (b"retry-after", b"3") in answer.headers
        assert len(desk.calls) == 1
        desk.say()
        assert kit.state(await desk.fetch(kit.ask())) == "miss"

    kit.run(go())


def test_a_stream_that_breaks_breaks_for_all(kit: Any) -> None:
    async def go() -> None:
        desk = kit.Desk()
        asked = kit.ask({"stream": True})
        clients = [asyncio.create_task(desk.fetch(asked)) for _ in range(3)]
        await kit.settle()
        desk.calls[0].begin()
        desk.calls[0].push(kit.FRAMES[0], ConnectError("gone"))
        for ended in await asyncio.gather(*clients, return_exceptions=True):
            assert isinstance(ended, ConnectError)
        assert len(desk.calls) == 1

    kit.run(go())


def test_a_refusal_of_the_leader_is_its_own_and_the_next_one_asks(kit: Any) -> None:
    """A budget of the leader's, say."""

    async def go() -> None:
        desk = kit.Desk()
        clients = [asyncio.create_task(desk.fetch(kit.ask())) for _ in range(4)]
        await kit.settle()
        desk.calls[0].head.set_exception(ApiError(429, "rate_limit_error", "no budget"))
        await kit.settle()
        desk.calls[1].head.set_result(
            HttpResponse(
                200, [(b"content-type", b"application/json")], json.dumps(kit.MESSAGE).encode()
            )
        )
        ended = await asyncio.gather(*clients, return_exceptions=True)
        assert isinstance(ended[0], ApiError)
        assert [kit.state(answer) for answer in ended[1:]] == ["miss", "hit", "hit"]
        assert len(desk.calls) == 2

    kit.run(go())


def test_a_compressed_answer_is_nobody_elses(kit: Any) -> None:
    async def go() -> None:
        desk = kit.Desk()
        clients = [asyncio.create_task(desk.fetch(kit.ask())) for _ in range(3)]
        await kit.settle()
        coded = [(b"content-type", b"application/json"), (b"content-encoding", b"zstd")]
        desk.calls[0].head.set_result(HttpResponse(200, coded, b"(/"))
        await kit.settle()
        assert len(desk.calls) == 3
        for call in desk.calls[1:]:
            call.head.set_result(HttpResponse(200, coded, b"(/"))
        states = [kit.state(answer) for answer in await asyncio.gather(*clients)]
        assert states == ["miss", "bypass", "bypass"]

    kit.run(go())


def test_a_refresh_overtakes_and_its_answer_stays(kit: Any) -> None:
    async def go() -> None:
        desk = kit.Desk()
        old = asyncio.create_task(desk.fetch(kit.ask()))
        await kit.settle()
        new = asyncio.create_task(desk.fetch(kit.ask(cache="refresh")))
        await kit.settle()
        for call, text in ((desk.calls[1], "new"), (desk.calls[0], "old")):
            said = {**kit.MESSAGE, "content": [{"type": "text", "text": text}]}
            head = [(b"content-type", b"application/json")]
            call.head.set_result(HttpResponse(200, head, json.dumps(said).encode()))
            await kit.settle()
        assert b"old" in (await old).body
        assert b"new" in (await new).body
        assert b"new" in (await desk.fetch(kit.ask())).body

    kit.run(go())


class Crowd:
    """Clients that come, ask for either shape and leave at random while the answer comes in."""

    def __init__(self, kit: Any, seed: int) -> None:
        self.kit = kit
        self.chance = Random(seed)
        self.desk = kit.Desk()
        self.desk.upstream = self.answer
        self.asked = self.open = 0

    async def answer(self) -> HttpResponse:
        self.asked += 1
        await self.dawdle()
        return HttpResponse(200, [(b"content-type", b"text/event-stream")], self.stream())

    async def stream(self) -> AsyncIterator[bytes]:
        self.open += 1
        try:
            for frame in self.kit.FRAMES:
                await self.dawdle()
                yield frame
        finally:
            self.open -= 1

    async def dawdle(self, most: int = 9) -> None:
        for _ in range(self.chance.randrange(most)):
            await asyncio.sleep(0)

    async def visit(self, stays: bool, is_stream: bool) -> None:
        await self.dawdle(60)
        answer = await self.desk.send(self.kit.ask({"stream": is_stream}))
        if stays:
            body = await read_all(answer)
            if is_stream or self.kit.state(answer) == "miss":
                assert body == b"".join(self.kit.FRAMES)
            else:
                assert json.loads(body)["content"] == [{"type": "text", "text": "Elbe"}]
        elif not isinstance(answer.body, bytes):
            await self.dawdle()
            await hang_up(answer)


@pytest.mark.parametrize("leaving", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("seed", range(20))
def test_whoever_stays_gets_every_byte_whoever_else_leaves(
    kit: Any, seed: int, leaving: float
) -> None:
    async def go() -> None:
        crowd = Crowd(kit, seed)
        chance = Random(f"{seed} clients")
        plans = [(chance.random() >= leaving, chance.random() < 0.8) for _ in range(12)]
        clients = [asyncio.create_task(crowd.visit(*plan)) for plan in plans]
        await crowd.dawdle(90)
        for (stays, _), client in zip(plans, clients, strict=True):
            if not stays and chance.random() < 0.5:
                client.cancel()
        for (stays, _), ended in zip(
            plans, await asyncio.gather(*clients, return_exceptions=True), strict=True
        ):
            assert ended is None or (not stays and isinstance(ended, asyncio.CancelledError))
        await kit.settle()
        assert crowd.open == 0
        assert not crowd.desk.cache.flights
        assert crowd.desk.free.count(False) <= crowd.asked <= len(plans)
        if not leaving:
            assert crowd.asked == 1

    kit.run(go())
