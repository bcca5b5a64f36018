"""Virtual keys over HTTP, for who has the admin token.

GET    /_tanzaku/keys             all, without the keys themselves
POST   /_tanzaku/keys             {"name": …, "team": …, …}: a new one; `key` is shown this once
GET    /_tanzaku/keys/{id}        one
PATCH  /_tanzaku/keys/{id}        other limits
POST   /_tanzaku/keys/{id}/rotate {"grace_s": 3600}: another key; the one before lasts so long
POST   /_tanzaku/keys/{id}/revoke refused from now on
"""

from typing import Any, Final

from tanzaku.core import UserError
from tanzaku.gateway.keys._admin import check_admin, read_object, reply
from tanzaku.gateway.keys._ring import Keyring
from tanzaku.transport import HttpRequest, HttpResponse
from tanzaku.wire import ApiError

KEYS: Final = "/_tanzaku/keys"
_LONGEST_GRACE_S: Final = 30 * 86_400.0


class KeyRoutes:
    """A `Handler` for the paths above. Raises ApiError."""

    def __init__(self, ring: Keyring, token: str | None) -> None:
        self._ring = ring
        self._token = token

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        check_admin(request, self._token)
        try:
            return reply(await self._answer(request))
        except UserError as error:
            if error.template.startswith("There is no key"):
                raise ApiError.not_found(error.message) from error
            raise ApiError.invalid_request(f"{error.message} {error.hint}".strip()) from error

    async def _answer(self, request: HttpRequest) -> dict[str, Any]:
        words = request.path.removeprefix(KEYS).strip("/").split("/")
        match request.method, words:
            case "GET", [""]:
                return {"keys": [record.to_public() for record in self._ring.list_keys()]}
            case "POST", [""]:
                record, key = await self._ring.create(read_object(request))
                return {**record.to_public(), "key": key}
            case "GET", [key_id]:
                return self._ring.get(key_id).to_public()
            case "PATCH", [key_id]:
                return (await self._ring.change(key_id, read_object(request))).to_public()
            case "POST", [key_id, "rotate"]:
                record, key = await self._ring.rotate(key_id, _read_grace(read_object(request)))
                return {**record.to_public(), "key": key}
            case "POST", [key_id, "revoke"]:
                read_object(request)
                return (await self._ring.revoke(key_id)).to_public()
            case _:
                raise ApiError.not_found()


def _read_grace(told: dict[str, Any]) -> float:
    grace_s = told.get("grace_s", 0)
    if isinstance(grace_s, bool) or not isinstance(grace_s, int | float):
        raise ApiError.invalid_request("grace_s: must be a number of seconds")
    if not 0 <= grace_s <= _LONGEST_GRACE_S:
        raise ApiError.invalid_request(f"grace_s: must be 0 to {_LONGEST_GRACE_S:.0f}")
    return float(grace_s)
