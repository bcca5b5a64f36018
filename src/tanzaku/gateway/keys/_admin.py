"""The admin token: what opens the paths that change a running gateway."""

import hmac
import json
import os
import secrets
from pathlib import Path
from typing import Any, Final

from pydantic_core import to_json

from tanzaku.core import UserError
from tanzaku.transport import HttpRequest, HttpResponse, get_header
from tanzaku.wire import ApiError

ADMIN_HEADER: Final = b"tanzaku-admin-token"
ADMIN_VARIABLE: Final = "TANZAKU_ADMIN_TOKEN"
_SHORTEST: Final = 16
_JSON: Final = b"application/json"


def load_admin_token(given: str | None, path: Path | None) -> str | None:
    """The token given in the environment, else the one in `path`, which is made (mode 0600) when
    it is missing. Raises UserError for a token too short to be one."""
    if given:
        if len(given) < _SHORTEST:
            raise UserError(
                "The admin token is shorter than {least} characters.",
                hint="Choose a longer one, or leave {variable} unset: one is made for you.",
                least=_SHORTEST,
                variable=ADMIN_VARIABLE,
            )
        return given
    if path is None:
        return None
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    token = secrets.token_urlsafe(32)
    with os.fdopen(descriptor, "w") as file:
        file.write(token + "\n")
    return token


def find_token_file(ledger: Path) -> Path:
    """Where the admin token of a ledger's server is, if the environment does not give it."""
    return ledger.with_name(f"{ledger.name}.admin-token")


def check_admin(request: HttpRequest, token: str | None) -> None:
    """ApiError 401 unless the request carries the admin token; a virtual key is none."""
    given = get_header(request.headers, ADMIN_HEADER)
    if given is None:
        kind, _, bearer = (get_header(request.headers, b"authorization") or b"").partition(b" ")
        given = bearer.strip() if kind.lower() == b"bearer" else b""
    if not token or not hmac.compare_digest(given, token.encode()):
        raise ApiError(401, "authentication_error", "This path needs the admin token.")


def read_object(request: HttpRequest) -> dict[str, Any]:
    """The JSON object of a request that changes something; no page of another origin can send
    that content type unasked. Raises ApiError 400."""
    given = (get_header(request.headers, b"content-type") or b"").partition(b";")[0].strip()
    if given.lower() != _JSON:
        raise ApiError.invalid_request("content-type: must be application/json")
    try:
        value = json.loads(request.body or b"{}")
    except ValueError as error:
        raise ApiError.invalid_request(f"The request body is not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise ApiError.invalid_request("The request body must be an object")
    return value


def reply(value: Any) -> HttpResponse:
    """`value` as JSON that no cache keeps."""
    return HttpResponse(
        200, [(b"content-type", _JSON), (b"cache-control", b"no-store")], to_json(value)
    )
