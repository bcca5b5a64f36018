"""Numbers at, inside and outside of bounds."""

import math
from typing import Any, Final

from tanzaku.workbench.cases._shapes import Flat

type Found = tuple[str, str, Any]
"""Rule, keyword, value."""

INT32: Final = 2**31 - 1
INT64: Final = 2**63 - 1
EXACT: Final = 2**53
"""Every whole number up to here has a double of its own."""
HUGE: Final = (
    ("number.over_int32", 2**31),
    ("number.over_double", 2**53 + 1),
    ("number.over_int64", 2**63),
    ("number.thirty_digits", 10**30),
)


def build_number(flat: Flat, *, is_whole: bool) -> int | float:
    """A plain number that fits."""
    least, most = find_bounds(flat, is_whole=is_whole)
    step = _step(flat, is_whole=is_whole)
    value: Any = 1 if least is None and (most is None or most >= 1) else least or 0
    if least is None and most is not None and most < 1:
        value = most
    elif least is not None and least <= 1 and (most is None or most >= 1):
        value = 1
    if "multipleOf" in flat:
        value = _tidy(math.ceil(value / step - 1e-9) * step)
    made: int | float = _tidy(value)
    return made


def find_bounds(flat: Flat, *, is_whole: bool) -> tuple[Any, Any]:
    """The least and the most that fit; None where there is no bound. Of an exclusive one the next
    number that this schema would count (a tenth of a step for fractions)."""
    step = _step(flat, is_whole=is_whole)
    least, most = flat.get("minimum"), flat.get("maximum")
    above, below = flat.get("exclusiveMinimum"), flat.get("exclusiveMaximum")
    if above is not None and (least is None or above >= least):
        least = _tidy(math.floor(above + step) if is_whole else above + step)
    if below is not None and (most is None or below <= most):
        most = _tidy(math.ceil(below - step) if is_whole else below - step)
    if "multipleOf" in flat:
        by = flat["multipleOf"]
        least = None if least is None else _tidy(math.ceil(least / by - 1e-9) * by)
        most = None if most is None else _tidy(math.floor(most / by + 1e-9) * by)
    return least, most


def list_numbers(flat: Flat, *, is_whole: bool) -> list[Found]:
    """Numbers that fit."""
    least, most = find_bounds(flat, is_whole=is_whole)
    step = _step(flat, is_whole=is_whole)
    found: list[Found] = []
    if least is not None:
        keyword = "minimum" if "minimum" in flat else "exclusiveMinimum"
        found += [("number.min", keyword, least), ("number.above_min", keyword, least + step)]
    if most is not None:
        keyword = "maximum" if "maximum" in flat else "exclusiveMaximum"
        found += [("number.max", keyword, most), ("number.below_max", keyword, most - step)]
    found.append(("number.zero", "type", 0))
    if least is None:
        found.append(("number.negative", "type", -1))
    if most is None:
        found.append(("number.large", "type", 1_000_000))
    if not is_whole:
        found += [("number.fraction", "type", 0.1), ("number.fraction_three", "type", 19.999)]
        if least is not None and most is not None:
            found.append(("number.middle", "type", _tidy((least + most) / 2)))
    if "multipleOf" in flat:
        found.append(("number.multiple", "multipleOf", _tidy(flat["multipleOf"] * 3)))
    return [(rule, keyword, _tidy(value)) for rule, keyword, value in found]


def list_bad_numbers(flat: Flat, *, is_whole: bool) -> list[Found]:
    """Numbers that do not fit."""
    step = _step(flat, is_whole=is_whole)
    least, most = find_bounds(flat, is_whole=is_whole)
    found: list[Found] = []
    if least is not None:
        keyword = "minimum" if "minimum" in flat else "exclusiveMinimum"
        found.append(("number.below_min", keyword, flat.get("exclusiveMinimum", least - step)))
        found.append(("number.negative_refused", keyword, -1))
        found.append(("number.far_below_min", keyword, least - 1_000_000))
        found.append(("number.zero_refused", keyword, 0))
    if most is not None:
        keyword = "maximum" if "maximum" in flat else "exclusiveMaximum"
        found.append(("number.above_max", keyword, flat.get("exclusiveMaximum", most + step)))
        found.append(("number.far_above_max", keyword, most + 1_000_000))
        found.append(("number.max_and_half", keyword, most + 0.5))
    if "multipleOf" in flat:
        by = flat["multipleOf"]
        found.append(("number.no_multiple", "multipleOf", _tidy((least or 0) + by / 2)))
        if is_whole and by > 1:
            found.append(("number.multiple_and_one", "multipleOf", (least or 0) + 1))
    if is_whole:
        good = build_number(flat, is_whole=True)
        found.append(("number.fraction_refused", "type", good + 0.5))
    return [(rule, keyword, _tidy(value)) for rule, keyword, value in found]


def _step(flat: Flat, *, is_whole: bool) -> int | float:
    if is_whole:
        return int(flat.get("multipleOf", 1)) or 1
    by = flat.get("multipleOf")
    if by is not None:
        return float(by)
    least, most = flat.get("minimum", flat.get("exclusiveMinimum")), flat.get("maximum")
    is_narrow = least is not None and most is not None and most - least < 10
    return 0.01 if is_narrow or least in (0, 1) else 0.5


def _tidy(value: Any) -> Any:
    """0.30000000000000004 is 0.3, and 2.0 is 2."""
    if isinstance(value, float):
        value = round(value, 10)
        return int(value) if value.is_integer() else value
    return value
