"""The order of steps: which must end before which may begin."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tanzaku.core import InputFileError
from tanzaku.core.plain_yaml import Entry
from tanzaku.workbench.flows._flow import Step


@dataclass(frozen=True, slots=True)
class NamedStep:
    """A step with its `needs` as they are written; without any it follows the step before it."""

    step: Step
    needs: Entry | None


def order_steps(steps: Sequence[NamedStep]) -> tuple[Step, ...]:
    """The steps with `needs` and `sees`. InputFileError for a need of what is not beside it, and
    for a circle."""
    numbers = {one.step.step_id: number for number, one in enumerate(steps)}
    needs = [_read_needs(number, one, numbers) for number, one in enumerate(steps)]
    above: dict[int, set[int]] = {}
    left = dict(enumerate(needs))
    while left:
        free = [number for number, own in left.items() if all(need in above for need in own)]
        if not free:
            _refuse_circle(left, steps)
        for number in free:
            own = left.pop(number)
            above[number] = set(own).union(*(above[need] for need in own))
    return tuple(
        replace(
            one.step,
            needs=tuple(needs[number]),
            sees=tuple(steps[other].step.step_id for other in sorted(above[number])),
        )
        for number, one in enumerate(steps)
    )


def _read_needs(number: int, one: NamedStep, numbers: Mapping[str, int]) -> list[int]:
    if one.needs is None:
        return [number - 1] if number else []
    found: dict[int, None] = {}
    for entry in one.needs.as_list():
        name = entry.as_text()
        if name not in numbers:
            raise InputFileError(
                "{place}: there is no step `{name}` beside `{step}`.",
                hint="Beside it are {known}.",
                place=entry.place,
                name=name,
                step=one.step.step_id,
                known=", ".join(other for other in numbers if other != one.step.step_id) or "–",
            )
        found[numbers[name]] = None
    return list(found)


def _refuse_circle(left: Mapping[int, list[int]], steps: Sequence[NamedStep]) -> None:
    """Each of the steps left needs another of them: following the needs leads round."""
    way = [min(left)]
    while way[-1] not in way[:-1]:
        way.append(next(need for need in left[way[-1]] if need in left))
    circle = [steps[number].step for number in way[way.index(way[-1]) :]]
    raise InputFileError(
        "{place}: steps that need one another can never begin: {circle}.",
        hint="A step without `needs` needs the one before it; `needs: []` needs none.",
        place=circle[0].place,
        circle=" → ".join(step.step_id for step in circle),
    )
