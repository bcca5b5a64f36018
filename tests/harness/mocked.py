"""Mocks files of one small tool, and calls of it."""

import asyncio
from pathlib import Path
from typing import Any

from tanzaku.core import VirtualClock
from tanzaku.simulator.mocks import MockAnswer, ToolMocks, parse_mocks

ROOT = Path(__file__).parents[2]
PAYMENT = ROOT / "examples/mocks/payment_query.yaml"
PARCEL = ROOT / "examples/mocks/parcel_tracking.yaml"


def write_tool(sets: str, *, schema: str = "", runs: str = "{}") -> str:
    """A mocks file: the tool `t`, which takes `x` (anything) and `y` (text), with `sets` (YAML in
    flow style)."""
    schema = schema or "{type: object, properties: {x: {}, y: {type: string}}}"
    return f"tools: {{t: {{input_schema: {schema}, sets: {sets}}}}}\nruns: {runs}\n"


def build_mocks(text: str, **options: Any) -> ToolMocks:
    """The tools of a text on a virtual clock; `options` are those of ToolMocks."""
    return ToolMocks(parse_mocks(text, "m"), clock=VirtualClock(), **options)


def call(mocks: ToolMocks, run: str = "", **arguments: Any) -> MockAnswer:
    """A call of `t` that has not to wait."""
    return asyncio.run(mocks.call("t", arguments, run=run))
