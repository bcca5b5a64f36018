"""Whether a request may come in at all: Host and Origin, against rebinding and foreign pages."""

import re
from collections.abc import Collection
from dataclasses import dataclass

from tanzaku.transport._http import HttpRequest

_HOST = re.compile(rb"([A-Za-z0-9.\-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?")
_ORIGIN = re.compile(rb"https?://([A-Za-z0-9.\-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?")

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


@dataclass(frozen=True, slots=True)
class OriginRefusal:
    """`status` 421: the Host is not ours; 403: a page of another site sent it."""

    status: int
    reason: str


def check_origin(
    request: HttpRequest,
    allowed_hosts: Collection[str] = LOOPBACK_NAMES,
    *,
    is_known_page: bool = False,
) -> OriginRefusal | None:
    """None for a request that may be served.

    `allowed_hosts` are lower-case names without ports ([::1] in its brackets); any port is
    taken, since a foreign page cannot choose the name the browser sends. An Origin, when one is
    sent, must name the same host and port as Host does: a page on another port of this machine
    is another site. `null` (sandboxed frames, files) is foreign. With `is_known_page` the caller has
    looked at where the page is from, and only Host counts.
    """
    hosts = [value for name, value in request.headers if name == b"host"]
    if len(hosts) != 1:
        return OriginRefusal(421, "Exactly one Host header is required.")
    found = _HOST.fullmatch(hosts[0])
    if found is None or found[1].decode("ascii").lower() not in allowed_hosts:
        return OriginRefusal(421, "This server does not answer for that Host.")
    if not request.target.startswith("/"):
        return OriginRefusal(421, "The request target must be a path.")
    for name, value in () if is_known_page else request.headers:
        if name == b"origin":
            origin = _ORIGIN.fullmatch(value)
            if origin is None or value.partition(b"//")[2].lower() != hosts[0].lower():
                return OriginRefusal(403, "Requests from other web pages are refused.")
        elif name == b"sec-fetch-site" and value not in (b"same-origin", b"none"):
            return OriginRefusal(403, "Requests from other web pages are refused.")
    return None
