"""Errors of AWS and Google in the Claude API's terms.

Sources: the InvokeModel API reference (names and statuses), Google's error model
(cloud.google.com/apis/design/errors). Which of the API's errors each one is, is a guess, the
inverse of what the simulator's clouds do.
"""

from typing import Final

from pydantic_core import from_json

from tanzaku.transport import (
    BodyEncodingError,
    HttpResponse,
    decode_body_aside,
    get_header,
    read_all,
)
from tanzaku.wire import ApiError, get_error_type

_LARGEST: Final = 1024 * 1024
_EXCERPT: Final = 500
_AWS_NAME: Final = b"x-amzn-errortype"
_AWS_STATUSES: Final = {
    "accessdenied": 403,
    "expiredtoken": 401,
    "incompletesignature": 401,
    "internalserver": 500,
    "invalidsignature": 401,
    "missingauthenticationtoken": 401,
    "modelerror": 500,
    "modelnotready": 529,
    "modelstreamerror": 500,
    "modeltimeout": 504,
    "resourcenotfound": 404,
    "servicequotaexceeded": 429,
    "serviceunavailable": 529,
    "throttling": 429,
    "unrecognizedclient": 401,
    "validation": 400,
}
# What no one is told of by name; 503 is how both clouds say that they have no room.
_STATUSES: Final = {408: 504, 424: 500, 503: 529}


def find_aws_error(name: str, message: str, status: int) -> ApiError:
    """The API's error for an exception of AWS: `ThrottlingException`, `throttlingException`, with a
    namespace before `#` or a URL behind `:`. `status` is the answer's."""
    plain = name.partition(":")[0].rpartition("#")[2].removesuffix("Exception").lower()
    found = _AWS_STATUSES.get(plain) or _STATUSES.get(status, status)
    return ApiError(found, get_error_type(found), message or plain or f"HTTP {status}")


async def read_cloud_error(answer: HttpResponse) -> ApiError | None:
    """What an answer from 400 on says; None where it is the API's own envelope already. Its body
    is read and whole from then on."""
    answer.body = await read_all(answer)
    body, told = b"", None
    try:
        body = await decode_body_aside(answer.headers, answer.body, _LARGEST)
        told = from_json(body)
    except (BodyEncodingError, ValueError):
        pass  # a page of something in between
    if isinstance(told, list) and told:
        told = told[0]  # how Google answers what was to be a stream
    if not isinstance(told, dict):
        return _by_status(answer.status, body[:_EXCERPT].decode("utf-8", "replace"))
    error = told.get("error")
    if isinstance(error, dict):
        if told.get("type") == "error":
            return None
        return _by_status(answer.status, str(error.get("message", "")))
    message = str(told.get("message", told.get("Message", "")))
    name = get_header(answer.headers, _AWS_NAME)
    spelt = str(told.get("__type", "")) if name is None else name.decode("latin-1")
    return find_aws_error(spelt, message, answer.status)


def _by_status(status: int, message: str) -> ApiError:
    found = _STATUSES.get(status, status)
    return ApiError(found, get_error_type(found), message or f"HTTP {status}")
