"""One process composed of the trades: the API on one port, recorded and priced."""

from tanzaku.server._facts import find_body_limit
from tanzaku.server._options import ServerOptions
from tanzaku.server._seen import SeenRequest
from tanzaku.server._server import Server

__all__ = ["SeenRequest", "Server", "ServerOptions", "find_body_limit"]
