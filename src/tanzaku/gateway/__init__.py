"""Carrying a call to its upstream and back: bytes unchanged, counted, priced and kept."""

from tanzaku.gateway._retry import RetryPolicy

__all__ = ["RetryPolicy"]
