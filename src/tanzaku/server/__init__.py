"""One process composed of the trades: the API on one port, recorded and priced."""

from tanzaku.server._server import MAX_BODY_BYTES, SeenRequest, Server

__all__ = ["MAX_BODY_BYTES", "SeenRequest", "Server"]
