"""How much of a wrong request is let through."""

from collections.abc import Collection, Mapping
from typing import Any, Literal

from tanzaku.catalog import Model
from tanzaku.wire import BETA_NAMES, ApiError, Violation, validate, validate_shape

type Strictness = Literal["full", "schema", "warn"]


def judge(
    request: Mapping[str, Any],
    model: Model | None,
    version: str,
    betas: Collection[str],
    *,
    endpoint: Literal["messages", "count_tokens", "batches"],
    strictness: Strictness,
) -> list[Violation]:
    """What of a request's violations is waived: none with `full`.

    `schema` looks at the shape alone, with every beta unlocked, and waives the rest unseen. `warn`
    waives all but what makes a request unreadable: a wrong shape other than an unknown field.
    Raises ApiError for the first that is not waived.
    """
    if strictness == "full":
        found = validate(request, model, version, endpoint=endpoint, betas=betas)
        if found:
            raise ApiError.from_violation(found[0])
        return []
    shape = validate_shape(request, endpoint=endpoint, betas=BETA_NAMES)
    unreadable = [violation for violation in shape if not violation.is_extra]
    if unreadable:
        raise ApiError.from_violation(unreadable[0])
    if strictness == "schema":
        if shape:
            raise ApiError.from_violation(shape[0])
        return []
    return validate(request, model, version, endpoint=endpoint, betas=betas)
