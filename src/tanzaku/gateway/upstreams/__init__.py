"""Where calls go: one upstream each, with its keys, its breaker and its shape on the wire."""

from tanzaku.gateway.upstreams._breaker import Breaker, BreakerState
from tanzaku.gateway.upstreams._pool import KeyPool
from tanzaku.gateway.upstreams._read import read_upstreams
from tanzaku.gateway.upstreams._settings import BreakerSettings, UpstreamSettings
from tanzaku.gateway.upstreams._upstream import Upstream

__all__ = [
    "Breaker",
    "BreakerSettings",
    "BreakerState",
    "KeyPool",
    "Upstream",
    "UpstreamSettings",
    "read_upstreams",
]
