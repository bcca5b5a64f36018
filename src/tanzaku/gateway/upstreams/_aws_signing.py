"""What proves a request to AWS: a Signature Version 4, by `botocore`. Needs the extra `bedrock`."""

import asyncio
import logging
from typing import Final

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials, RefreshableCredentials
from botocore.exceptions import BotoCoreError
from botocore.session import Session
from botocore.tokens import ScopedEnvTokenProvider

from tanzaku.transport import HeaderList
from tanzaku.wire import ApiError, get_error_type

_LOG: Final = logging.getLogger(__name__)
_ASIDE_BYTES: Final = 256 * 1024


class AwsSigner:
    """Signs for one service in one region, at the machine's own time.

    The credentials are those that the AWS tools find: environment, profile (`AWS_PROFILE`), role,
    container, machine. `AWS_BEARER_TOKEN_BEDROCK` goes before them, as there.
    """

    def __init__(self, service: str, region: str) -> None:
        self._service = service
        self._region = region
        self._session = Session()
        token = ScopedEnvTokenProvider(self._session).load_token(signing_name="bedrock")
        self._bearer = None if token is None else f"Bearer {token.token}".encode()
        self._credentials: Credentials | None = None
        self._lock = asyncio.Lock()

    async def prove(self, url: str, body: bytes) -> HeaderList:
        """The header lines to add to a POST of JSON to `url`. ApiError 401 where there are no
        credentials."""
        if self._bearer is not None:
            return [(b"authorization", self._bearer)]
        try:
            found = await self._find_credentials()
        except BotoCoreError as error:
            _LOG.warning("AWS credentials: %s", error)
            found = None
        if found is None:
            raise ApiError(401, get_error_type(401), "The gateway finds no AWS credentials.")
        if len(body) < _ASIDE_BYTES:
            return self._sign(found, url, body)
        return await asyncio.to_thread(self._sign, found, url, body)

    async def _find_credentials(self) -> Credentials | None:
        """Credentials that do not change while they sign; files and machines are asked aside."""
        if self._credentials is None:
            async with self._lock:
                if self._credentials is None:
                    self._credentials = await asyncio.to_thread(self._session.get_credentials)
        credentials = self._credentials
        if credentials is None:
            return None
        if isinstance(credentials, RefreshableCredentials) and credentials.refresh_needed():
            return await asyncio.to_thread(credentials.get_frozen_credentials)
        return credentials.get_frozen_credentials()

    def _sign(self, credentials: Credentials, url: str, body: bytes) -> HeaderList:
        request = AWSRequest("POST", url, {"content-type": "application/json"}, body)
        SigV4Auth(credentials, self._service, self._region).add_auth(request)
        return [
            (name.lower().encode(), value.encode())
            for name, value in request.headers.items()
            if name.lower() != "content-type"
        ]
