"""What the API knows before the first request: its sizes, its prices, its words."""

from functools import lru_cache

from tanzaku.catalog import count_tokens, preload_tokens, resolve_rates
from tanzaku.transport import BodyLimit
from tanzaku.wire import validate

_USUAL_MODEL = "claude-haiku-4-5"
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
    """Load the request's schema, and price list and vocabulary for the model that most ask for
    (0.2 s), beside the loop, before a request waits for them."""
    validate({}, None)
    resolve_rates(_USUAL_MODEL)
    count_tokens({"messages": [{"role": "user", "content": "tanzaku"}]}, _USUAL_MODEL)


def load_more_facts() -> None:
    """Load what only many or long texts need (0.1 s)."""
    preload_tokens("v3")
