"""Message batches: their life over time (pure), what works them off, and the HTTP calls."""

from tanzaku.simulator.batches._api import MAX_BATCH_BODY_BYTES, BatchesApi
from tanzaku.simulator.batches._life import BatchLife, Outcome
from tanzaku.simulator.batches._run import AnswerItem, Dequeue

__all__ = [
    "MAX_BATCH_BODY_BYTES",
    "AnswerItem",
    "BatchLife",
    "BatchesApi",
    "Dequeue",
    "Outcome",
]
