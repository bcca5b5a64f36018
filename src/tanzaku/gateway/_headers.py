"""Which headers cross the gateway: everything but a short deny-list, order and repeats kept.

Sources: RFC 9110 section 7.6.1 (hop-by-hop and `Connection`), requirement L4 of the project's
security notes. The credentials and Tanzaku's own labels pass to an upstream in this process (the
simulator answers a missing key with 401 as the API does) and never to a real one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from tanzaku.exchange import EXCHANGE_ID_HEADER, LABEL_PREFIX, RULE_HEADER
from tanzaku.gateway._answer import is_event_stream, is_json
from tanzaku.transport import HOP_BY_HOP, HeaderList, get_header, redact_headers, redact_text
from tanzaku.wire import ANTHROPIC_VERSION, REQUEST_ID

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
# Of two gateways in a row the nearer one names the exchange that its own ledger holds.
_NEVER_RETURNED = HOP_BY_HOP | {b"set-cookie", b"set-cookie2", EXCHANGE_ID_HEADER.encode()}
_CREDENTIALS = frozenset({b"authorization", b"x-api-key", b"api-key"})
_LABEL_PREFIX = LABEL_PREFIX.encode()


_LENGTH = b"content-length"
_RULE = RULE_HEADER.encode()
_ID_NAME = REQUEST_ID.decode()
_ANY_ID = (REQUEST_ID, b"")
_PLAIN_ID = b"req_"
_MOST_LINES = 64

type Line = tuple[bytes, bytes]
type KeptHeaders = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class RequestHead:
    """What is read of a request's header lines: `forwarded` goes on to the upstream, `kept` to the
    ledger. `is_coded` says that the body carries a content-encoding."""

    forwarded: tuple[Line, ...]
    kept: KeptHeaders
    labels: Mapping[str, str]
    api_version: str | None
    is_json: bool
    is_coded: bool


@dataclass(frozen=True, slots=True)
class AnswerLines:
    """What is read of an answer's header lines: `returned` goes back to the client, `kept` to the
    ledger. An event stream counts as one when it can be read as it passes: not compressed."""

    returned: tuple[Line, ...]
    kept: KeptHeaders
    rule: str | None
    is_json: bool
    is_coded: bool
    is_event_stream: bool


@dataclass(frozen=True, slots=True)
class AnswerHead:
    """An answer's header: `lines`, which many answers share, and the `request-id` of this one, None
    where it has not exactly one."""

    lines: AnswerLines
    request_id: bytes | None

    def list_returned(self) -> HeaderList:
        """What goes back to the client."""
        request_id = self.request_id
        if request_id is None:
            return list(self.lines.returned)
        return [
            (name, request_id if name == REQUEST_ID else value)
            for name, value in self.lines.returned
        ]

    def list_kept(self) -> list[tuple[str, str]]:
        """What the ledger keeps."""
        request_id = self.request_id
        if request_id is None:
            return list(self.lines.kept)
        text = request_id.decode("latin-1")
        if not request_id.startswith(_PLAIN_ID):
            text = redact_text(text)
        return [(name, text if name == _ID_NAME else value) for name, value in self.lines.kept]


def read_request_head(headers: HeaderList) -> RequestHead:
    """Most clients send the same lines again and again, so what was read of them is remembered."""
    lines = tuple([line for line in headers if line[0] != _LENGTH])
    return _read_request(lines) if len(lines) <= _MOST_LINES else _read_request.__wrapped__(lines)


def read_answer_head(headers: HeaderList) -> AnswerHead:
    """The head, remembered likewise but for its `request-id`."""
    places = [place for place, line in enumerate(headers) if line[0] == REQUEST_ID]
    if len(places) != 1:
        return AnswerHead(_read_answer(tuple(headers)), None)
    lines = headers.copy()
    _, request_id = lines[places[0]]
    lines[places[0]] = _ANY_ID
    return AnswerHead(_read_answer(tuple(lines)), request_id)


@lru_cache(maxsize=128)
def _read_request(lines: tuple[Line, ...]) -> RequestHead:
    headers = list(lines)
    version = get_header(headers, ANTHROPIC_VERSION)
    labels = read_labels(headers)
    return RequestHead(
        forwarded=tuple(forward_request_headers(headers)),
        kept=tuple(redact_headers(headers)),
        labels={redact_text(name): redact_text(value) for name, value in labels.items()},
        api_version=None if version is None else redact_text(version.decode("latin-1")),
        is_json=is_json(headers),
        is_coded=_is_coded(headers),
    )


@lru_cache(maxsize=128)
def _read_answer(lines: tuple[Line, ...]) -> AnswerLines:
    headers = list(lines)
    rule = get_header(headers, _RULE)
    return AnswerLines(
        returned=tuple(forward_response_headers(headers)),
        kept=tuple(redact_headers(headers)),
        rule=None if rule is None else rule.decode("latin-1"),
        is_json=is_json(headers),
        is_coded=_is_coded(headers),
        is_event_stream=is_event_stream(headers),
    )


def _is_coded(headers: HeaderList) -> bool:
    return get_header(headers, b"content-encoding") not in (None, b"identity")


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
