"""Carrying a call to its upstream and back: bytes unchanged, counted, priced and kept."""

from tanzaku.gateway._edge import Edge, Interception
from tanzaku.gateway._gateway import Gateway, Stages
from tanzaku.gateway._record import Recorder
from tanzaku.gateway._recorded import build_recorded_from_ledger
from tanzaku.gateway._recording_file import RecordingFile
from tanzaku.gateway._retry import RetryPolicy
from tanzaku.gateway._settle import Observer
from tanzaku.gateway._stages import OneTarget, Routes

__all__ = [
    "Edge",
    "Gateway",
    "Interception",
    "Observer",
    "OneTarget",
    "Recorder",
    "RecordingFile",
    "RetryPolicy",
    "Routes",
    "Stages",
    "build_recorded_from_ledger",
]
