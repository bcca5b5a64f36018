"""What flows: one exchange is one request to Claude and its answer."""

from tanzaku.exchange._headers import (
    EXCHANGE_ID_HEADER,
    LABEL_PREFIX,
    RULE_HEADER,
    TRACE_HEADER,
    VIOLATIONS_HEADER,
    encode_violations,
)
from tanzaku.exchange._json import exchange_to_json
from tanzaku.exchange._matching import NormalRequest
from tanzaku.exchange._model import Attempt, Cost, Exchange, ExchangeError, Settlement, Timings
from tanzaku.exchange._recording import (
    Frame,
    RecordedExchange,
    RecordedRequest,
    RecordedResponse,
    Recording,
    decode_recording,
    encode_exchange,
    encode_recording_header,
    load_recording,
)
from tanzaku.exchange.errors import RecordingError

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
    "Frame",
    "NormalRequest",
    "RecordedExchange",
    "RecordedRequest",
    "RecordedResponse",
    "Recording",
    "RecordingError",
    "Settlement",
    "Timings",
    "decode_recording",
    "encode_exchange",
    "encode_recording_header",
    "encode_violations",
    "exchange_to_json",
    "load_recording",
]
