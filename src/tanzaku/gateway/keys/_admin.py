"""The admin token: what opens the paths that change a running gateway."""

import hmac
import os
import secrets
from pathlib import Path
from typing import Any, Final

from pydantic_core import from_json, to_json

from tanzaku.core import UserError
from tanzaku.gateway.keys._record import PREFIX
from tanzaku.transport import HttpRequest, HttpResponse, get_header
from tanzaku.wire import ApiError

ADMIN_HEADER: Final = b"tanzaku-admin-token"
ADMIN_VARIABLE: Final = "TANZAKU_ADMIN_TOKEN"
# Begins as a virtual key does, so that whatever keeps those out of logs keeps it out too.
_PREFIX: Final = PREFIX + "admin-"
_SHORTEST: Final = 16
_JSON: Final = b"application/json"


def load_admin_token(given: str | None, path: Path | None) -> str | None:
    """The token given in the environment, else the one in `path`, which is made (mode 0600) when
    it is missing; None without either.

    Raises UserError for what is no good token, and for a file that others may read or that cannot
    be read.
    """
    if given:
        return _check_token(given, ADMIN_VARIABLE)
    if path is None:
        return None
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return read_token_file(path)
    except OSError as error:
        raise _refuse_file(path, error) from error
    token = _PREFIX + secrets.token_urlsafe(32)
    with os.fdopen(descriptor, "w") as file:
        file.write(token + "\n")
    return token


def read_token_file(path: Path) -> str:
    """The token a server left in `path`. Raises UserError as `load_admin_token` does."""
    try:
        mode = path.stat().st_mode
        token = path.read_text("ascii", "replace").strip()
    except OSError as error:
        raise _refuse_file(path, error) from error
    if mode & 0o077:
        raise UserError(
            "The file {path} of the admin token may be read by others.",
            hint="Make it yours alone: chmod 600 {path}",
            path=path,
        )
    return _check_token(token, str(path))


def find_token_file(ledger: Path) -> Path:
    """Where the admin token of a ledger's server is, if the environment does not give it."""
    return ledger.with_name(f"{ledger.name}.admin-token")


def check_admin(request: HttpRequest, token: str | None) -> None:
    """ApiError 401 unless the request carries the admin token, in `tanzaku-admin-token` or as a
    bearer token; a virtual key is none."""
    given = get_header(request.headers, ADMIN_HEADER)
    if given is None:
        kind, _, bearer = (get_header(request.headers, b"authorization") or b"").partition(b" ")
        given = bearer.strip() if kind.lower() == b"bearer" else b""
    if not token or not hmac.compare_digest(given, token.encode()):
        message = "This path needs the admin token, in the header tanzaku-admin-token."
        if not token:
            message = f"This server has no admin token: start it with {ADMIN_VARIABLE} set."
        raise ApiError(401, "authentication_error", message)


def read_object(request: HttpRequest) -> dict[str, Any]:
    """The JSON object of a request that changes something; no page of another origin can send
    that content type unasked. Raises ApiError 400."""
    given = (get_header(request.headers, b"content-type") or b"").partition(b";")[0].strip()
    if given.lower() != _JSON:
        raise ApiError.invalid_request("content-type: must be application/json")
    try:
        value = from_json(request.body or b"{}")
    except ValueError as error:
        raise ApiError.invalid_request(f"The request body is not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise ApiError.invalid_request("The request body must be an object")
    return value


def reply(value: Any) -> HttpResponse:
    """`value` as JSON that no cache keeps."""
    headers = [
        (b"content-type", _JSON),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]
    return HttpResponse(200, headers, to_json(value))


def _check_token(token: str, place: str) -> str:
    if len(token) < _SHORTEST or not token.isascii() or not token.isprintable() or " " in token:
        raise UserError(
            "The admin token in {place} must be {least} letters, digits and signs or more.",
            hint="Choose another, or take {variable} and the file away: one is made for you.",
            place=place,
            least=_SHORTEST,
            variable=ADMIN_VARIABLE,
        )
    if token.startswith(PREFIX) and not token.startswith(_PREFIX):
        raise UserError(
            "The admin token in {place} is a virtual key, which opens nothing here.",
            hint="Choose another, or take {variable} and the file away: one is made for you.",
            place=place,
            variable=ADMIN_VARIABLE,
        )
    return token


def _refuse_file(path: Path, error: OSError) -> UserError:
    return UserError(
        "The file {path} of the admin token cannot be used: {reason}",
        hint="Set {variable} instead, or check that the file and its folder are yours.",
        path=path,
        reason=error.strerror or error,
        variable=ADMIN_VARIABLE,
    )
