"""Which headers cross the gateway: everything but a short deny-list, order and repeats kept.

Sources: RFC 9110 section 7.6.1 (hop-by-hop and `Connection`), requirement L4 of the project's
security notes. The credentials and Tanzaku's own labels pass to an upstream in this process (the
simulator answers a missing key with 401 as the API does) and never to a real one.
"""

from tanzaku.exchange import LABEL_PREFIX
from tanzaku.transport import HOP_BY_HOP, HeaderList

# The length is made again by whoever writes the message; X-Forwarded-* comes from strangers.
_NEVER_FORWARDED = HOP_BY_HOP | {
    b"host",
    b"content-length",
    b"expect",
    b"cookie",
    b"cookie2",
    b"forwarded",
    b"x-real-ip",
}
_FORWARDED_PREFIX = b"x-forwarded-"
_NEVER_RETURNED = HOP_BY_HOP | {b"set-cookie", b"set-cookie2"}
_CREDENTIALS = frozenset({b"authorization", b"x-api-key", b"api-key"})
_LABEL_PREFIX = LABEL_PREFIX.encode()


def forward_request_headers(headers: HeaderList) -> HeaderList:
    """What of a client's request headers goes on to the upstream."""
    named = _named_by_connection(headers)
    return [
        (name, value)
        for name, value in headers
        if name not in _NEVER_FORWARDED
        and name not in named
        and not name.startswith(_FORWARDED_PREFIX)
    ]


def strip_private_headers(headers: HeaderList) -> HeaderList:
    """`headers` without credentials and `tanzaku-*` labels, for an upstream outside."""
    return [
        (name, value)
        for name, value in headers
        if name not in _CREDENTIALS and not name.startswith(_LABEL_PREFIX)
    ]


def forward_response_headers(headers: HeaderList) -> HeaderList:
    """What of an upstream's response headers goes back to the client, byte for byte."""
    named = _named_by_connection(headers)
    return [
        (name, value)
        for name, value in headers
        if name not in _NEVER_RETURNED and name not in named
    ]


def read_labels(headers: HeaderList) -> dict[str, str]:
    """The `tanzaku-*` request headers without that prefix; of a repeated one the last counts."""
    return {
        name[len(_LABEL_PREFIX) :].decode("ascii", "replace"): value.decode("utf-8", "replace")
        for name, value in headers
        if name.startswith(_LABEL_PREFIX)
    }


def _named_by_connection(headers: HeaderList) -> frozenset[bytes]:
    tokens = [
        token.strip().lower()
        for name, value in headers
        if name == b"connection"
        for token in value.split(b",")
    ]
    return frozenset(tokens)
