"""Where calls go: one upstream each, with its keys, its breaker and its shape on the wire."""

from tanzaku.gateway.upstreams._bedrock import build_bedrock
from tanzaku.gateway.upstreams._breaker import Breaker, BreakerState
from tanzaku.gateway.upstreams._health import Health
from tanzaku.gateway.upstreams._pool import KeyPool, PooledKey
from tanzaku.gateway.upstreams._prober import Prober
from tanzaku.gateway.upstreams._read import read_upstreams
from tanzaku.gateway.upstreams._settings import ANTHROPIC_URL, BreakerSettings, UpstreamSettings
from tanzaku.gateway.upstreams._upstream import Bar, Upstream
from tanzaku.gateway.upstreams._vertex import build_vertex

__all__ = [
    "ANTHROPIC_URL",
    "Bar",
    "Breaker",
    "BreakerSettings",
    "BreakerState",
    "Health",
    "KeyPool",
    "PooledKey",
    "Prober",
    "Upstream",
    "UpstreamSettings",
    "build_bedrock",
    "build_vertex",
    "read_upstreams",
]
