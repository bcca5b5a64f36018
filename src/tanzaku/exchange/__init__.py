"""What flows: one exchange is one request to Claude and its answer."""

from tanzaku.exchange._headers import EXCHANGE_ID_HEADER, LABEL_PREFIX, RULE_HEADER
from tanzaku.exchange._json import build_document, build_summary
from tanzaku.exchange._model import Attempt, Cost, Exchange, ExchangeError, Settlement, Timings

__all__ = [
    "EXCHANGE_ID_HEADER",
    "LABEL_PREFIX",
    "RULE_HEADER",
    "Attempt",
    "Cost",
    "Exchange",
    "ExchangeError",
    "Settlement",
    "Timings",
    "build_document",
    "build_summary",
]
