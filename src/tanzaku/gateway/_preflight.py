"""What the API would refuse, found before the round trip."""

from typing import Literal

from tanzaku.catalog import UnknownModelError, get_model
from tanzaku.gateway._stages import Asked
from tanzaku.transport import get_header
from tanzaku.wire import ANTHROPIC_VERSION, Violation, find_betas, validate

type Preflight = Literal["off", "warn", "block"]
PREFLIGHT_HEADER = b"tanzaku-preflight"


def find_violations(asked: Asked, model_asked: str | None = None) -> list[Violation]:
    """Everything that `wire.validate` knows to be wrong with a message, asked of `model_asked`
    where that is not the client's model; the prompt's length is not looked at. Empty for what is
    no message, and for a body that is no JSON object, which the upstream says itself."""
    if not asked.is_message or not asked.params:
        return []
    params = asked.params if model_asked is None else {**asked.params, "model": model_asked}
    try:
        model = get_model(str(params.get("model", "")))
    except UnknownModelError:
        # An upstream may know models that the catalog does not.
        return []
    headers = asked.request.headers
    version = (get_header(headers, ANTHROPIC_VERSION) or b"").decode("latin-1")
    return validate(params, model, version, betas=find_betas(headers))


def is_certain(violation: Violation) -> bool:
    """Whether the API refuses a request with this for sure: it is no guess, no field that a newer
    API may know, no model that another platform may still have."""
    return violation.status == 400 and not violation.is_guess and not violation.is_extra
