"""What a simulator is told when it is made."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tanzaku.simulator._pace import PaceSettings
from tanzaku.simulator._strictness import Strictness

if TYPE_CHECKING:
    from tanzaku.simulator.quota import QuotaSettings


@dataclass(frozen=True, slots=True)
class SimulatorSettings:
    """Everything off: at once, without limits, all of the API's rules, no scenario.

    `scenarios` are files; they are read again when they change. `batch_speed` says how many times
    as fast as the real service batches are worked off; at infinity, when somebody looks.
    """

    scenarios: Sequence[Path] = ()
    pace: PaceSettings | None = None
    limits: "QuotaSettings | None" = None
    strictness: Strictness = "full"
    batch_speed: float = math.inf
