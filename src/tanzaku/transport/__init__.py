"""Moving bytes: the streaming client, the guarded server, limits, redaction.

The server's names are loaded on first use: a room that only passes requests along, or a command
that only sends one, does not pay for them.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from tanzaku.transport._address import (
    Reach,
    find_objection,
    find_reachable_addresses,
    is_loopback_host,
)
from tanzaku.transport._client import ClientResponse, HttpClient, build_head
from tanzaku.transport._connect import Origin, parse_origin
from tanzaku.transport._connection import StreamTimings, Timeouts
from tanzaku.transport._encoding import BodyDecoder, decode_body, decode_body_aside
from tanzaku.transport._http import (
    HOP_BY_HOP,
    STOPPING,
    UNREAD,
    Handler,
    HeaderList,
    HttpRequest,
    HttpResponse,
    Refusal,
    close_body,
    get_header,
    read_all,
    read_upload,
    refuse_plainly,
)
from tanzaku.transport._origin import LOOPBACK_NAMES, OriginRefusal, check_origin
from tanzaku.transport._redact import (
    CREDENTIAL_HEADERS,
    MASK,
    RedactingFormatter,
    redact_body,
    redact_headers,
    redact_query,
    redact_text,
)
from tanzaku.transport._redact_json import redact_json
from tanzaku.transport._upload import BrokenUploadError, Upload
from tanzaku.transport.errors import (
    BodyEncodingError,
    BrokenResponse,
    ConnectError,
    ConnectionBreak,
    ConnectionFault,
    RequestRefusedError,
    TlsError,
    TransportError,
    UpstreamTimeout,
)

if TYPE_CHECKING:
    from tanzaku.transport._reader import BodyLimit, ServerLimits
    from tanzaku.transport._serve import (
        RunningServer,
        ThreadedServer,
        new_event_loop,
        run_until_signal,
        serve,
    )

__all__ = [
    "CREDENTIAL_HEADERS",
    "HOP_BY_HOP",
    "LOOPBACK_NAMES",
    "MASK",
    "STOPPING",
    "UNREAD",
    "BodyDecoder",
    "BodyEncodingError",
    "BodyLimit",
    "BrokenResponse",
    "BrokenUploadError",
    "ClientResponse",
    "ConnectError",
    "ConnectionBreak",
    "ConnectionFault",
    "Handler",
    "HeaderList",
    "HttpClient",
    "HttpRequest",
    "HttpResponse",
    "Origin",
    "OriginRefusal",
    "Reach",
    "RedactingFormatter",
    "Refusal",
    "RequestRefusedError",
    "RunningServer",
    "ServerLimits",
    "StreamTimings",
    "ThreadedServer",
    "Timeouts",
    "TlsError",
    "TransportError",
    "Upload",
    "UpstreamTimeout",
    "build_head",
    "check_origin",
    "close_body",
    "decode_body",
    "decode_body_aside",
    "find_objection",
    "find_reachable_addresses",
    "get_header",
    "is_loopback_host",
    "new_event_loop",
    "parse_origin",
    "read_all",
    "read_upload",
    "redact_body",
    "redact_headers",
    "redact_json",
    "redact_query",
    "redact_text",
    "refuse_plainly",
    "run_until_signal",
    "serve",
]

_LOADED_ON_USE = {
    "BodyLimit": "_reader",
    "RunningServer": "_serve",
    "ServerLimits": "_reader",
    "ThreadedServer": "_serve",
    "new_event_loop": "_serve",
    "run_until_signal": "_serve",
    "serve": "_serve",
}


def __getattr__(name: str) -> object:
    module = _LOADED_ON_USE.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value
