"""What a request says of when its answer is wanted, and whether a batch takes it."""

import re
from typing import Any, Final

from tanzaku.catalog import UnknownModelError, get_model
from tanzaku.gateway._stages import Asked
from tanzaku.transport import get_header
from tanzaku.wire import ANTHROPIC_VERSION, ApiError, find_betas, validate

_UNITS: Final = {"s": 1, "m": 60, "h": 3600}
_SPAN: Final = re.compile("([0-9]{1,5})([smh])")
_SHORTEST_S: Final = 60
_LONGEST_S: Final = 86_400


def parse_when(text: str) -> float | None:
    """Seconds until the answer is wanted: `90s`, `30m`, `6h`, from a minute to a day. None for
    `batch`: whenever the upstream has it. ApiError 400 for anything else."""
    if text == "batch":
        return None
    span = _SPAN.fullmatch(text)
    seconds = int(span[1]) * _UNITS[span[2]] if span else 0
    if not _SHORTEST_S <= seconds <= _LONGEST_S:
        raise ApiError.invalid_request(
            "tanzaku-when: must be `batch`, or a time from 1m to 24h, such as 90s, 30m or 6h"
        )
    return float(seconds)


def check_batchable(asked: Asked, params: dict[str, Any]) -> None:
    """ApiError for what the API refuses in a batch and not elsewhere (`stream`, `speed`, threads,
    `max_tokens` 0), in its own words. What else is wrong with a request comes as its answer."""
    version = get_header(asked.request.headers, ANTHROPIC_VERSION)
    if version is None:
        raise ApiError.missing_version()
    try:
        model = get_model(asked.model or "")
    except UnknownModelError:
        return
    betas = find_betas(asked.request.headers)
    alone = validate(params, model, version.decode("latin-1"), betas=betas)
    for violation in validate(
        params, model, version.decode("latin-1"), endpoint="batches", betas=betas
    ):
        if violation not in alone:
            raise ApiError.from_violation(violation)
