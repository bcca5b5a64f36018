"""What the API knows before the first request: its sizes, its prices, its words."""

from functools import lru_cache

from tanzaku.catalog import count_tokens, resolve_rates
from tanzaku.transport import BodyLimit
from tanzaku.wire import validate

_MEGABYTE = 1024 * 1024


@lru_cache(maxsize=64)
def find_body_limit(target: str) -> BodyLimit:
    """The API's size limits: 32 MB for messages, 256 MB for batches, 500 MB for files
    (platform.claude.com/docs/en/api/overview, 2026-08-22). The latter two pass on as they come."""
    if target.startswith("/v1/messages/batches"):
        from tanzaku.simulator.batches import MAX_BATCH_BODY_BYTES

        return BodyLimit(MAX_BATCH_BODY_BYTES, _MEGABYTE)
    if target.startswith("/v1/files"):
        from tanzaku.simulator.files import MAX_UPLOAD_BODY_BYTES

        return BodyLimit(MAX_UPLOAD_BODY_BYTES, _MEGABYTE)
    return BodyLimit(32 * _MEGABYTE)


def load_facts() -> None:
    """Load price list, vocabulary and the request's schema for the model that most ask for (0.3 s)
    beside the loop, before a request waits for them."""
    validate({}, None)
    model = "claude-haiku-4-5"
    resolve_rates(model)
    count_tokens({"messages": [{"role": "user", "content": "tanzaku"}]}, model)
