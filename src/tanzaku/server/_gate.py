"""Who may reach a server: other machines only where that is said twice, its own paths only with the
admin token where keys are asked for or other machines come in."""

import re
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tanzaku.core import UserError
from tanzaku.server._options import ServerOptions
from tanzaku.transport import (
    LOOPBACK_NAMES,
    HttpRequest,
    find_reachable_addresses,
    is_loopback_host,
)

if TYPE_CHECKING:
    from tanzaku.gateway.keys import Keyring

HEALTH: Final = "/_tanzaku/health"
_NAME: Final = re.compile(r"[A-Za-z0-9.\-]+|\[[0-9A-Fa-f:.]+\]")


def ensure_may_listen(host: str, options: ServerOptions, ledger: Path | None) -> None:
    """UserError for an address that other machines reach, unless that is allowed and there is an
    admin token already: one made now nobody would know of."""
    if is_loopback_host(host):
        return
    from tanzaku.gateway.keys import ADMIN_VARIABLE, find_token_file, read_token_file

    try:
        ip_address(host)
    except ValueError:
        raise UserError(
            "{host} is no address to listen on.",
            hint="Name an IP address of this machine; 0.0.0.0 is all of them.",
            host=host,
        ) from None
    if not options.allow_remote:
        raise UserError(
            "Refusing to listen on {host}: other machines could reach the server.",
            hint="Use 127.0.0.1, ::1 or localhost, or allow it with --allow-remote and an admin "
            "token in {variable}.",
            host=host,
            variable=ADMIN_VARIABLE,
        )
    if options.environment.get(ADMIN_VARIABLE):
        return
    path = None if ledger is None else find_token_file(ledger)
    if path is None or not path.exists():
        raise UserError(
            "Refusing to listen on {host} without an admin token: anyone could read the ledger.",
            hint="Set {variable} to a long random text.",
            host=host,
            variable=ADMIN_VARIABLE,
        )
    read_token_file(path)


def find_hosts(host: str, options: ServerOptions) -> frozenset[str]:
    """The names, lower-case and without ports, that a server on `host` answers to in a Host
    header. UserError for a name that cannot stand there."""
    for name in options.hosts:
        if _NAME.fullmatch(name) is None:
            raise UserError(
                "{name} is no name of a host.",
                hint="Write it as it stands in the URL, without scheme and port.",
                name=name,
            )
    try:
        addresses = find_reachable_addresses(host)
    except ValueError:
        addresses = []  # a name of this machine
    own = (f"[{address}]" if ":" in address else address for address in addresses)
    return LOOPBACK_NAMES | {name.lower() for name in (*own, *options.hosts)}


class Guard:
    """Asks for the admin token on Tanzaku's own paths where other machines come in, and where calls
    need a virtual key. Open to all are the health, and the deferred calls, which ask for a virtual
    key themselves."""

    def __init__(self, token: str | None, ring: "Keyring | None", *, is_remote: bool) -> None:
        self._token = token
        self._ring = ring
        self._is_remote = is_remote

    def check(self, request: HttpRequest) -> None:
        """ApiError 401 for who may not ask for that path."""
        if not self._is_remote and (self._ring is None or not self._ring.needs_key):
            return
        from tanzaku.gateway.batching import LATER_PATH
        from tanzaku.gateway.keys import check_admin

        path = request.path
        if path not in (HEALTH, LATER_PATH) and not path.startswith(f"{LATER_PATH}/"):
            check_admin(request, self._token)
