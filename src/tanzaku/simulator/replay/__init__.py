"""Answering from a recording: the upstream that has been heard before."""

from tanzaku.simulator.replay._examine import Remark, examine
from tanzaku.simulator.replay._replay import Replay
from tanzaku.simulator.replay._tapes import ReplayMode

__all__ = ["Remark", "Replay", "ReplayMode", "examine"]
