"""What a kind of assertion is made of."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from tanzaku.core.plain_yaml import Entry
from tanzaku.workbench.assertions._compare import read_comparison
from tanzaku.workbench.assertions._finding import Check, Look, Sight
from tanzaku.workbench.assertions._ops import Domain
from tanzaku.workbench.assertions._places import read_later

type Reach = Literal["reply", "calls", "case"]
"""Which replies it looks at without `on`: the final one, all of them together (what tools were
called), or all of them always, so that it takes no `on`."""
type Read = Callable[[Entry, Mapping[str, Entry]], Check]
"""Reads an assertion's value and the keys beside it."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind; `beside` are the keys that may stand beside it."""

    read: Read
    reach: Reach = "reply"
    beside: Sequence[str] = ()


def compared(
    get: Callable[[Sight], Any],
    domain: Domain,
    *,
    reach: Reach = "reply",
    path: str = "",
) -> Kind:
    """A kind that compares one value."""

    def read(entry: Entry, beside: Mapping[str, Entry]) -> Check:
        op = read_comparison(entry, domain)
        return Check(lambda sight: replace(op(get(sight), sight), path=path))

    return Kind(read, reach)


def looked(read: Callable[[Entry], Look], *, reach: Reach = "reply") -> Kind:
    """A kind with a look of its own, made of its value when that has no places left."""

    def read_value(entry: Entry, beside: Mapping[str, Entry]) -> Check:
        later = read_later(entry, read)
        return Check(lambda sight: later(sight.subject.scope)(sight))

    return Kind(read_value, reach)
