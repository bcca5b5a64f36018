"""Keys that make a request count once (`Idempotency-Key`)."""

import re
from typing import Final

from tanzaku.workbench.cases._judge import Judge
from tanzaku.workbench.cases._shapes import Shapes
from tanzaku.workbench.cases._texts import make_unique
from tanzaku.workbench.cases._values import Builder, EndlessError
from tanzaku.workbench.openapi import Operation, Parameter

_IDEMPOTENCY: Final = re.compile(r"idempoten", re.IGNORECASE)


def find_key(operation: Operation) -> Parameter | None:
    """The header that carries the key, where the operation documents one."""
    return next(
        (
            one
            for one in operation.parameters
            if one.place == "header" and _IDEMPOTENCY.search(one.name)
        ),
        None,
    )


def write_key(shapes: Shapes, parameter: Parameter, mark: str) -> str | None:
    """A key that fits the header's schema, another for each `mark` where the schema lets it; None
    when none is known that fits."""
    judge = Judge(shapes.document, parameter.schema)
    try:
        made = str(Builder(shapes, lambda name: None).build(parameter.schema))
    except EndlessError:
        return None
    examples = [str(one) for one in parameter.examples]
    known = [
        f"once-{mark}",
        *(make_unique(one, mark) for one in (*examples, made)),
        *examples,
        made,
    ]
    return next((one for one in known if judge.accepts(one)), None)
