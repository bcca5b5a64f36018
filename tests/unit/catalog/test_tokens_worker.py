"""Counting off the event loop: what it leaves free, survives and leaves behind."""

import asyncio
import os
import random
import signal
from typing import Any

import pytest

from tanzaku.catalog import (
    TokenWorker,
    TokenWorkerError,
    UnknownModelError,
    count_tokens,
    count_tokens_off_loop,
)

HAIKU = "claude-haiku-4-5"


def long_request(words: int, seed: int) -> dict[str, Any]:
    rng = random.Random(seed)
    text = " ".join("".join(rng.choices("abcdefghijklmnop", k=6)) for _ in range(words))
    return {"messages": [{"role": "user", "content": text}]}


def is_alive(process_id: int | None) -> bool:
    assert process_id is not None
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True


async def count_turns_of_the_loop(until: asyncio.Event) -> int:
    turns = 0
    while not until.is_set():
        await asyncio.sleep(0)
        turns += 1
    return turns


def test_the_loop_runs_on_while_a_long_text_is_counted_and_close_leaves_no_process() -> None:
    request = long_request(4_000, seed=1)

    async def scenario() -> None:
        async with TokenWorker() as worker:
            done = asyncio.Event()
            turns = asyncio.create_task(count_turns_of_the_loop(done))
            tokens = await count_tokens_off_loop(request, HAIKU, worker)
            done.set()
            assert await turns > 50
            assert tokens == count_tokens(request, HAIKU)
            child = worker.process_id
            assert is_alive(child)
        assert not is_alive(child)
        assert worker.process_id is None
        with pytest.raises(TokenWorkerError, match="closed"):
            await worker.count(request, HAIKU)

    asyncio.run(scenario())


def test_short_and_known_texts_need_no_process() -> None:
    known = long_request(2_000, seed=2)
    tokens = count_tokens(known, HAIKU)

    async def scenario() -> None:
        async with TokenWorker() as worker:
            short = long_request(400, seed=3)
            assert await count_tokens_off_loop(short, HAIKU, worker) == count_tokens(short, HAIKU)
            assert await count_tokens_off_loop(known, HAIKU, worker) == tokens
            with pytest.raises(UnknownModelError):
                await count_tokens_off_loop(long_request(2_000, seed=4), "claude-none", worker)
            assert worker.process_id is None

    asyncio.run(scenario())


def test_a_dead_child_is_replaced_and_a_cancelled_count_does_not_answer_the_next() -> None:
    first, second = long_request(1_500, seed=5), long_request(1_600, seed=6)

    async def scenario() -> None:
        async with TokenWorker() as worker:
            assert await worker.count(first, HAIKU) == count_tokens(first, HAIKU)
            child = worker.process_id
            assert child is not None
            os.kill(child, signal.SIGKILL)
            assert await worker.count(second, HAIKU) == count_tokens(second, HAIKU)
            assert worker.process_id not in {None, child}
            given_up = asyncio.create_task(worker.count(first, HAIKU))
            await asyncio.sleep(0)
            given_up.cancel()
            with pytest.raises(asyncio.CancelledError):
                await given_up
            assert await worker.count(second, HAIKU) == count_tokens(second, HAIKU)

    asyncio.run(scenario())


def test_a_child_that_dies_twice_is_an_error_and_not_a_hang() -> None:
    async def kill_each_child(worker: TokenWorker) -> None:
        killed = None
        while True:
            await asyncio.sleep(0)
            if worker.process_id not in {None, killed}:
                killed = worker.process_id
                os.kill(killed, signal.SIGKILL)

    async def scenario() -> None:
        async with TokenWorker() as worker:
            killer = asyncio.create_task(kill_each_child(worker))
            with pytest.raises(TokenWorkerError, match="died 2 times"):
                await worker.count(long_request(1_000, seed=7), HAIKU)
            killer.cancel()
            assert worker.process_id is None

    asyncio.run(scenario())


def test_counts_asked_for_together_are_each_answered() -> None:
    requests = [long_request(words, seed=words) for words in (1_100, 1_200, 1_300)]

    async def scenario() -> list[int]:
        async with TokenWorker() as worker:
            return await asyncio.gather(*(worker.count(each, HAIKU) for each in requests))

    assert asyncio.run(scenario()) == [count_tokens(each, HAIKU) for each in requests]
