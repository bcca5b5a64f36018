"""Prompt caching without the application's help: breakpoints where they pay."""

from tanzaku.gateway.placement._insert import Mark, insert_marks
from tanzaku.gateway.placement._machine import PlacementMachine, Plan, read_prices
from tanzaku.gateway.placement._placer import PLACED_HEADER, Placed, PromptPlacer
from tanzaku.gateway.placement._prefix import Prefix, read_prefix
from tanzaku.gateway.placement._settings import PlacementSettings, read_prompt_cache
from tanzaku.gateway.placement._usage import CacheCounts, read_usage, write_usage

__all__ = [
    "PLACED_HEADER",
    "CacheCounts",
    "Mark",
    "Placed",
    "PlacementMachine",
    "PlacementSettings",
    "Plan",
    "Prefix",
    "PromptPlacer",
    "insert_marks",
    "read_prefix",
    "read_prices",
    "read_prompt_cache",
    "read_usage",
    "write_usage",
]
