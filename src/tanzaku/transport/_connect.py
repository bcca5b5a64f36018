"""From a base URL to an open connection: parsing, names, Happy Eyeballs, TLS."""

import asyncio
import ipaddress
import re
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from tanzaku.transport._address import Reach, find_objection
from tanzaku.transport.errors import ConnectError, RequestRefusedError, TlsError

_EYEBALLS_DELAY_S = 0.25  # RFC 8305 section 5

_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@%\-]*)*")

type _Address = tuple[socket.AddressFamily, tuple[str, int] | tuple[str, int, int, int]]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where requests go. `prefix` is put before each target; `host_header` names the default
    port of the scheme by leaving it out."""

    host: str
    port: int
    is_tls: bool
    prefix: str
    host_header: str


def parse_origin(base_url: str) -> Origin:
    """Raises RequestRefusedError for anything but http(s)://host[:port][/prefix]; the message
    leaves out user information."""
    if re.fullmatch(r"[!-~]+", base_url) is None:  # urlsplit would drop line breaks
        raise RequestRefusedError("the base URL must be printable ASCII without spaces")
    try:
        parts = urlsplit(base_url)
        port = parts.port
    except ValueError:
        raise RequestRefusedError("the base URL is malformed") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise RequestRefusedError("the base URL must be http://host or https://host")
    if parts.username is not None or parts.password is not None:
        raise RequestRefusedError("the base URL must not carry a user name or password")
    prefix = parts.path.rstrip("/")
    if parts.query or parts.fragment or _PREFIX.fullmatch(prefix) is None:
        raise RequestRefusedError("the base URL must end with its path")
    is_tls = parts.scheme == "https"
    default_port = 443 if is_tls else 80
    host = parts.hostname
    shown = f"[{host}]" if ":" in host else host
    if re.fullmatch(r"[A-Za-z0-9._\-]+|\[[0-9a-f:.]+\]", shown) is None:
        raise RequestRefusedError("the base URL's host is not a host name")
    if port is None:
        port = default_port
    if port != default_port:
        shown += f":{port}"
    return Origin(host, port, is_tls, prefix, shown)


async def open_connection[P: asyncio.Protocol](
    origin: Origin,
    make: Callable[[], P],
    tls: ssl.SSLContext | None,
    handshake_s: float,
    reach: Reach | None,
) -> P:
    """A connected `make()`. Raises ConnectError or TlsError; the caller bounds the time."""
    loop = asyncio.get_running_loop()
    try:
        sock = await _open_socket(origin.host, origin.port, reach)
    except OSError as error:
        raise ConnectError(
            f"cannot connect to {origin.host}:{origin.port}: {error.strerror or error}"
        ) from error
    try:
        if tls is None:
            _, protocol = await loop.create_connection(make, sock=sock)
        else:
            _, protocol = await loop.create_connection(
                make,
                sock=sock,
                ssl=tls,
                server_hostname=origin.host,
                ssl_handshake_timeout=handshake_s,
            )
    except (OSError, ssl.CertificateError) as error:
        sock.close()
        if tls is None:
            raise ConnectError(f"cannot connect to {origin.host}:{origin.port}: {error}") from error
        reason = getattr(error, "verify_message", "") or getattr(error, "reason", "") or error
        raise TlsError(f"no TLS connection to {origin.host}:{origin.port}: {reason}") from error
    except BaseException:
        sock.close()
        raise
    return protocol


async def _open_socket(host: str, port: int, reach: Reach | None) -> socket.socket:
    """Race the host's addresses, IPv6 and IPv4 in turn, each a quarter second after the last."""
    addresses = await _resolve(host, port)
    if reach is not None:
        addresses = _keep_allowed(addresses, host, reach)
    if len(addresses) == 1:
        return await _connect(addresses[0])
    failures: list[OSError] = []
    attempts: set[asyncio.Task[socket.socket]] = set()
    waiting = list(reversed(addresses))
    try:
        while waiting or attempts:
            if waiting:
                attempts.add(asyncio.create_task(_connect(waiting.pop())))
            done, attempts = await asyncio.wait(
                attempts,
                timeout=_EYEBALLS_DELAY_S if waiting else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            won: socket.socket | None = None
            for attempt in done:
                error = attempt.exception()
                if error is None and won is None:
                    won = attempt.result()
                elif error is None:
                    attempt.result().close()
                elif isinstance(error, OSError):
                    failures.append(error)
                else:
                    raise error
            if won is not None:
                return won
    finally:
        for attempt in attempts:
            attempt.add_done_callback(_close_late)
            attempt.cancel()
    raise failures[0]


def _keep_allowed(addresses: Sequence[_Address], host: str, reach: Reach) -> Sequence[_Address]:
    """Those that may be connected to. What was looked at is what is connected to: the name is not
    resolved again."""
    objections = [find_objection(target[0], host, reach) for _, target in addresses]
    allowed = [address for address, no in zip(addresses, objections, strict=True) if no is None]
    if not allowed:
        raise ConnectError(f"{host} leads to {addresses[0][1][0]}, {objections[0]}")
    return allowed


def _close_late(attempt: asyncio.Task[socket.socket]) -> None:
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().close()


async def _connect(address: _Address) -> socket.socket:
    family, target = address
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(sock, target)
    except BaseException:
        sock.close()
        raise
    return sock


async def _resolve(host: str, port: int) -> Sequence[_Address]:
    try:
        literal = ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        family = socket.AF_INET6 if literal.version == 6 else socket.AF_INET
        return [(family, (host, port))]
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    by_family: dict[socket.AddressFamily, list[_Address]] = {}
    for family, _, _, _, target in found:
        by_family.setdefault(family, []).append((family, target))  # type: ignore[arg-type]
    queues = [list(reversed(queue)) for queue in by_family.values()]
    ordered: list[_Address] = []
    while any(queues):
        ordered.extend(queue.pop() for queue in queues if queue)
    if not ordered:
        raise OSError(f"{host} has no address")
    return ordered
