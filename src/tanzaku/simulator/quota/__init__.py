"""Rate limits: what an organization may send and spend, and the refusals when it does more.

`Quota` is synchronous and knows neither clock nor bytes: whoever drives it, in real time or through
a day in seconds, tells it the time.
"""

from tanzaku.simulator.quota._admission import Admission
from tanzaku.simulator.quota._quota import Quota
from tanzaku.simulator.quota._read import parse_limits
from tanzaku.simulator.quota._refusal import Refusal
from tanzaku.simulator.quota._settings import (
    Capacity,
    Figures,
    OverloadSettings,
    QuotaSettings,
    RampSettings,
    WorkspaceLimits,
    build_tier,
)

__all__ = [
    "Admission",
    "Capacity",
    "Figures",
    "OverloadSettings",
    "Quota",
    "QuotaSettings",
    "RampSettings",
    "Refusal",
    "WorkspaceLimits",
    "build_tier",
    "parse_limits",
]
