"""Scenarios: files that tell the simulator what to answer, and which rule did and why.

What runs is synchronous and pure (`ScenarioRun.choose`); files are read by `load_scenario` and
`ScenarioWatch` alone.
"""

from tanzaku.simulator.scenario._read import Rule, Scenario, load_scenario, parse_scenario
from tanzaku.simulator.scenario._replies import Answered
from tanzaku.simulator.scenario._run import Choice, Count, ScenarioRun
from tanzaku.simulator.scenario._trace import Miss, Trace, decode_trace, encode_trace
from tanzaku.simulator.scenario._watch import ScenarioWatch

__all__ = [
    "Answered",
    "Choice",
    "Count",
    "Miss",
    "Rule",
    "Scenario",
    "ScenarioRun",
    "ScenarioWatch",
    "Trace",
    "decode_trace",
    "encode_trace",
    "load_scenario",
    "parse_scenario",
]
