"""The header `idempotency-key`: a call that is posted again stays one call."""

import hashlib
from typing import Final

from tanzaku.gateway._stages import WHEN, Asked, Caller
from tanzaku.gateway.batching._deferred import Claim, Group
from tanzaku.transport import get_header
from tanzaku.wire import ApiError

# As the SDK's generator names it; SDK 2.12 sends none by itself (`_idempotency_header` is None).
IDEMPOTENCY_KEY: Final = "idempotency-key"
_LONGEST: Final = 255
_BYTES: Final = 16


def read_claim(asked: Asked, caller: Caller, group: Group) -> Claim | None:
    """What a call with an idempotency key claims, None for one without. ApiError 400 for a key that
    is no printable ASCII text of 1 to 255 characters."""
    key = get_header(asked.request.headers, IDEMPOTENCY_KEY.encode())
    if key is None:
        return None
    if not 0 < len(key) <= _LONGEST or not key.isascii() or not key.decode("ascii").isprintable():
        raise ApiError.invalid_request(
            f"{IDEMPOTENCY_KEY}: must be 1 to {_LONGEST} printable ASCII characters"
        )
    said = repr((asked.labels[WHEN], group.headers, group.query)).encode()
    return Claim(_hash(caller.key_id.encode(), key), _hash(said, asked.body))


def _hash(one: bytes, other: bytes) -> str:
    # The first part's own hash ends it, so that nothing can move from one part to the other.
    begun = hashlib.blake2b(hashlib.blake2b(one).digest(), digest_size=_BYTES)
    begun.update(other)
    return begun.hexdigest()
