"""Web pages of other origins that may call `/v1` because a configuration names them (CORS, as
fetch.spec.whatwg.org has it): exact origins, no credentials of the browser's, never all of them."""

import re
from collections.abc import Collection
from typing import Final

from tanzaku.exchange import EXCHANGE_ID_HEADER, VIOLATIONS_HEADER
from tanzaku.transport import HttpRequest, HttpResponse, get_header
from tanzaku.wire import (
    RATE_LIMIT_HEADERS,
    REQUEST_ID,
    RETRY_AFTER,
    RETRY_AFTER_MS,
    SHOULD_RETRY,
    TIER_LIMIT_HEADERS,
)

_WISH: Final = b"access-control-request-method"
_METHODS: Final = b"DELETE, GET, PATCH, POST, PUT"
_NAMES: Final = re.compile(rb"[A-Za-z0-9-]+(?:[ \t]*,[ \t]*[A-Za-z0-9-]+)*")
_KEPT_S: Final = b"600"
_OURS: Final = (EXCHANGE_ID_HEADER, VIOLATIONS_HEADER, "tanzaku-cache", "tanzaku-rule")
_SHOWN: Final = b", ".join(
    (
        *(REQUEST_ID, RETRY_AFTER, RETRY_AFTER_MS, SHOULD_RETRY),
        *(name for names in RATE_LIMIT_HEADERS.values() for name in names),
        *(name for names in TIER_LIMIT_HEADERS.values() for name in names),
        *(name.encode() for name in _OURS),
    )
)


def find_page(request: HttpRequest, origins: Collection[str]) -> bytes | None:
    """The origin of the page that asks, when it is one of `origins`."""
    if not origins:
        return None
    named = [value for name, value in request.headers if name == b"origin"]
    return named[0] if len(named) == 1 and named[0].decode("latin-1") in origins else None


def answer_preflight(request: HttpRequest, page: bytes) -> HttpResponse | None:
    """What a browser asks before it lets `page` call; None where `request` is no such question."""
    if request.method != "OPTIONS" or get_header(request.headers, _WISH) is None:
        return None
    answer = HttpResponse(204, [(b"access-control-allow-methods", _METHODS)], b"")
    wanted = get_header(request.headers, b"access-control-request-headers")
    if wanted is not None and _NAMES.fullmatch(wanted):
        answer.headers.append((b"access-control-allow-headers", wanted))
    answer.headers.append((b"access-control-max-age", _KEPT_S))
    show_to(answer, page)
    return answer


def show_to(answer: HttpResponse, page: bytes) -> None:
    """Let `page`, and no other, read `answer`, whatever its upstream says of that."""
    own = (b"access-control-allow-origin", b"access-control-allow-credentials")
    hidden = (*own, b"access-control-expose-headers")
    answer.headers = [line for line in answer.headers if line[0] not in hidden]
    answer.headers += [
        (b"access-control-allow-origin", page),
        (b"access-control-expose-headers", _SHOWN),
        (b"vary", b"origin"),
    ]
