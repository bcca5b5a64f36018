"""Serve one planted service by hand: `python -m benchmarks.planted SERVICE [BUG] --port 0`."""

import argparse

from benchmarks.planted.catalogue import BUGS, SERVICES, build, key
from benchmarks.planted.door import ask
from tanzaku.transport import HttpRequest, HttpResponse, run_until_signal, serve

MOST_BYTES = 8_000_000


def read_words() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.planted", description=__doc__)
    parser.add_argument("service", choices=SERVICES)
    parser.add_argument("bug", nargs="?", choices=[bug.id for bug in BUGS], metavar="BUG")
    parser.add_argument("--port", type=int, default=0)
    words = parser.parse_args()
    if words.bug is not None and not words.bug.startswith(f"{words.service}-"):
        parser.error(f"{words.bug} is no bug of {words.service}")
    return words


def main(words: argparse.Namespace) -> None:
    app = build(words.service, words.bug)

    async def handle(request: HttpRequest) -> HttpResponse:
        reply = await ask(app, request.method, request.target, request.headers, request.body)
        return HttpResponse(reply.status, reply.headers, b"".join(reply.chunks))

    run_until_signal(
        lambda: serve(handle, port=words.port, max_body_bytes=MOST_BYTES),
        on_ready=lambda running: print(running.url, dict(key(words.service)), flush=True),
    )


if __name__ == "__main__":
    main(read_words())
