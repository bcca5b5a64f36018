"""Which limits an organization has."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from tanzaku.catalog import get_tier, list_models
from tanzaku.simulator.quota._bucket import MINUTE_S


@dataclass(frozen=True, slots=True)
class Figures:
    """Requests and tokens a minute; None is not limited."""

    requests: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Capacity:
    """Tokens a minute."""

    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class WorkspaceLimits:
    """Limits of one workspace below those of its organization, which hold as well; `models` by
    rate pool, `spend_limit_usd` a calendar month."""

    models: Mapping[str, Figures] = field(default_factory=dict)
    spend_limit_usd: Decimal | None = None


@dataclass(frozen=True, slots=True)
class RampSettings:
    """How fast the input tokens of a model class may grow from one minute to the next, as shares
    (0 to 1) of its limit: `start` out of nothing, `step` more with each minute."""

    start: float = 0.25
    step: float = 0.1


@dataclass(frozen=True, slots=True)
class OverloadSettings:
    """With more than `above` messages under way, `share` (0 to 1) of those that come are refused."""

    above: int
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class QuotaSettings:
    """The limits of one organization; what is None, or not in a mapping, is not limited.

    `models` and `fast` (figures of `speed: "fast"`) are by rate pool, `priority` (what is committed
    of the Priority Tier) by model id. `..._requests` are a minute's. `spend_cap_usd` is the tier's
    and `spend_limit_usd` the organization's own, a calendar month in UTC of which `spent_usd` is
    spent to begin with. Requests are let through in bursts of at most `burst_s` seconds' worth: at
    1, 60 a minute are one a second.
    """

    models: Mapping[str, Figures] = field(default_factory=dict)
    fast: Mapping[str, Capacity] = field(default_factory=dict)
    priority: Mapping[str, Capacity] = field(default_factory=dict)
    workspaces: Mapping[str, WorkspaceLimits] = field(default_factory=dict)
    count_tokens_requests: int | None = None
    batch_requests: int | None = None
    batch_queue: int | None = None
    files_requests: int | None = None
    spend_cap_usd: Decimal | None = None
    spend_limit_usd: Decimal | None = None
    spent_usd: Decimal = Decimal(0)
    ramp: RampSettings | None = None
    overload: OverloadSettings | None = None
    burst_s: float = MINUTE_S


def build_tier(name: str) -> QuotaSettings:
    """The limits of the tier `start`, `build` or `scale`; raises UnknownTierError.

    A model whose figures nobody knows is not limited. Fast speed has limits of 0, as public
    reports show them: access to it is given by Anthropic, with figures that are not published.
    """
    tier = get_tier(name)
    models: dict[str, Figures] = {}
    fast: dict[str, Capacity] = {}
    for model in list_models():
        if model.rate_pool is None:
            continue
        if model.rate_limits is not None:
            limit = model.rate_limits[name]
            models[model.rate_pool] = Figures(
                limit.requests, limit.input_tokens, limit.output_tokens
            )
        if model.fast_speed:
            fast[model.rate_pool] = Capacity(0, 0)
    return QuotaSettings(
        models=models,
        fast=fast,
        count_tokens_requests=tier.count_tokens_requests,
        batch_requests=tier.batch_requests,
        batch_queue=tier.batch_queue,
        files_requests=tier.files_requests,
        spend_cap_usd=tier.monthly_spend_usd,
    )
