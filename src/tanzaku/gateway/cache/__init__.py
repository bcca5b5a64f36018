"""Answers that need not be asked for again: kept ones, and one call for several at a time."""

from tanzaku.gateway.cache._cache import Opened, ResponseCache
from tanzaku.gateway.cache._keeper import Keeper
from tanzaku.gateway.cache._settings import CacheSettings, read_cache

__all__ = ["CacheSettings", "Keeper", "Opened", "ResponseCache", "read_cache"]
