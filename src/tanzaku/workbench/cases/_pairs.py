"""Every pair of two parameters' values together in some case: what meets may break."""

from collections.abc import Mapping, Sequence
from itertools import combinations, product
from typing import Any, Final

ABSENT: Final = object()
"""The value of what is left out."""
MAX_FACTORS: Final = 16

type Row = dict[str, Any]


def cover_pairs(factors: Mapping[str, Sequence[Any]]) -> list[Row]:
    """Rows of one value for each factor so that of any two factors all pairs of values occur: greedy
    (in the manner of AETG), the same rows for the same factors. Fewer than two factors need none."""
    names = [name for name, values in factors.items() if len(values) > 1][:MAX_FACTORS]
    if len(names) < 2:
        return []
    left = {
        (one, i, other, j)
        for one, other in combinations(names, 2)
        for i, j in product(range(len(factors[one])), range(len(factors[other])))
    }
    order = {name: number for number, name in enumerate(names)}
    rows: list[Row] = []
    while left:
        chosen = _fill(factors, names, order, left)
        left -= _list_pairs(chosen, names)
        rows.append({name: factors[name][number] for name, number in chosen.items()})
    return rows


type _Pairs = set[tuple[str, int, str, int]]


def _fill(
    factors: Mapping[str, Sequence[Any]], names: list[str], order: Mapping[str, int], left: _Pairs
) -> dict[str, int]:
    """A row that begins with the first pair left and takes for each other factor what covers most."""
    one, i, other, j = min(
        left, key=lambda pair: (order[pair[0]], order[pair[2]], pair[1], pair[3])
    )
    chosen = {one: i, other: j}
    for name in names:
        if name in chosen:
            continue
        gains = [
            sum(_pair(name, number, own, chosen[own], order) in left for own in chosen)
            for number in range(len(factors[name]))
        ]
        chosen[name] = gains.index(max(gains))
    return {name: chosen[name] for name in names}


def _pair(
    one: str, i: int, other: str, j: int, order: Mapping[str, int]
) -> tuple[str, int, str, int]:
    return (one, i, other, j) if order[one] < order[other] else (other, j, one, i)


def _list_pairs(chosen: Mapping[str, int], names: list[str]) -> _Pairs:
    return {(one, chosen[one], other, chosen[other]) for one, other in combinations(names, 2)}
