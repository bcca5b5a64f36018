"""The headers that say how much of each limit is left.

Source: page api/rate-limits. Guesses: `remaining` never exceeds the limit (of 1,500 tokens the
rounding would make 2,000); `reset` is rounded up to a second; where a workspace has a limit of its
own, each trio shows whichever has less left, as the page says of the `tokens` trio alone.
"""

import math
from functools import lru_cache

from tanzaku.core import format_rfc3339
from tanzaku.simulator.quota._bucket import Bucket
from tanzaku.simulator.quota._lane import Commitment, Lane
from tanzaku.wire import RATE_LIMIT_HEADERS, TIER_LIMIT_HEADERS, LimitHeaders

type HeaderPairs = tuple[tuple[bytes, bytes], ...]


def format_requests(now: float, *buckets: Bucket) -> HeaderPairs:
    """The `requests` trio of the bucket with the fewest left; nothing without a bucket."""
    if not buckets:
        return ()
    bucket = min(buckets, key=lambda each: each.refill(now))
    left = math.floor(bucket.refill(now))
    return _format_trio(RATE_LIMIT_HEADERS["requests"], bucket.limit, left, bucket.full_at())


def format_limits(now: float, lane: Lane, commitment: Commitment | None) -> HeaderPairs:
    """All trios of an answer that is sent at `now`."""
    for bucket in (*lane.inputs, *lane.outputs):
        bucket.refill(now)
    inputs = min(lane.inputs, key=_get_level, default=None)
    outputs = min(lane.outputs, key=_get_level, default=None)
    pairs = format_requests(now, *lane.requests)
    if lane.is_fast:
        pairs += _format_tokens(TIER_LIMIT_HEADERS["fast-input-tokens"], inputs)
        pairs += _format_tokens(TIER_LIMIT_HEADERS["fast-output-tokens"], outputs)
    else:
        pairs += _format_most_restrictive(lane)
        pairs += _format_tokens(RATE_LIMIT_HEADERS["input-tokens"], inputs)
        pairs += _format_tokens(RATE_LIMIT_HEADERS["output-tokens"], outputs)
    if commitment is not None:
        commitment.inputs.refill(now)
        commitment.outputs.refill(now)
        pairs += _format_tokens(TIER_LIMIT_HEADERS["priority-input-tokens"], commitment.inputs)
        pairs += _format_tokens(TIER_LIMIT_HEADERS["priority-output-tokens"], commitment.outputs)
    return pairs


def _format_most_restrictive(lane: Lane) -> HeaderPairs:
    """The `tokens` trio: of the workspace's token limits and the organization's two taken together,
    the one with the fewest tokens left."""
    names = RATE_LIMIT_HEADERS["tokens"]
    buckets = (*lane.inputs, *lane.outputs)
    total = [bucket for bucket in buckets if bucket.owner == "organization"]
    own = [bucket for bucket in buckets if bucket.owner == "workspace"]
    left = sum(max(0.0, bucket.level) for bucket in total)
    narrowest = min(own, key=_get_level, default=None)
    if narrowest is not None and (not total or narrowest.level < left):
        return _format_tokens(names, narrowest)
    if not total:
        return ()
    limit = sum(bucket.limit for bucket in total)
    full_at = max(bucket.full_at() for bucket in total)
    return _format_trio(names, limit, _round_tokens(left), full_at)


def _format_tokens(names: LimitHeaders, bucket: Bucket | None) -> HeaderPairs:
    if bucket is None:
        return ()
    return _format_trio(names, bucket.limit, _round_tokens(bucket.level), bucket.full_at())


def _format_trio(names: LimitHeaders, limit: int, left: int, full_at: float) -> HeaderPairs:
    return (
        (names.limit, b"%d" % limit),
        (names.remaining, b"%d" % max(0, min(left, limit))),
        (names.reset, _format_second(math.ceil(full_at))),
    )


def _round_tokens(amount: float) -> int:
    """To the nearest thousand, halves up."""
    return math.floor(amount / 1000 + 0.5) * 1000


def _get_level(bucket: Bucket) -> float:
    return bucket.level


@lru_cache(maxsize=256)
def _format_second(unix_second: int) -> bytes:
    return format_rfc3339(unix_second).encode()
