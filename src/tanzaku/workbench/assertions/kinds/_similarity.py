"""Likeness to a reference text, offline."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Final

from tanzaku.core.plain_yaml import Entry
from tanzaku.workbench.assertions._compare import read_ops
from tanzaku.workbench.assertions._finding import CannotJudge, Check, Finding, Sight
from tanzaku.workbench.assertions._kind import Kind
from tanzaku.workbench.assertions._numbers import SHARE
from tanzaku.workbench.assertions._ops import NUMBER, need_some
from tanzaku.workbench.assertions._places import read_later
from tanzaku.workbench.assertions._similarity import (
    MAX_UNITS,
    measure_char_ngram,
    measure_levenshtein,
    measure_rouge_l,
)
from tanzaku.workbench.assertions.kinds._body import find_text

type Measure = Callable[[str, str], Fraction]

_SHARE: Final = replace(NUMBER, span=SHARE)
_GRAM: Final = 2


def _compare_likeness(get: Callable[[int], Measure], *more: str) -> Kind:
    def read(entry: Entry, beside: Mapping[str, Entry]) -> Check:
        fields = dict(entry.as_fields(["to", *more, *_SHARE.known], ["to"]))
        reference = read_later(fields.pop("to"), lambda one: need_some(one).as_text())
        size = fields.pop("n").as_integer(1, 8) if "n" in fields else _GRAM
        op = read_ops(entry, fields, _SHARE)

        def look(sight: Sight) -> Finding:
            texts = reference(sight.subject.scope), find_text(sight)
            if max(map(len, texts)) > MAX_UNITS:
                raise CannotJudge("the text is longer than {most} characters", most=MAX_UNITS)
            likeness = get(size)(*texts)
            return op(Decimal(likeness.numerator) / likeness.denominator, sight)

        return Check(look)

    return Kind(read)


SIMILARITY_KINDS: Final = {
    "levenshtein": _compare_likeness(lambda size: measure_levenshtein),
    "rouge_l": _compare_likeness(lambda size: measure_rouge_l),
    "char_ngram": _compare_likeness(
        lambda size: lambda left, right: measure_char_ngram(left, right, size),
        "n",
    ),
}
