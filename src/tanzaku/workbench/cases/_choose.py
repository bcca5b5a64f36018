"""Which cases are kept when there are too many: those that cover most."""

from collections import Counter
from collections.abc import Sequence

from tanzaku.workbench.cases._case import Goal, MadeCase


def choose_cases(cases: Sequence[MadeCase], most: int) -> list[MadeCase]:
    """At most `most`, in their order: first one for each goal, the weightier and the rarer places
    first, then others in turn, so that no place takes all the room."""
    if len(cases) <= most:
        return list(cases)
    seen: Counter[Goal] = Counter()
    ranked: list[tuple[tuple[int, int, int], int]] = []
    places: Counter[str] = Counter()
    for number, case in enumerate(cases):
        again = seen[case.goal]
        seen[case.goal] += 1
        at_place = places[case.goal[0]]
        places[case.goal[0]] += 1
        ranked.append(((again, case.weight if again == 0 else 9, at_place), number))
    kept = sorted(number for _, number in sorted(ranked)[:most])
    return [cases[number] for number in kept]
