"""A server in a process of its own that says how it fares: one JSON line a second on stdout.

`python -m harness.soaked LEDGER CONFIG`: first line the URL, then `rss_kb`, and `longest_ms`: how late
the latest beat of that second came, less what its thread waited for a processor (Linux counts that in
`schedstat`) and what other virtual machines took in that second. So it holds what the loop computed,
and what it slept in a file, a lock or another thread's turn, but not what other work took from it.
"""

import asyncio
import json
import os
import sys
import threading
import time
from io import FileIO
from pathlib import Path

import uvloop

from tanzaku.server import Server, ServerOptions

_BEAT_S = 0.01


async def main(ledger: Path, config: Path) -> None:
    options = ServerOptions(config=config)
    async with Server(ledger=ledger, options=options) as server:
        say(server.url)
        thread = threading.get_native_id()
        with FileIO(f"/proc/self/task/{thread}/schedstat") as schedstat:
            longest_s, told_at = 0.0, time.monotonic()
            began, queued_s, stolen_s = told_at, read_queued_s(schedstat), read_stolen_s()
            while True:
                await asyncio.sleep(_BEAT_S)
                queued_before_s, queued_s = queued_s, read_queued_s(schedstat)
                now = time.monotonic()
                late_s = now - began - _BEAT_S - (queued_s - queued_before_s)
                longest_s, began = max(longest_s, late_s), now
                if now - told_at >= 1:
                    stolen_before_s, stolen_s = stolen_s, read_stolen_s()
                    own_s = max(0.0, longest_s - (stolen_s - stolen_before_s))
                    say(json.dumps({"rss_kb": read_rss_kb(), "longest_ms": own_s * 1000}))
                    longest_s, told_at = 0.0, now


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def read_queued_s(schedstat: FileIO) -> float:
    """How long a thread has been ready to run and did not."""
    schedstat.seek(0)
    return int(schedstat.read().split()[1]) / 1e9


def read_stolen_s() -> float:
    """How long the processors have been other machines'."""
    return int(Path("/proc/stat").read_text().split(maxsplit=9)[8]) / os.sysconf("SC_CLK_TCK")


def read_rss_kb() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


if __name__ == "__main__":
    uvloop.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
