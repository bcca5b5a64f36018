"""What flows: one exchange is one request to Claude and its answer."""

from tanzaku.exchange._headers import (
    EXCHANGE_ID_HEADER,
    LABEL_PREFIX,
    RULE_HEADER,
    TRACE_HEADER,
    VIOLATIONS_HEADER,
)
from tanzaku.exchange._json import exchange_to_json
from tanzaku.exchange._model import Attempt, Cost, Exchange, ExchangeError, Settlement, Timings

__all__ = [
    "EXCHANGE_ID_HEADER",
    "LABEL_PREFIX",
    "RULE_HEADER",
    "TRACE_HEADER",
    "VIOLATIONS_HEADER",
    "Attempt",
    "Cost",
    "Exchange",
    "ExchangeError",
    "Settlement",
    "Timings",
    "exchange_to_json",
]
