"""What proves a request to Google Cloud: an access token, by `google-auth`. Needs the extra
`vertex`."""

import asyncio
import logging
from pathlib import Path
from typing import Any, Final

import google.auth
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import Request
from google.oauth2.service_account import Credentials

from tanzaku.transport import HeaderList
from tanzaku.wire import ApiError, get_error_type

_LOG: Final = logging.getLogger(__name__)
_SCOPES: Final = ("https://www.googleapis.com/auth/cloud-platform",)


class GoogleTokens:
    """Access tokens of a service account's key file; without one, of the credentials that
    Google's tools find (`GOOGLE_APPLICATION_CREDENTIALS`, the user's login, the machine).

    A token is fetched aside, once for all that wait for it, a few minutes before the last one ends.
    """

    def __init__(self, service_account: Path | None) -> None:
        self._service_account = service_account
        self._credentials: Any = None
        self._lock = asyncio.Lock()

    async def prove(self) -> HeaderList:
        """The header lines to add. ApiError 401 where no token can be had."""
        if self._credentials is None or not self._credentials.valid:
            async with self._lock:
                if self._credentials is None or not self._credentials.valid:
                    try:
                        await asyncio.to_thread(self._refresh)
                    except (GoogleAuthError, OSError, ValueError) as error:
                        _LOG.warning("Google credentials: %s", error)
                        text = "The gateway gets no access token from Google."
                        raise ApiError(401, get_error_type(401), text) from error
        return [(b"authorization", f"Bearer {self._credentials.token}".encode())]

    def _refresh(self) -> None:
        credentials = self._credentials or self._load()
        credentials.refresh(Request())
        self._credentials = credentials

    def _load(self) -> Any:
        if self._service_account is not None:
            load: Any = Credentials.from_service_account_file
            return load(self._service_account, scopes=_SCOPES)
        return google.auth.default(scopes=_SCOPES)[0]
