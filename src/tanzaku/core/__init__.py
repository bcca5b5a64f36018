"""Clock, ids, errors' root, SSE framing, canonical JSON. Standard library only."""

from tanzaku.core.canonical import canonical_json
from tanzaku.core.clock import Clock, SystemClock, VirtualClock, format_rfc3339
from tanzaku.core.errors import InputFileError, TanzakuError, UserError, fill
from tanzaku.core.ids import derive_id
from tanzaku.core.sse import SseDecoder, SseFrame, encode_frame
from tanzaku.core.tasks import end_tasks
from tanzaku.core.version import VERSION

__all__ = [
    "VERSION",
    "Clock",
    "InputFileError",
    "SseDecoder",
    "SseFrame",
    "SystemClock",
    "TanzakuError",
    "UserError",
    "VirtualClock",
    "canonical_json",
    "derive_id",
    "encode_frame",
    "end_tasks",
    "fill",
    "format_rfc3339",
]
