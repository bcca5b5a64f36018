"""Virtual keys over HTTP, for who has the admin token.

GET    /_tanzaku/keys             all, without the keys themselves
POST   /_tanzaku/keys             {"name": …, "team": …, …}: a new one; `key` is shown this once
GET    /_tanzaku/keys/{id}        one, and under `changes` what was done to it
PATCH  /_tanzaku/keys/{id}        other limits; null and [] take one away
POST   /_tanzaku/keys/{id}/rotate {"grace_s": 3600}: another key; the one before lasts so long
POST   /_tanzaku/keys/{id}/revoke {}: refused from now on
"""

from typing import Any, Final

from tanzaku.core import Clock, UserError
from tanzaku.gateway.keys._admin import check_admin, read_object, reply
from tanzaku.gateway.keys._record import KeyRecord
from tanzaku.gateway.keys._ring import Keyring
from tanzaku.ledger import LedgerError
from tanzaku.transport import HttpRequest, HttpResponse
from tanzaku.wire import ApiError, get_error_type

KEYS: Final = "/_tanzaku/keys"
_LONGEST_GRACE_S: Final = 30 * 86_400


class KeyRoutes:
    """A `Handler` for the paths above. Raises ApiError."""

    def __init__(self, ring: Keyring, token: str | None, clock: Clock) -> None:
        self._ring = ring
        self._token = token
        self._clock = clock

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        check_admin(request, self._token)
        try:
            return reply(await self._answer(request))
        except UserError as error:
            raise ApiError.invalid_request(f"{error.message} {error.hint}".strip()) from error
        except LedgerError as error:
            message = "The keys cannot be read or written: the server's log has the reason."
            raise ApiError(503, get_error_type(503), message) from error

    async def _answer(self, request: HttpRequest) -> dict[str, Any]:
        words = request.path.removeprefix(KEYS).strip("/").split("/")
        by = request.peer
        match request.method, words:
            case "GET", [""]:
                return {"keys": [self._show(record) for record in self._ring.list_keys()]}
            case "POST", [""]:
                record, key = await self._ring.create(read_object(request), by)
                return {**self._show(record), "key": key}
            case "GET", [key_id]:
                shown = self._show(self._find(key_id))
                return {**shown, "changes": await self._ring.read_changes(key_id)}
            case "PATCH", [key_id]:
                self._find(key_id)
                return self._show(await self._ring.change(key_id, read_object(request), by))
            case "POST", [key_id, "rotate"]:
                self._find(key_id)
                grace_s = _read_grace(read_object(request))
                record, key = await self._ring.rotate(key_id, grace_s, by)
                return {**self._show(record), "key": key}
            case "POST", [key_id, "revoke"]:
                self._find(key_id)
                read_object(request)
                return self._show(await self._ring.revoke(key_id, by))
            case _:
                raise ApiError.not_found()

    def _find(self, key_id: str) -> KeyRecord:
        record = self._ring.find(key_id)
        if record is None:
            raise ApiError.not_found("There is no key of that id. `tanzaku keys list` shows them.")
        return record

    def _show(self, record: KeyRecord) -> dict[str, Any]:
        return record.to_public(self._clock.now())


def _read_grace(told: dict[str, Any]) -> float:
    grace_s = told.pop("grace_s", 0)
    if told:
        raise ApiError.invalid_request("grace_s is all that a rotation can be told")
    if type(grace_s) not in (int, float) or not 0 <= grace_s <= _LONGEST_GRACE_S:
        raise ApiError.invalid_request(f"grace_s: must be 0 to {_LONGEST_GRACE_S} seconds")
    return float(grace_s)
