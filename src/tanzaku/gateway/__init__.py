"""Carrying a call to its upstream and back: bytes unchanged, counted, priced and kept."""

from tanzaku.gateway._gateway import Gateway
from tanzaku.gateway._retry import RetryPolicy
from tanzaku.gateway._upstream import ANTHROPIC_URL, build_anthropic_upstream

__all__ = ["ANTHROPIC_URL", "Gateway", "RetryPolicy", "build_anthropic_upstream"]
