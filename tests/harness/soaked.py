"""A server in a process of its own that says how it fares: one JSON line a second on stdout.

`python -m harness.soaked LEDGER CONFIG`: first line the URL, then `rss_kb`, and `longest_ms`: the
most processor time the event loop's thread spent between two beats of that second, which is how long
whoever waited for the loop was kept waiting by the loop itself.
"""

import asyncio
import json
import os
import sys
import time
from pathlib import Path

import uvloop

from tanzaku.server import Server, ServerOptions

_BEAT_S = 0.01


async def main(ledger: Path, config: Path) -> None:
    options = ServerOptions(config=config)
    async with Server(ledger=ledger, options=options) as server:
        say(server.url)
        loop = asyncio.get_running_loop()
        last, longest_s, told_at = time.thread_time(), 0.0, loop.time()
        while True:
            await asyncio.sleep(_BEAT_S)
            now = time.thread_time()
            longest_s, last = max(longest_s, now - last), now
            if loop.time() - told_at >= 1:
                report = {"rss_kb": read_rss_kb(), "longest_ms": longest_s * 1000}
                say(json.dumps(report))
                longest_s, told_at = 0.0, loop.time()


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def read_rss_kb() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


if __name__ == "__main__":
    uvloop.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
