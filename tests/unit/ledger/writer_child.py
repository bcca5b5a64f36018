"""A process that writes a ledger until it is killed; each durable id goes to standard output.

Arguments: the ledger's file or URL, the first number, how many exchanges at a time, and pages of log
between checkpoints (0: as shipped). With 0 exchanges at a time it only opens the file (and so
migrates it), says `open` and waits for its standard input to end.
"""

import asyncio
import os
import sys
from decimal import Decimal
from pathlib import Path

from tanzaku.core import SystemClock
from tanzaku.exchange import Cost, Exchange, Settlement, Timings
from tanzaku.ledger import Ledger


def build_exchange(number: int) -> Exchange:
    return Exchange(
        exchange_id=f"exch_{number:08d}",
        started_at=float(number),
        method="POST",
        path="/v1/messages",
        request_headers=[],
        request_body=b"q" * 600,
        settlement=Settlement(
            settled_at=float(number),
            status=200,
            route="simulator",
            response_headers=[],
            response_body=b"a" * 600,
            timings=Timings(None, 1.0),
            attempts=[],
            cost=Cost(Decimal("0.000001"), {}),
        ),
    )


async def write_forever(ledger: Ledger, first: int, at_a_time: int) -> None:
    async def keep_settling(number: int) -> None:
        while True:
            exchange = build_exchange(number)
            ledger.start(exchange)
            await ledger.settle(exchange)
            os.write(1, f"{exchange.exchange_id}\n".encode())
            number += at_a_time

    await asyncio.gather(*(keep_settling(first + index) for index in range(at_a_time)))


if __name__ == "__main__":
    place = sys.argv[1] if sys.argv[1].startswith("postgresql:") else Path(sys.argv[1])
    with Ledger.open(place, clock=SystemClock()) as opened:
        if pages := int(sys.argv[4]):
            opened._writer._database.connection.execute(f"PRAGMA wal_autocheckpoint = {pages}")
        if at_a_time := int(sys.argv[3]):
            asyncio.run(write_forever(opened, int(sys.argv[2]), at_a_time))
        os.write(1, b"open\n")
        sys.stdin.read()
