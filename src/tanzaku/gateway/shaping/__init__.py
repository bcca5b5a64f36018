"""Shaping: calls wait for their turn, each key its fair share, instead of bouncing off a limit."""

from tanzaku.gateway.shaping._lane import Lane
from tanzaku.gateway.shaping._limit import LimitState, parse_limits
from tanzaku.gateway.shaping._read import LimitSettings, read_limits
from tanzaku.gateway.shaping._room import Ticket
from tanzaku.gateway.shaping._shaper import Shaper, Turn

__all__ = [
    "Lane",
    "LimitSettings",
    "LimitState",
    "Shaper",
    "Ticket",
    "Turn",
    "parse_limits",
    "read_limits",
]
