"""Deferred calls through the Message Batches API, and the money of batches clients make."""

from tanzaku.gateway._stages import WHEN
from tanzaku.gateway.batching._batching import Batching
from tanzaku.gateway.batching._bill import BatchBills, BatchResultsReader
from tanzaku.gateway.batching._books import DeferredBooks
from tanzaku.gateway.batching._client import Later, ask_later
from tanzaku.gateway.batching._passing import PassingBatches
from tanzaku.gateway.batching._results_url import find_own_origin, rewrite_results_url
from tanzaku.gateway.batching._routes import LATER_PATH, LaterRoutes
from tanzaku.gateway.batching._settings import BatchingSettings, read_batching

__all__ = [
    "LATER_PATH",
    "WHEN",
    "BatchBills",
    "BatchResultsReader",
    "Batching",
    "BatchingSettings",
    "DeferredBooks",
    "Later",
    "LaterRoutes",
    "PassingBatches",
    "ask_later",
    "find_own_origin",
    "read_batching",
    "rewrite_results_url",
]
