"""One process composed of the trades: the API on one port, recorded and priced."""

from tanzaku.server._options import ServerOptions
from tanzaku.server._server import SeenRequest, Server, find_body_limit

__all__ = ["SeenRequest", "Server", "ServerOptions", "find_body_limit"]
