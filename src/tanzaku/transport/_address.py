"""Which addresses the name of an upstream may lead to (requirement L5 of the security notes)."""

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final, Literal

type Reach = Literal["public", "private"]

# What answers there gives out credentials, routes for others, or is nobody's: never an upstream.
# Sources: the IANA special-purpose address registries (RFC 6890), and the addresses at which clouds
# answer about the machine itself (169.254.169.254, fd00:ec2::254, 100.100.100.200, 192.0.0.192,
# 168.63.129.16).
_NEVER: Final = {
    "a link-local address": ("169.254.0.0/16", "fe80::/10"),
    "an address that tells of the machine itself": ("fd00:ec2::254/128", "168.63.129.16/32"),
    "an address shared by a carrier's customers": ("100.64.0.0/10",),
    "a multicast address": ("224.0.0.0/4", "ff00::/8"),
    "no address of a machine": (
        "0.0.0.0/8", "192.0.0.0/24", "240.0.0.0/4", "::/128", "100::/64", "2001::/23",
    ),
    "an IPv4 address in an IPv6 one": ("::ffff:0:0/96", "::/96", "2002::/16"),
}  # fmt: skip
_NEVER_NETWORKS: Final = [
    (ip_network(network), reason) for reason, networks in _NEVER.items() for network in networks
]
_LOOPBACK: Final = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
# A network without IPv4 reaches all of it through these (RFC 6052), so they count as what they hold.
_TRANSLATED: Final = ip_network("64:ff9b::/96")


def is_loopback_host(host: str) -> bool:
    """Whether `host` says itself that it is this machine: `localhost`, 127.0.0.0/8, `::1`."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def find_reachable_addresses(host: str) -> list[str]:
    """Where other machines reach a server that listens on the address `host`: there, or, for
    0.0.0.0 and `::`, at the addresses this machine has towards other networks. Sends nothing.
    """
    if not ip_address(host).is_unspecified:
        return [host]
    # Addresses of documentation (RFC 5737, RFC 3849), which the default route leads to.
    ways = [(socket.AF_INET, "192.0.2.1")]
    if ":" in host:
        ways.append((socket.AF_INET6, "2001:db8::1"))
    found = []
    for family, far in ways:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            try:
                sock.connect((far, 9))
            except OSError:
                continue  # no way out in that family
            found.append(str(sock.getsockname()[0]))
    return found


def find_objection(address: str, host: str, reach: Reach) -> str | None:
    """What stands against a connection to `address`, to which `host` led; None for nothing.

    `public` lets a name lead to addresses of the Internet, `private` also into private networks and
    to this machine. A host that says itself that it is this machine may always lead there.
    """
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address) and ip in _TRANSLATED:
        ip = IPv4Address(ip.packed[-4:])
    if any(ip in network for network in _LOOPBACK):
        return None if reach == "private" or is_loopback_host(host) else "this machine"
    for network, reason in _NEVER_NETWORKS:
        if ip in network:
            return reason
    return None if ip.is_global or reach == "private" else "an address of a private network"
