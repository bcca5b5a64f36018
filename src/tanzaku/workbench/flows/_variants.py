"""The executions that a flow's data and its matrix make of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from tanzaku.workbench.flows._flow import Flow


@dataclass(frozen=True, slots=True)
class Variant:
    """One execution of a flow among those that its data and its matrix make of it. `name` tells
    them apart (`[2] payment_query=timeout`), empty when there is only one."""

    name: str = ""
    row: Mapping[str, Any] = field(default_factory=dict)
    sets: Mapping[str, str] = field(default_factory=dict)


def list_variants(flow: Flow) -> list[Variant]:
    """Every row with every combination, the last tool of the matrix changing fastest."""
    rows = list(enumerate(flow.rows, start=1)) or [(0, {})]
    combinations = [
        dict(zip(flow.matrix, sets, strict=True)) for sets in product(*flow.matrix.values())
    ]
    return [
        Variant(_name(number, sets), row, sets) for number, row in rows for sets in combinations
    ]


def _name(number: int, sets: Mapping[str, str]) -> str:
    row = [f"[{number}]"] if number else []
    return " ".join(row + [f"{tool}={mock_set}" for tool, mock_set in sets.items()])
