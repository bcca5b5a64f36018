"""The limits of one organization as a state machine over Unix seconds and counts of tokens.

Source: pages api/rate-limits, api/service-tiers and build-with-claude/fast-mode. Guesses:

- what is refused counts for nothing; of several limits the one to wait longest for is named;
- a request that waiting does not help, being larger than the limit, is told to wait a minute;
- output tokens are counted when an answer ends, and a request is let in while one is left: what is
  under way goes on, and what it makes too much refills before another is let in;
- a fast request is one more request of its model class, its tokens go to fast mode's own limits;
- an overloaded API refuses by chance from a number of messages under way on.
"""

import math
from decimal import Decimal
from functools import partial
from random import Random
from typing import Literal

from tanzaku.catalog import Model
from tanzaku.simulator.quota._admission import Admission
from tanzaku.simulator.quota._bucket import MINUTE_S, Bucket, Owner, Unit
from tanzaku.simulator.quota._headers import HeaderPairs, format_limits, format_requests
from tanzaku.simulator.quota._lane import Commitment, Lane
from tanzaku.simulator.quota._ramp import Ramp
from tanzaku.simulator.quota._refusal import (
    Refusal,
    describe_limit,
    describe_queue,
    describe_ramp,
)
from tanzaku.simulator.quota._settings import Figures, QuotaSettings
from tanzaku.simulator.quota._spend import Spend

type Call = Literal["count_tokens", "batches", "files"]

_UNLIMITED = Figures()
_NO_WAIT_HELPS_S = 60
# Below what a bucket gives early, above what float arithmetic gets wrong.
_NO_WAIT_S = 5e-7


class Quota:
    """What an organization may still do. Times are Unix seconds and never go back.

    `organization` is the id that refusals name; `seed` decides whom an overload hits.
    """

    def __init__(self, settings: QuotaSettings, organization: str, *, seed: int = 0) -> None:
        self._settings = settings
        self._organization = organization
        self._chance = Random(b"overload:%d" % seed)
        self._spend = Spend(settings)
        self._under_way = 0
        self._queued = 0
        self._lanes: dict[tuple[str | None, str | None, bool], Lane] = {}
        self._buckets: dict[tuple[str | None, str, Unit], Bucket] = {}
        self._ramps: dict[str, Ramp] = {}
        self._commitments = {
            model: Commitment(capacity) for model, capacity in settings.priority.items()
        }
        limits: dict[Call, int | None] = {
            "count_tokens": settings.count_tokens_requests,
            "batches": settings.batch_requests,
            "files": settings.files_requests,
        }
        self._calls = {
            call: Bucket(limit, "requests", "organization", settings.burst_s)
            for call, limit in limits.items()
            if limit is not None
        }

    def admit(
        self,
        now: float,
        model: Model,
        input_tokens: int,
        *,
        workspace: str | None = None,
        is_fast: bool = False,
        service_tier: str = "auto",
    ) -> Admission | Refusal:
        """Let a message in, or say why not.

        `input_tokens` are the prompt's, as near as they can be estimated; the Admission puts them
        right. `workspace` is its id; one without limits of its own shares its organization's.
        Whoever is let in calls `finish` on the Admission.
        """
        if workspace not in self._settings.workspaces:
            workspace = None
        refusal = self._spend.check(now, workspace)
        if refusal is not None:
            return refusal
        lane = self._lanes.get((workspace, model.rate_pool, is_fast))
        if lane is None:
            lane = self._open_lane(workspace, model, is_fast)
        commitment = self._commitments.get(model.id) if service_tier == "auto" else None
        if lane.find_short(now, input_tokens) is not None:
            return self._refuse(now, lane, commitment, model, input_tokens)
        if lane.ramp is not None and not lane.ramp.has_room(now, input_tokens):
            return self._refuse_growth(now, lane, commitment, lane.ramp, model)
        overload = self._settings.overload
        if (
            overload is not None
            and self._under_way >= overload.above
            and self._chance.random() < overload.share
        ):
            return Refusal("overload", 529, "Overloaded")
        self._under_way += 1
        return Admission(now, lane, commitment, input_tokens, workspace, self._settle)

    def call(self, now: float, call: Call, model: str | None = None) -> HeaderPairs | Refusal:
        """Let in a request that is no message; the headers of its answer. `model` is the id it
        names, if it does."""
        bucket = self._calls.get(call)
        if bucket is None:
            return ()
        if bucket.refill(now) < 1:
            return Refusal(
                "requests",
                429,
                describe_limit(bucket, self._organization, model),
                _round_wait(bucket.wait_s(1)),
                format_headers=partial(format_requests, now, bucket),
            )
        bucket.level -= 1
        return format_requests(now, bucket)

    def enqueue(self, now: float, requests: int, workspace: str | None = None) -> Refusal | None:
        """Take the requests of a new batch into the processing queue, or say why not. That a full
        queue names no time to wait is a guess."""
        refusal = self._spend.check(now, workspace)
        if refusal is not None:
            return refusal
        limit = self._settings.batch_queue
        if limit is not None and self._queued + requests > limit:
            return Refusal("batch queue", 429, describe_queue(limit, self._organization))
        self._queued += requests
        return None

    def dequeue(
        self, now: float, requests: int, cost_usd: Decimal, workspace: str | None = None
    ) -> None:
        """Requests of a batch were processed, canceled or have expired, and cost this much."""
        self._queued -= requests
        self._spend.add(now, cost_usd, workspace)

    def _settle(self, now: float, cost_usd: Decimal, workspace: str | None) -> None:
        self._under_way -= 1
        self._spend.add(now, cost_usd, workspace)

    def _refuse(
        self, now: float, lane: Lane, commitment: Commitment | None, model: Model, input_tokens: int
    ) -> Refusal:
        """The refusal by the bucket that takes longest to have what is needed."""
        needs = lane.iter_needs(now, input_tokens)
        wait_s, bucket = max(((each.wait_s(need), each) for each, need in needs), key=_get_wait)
        return Refusal(
            bucket.unit,
            429,
            describe_limit(bucket, self._organization, model.id),
            _round_wait(wait_s),
            format_headers=partial(format_limits, now, lane, commitment),
        )

    def _refuse_growth(
        self, now: float, lane: Lane, commitment: Commitment | None, ramp: Ramp, model: Model
    ) -> Refusal:
        """The refusal of a request that the next minute may have room for."""
        message = describe_ramp(ramp.allowance, ramp.next_allowance(), self._organization, model.id)
        return Refusal(
            "ramp",
            429,
            message,
            _round_wait(MINUTE_S - now % MINUTE_S),
            "ramp_limit_exceeded",
            partial(format_limits, now, lane, commitment),
        )

    def _open_lane(self, workspace: str | None, model: Model, is_fast: bool) -> Lane:
        """The way of a model's requests; organization, workspaces and speeds share buckets."""
        settings = self._settings
        pool = model.rate_pool or ""
        figures = settings.models.get(pool, _UNLIMITED)
        own = _UNLIMITED
        if workspace is not None:
            own = settings.workspaces[workspace].models.get(pool, _UNLIMITED)
        open_ = partial(self._open_buckets, workspace, pool)
        requests = open_("requests", figures.requests, own.requests)
        if is_fast:
            fast = settings.fast.get(pool, _UNLIMITED)
            inputs = open_("fast mode input tokens", fast.input_tokens, None)
            outputs = open_("fast mode output tokens", fast.output_tokens, None)
        else:
            inputs = open_("input tokens", figures.input_tokens, own.input_tokens)
            outputs = open_("output tokens", figures.output_tokens, own.output_tokens)
        ramp = None
        if settings.ramp is not None and figures.input_tokens is not None and not is_fast:
            ramp = self._ramps.setdefault(pool, Ramp(settings.ramp, figures.input_tokens))
        reads_count = any(limit.cache_reads_count for limit in (model.rate_limits or {}).values())
        lane = Lane(requests, inputs, outputs, reads_count, is_fast, ramp)
        self._lanes[workspace, model.rate_pool, is_fast] = lane
        return lane

    def _open_buckets(
        self, workspace: str | None, pool: str, unit: Unit, limit: int | None, own: int | None
    ) -> tuple[Bucket, ...]:
        """The organization's bucket and the workspace's, as far as there are such limits."""
        burst_s = self._settings.burst_s if unit == "requests" else MINUTE_S
        buckets = []
        owners: tuple[tuple[Owner, str | None, int | None], ...] = (
            ("organization", None, limit),
            ("workspace", workspace, own),
        )
        for owner, name, figure in owners:
            if figure is not None:
                key = (name, pool, unit)
                if key not in self._buckets:
                    self._buckets[key] = Bucket(figure, unit, owner, burst_s)
                buckets.append(self._buckets[key])
        return tuple(buckets)


def _get_wait(need: tuple[float, Bucket]) -> float:
    return need[0]


def _round_wait(wait_s: float) -> int:
    """Whole seconds after which it is so."""
    return _NO_WAIT_HELPS_S if math.isinf(wait_s) else math.ceil(wait_s - _NO_WAIT_S)
