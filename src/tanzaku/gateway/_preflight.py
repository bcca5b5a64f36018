"""What the API would refuse, found before the round trip."""

from typing import Literal

from tanzaku.catalog import UnknownModelError, get_model
from tanzaku.gateway._stages import Asked
from tanzaku.transport import get_header
from tanzaku.wire import ANTHROPIC_VERSION, Violation, find_betas, validate

type Preflight = Literal["off", "warn", "block"]
PREFLIGHT_HEADER = b"tanzaku-preflight"


def find_violations(asked: Asked) -> list[Violation]:
    """Everything that `wire.validate` knows to be wrong with a message; the prompt's length is not
    looked at. Empty for what is no message, and for a body that is no JSON object, which the
    upstream says itself."""
    if not asked.is_message or not asked.params:
        return []
    try:
        model = get_model(asked.model or "")
    except UnknownModelError:
        # An upstream may know models that the catalog does not.
        return []
    headers = asked.request.headers
    version = (get_header(headers, ANTHROPIC_VERSION) or b"").decode("latin-1")
    return validate(asked.params, model, version, betas=find_betas(headers))
