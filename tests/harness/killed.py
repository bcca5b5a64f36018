"""A process that keeps exchanges until it is killed: `python -m harness.killed LEDGER FIRST MODE`.

It writes the number of each exchange to stdout once the ledger has said that it is durable. Beside
the steady load a MODE may go on: `copy` makes copies, `prune` lets go of what is old, `read` has
readers at work, which keeps the log growing until a checkpoint must wait.
"""

import asyncio
import itertools
import os
import random
import sys
from decimal import Decimal
from pathlib import Path

from tanzaku.core import SystemClock
from tanzaku.exchange import Cost, Exchange, Settlement, Timings
from tanzaku.ledger import Ledger, LedgerSettings, Retention, back_up

_CLIENTS = 8
OLD_S = 10 * 86_400
OLD_BELOW = 26_000_000
"""Numbers below it started ten days ago."""


def build(number: int, started_at: float) -> Exchange:
    usd = Decimal(number % 97 + 1) / 10**6
    exchange = Exchange(
        exchange_id=f"exch_{number:012d}",
        started_at=started_at,
        method="POST",
        path="/v1/messages",
        request_headers=[("content-type", "application/json")],
        request_body=b"x" * (number % 5000),
        model="claude-haiku-4-5",
        reserved_usd=usd * 2,
    )
    exchange.settlement = Settlement(
        settled_at=started_at,
        status=200,
        route="sim",
        response_headers=[],
        response_body=b"y" * (number % 3000),
        timings=Timings(1.0, 2.0),
        attempts=[],
        cost=Cost(usd, {"input": usd}),
    )
    return exchange


async def client(ledger: Ledger, numbers: "itertools.count[int]", chance: random.Random) -> None:
    clock = SystemClock()
    while True:
        number = next(numbers)
        exchange = build(number, clock.now() - OLD_S * (number < OLD_BELOW))
        ledger.start(exchange)
        if chance.random() < 0.3:
            await asyncio.sleep(chance.random() * 0.03)
        await ledger.settle(exchange)
        os.write(1, b"%d\n" % number)


def copy_again_and_again(path: Path) -> None:
    for number in itertools.count():
        target = path.with_name(f"copy-{os.getpid()}-{number}.db")
        back_up(path, target)
        target.unlink()


def read_again_and_again(ledger: Ledger) -> None:
    while True:
        ledger.totals()


async def main(path: Path, first: int, mode: str) -> None:
    chance = random.Random(first)
    retention = Retention(keep_days=5) if mode == "prune" else Retention()
    settings = LedgerSettings(retention=retention)
    with Ledger.open(path, clock=SystemClock(), settings=settings) as ledger:
        os.write(1, b"open\n")
        numbers = itertools.count(first)
        beside = {
            "copy": lambda: asyncio.to_thread(copy_again_and_again, path),
            "read": lambda: asyncio.to_thread(read_again_and_again, ledger),
        }
        works = [client(ledger, numbers, chance) for _ in range(_CLIENTS)]
        if mode in beside:
            works.append(beside[mode]())
        await asyncio.gather(*works)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
