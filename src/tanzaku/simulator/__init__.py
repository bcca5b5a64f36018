"""Answering as Claude would: scenarios, the improviser, prompt caching, pace, faults."""

from tanzaku.simulator._pace import PaceSettings, parse_pace
from tanzaku.simulator._served import SERVED, explain_unserved
from tanzaku.simulator._settings import SimulatorSettings
from tanzaku.simulator._simulator import Simulator
from tanzaku.simulator._strictness import Strictness
from tanzaku.simulator.faults import Faults

__all__ = [
    "SERVED",
    "Faults",
    "PaceSettings",
    "Simulator",
    "SimulatorSettings",
    "Strictness",
    "explain_unserved",
    "parse_pace",
]
