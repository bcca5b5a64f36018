"""Numbers compared exactly, and comparisons that could never fail or never hold."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from tanzaku.core import InputFileError
from tanzaku.core.plain_yaml import Entry
from tanzaku.workbench.assertions._finding import CannotJudge

type Number = Decimal | float
"""A Decimal, or an infinity as a bound."""

INFINITY: Final = math.inf


@dataclass(frozen=True, slots=True)
class Span:
    """The numbers from `least` to `most`; an end that is `open` is not among them."""

    least: Number = -INFINITY
    most: Number = INFINITY
    least_open: bool = False
    most_open: bool = False

    def __contains__(self, number: Decimal) -> bool:
        above = number > self.least if self.least_open else number >= self.least
        below = number < self.most if self.most_open else number <= self.most
        return above and below

    def meet(self, other: "Span") -> "Span":
        """The numbers in both."""
        low = max((self.least, self.least_open), (other.least, other.least_open))
        most, is_closed = min((self.most, not self.most_open), (other.most, not other.most_open))
        return Span(low[0], most, low[1], not is_closed)

    @property
    def is_empty(self) -> bool:
        return self.least > self.most or (
            self.least == self.most and (self.least_open or self.most_open)
        )


ANY: Final = Span()
NON_NEGATIVE: Final = Span(Decimal(0))
SHARE: Final = Span(Decimal(0), Decimal(1))


def to_exact(value: Any) -> Decimal | None:
    """The number as it is written; None for what is none: a boolean, NaN, an infinity, a text."""
    if isinstance(value, Decimal):
        return value if value.is_finite() else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float):
        return Decimal(repr(value)) if math.isfinite(value) else None
    return Decimal(value)


def need_number(value: Any) -> Decimal:
    exact = to_exact(value)
    if exact is None:
        raise CannotJudge("{found} is not a number", found=value)
    return exact


def read_number(entry: Entry) -> Decimal:
    """A number of a file, exactly as far as it is a finite one."""
    exact = to_exact(entry.content)
    if exact is not None:
        return exact
    raise InputFileError(
        "{place}: `{key}` must be a number; found {found}.",
        place=entry.place,
        key=entry.key,
        found=entry.found,
    )


def _read_between(entry: Entry) -> Span:
    ends = entry.as_list()
    if len(ends) != 2:
        raise InputFileError(
            "{place}: `{key}` must be two numbers, the least and the most.",
            place=entry.place,
            key=entry.key,
        )
    return Span(read_number(ends[0]), read_number(ends[1]))


def _read_equal(entry: Entry) -> Span:
    number = read_number(entry)
    return Span(number, number)


SPANS: Final[dict[str, Callable[[Entry], Span]]] = {
    "equals": _read_equal,
    "lt": lambda entry: Span(most=read_number(entry), most_open=True),
    "lte": lambda entry: Span(most=read_number(entry)),
    "gt": lambda entry: Span(least=read_number(entry), least_open=True),
    "gte": lambda entry: Span(least=read_number(entry)),
    "between": _read_between,
}
"""The numbers that a comparison of a file lets pass, by its name."""


def check_span(entry: Entry, span: Span, domain: Span) -> None:
    """InputFileError when none or all of the numbers that can come are in the span."""
    if span.meet(domain).is_empty:
        raise InputFileError(
            "{place}: `{key}` can never hold: no number is in {found}.",
            place=entry.place,
            key=entry.key,
            found=entry.found,
        )
    if span.meet(domain) == domain and domain != ANY:
        raise InputFileError(
            "{place}: `{key}` can never fail: every number that can come is in {found}.",
            place=entry.place,
            key=entry.key,
            found=entry.found,
        )


def is_equal(left: Any, right: Any) -> bool:
    """Equality of JSON values: numbers by value, a boolean no number, objects in any order."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(is_equal(left[k], right[k]) for k in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(is_equal, left, right))
    numbers = to_exact(left), to_exact(right)
    if None not in numbers:
        return numbers[0] == numbers[1]
    return type(left) is type(right) and bool(left == right)
