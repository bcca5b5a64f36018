"""JSON in one agreed form: the same value always gives the same bytes."""

from json import JSONEncoder

# `json.dumps` would build one at each call.
_encode = JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
).encode


def canonical_json(value: object) -> bytes:
    """UTF-8 JSON with sorted keys and no spaces; NaN and infinities raise ValueError."""
    return _encode(value).encode("utf-8", "surrogatepass")
