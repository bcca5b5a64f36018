"""Breaking a connection on purpose, for whatever protocol serves it."""

import asyncio
import socket
import struct

from tanzaku.transport.errors import ConnectionBreak

_NO_LINGER = struct.pack("ii", 1, 0)


def break_connection(transport: asyncio.Transport, kind: ConnectionBreak) -> None:
    """Break a TCP connection as `ConnectionFault` says.

    What waits in `transport` goes to the system first.
    After `half_close` the caller sees to it that the connection ends some time.
    """
    if kind == "half_close":
        transport.write_eof()
        return
    if kind == "reset":
        sock: socket.socket = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    transport.close()
