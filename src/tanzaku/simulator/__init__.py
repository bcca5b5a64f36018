"""Answering as Claude would: the improviser, scripted answers, errors on order."""

from tanzaku.simulator._faults import Faults
from tanzaku.simulator._simulator import Simulator

__all__ = ["Faults", "Simulator"]
