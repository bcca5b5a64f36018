"""What can go wrong while bytes move.

TransportError
├── RequestRefusedError    never sent: a line break in a header, a target that is no path
├── ConnectError           no connection: refused, unreachable, name unknown
│   └── TlsError           reached, but the handshake failed
├── UpstreamTimeout        `phase`: pool, connect, write, first_byte or idle
├── BrokenResponse         closed too early, or not HTTP
└── BodyEncodingError      a request body that cannot be decoded; `kind` says why

ConnectionFault            no failure: an order to break the client's connection
"""

from typing import Literal

from tanzaku.core import TanzakuError

type TimeoutPhase = Literal["pool", "connect", "write", "first_byte", "idle"]
type EncodingFault = Literal["unsupported", "invalid", "too_large"]
type ConnectionBreak = Literal["reset", "close", "half_close"]


class TransportError(TanzakuError):
    """`request_bytes_sent` is 0 when the upstream cannot have seen the request;
    `response_bytes_received` is 0 when it has said nothing yet (interim 1xx answers count)."""

    def __init__(
        self, message: str, *, request_bytes_sent: int = 0, response_bytes_received: int = 0
    ) -> None:
        super().__init__(message)
        self.request_bytes_sent = request_bytes_sent
        self.response_bytes_received = response_bytes_received


class RequestRefusedError(TransportError):
    """The request would have been malformed or would have carried a second one."""


class ConnectError(TransportError):
    """No connection to the upstream."""


class TlsError(ConnectError):
    """The upstream's certificate or its handshake was not acceptable."""


class UpstreamTimeout(TransportError):
    """A phase took longer than its limit."""

    def __init__(
        self,
        phase: TimeoutPhase,
        limit_s: float,
        *,
        request_bytes_sent: int = 0,
        response_bytes_received: int = 0,
    ) -> None:
        super().__init__(
            f"the upstream exceeded the {phase} limit of {limit_s:g} s",
            request_bytes_sent=request_bytes_sent,
            response_bytes_received=response_bytes_received,
        )
        self.phase: TimeoutPhase = phase


class BrokenResponse(TransportError):
    """The answer ended before its end, or was never HTTP."""


class BodyEncodingError(TransportError):
    """`kind`: an encoding other than identity, gzip or deflate; bytes that are not what the
    header says; or more bytes than allowed once decoded."""

    def __init__(self, kind: EncodingFault, message: str) -> None:
        super().__init__(message)
        self.kind: EncodingFault = kind


class ConnectionFault(TanzakuError):
    """Break the client's connection on purpose, after what was already sent.

    Raised by a handler (nothing of an answer goes out) or by the body it answered with (the answer
    ends where it is). `reset`: a TCP reset, which takes with it what the client has not received
    yet. `close`: the connection ends without the answer's end. `half_close`: the server sends no
    more but keeps the connection until the client closes it, or for `ServerLimits.write_s`.
    Whatever runs the handler obeys; it is no error and is not logged.
    """

    def __init__(self, kind: ConnectionBreak) -> None:
        super().__init__(f"the connection is broken on purpose ({kind})")
        self.kind: ConnectionBreak = kind
